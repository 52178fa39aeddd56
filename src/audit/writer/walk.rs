use std::io::{self, Read};

use super::super::disk::DiskFile;
use super::super::error::AuditError;
use super::super::event::RECORD_BYTES;
use super::super::folder;
use super::super::hash::TreeHash;
use super::super::lines::{Line, Lines};
use super::super::record::Record;
use super::super::tree::Nodes as _;
use super::OpenCheck;
use super::levels::Levels;
use super::pen::Pen;
use super::resume::Cut;
use super::tail::{Torn, judge};

/// A file from a place on.
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
pub(super) struct Walk<'a> {
    pen: &'a mut Pen,
    /// The tree has hashes of the records before this one.
    checked: u64,
    known: Hashes,
}

impl<'a> Walk<'a> {
    pub(super) fn new(pen: &'a mut Pen, checked: u64) -> Self {
        Self { pen, checked, known: Hashes::default() }
    }

    pub(super) fn all(mut self, check: OpenCheck) -> Result<Option<Cut>, AuditError> {
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
            let line = match lines.next().map_err(reading())? {
                Some(Line::Space(_)) if is_last => None,
                line => line,
            };
            let Some(line) = line else {
                if is_last {
                    self.pen.segment.size = offset;
                }
                return Ok((next, None));
            };
            let wrong = match line {
                Line::Space(_) => Torn { what: "there are empty lines".into(), acknowledged: false },
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
