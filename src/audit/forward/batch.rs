use std::ops::Range;

use bytes::Bytes;

use super::super::error::AuditError;
use super::super::event::RECORD_BYTES;
use super::super::export::Format;
use super::super::hash::TreeHash;
use super::super::read::{Filter, Reader};
use super::super::record::Record;
use super::position::Position;
use super::syslog;

/// The most records of a batch and, but for one that is longer by itself, the most bytes.
const RECORDS: usize = 500;
const BYTES: usize = 512 << 10;
/// Records that are read at a time: no more than a batch has room for, however long they are.
const PIECE: usize = BYTES / RECORD_BYTES;

/// How records are written for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub format: Format,
    /// As messages of syslog, from this host; otherwise as lines.
    pub host: Option<String>,
}

impl Shape {
    /// As messages of the log of this origin, which is a host and a word.
    pub fn syslog(format: Format, origin: &str) -> Self {
        Self { format, host: Some(syslog::host(origin)) }
    }

    fn write(&self, record: &Record<'_>, line: &str, into: &mut Vec<u8>) -> Result<(), AuditError> {
        let text =
            self.format.write(line).map_err(|bad| AuditError::damaged("log", 0, format!("{}: {bad}", record.seq)))?;
        match &self.host {
            Some(host) => syslog::write(record, host, &text, into),
            None => {
                into.extend_from_slice(text.as_bytes());
                into.push(b'\n');
            }
        }
        Ok(())
    }
}

/// Records that are sent together.
#[derive(Debug, Clone)]
pub struct Batch {
    pub records: Range<u64>,
    pub body: Bytes,
    /// Where whoever takes it has come to.
    pub to: Position,
}

/// What comes next for somebody.
#[derive(Debug)]
pub enum Next {
    Batch(Batch),
    /// Records left the log before he got them; where he goes on.
    Gap(Position),
    Nothing,
}

impl Batch {
    /// What comes after a position, of the records before `end`, which are durable. They must follow the one that was sent
    /// last, or it is another log.
    pub fn after(from: Position, reader: &Reader, end: u64, shape: &Shape) -> Result<Next, AuditError> {
        if from.next >= end {
            return Ok(Next::Nothing);
        }
        let (mut to, mut body) = (from, Vec::new());
        'full: loop {
            let done = usize::try_from(to.next - from.next).unwrap_or(RECORDS);
            if done >= RECORDS {
                break;
            }
            let page = reader.page(&Filter::default(), to.next, PIECE.min(RECORDS - done), Some(end))?;
            #[cfg(test)]
            LARGEST.with(|largest| largest.set(largest.get().max(page.lines.iter().map(String::len).sum())));
            for line in &page.lines {
                let wrong = |what: &str| AuditError::damaged("log", 0, format!("record {}: {what}", to.next));
                let record = Record::parse(line.as_bytes()).map_err(|bad| wrong(bad.code()))?;
                if record.seq > to.next && body.is_empty() {
                    return Ok(Next::Gap(Position { next: record.seq, last: record.prev }));
                }
                // They left between one look and the next.
                if record.seq > to.next {
                    break 'full;
                }
                if record.seq != to.next || record.prev != to.last {
                    return Err(wrong("it does not follow what was sent before"));
                }
                let before = body.len();
                shape.write(&record, line, &mut body)?;
                if before > 0 && body.len() > BYTES {
                    body.truncate(before);
                    break 'full;
                }
                to = Position { next: record.seq + 1, last: TreeHash::of_leaf(line.as_bytes()) };
            }
            if page.end || page.lines.is_empty() {
                break;
            }
        }
        if body.is_empty() {
            return Err(AuditError::NoRecord { seq: from.next, first: reader.first()? });
        }
        Ok(Next::Batch(Batch { records: from.next..to.next, body: body.into(), to }))
    }
}

#[cfg(test)]
thread_local! {
    /// The most bytes that were read at once.
    static LARGEST: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::super::super::disk::RealDisk;
    use super::super::super::{Begin, Detail, Event, EventName, Log, LogSettings, signing_keys};
    use super::*;

    #[test]
    fn no_more_is_read_at_a_time_than_a_batch_has_room_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = LogSettings::new("here.example/audit");
        settings.begin = Begin::OrCreate;
        let keys = signing_keys(&dir.path().join("keys"), &settings.origin).unwrap();
        let root = dir.path().join("audit");
        let (log, _) = Log::open(Box::new(RealDisk::open(&root).unwrap()), &settings, keys).unwrap();
        let long: Vec<String> = (0..8).map(|_| "x".repeat(1_000)).collect();
        let event = Event::new(EventName::SandboxCreated).detail("grants", Detail::of(&long));
        let all: Vec<_> =
            (0..1_200).map(|n| log.append(if n < 200 { &event } else { SHORT.get_or_init(short) })).collect();
        let size = all.into_iter().map(|one| one.wait().unwrap().seq + 1).max().unwrap();
        let (reader, shape) = (Reader::new(&root), Shape { format: Format::Json, host: None });
        let mut at = Position::open(&reader, &settings.origin, "t").unwrap();
        let mut sizes = Vec::new();
        while at.next < size {
            let Next::Batch(batch) = Batch::after(at, &reader, size, &shape).unwrap() else { panic!() };
            assert!(batch.body.len() <= BYTES && batch.records == (at.next..batch.to.next));
            sizes.push((batch.body.len(), batch.to.next - at.next));
            at = batch.to;
        }
        // Full by their bytes first, then by their number.
        assert!(
            sizes[0].0 > BYTES - RECORD_BYTES && sizes.iter().any(|(_, count)| *count == RECORDS as u64),
            "{sizes:?}"
        );
        assert!(LARGEST.get() > BYTES / 4 && LARGEST.get() <= BYTES, "{} at once", LARGEST.get());
    }

    static SHORT: std::sync::OnceLock<Event> = std::sync::OnceLock::new();

    fn short() -> Event {
        Event::new(EventName::SandboxDestroyed)
    }
}
