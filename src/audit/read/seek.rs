use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::error::AuditError;
use super::super::event::RECORD_BYTES;
use super::super::folder;
use super::super::lines::{Line, Lines};
use super::super::record::Record;
use super::filter::{Filter, LogTime};

/// The most records of a page, the most that are looked at for one, and the most bytes of it.
pub const PAGE_RECORDS: usize = 1000;
const PAGE_LOOKS: u64 = 100_000;
const PAGE_BYTES: usize = 4 << 20;

/// How often the end of a log is looked at that somebody else writes, and how long it is waited between.
const EDGE_LOOKS: usize = 5;
const EDGE_PAUSE: Duration = Duration::from_millis(5);

/// The log of a folder, to be read.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(in super::super) root: PathBuf,
}

/// Events that were asked for, as lines, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub lines: Vec<String>,
    /// The record to ask from for the next page.
    pub next: u64,
    /// There is nothing from `next` on.
    pub end: bool,
}

impl Reader {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The first records of all segments, in order.
    pub fn segments(&self) -> Result<Vec<u64>, AuditError> {
        let entries =
            std::fs::read_dir(self.root.join(folder::LOG)).map_err(AuditError::disk("read the audit folder"))?;
        let mut firsts: Vec<u64> =
            entries.filter_map(|entry| folder::segment_first(&entry.ok()?.file_name().to_string_lossy())).collect();
        firsts.sort_unstable();
        if firsts.is_empty() { Err(AuditError::NoLog) } else { Ok(firsts) }
    }

    /// The first record that is there.
    pub fn first(&self) -> Result<u64, AuditError> {
        Ok(self.segments()?.first().copied().unwrap_or(0))
    }

    /// Events from the record `from` on that were asked for, `most` at most. The one who writes says up to where records
    /// are durable: `end` is then not reached.
    pub fn page(&self, filter: &Filter, from: u64, most: usize, end: Option<u64>) -> Result<Page, AuditError> {
        for _ in 0..EDGE_LOOKS {
            match self.page_now(filter, from, most, end) {
                // Who is not told where the end is may have met a record that is just being written.
                Err(AuditError::Damaged { .. }) if end.is_none() => std::thread::sleep(EDGE_PAUSE),
                done => return done,
            }
        }
        self.page_now(filter, from, most, end)
    }

    fn page_now(&self, filter: &Filter, from: u64, most: usize, end: Option<u64>) -> Result<Page, AuditError> {
        let segments = self.segments()?;
        let (most, end) = (most.clamp(1, PAGE_RECORDS), end.unwrap_or(u64::MAX));
        let mut page = Page { lines: Vec::new(), next: from.max(segments.first().copied().unwrap_or(0)), end: false };
        let mut bytes = 0;
        let mut looks = 0;
        while page.next < end {
            let Some(first) = segments.iter().copied().rev().find(|first| *first <= page.next) else { break };
            let segment = Segment::open(&self.root, first, segments.last() == Some(&first))?;
            let mut lines = segment.from(page.next)?;
            let begin = page.next;
            while page.next < end
                && let Some(line) = segment.whole(&mut lines)?
            {
                let record = segment.read(&line)?;
                if record.seq < page.next {
                    continue;
                }
                if record.seq >= end || page.lines.len() == most || looks == PAGE_LOOKS || bytes >= PAGE_BYTES {
                    return Ok(page);
                }
                (page.next, looks) = (record.seq + 1, looks + 1);
                if filter.matches(&record) {
                    bytes += line.len();
                    page.lines.push(String::from_utf8_lossy(&line).into_owned());
                }
            }
            if segment.last && page.next < end && end != u64::MAX {
                return Err(AuditError::damaged(&segment.name, 0, format!("record {} should stand here", page.next)));
            }
            // The segment ends where the next begins, or the log does.
            if page.next == begin || !segments.contains(&page.next) {
                break;
            }
        }
        page.end = true;
        Ok(page)
    }

    /// One record.
    pub fn line(&self, seq: u64) -> Result<String, AuditError> {
        let first = self.first()?;
        let page = if seq < first { None } else { Some(self.page(&Filter::default(), seq, 1, None)?) };
        let line = page.and_then(|page| page.lines.into_iter().next());
        line.ok_or(AuditError::NoRecord { seq, first })
    }

    /// The first record of the oldest segment that holds any from this time on: what is before may be pruned.
    pub fn kept_since(&self, time: &LogTime) -> Result<u64, AuditError> {
        let segments = self.segments()?;
        let mut keep = segments.first().copied().unwrap_or(0);
        for first in segments.iter().copied().skip(1) {
            let segment = Segment::open(&self.root, first, segments.last() == Some(&first))?;
            let Some(line) = segment.whole(&mut segment.from(first)?)? else { break };
            if segment.read(&line)?.time > time.as_str() {
                break;
            }
            keep = first;
        }
        Ok(keep)
    }
}

struct Segment {
    name: String,
    file: File,
    /// It is written to: after its records there may be what was not finished, and space.
    last: bool,
}

/// Below this, lines are read one after the other.
const NEAR: u64 = 4 * RECORD_BYTES as u64;

impl Segment {
    fn open(root: &Path, first: u64, last: bool) -> Result<Self, AuditError> {
        let name = folder::segment(first);
        let file = folder::open(root, &name).map_err(AuditError::disk("read the audit log"))?;
        Ok(Self { name, file, last })
    }

    /// The next line, unless the records end before it. One that is not whole is being written, or was left by a crash.
    fn whole(&self, lines: &mut Lines<File>) -> Result<Option<Vec<u8>>, AuditError> {
        let failed = || AuditError::disk("read the audit log");
        let line = match lines.next().map_err(failed())? {
            Some(Line::Whole(line)) => line.to_vec(),
            Some(Line::TooLong) => Vec::new(),
            Some(Line::Space(_)) if !self.last => Vec::new(),
            Some(Line::Unfinished(_) | Line::Space(_)) | None => return Ok(None),
        };
        let cut = self.last && !line.ends_with(b"}");
        if cut && matches!(lines.next().map_err(failed())?, None | Some(Line::Space(_))) {
            return Ok(None);
        }
        Ok(Some(line))
    }

    fn read<'a>(&self, line: &'a [u8]) -> Result<Record<'a>, AuditError> {
        Record::parse(line).map_err(|bad| AuditError::damaged(&self.name, 0, bad.code()))
    }

    /// Lines from shortly before the record `seq` on. Records stand in order, so the place is found by halving.
    fn from(&self, seq: u64) -> Result<Lines<File>, AuditError> {
        let failed = || AuditError::disk("read the audit log");
        let (mut low, mut high) = (0, self.file.metadata().map_err(failed())?.len());
        let mut buffer = vec![0; 2 * RECORD_BYTES + 2];
        while high - low > NEAR {
            let middle = low + (high - low) / 2;
            let read = self.file.read_at(&mut buffer, middle).map_err(failed())?;
            let mut parts = buffer.get(..read).unwrap_or_default().splitn(3, |byte| *byte == b'\n');
            let (Some(before), Some(line), Some(_)) = (parts.next(), parts.next(), parts.next()) else { break };
            let before_it = match self.read(line) {
                Ok(record) => record.seq <= seq,
                // Space, or what is being written.
                Err(_) if self.last => false,
                Err(error) => return Err(error),
            };
            if before_it {
                low = middle + before.len() as u64 + 1;
            } else {
                high = middle;
            }
        }
        let mut file = self.file.try_clone().map_err(failed())?;
        file.seek(SeekFrom::Start(low)).map_err(failed())?;
        Ok(Lines::new(file))
    }
}
