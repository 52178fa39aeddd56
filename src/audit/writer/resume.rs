use std::collections::BTreeMap;
use std::io::{self, Read};

use super::super::disk::{Disk, DiskFile, read_small};
use super::super::error::AuditError;
use super::super::event::{Event, RECORD_BYTES};
use super::super::folder;
use super::super::hash::TreeHash;
use super::super::lines::{Line, Lines};
use super::super::names::EventName;
use super::super::note::{BadNote, KeyKind, Note, SignedCheckpoint, SigningKey, VerifyingKey};
use super::super::record::Record;
use super::super::tree::{self, Frontier, Nodes as _};
use super::create::create;
use super::levels::Levels;
use super::pen::{Pen, Segment};
use super::tail::{Torn, judge};
use super::{Begin, LogSettings, OpenCheck};

/// What was found when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub created: bool,
    /// Records, with those that opening wrote.
    pub size: u64,
    pub cut: Option<Cut>,
}

/// What a crash had left unfinished at the end; nothing of it had been acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub file: String,
    pub offset: u64,
    pub bytes: u64,
    pub sha256: String,
}

pub(super) fn open(
    disk: Box<dyn Disk>,
    settings: &LogSettings,
    keys: Vec<SigningKey>,
) -> Result<(Pen, Opened), AuditError> {
    if keys.is_empty() {
        return Err(AuditError::NoKey);
    }
    let found = small(disk.as_ref(), folder::ORIGIN)?;
    if let Some(found) = found.as_ref().filter(|found| found.strip_suffix('\n') != Some(settings.origin.as_str())) {
        let found = super::super::text::clean(found.trim_end_matches('\n'), 100);
        return Err(AuditError::WrongOrigin { found, expected: settings.origin.clone() });
    }
    keys.iter().try_for_each(|key| fits(key, &settings.origin))?;
    if found.is_none() {
        if settings.begin == Begin::Continue {
            return Err(AuditError::NoLog);
        }
        if let Some(known) = settings.known.iter().map(|known| known.checkpoint().size).max() {
            return Err(AuditError::BehindCheckpoint { known, found: 0 });
        }
        let pen = create(disk, settings, keys)?;
        let size = pen.tree.size();
        return Ok((pen, Opened { created: true, size, cut: None }));
    }
    resume(disk, settings, keys)
}

/// A log signs with keys of its own name, for logs.
pub(super) fn fits(key: &SigningKey, origin: &str) -> Result<(), AuditError> {
    let bad = match key.public().kind() {
        KeyKind::Witness => BadNote::KeyKind,
        KeyKind::Log if key.public().name() != origin => BadNote::Origin,
        KeyKind::Log => return Ok(()),
    };
    Err(AuditError::Note { what: "a key that is to sign the log", bad })
}

fn small(disk: &dyn Disk, name: &str) -> Result<Option<String>, AuditError> {
    let bytes = read_small(disk, name, Note::MOST_BYTES).map_err(AuditError::disk("read the audit folder"))?;
    bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| AuditError::damaged(name, 0, "it is no text"))).transpose()
}

fn resume(disk: Box<dyn Disk>, settings: &LogSettings, keys: Vec<SigningKey>) -> Result<(Pen, Opened), AuditError> {
    let public: Vec<VerifyingKey> = keys.iter().map(|key| key.public().clone()).collect();
    let newest = small(disk.as_ref(), folder::CHECKPOINT)?;
    let newest = newest.ok_or_else(|| AuditError::MissingFile { file: folder::CHECKPOINT.to_owned() })?;
    let newest = ours(&newest, "the newest checkpoint", &settings.origin, &public)?;
    let at = newest.checkpoint().clone();
    let segments = segments(disk.as_ref())?;
    let levels = Levels::open(disk.as_ref(), at.size)?;
    let tree = Frontier::load(&levels, at.size)?;
    if tree.root() != at.root {
        return Err(AuditError::damaged(
            &folder::level(0),
            0,
            "the hashes do not make the root of the last checkpoint",
        ));
    }
    let Some((&last, _)) = segments.last_key_value() else {
        return Err(AuditError::MissingFile { file: folder::segment(0) });
    };
    let file = disk.open(&folder::segment(last)).map_err(AuditError::disk("open the audit log"))?;
    let mut pen = Pen::new(disk, settings, keys, Segment { first: last, file, size: 0 });
    (pen.segments, pen.tree, pen.levels) = (segments, tree, levels);
    let cut = Walk { pen: &mut pen, checked: at.size, known: Hashes::default() }.all(settings.check)?;
    pen.remember_folder()?;
    // Nothing is signed before all that is known is found again.
    compare(&pen, &settings.known, &settings.origin)?;
    let kept = kept(pen.disk.as_ref(), &settings.origin, at.size)?;
    compare(&pen, kept.as_slice(), &settings.origin)?;
    pen.checkpoint = Some(newest);
    if let Some(cut) = &cut {
        record_cut(&mut pen, cut)?;
    }
    pen.put_keys()?;
    pen.publish(cut.is_some())?;
    let size = pen.tree.size();
    Ok((pen, Opened { created: false, size, cut }))
}

fn ours(text: &str, what: &'static str, origin: &str, keys: &[VerifyingKey]) -> Result<SignedCheckpoint, AuditError> {
    let read = || -> Result<SignedCheckpoint, BadNote> {
        let signed: SignedCheckpoint = text.parse()?;
        if signed.checkpoint().origin != origin {
            return Err(BadNote::Origin);
        }
        signed.signed_by(keys)?;
        Ok(signed)
    };
    read().map_err(|bad| AuditError::Note { what, bad })
}

/// The segments, by their first records; what should be there and is not is told.
fn segments(disk: &dyn Disk) -> Result<BTreeMap<u64, u64>, AuditError> {
    let entries = disk.list(folder::LOG).map_err(AuditError::disk("read the audit folder"))?;
    let mut segments: BTreeMap<u64, u64> =
        entries.iter().filter_map(|entry| Some((folder::segment_first(&entry.name)?, entry.file))).collect();
    let pruned = small(disk, folder::PRUNED)?;
    let pruned = pruned.map(|text| text.trim_end_matches('\n').parse::<u64>());
    let pruned = pruned.transpose().map_err(|_| AuditError::damaged(folder::PRUNED, 0, "it holds no number"))?;
    let first = pruned.unwrap_or(0);
    if !segments.contains_key(&first) {
        return Err(AuditError::MissingFile { file: folder::segment(first) });
    }
    // Pruning was ended in its middle.
    let kept = segments.split_off(&first);
    for old in segments.keys() {
        disk.remove(&folder::segment(*old)).map_err(AuditError::disk("remove a pruned segment"))?;
    }
    Ok(kept)
}

/// The newest of the checkpoints that are kept, if it is newer than the newest: then that was put back.
fn kept(disk: &dyn Disk, origin: &str, size: u64) -> Result<Option<SignedCheckpoint>, AuditError> {
    let entries = disk.list(folder::CHECKPOINTS).map_err(AuditError::disk("read the audit folder"))?;
    let newest = entries.iter().filter_map(|entry| folder::kept_checkpoint_size(&entry.name)).max();
    let Some(newest) = newest.filter(|newest| *newest > size) else { return Ok(None) };
    let what = "a checkpoint that was kept";
    let text = small(disk, &folder::kept_checkpoint(newest))?.unwrap_or_default();
    let signed: SignedCheckpoint = text.parse().map_err(|bad| AuditError::Note { what, bad })?;
    if signed.checkpoint().origin != origin {
        return Err(AuditError::Note { what, bad: BadNote::Origin });
    }
    Ok(Some(signed))
}

fn compare(pen: &Pen, known: &[SignedCheckpoint], origin: &str) -> Result<(), AuditError> {
    for known in known.iter().map(SignedCheckpoint::checkpoint) {
        if known.origin != origin {
            return Err(AuditError::WrongOrigin { found: known.origin.clone(), expected: origin.to_owned() });
        }
        if known.size > pen.tree.size() {
            return Err(AuditError::BehindCheckpoint { known: known.size, found: pen.tree.size() });
        }
        if tree::root(&pen.levels, known.size)? != known.root {
            return Err(AuditError::Forked { size: known.size });
        }
    }
    Ok(())
}

/// The record about what was cut is written over it, and only then the rest goes: a crash between the two leaves
/// something that is cut and recorded again, never a cut that nobody knows of.
fn record_cut(pen: &mut Pen, cut: &Cut) -> Result<(), AuditError> {
    let event = Event::new(EventName::TailCut)
        .detail("file", cut.file.as_str())
        .detail("offset", cut.offset)
        .detail("bytes", cut.bytes)
        .detail("sha256", cut.sha256.as_str());
    pen.write(&[&event.prepare()])?;
    let size = pen.segment.size;
    pen.segment.file.cut(size).map_err(AuditError::disk("cut the audit log"))?;
    pen.segment.file.sync().map_err(AuditError::disk("sync the audit log"))
}

pub(super) struct At<'a>(pub(super) &'a dyn DiskFile, pub(super) u64);

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read_at(buffer, self.1)?;
        self.1 += read as u64;
        Ok(read)
    }
}

/// Hashes of records as the tree has them, read many at a time.
#[derive(Default)]
struct Hashes {
    first: u64,
    hashes: Vec<TreeHash>,
}

impl Hashes {
    const AT_ONCE: u64 = 4096;

    fn get(&mut self, levels: &Levels, seq: u64, end: u64) -> Result<Option<TreeHash>, AuditError> {
        let within = |from: u64| usize::try_from(seq.checked_sub(from)?).ok();
        if within(self.first).is_none_or(|place| place >= self.hashes.len()) {
            let count = usize::try_from((end - seq).min(Self::AT_ONCE)).unwrap_or(1);
            (self.first, self.hashes) = (seq, levels.read(0, seq, count)?);
        }
        Ok(within(self.first).and_then(|place| self.hashes.get(place)).copied())
    }
}

/// Goes through the records that are to be looked at, in order, and takes those after the last checkpoint in.
struct Walk<'a> {
    pen: &'a mut Pen,
    /// The tree has hashes of the records before this one.
    checked: u64,
    known: Hashes,
}

impl Walk<'_> {
    fn all(mut self, check: OpenCheck) -> Result<Option<Cut>, AuditError> {
        let firsts: Vec<u64> = self.pen.segments.keys().copied().collect();
        let begin = match check {
            OpenCheck::Everything => firsts.first().copied(),
            OpenCheck::Ends => firsts.iter().copied().rev().find(|first| *first <= self.checked),
        };
        let begin = begin.unwrap_or(0);
        if begin > self.checked {
            return Err(AuditError::BehindCheckpoint { known: self.checked, found: 0 });
        }
        for pair in firsts.windows(2) {
            if let [first, next] = pair
                && *next <= begin
            {
                self.ends(*first, *next)?;
            }
        }
        let mut next = begin;
        if let Some(before) = begin.checked_sub(1) {
            self.pen.last = self.pen.levels.read(0, before, 1)?.first().copied().unwrap_or(TreeHash::ZERO);
        }
        let mut cut = None;
        for first in firsts.iter().copied().filter(|first| *first >= begin) {
            if first != next {
                return Err(AuditError::MissingFile { file: folder::segment(next) });
            }
            (next, cut) = self.segment(first)?;
        }
        if next < self.checked {
            return Err(AuditError::BehindCheckpoint { known: self.checked, found: next });
        }
        Ok(cut)
    }

    /// Whether a segment that is not read whole begins and ends where it should.
    fn ends(&self, first: u64, next: u64) -> Result<(), AuditError> {
        let name = folder::segment(first);
        let reading = || AuditError::disk("read the audit log");
        let file = self.pen.disk.open_to_read(&name).map_err(reading())?;
        let size = file.size().map_err(reading())?;
        let length = RECORD_BYTES as u64 + 1;
        for (offset, seq) in [(0, first), (size.saturating_sub(length), next - 1)] {
            let mut bytes = vec![0; RECORD_BYTES + 1];
            let read = file.read_at(&mut bytes, offset).map_err(reading())?;
            bytes.truncate(read);
            let whole = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            let line = if seq == first {
                bytes.split(|byte| *byte == b'\n').next()
            } else {
                whole.rsplit(|byte| *byte == b'\n').next()
            };
            let line = line.unwrap_or_default();
            let hash = self.pen.levels.read(0, seq, 1)?;
            if hash.first() != Some(&TreeHash::of_leaf(line)) {
                return Err(AuditError::damaged(
                    &name,
                    offset,
                    format!("record {seq} is not the one that the tree has"),
                ));
            }
        }
        Ok(())
    }

    /// Reads one segment; gives the record that comes after it, and what is torn at its end.
    fn segment(&mut self, first: u64) -> Result<(u64, Option<Cut>), AuditError> {
        let name = folder::segment(first);
        let is_last = first == self.pen.segment.first;
        let reading = || AuditError::disk("read the audit log");
        let file = self.pen.disk.open_to_read(&name).map_err(reading())?;
        let mut lines = Lines::new(At(file.as_ref(), 0));
        let mut next = first;
        loop {
            let offset = lines.offset();
            let Some(line) = lines.next().map_err(reading())? else {
                if is_last {
                    self.pen.segment.size = offset;
                }
                return Ok((next, None));
            };
            let wrong = match line {
                Line::Whole(line) => match self.take(line, next, &name, offset)? {
                    Ok(()) => {
                        next += 1;
                        continue;
                    }
                    Err(wrong) => wrong,
                },
                Line::Unfinished(_) => Torn { what: "the last line has no end".into(), acknowledged: false },
                Line::TooLong => Torn { what: "a line is too long".into(), acknowledged: false },
            };
            if !is_last || next < self.checked {
                return Err(AuditError::damaged(&name, offset, wrong.what));
            }
            self.pen.segment.size = offset;
            return Ok((next, Some(judge(file.as_ref(), &name, offset, next, wrong)?)));
        }
    }

    /// Checks one record and, if it is newer than the tree, takes it in.
    fn take(&mut self, line: &[u8], seq: u64, name: &str, offset: u64) -> Result<Result<(), Torn>, AuditError> {
        let record = match Record::parse(line) {
            Ok(record) => record,
            Err(bad) => return Ok(Err(Torn { what: bad.code().to_owned(), acknowledged: false })),
        };
        if record.seq != seq || record.prev != self.pen.last {
            let what = format!(
                "record {seq} should stand here, and {} does, or it does not follow the one before",
                record.seq
            );
            // It says that what is before it was on disk, and what is before it is not what it says.
            return Ok(Err(Torn { what, acknowledged: record.durable >= seq }));
        }
        let hash = TreeHash::of_leaf(line);
        if seq < self.checked {
            if self.known.get(&self.pen.levels, seq, self.checked)? != Some(hash) {
                return Err(AuditError::damaged(
                    name,
                    offset,
                    format!("record {seq} is not the one that the tree has"),
                ));
            }
        } else {
            let Pen { tree, levels, .. } = &mut *self.pen;
            tree.push(hash, |height, hash| levels.push(height, hash));
        }
        self.pen.last = hash;
        if let Ok(time) = record.time.parse() {
            self.pen.last_time = time;
        }
        Ok(Ok(()))
    }
}
