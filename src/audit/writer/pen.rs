use std::collections::BTreeMap;
use std::io;

use super::super::disk::{Disk, DiskFile, Stamp, read_small, replace};
use super::super::error::AuditError;
use super::super::event::{Event, Place, Prepared};
use super::super::folder;
use super::super::hash::TreeHash;
use super::super::lines::{AHEAD, BLOCK};
use super::super::names::EventName;
use super::super::note::{Checkpoint, Note, SignedCheckpoint, SigningKey, VerifyingKey};
use super::super::tree::Frontier;
use super::levels::Levels;
use super::log::Receipt;
use super::{Clock, LogSettings};

/// A clock that goes back by no more is taken to stand still; by more is recorded.
const CLOCK_SLACK: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

/// The open log: where it ends and what must be true of the folder. One call that fails ends its use.
pub(super) struct Pen {
    pub(super) disk: Box<dyn Disk>,
    pub(super) origin: String,
    pub(super) keys: Vec<SigningKey>,
    pub(super) clock: Clock,
    pub(super) segment_bytes: u64,
    /// The first record of each segment, and which file it is.
    pub(super) segments: BTreeMap<u64, u64>,
    pub(super) stamp: Stamp,
    pub(super) segment: Segment,
    pub(super) tree: Frontier,
    /// How many of the records are on disk for certain.
    pub(super) durable: u64,
    pub(super) levels: Levels,
    pub(super) last: TreeHash,
    pub(super) last_time: jiff::Timestamp,
    pub(super) checkpoint: Option<SignedCheckpoint>,
}

/// The segment that is written to.
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) file: Box<dyn DiskFile>,
    /// Up to where records stand.
    pub(super) size: u64,
    /// How long the file is: what is beyond the records was taken ahead.
    pub(super) room: u64,
}

impl Segment {
    pub(super) const fn new(first: u64, file: Box<dyn DiskFile>) -> Self {
        Self { first, file, size: 0, room: 0 }
    }

    /// Puts records at the end. Where they need more than there is, more than they need is taken.
    fn write(&mut self, mut bytes: Vec<u8>, ahead: u64) -> io::Result<()> {
        let end = self.size + bytes.len() as u64;
        let mut room = self.room;
        if end > room {
            room = (end + ahead).next_multiple_of(BLOCK);
            bytes.resize(bytes.len() + usize::try_from(room - end).unwrap_or(0), b'\n');
        }
        self.file.write_at(&bytes, self.size)?;
        (self.size, self.room) = (end, room);
        Ok(())
    }

    /// Gives back what was taken ahead.
    pub(super) fn cut(&mut self) -> io::Result<()> {
        self.file.cut(self.size)?;
        self.room = self.size;
        self.file.sync()
    }
}

impl Pen {
    pub(super) fn new(disk: Box<dyn Disk>, settings: &LogSettings, keys: Vec<SigningKey>, segment: Segment) -> Self {
        Self {
            disk,
            origin: settings.origin.clone(),
            keys,
            clock: settings.clock.clone(),
            segment_bytes: settings.segment_bytes,
            segments: BTreeMap::new(),
            stamp: (0, 0, 0),
            segment,
            tree: Frontier::new(),
            durable: 0,
            levels: Levels::new(),
            last: TreeHash::ZERO,
            last_time: jiff::Timestamp::UNIX_EPOCH,
            checkpoint: None,
        }
    }

    /// Adds records and returns when they will survive anything. All of them or, as far as anyone is told, none.
    pub(super) fn append(&mut self, records: &[&Prepared]) -> Result<Vec<Receipt>, AuditError> {
        let receipts = self.add(records)?;
        self.sync()?;
        Ok(receipts)
    }

    /// Puts records into the file, at its end; they will survive the process.
    pub(super) fn add(&mut self, records: &[&Prepared]) -> Result<Vec<Receipt>, AuditError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        if self.segment.size >= self.segment_bytes {
            self.next_segment()?;
        }
        let there = self.segment.file.size().map_err(AuditError::disk("look at the audit log"))?;
        if there != self.segment.room {
            let what = format!("{} has {there} bytes, and {} were written", self.segment_name(), self.segment.room);
            return Err(AuditError::FolderChanged { what });
        }
        self.write(records)
    }

    /// Waits until the disk has all that was put into the file, where somebody will find it.
    pub(super) fn sync(&mut self) -> Result<(), AuditError> {
        if self.durable != self.tree.size() {
            self.segment.file.sync().map_err(AuditError::disk("sync the audit log"))?;
            self.durable = self.tree.size();
        }
        self.look_at_folder()
    }

    /// As `add`, whatever the file holds from here on.
    pub(super) fn write(&mut self, records: &[&Prepared]) -> Result<Vec<Receipt>, AuditError> {
        let (time, set_back) = self.now();
        let set_back = set_back.map(|event| event.prepare());
        let mut place =
            Place { seq: self.tree.size(), durable: self.durable, prev: self.last, time: format!("{time:.6}") };
        let length: usize = records.iter().map(|record| record.len() + 256).sum();
        let mut bytes = Vec::with_capacity(length);
        let mut receipts = Vec::with_capacity(records.len());
        let mut hashes = Vec::with_capacity(records.len() + 1);
        for record in set_back.iter().chain(records.iter().copied()) {
            let start = bytes.len();
            record.write(&mut bytes, &place);
            let hash = TreeHash::of_leaf(bytes.get(start..).unwrap_or_default());
            bytes.push(b'\n');
            hashes.push(hash);
            receipts.push(Receipt { seq: place.seq, hash });
            place.seq += 1;
            place.prev = hash;
        }
        let ahead = self.segment_bytes.min(AHEAD);
        self.segment.write(bytes, ahead).map_err(AuditError::disk("write the audit log"))?;
        for hash in hashes {
            self.tree.push(hash, |height, hash| self.levels.push(height, hash));
        }
        self.last = place.prev;
        self.last_time = time;
        Ok(receipts.split_off(usize::from(set_back.is_some())))
    }

    /// The time of the next records, which is not before that of the last unless a record says so.
    fn now(&self) -> (jiff::Timestamp, Option<Event>) {
        let now = (self.clock)();
        let behind = self.last_time.duration_since(now);
        if behind <= jiff::SignedDuration::ZERO {
            return (now, None);
        }
        if behind <= CLOCK_SLACK {
            return (self.last_time, None);
        }
        let millis = i64::try_from(behind.as_millis()).unwrap_or(i64::MAX);
        (now, Some(Event::new(EventName::ClockSetBack).detail("behind_ms", millis)))
    }

    pub(super) fn segment_name(&self) -> String {
        folder::segment(self.segment.first)
    }

    /// Ends the segment, with a checkpoint that stays, and begins the next.
    fn next_segment(&mut self) -> Result<(), AuditError> {
        self.finish()?;
        let full = self.segment_name();
        self.segment = Segment::new(self.tree.size(), self.make_segment(self.tree.size())?);
        self.disk.seal(&full).map_err(AuditError::disk("seal a segment of the audit log"))
    }

    /// Signs what is there and leaves the segment as it is to stay.
    pub(super) fn finish(&mut self) -> Result<SignedCheckpoint, AuditError> {
        let signed = self.publish(true)?;
        self.segment.cut().map_err(AuditError::disk("cut the audit log"))?;
        Ok(signed)
    }

    pub(super) fn make_segment(&mut self, first: u64) -> Result<Box<dyn DiskFile>, AuditError> {
        let failed = || AuditError::disk("begin a segment of the audit log");
        let file = self.disk.create(&folder::segment(first)).map_err(failed())?;
        self.disk.sync_folder(folder::LOG).map_err(failed())?;
        self.segments.insert(first, 0);
        self.remember_folder()?;
        Ok(file)
    }

    /// Takes the folder as it is for what it must be from now on.
    pub(super) fn remember_folder(&mut self) -> Result<(), AuditError> {
        let looking = || AuditError::disk("look at the audit folder");
        self.stamp = self.disk.log_stamp().map_err(looking())?;
        for entry in self.disk.list(folder::LOG).map_err(looking())? {
            if let Some(file) = folder::segment_first(&entry.name).and_then(|first| self.segments.get_mut(&first)) {
                *file = entry.file;
            }
        }
        Ok(())
    }

    /// What was written must be where the next start will look for it; otherwise it is not acknowledged.
    pub(super) fn look_at_folder(&mut self) -> Result<(), AuditError> {
        let looking = || AuditError::disk("look at the audit folder");
        let changed = |what: String| Err(AuditError::FolderChanged { what });
        if !self.disk.is_in_place().map_err(looking())? {
            return changed("it was moved or removed".into());
        }
        if !self.segment.file.is_linked().map_err(looking())? {
            return changed(format!("{} was removed or replaced", self.segment_name()));
        }
        let stamp = self.disk.log_stamp().map_err(looking())?;
        if stamp == self.stamp {
            return Ok(());
        }
        let there = self.disk.list(folder::LOG).map_err(looking())?;
        let there: BTreeMap<u64, u64> =
            there.iter().filter_map(|entry| Some((folder::segment_first(&entry.name)?, entry.file))).collect();
        if let Some((first, _)) = self.segments.iter().find(|(first, file)| there.get(first) != Some(*file)) {
            return changed(format!("{} was removed or replaced", folder::segment(*first)));
        }
        self.stamp = stamp;
        Ok(())
    }

    /// Signs the log as it is. A checkpoint that is kept stays when newer ones come.
    pub(super) fn publish(&mut self, keep: bool) -> Result<SignedCheckpoint, AuditError> {
        // A folder that is not ours any more gets no checkpoint of ours, and what is signed is there.
        self.sync()?;
        let size = self.tree.size();
        let checkpoint = match self.checkpoint.take().filter(|last| last.checkpoint().size == size) {
            Some(last) => last,
            None => {
                self.levels.flush(self.disk.as_ref())?;
                let checkpoint = Checkpoint { origin: self.origin.clone(), size, root: self.tree.root() };
                let signed = SignedCheckpoint::sign(checkpoint, &self.keys);
                self.put(folder::CHECKPOINT, &signed.to_string())?;
                signed
            }
        };
        if keep {
            self.keep(&checkpoint)?;
        }
        self.checkpoint = Some(checkpoint.clone());
        Ok(checkpoint)
    }

    /// Others may have added cosignatures to a checkpoint that is kept already.
    fn keep(&self, checkpoint: &SignedCheckpoint) -> Result<(), AuditError> {
        let name = folder::kept_checkpoint(checkpoint.checkpoint().size);
        let there = read_small(self.disk.as_ref(), &name, Note::MOST_BYTES);
        let there =
            there.map_err(AuditError::disk("read a checkpoint"))?.and_then(|there| String::from_utf8(there).ok());
        let mut all = checkpoint.clone();
        if let Some(there) = there.and_then(|there| there.parse::<SignedCheckpoint>().ok()) {
            if there == all {
                return Ok(());
            }
            all.add(there.signatures().iter().cloned());
        }
        self.put(&name, &all.to_string())
    }

    pub(super) fn put(&self, name: &str, text: &str) -> Result<(), AuditError> {
        replace(self.disk.as_ref(), name, text.as_bytes()).map_err(AuditError::disk("write a checkpoint"))
    }

    pub(super) fn put_keys(&self) -> Result<(), AuditError> {
        let keys: String = self.keys.iter().map(|key| format!("{}\n", key.public())).collect();
        self.put(folder::KEYS, &keys)
    }

    /// From here on the new key signs as well. The checkpoint that says so is signed by the old ones too.
    pub(super) fn add_key(&mut self, key: SigningKey) -> Result<SignedCheckpoint, AuditError> {
        if self.keys.iter().any(|known| known.public() == key.public()) {
            return self.publish(true);
        }
        let record = key_record(EventName::SigningKeyAdded, key.public());
        self.append(&[&record.prepare()])?;
        self.keys.push(key);
        self.put_keys()?;
        self.publish(true)
    }

    /// From here on a key signs no more. The last one cannot be removed.
    pub(super) fn remove_key(&mut self, id: u32) -> Result<SignedCheckpoint, AuditError> {
        let Some(place) = self.keys.iter().position(|key| key.public().id() == id).filter(|_| self.keys.len() > 1)
        else {
            return Err(AuditError::NoKey);
        };
        let record = key_record(EventName::SigningKeyRemoved, self.keys.remove(place).public());
        self.append(&[&record.prepare()])?;
        self.put_keys()?;
        self.publish(true)
    }
}

fn key_record(name: EventName, key: &VerifyingKey) -> Event {
    Event::new(name).detail("key", key.to_string())
}
