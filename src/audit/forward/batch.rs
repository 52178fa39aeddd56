use std::ops::Range;

use bytes::Bytes;

use super::super::error::AuditError;
use super::super::export::Format;
use super::super::hash::TreeHash;
use super::super::read::{Filter, Reader};
use super::super::record::Record;
use super::position::Position;
use super::syslog;

/// The most records of a batch and, but for one that is longer by itself, the most bytes.
const RECORDS: usize = 500;
const BYTES: usize = 512 << 10;

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
        let page = reader.page(&Filter::default(), from.next, RECORDS, Some(end))?;
        let (mut to, mut body) = (from, Vec::new());
        for line in &page.lines {
            let wrong = |what: &str| AuditError::damaged("log", 0, format!("record {}: {what}", to.next));
            let record = Record::parse(line.as_bytes()).map_err(|bad| wrong(bad.code()))?;
            if record.seq > to.next && body.is_empty() {
                return Ok(Next::Gap(Position { next: record.seq, last: record.prev }));
            }
            if record.seq != to.next || record.prev != to.last {
                return Err(wrong("it does not follow what was sent before"));
            }
            let before = body.len();
            shape.write(&record, line, &mut body)?;
            if before > 0 && body.len() > BYTES {
                body.truncate(before);
                break;
            }
            to = Position { next: record.seq + 1, last: TreeHash::of_leaf(line.as_bytes()) };
        }
        if body.is_empty() {
            return Err(AuditError::NoRecord { seq: from.next, first: reader.first()? });
        }
        Ok(Next::Batch(Batch { records: from.next..to.next, body: body.into(), to }))
    }
}
