use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;

use super::super::error::AuditError;
use super::super::folder;
use super::super::hash::TreeHash;
use super::super::read::Reader;
use super::super::record::Record;
use super::super::text::clean;
use super::super::witness::replace;

/// How far somebody has got the log: the record that is next, and the hash of the one before, which says of which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub next: u64,
    pub last: TreeHash,
}

/// Three lines: the origin, the number, the hash.
const MOST_BYTES: u64 = 4_096;

impl Position {
    /// Where a target goes on. One that is new begins with the first record that is there, and has a position from now on.
    pub fn open(reader: &Reader, origin: &str, name: &str) -> Result<Self, AuditError> {
        if let Some(kept) = Self::find(reader, origin, name)? {
            return Ok(kept);
        }
        let next = reader.first()?;
        let line = reader.line(next)?;
        let last = Record::parse(line.as_bytes()).map_err(|bad| wrong(name, bad.code()))?.prev;
        let begin = Self { next, last };
        begin.keep(reader, origin, name)?;
        Ok(begin)
    }

    /// What is kept of a target, which must be of this log.
    pub fn find(reader: &Reader, origin: &str, name: &str) -> Result<Option<Self>, AuditError> {
        let Some((of, position)) = read(reader, name)? else { return Ok(None) };
        let Self { next, last } = position;
        if of != origin {
            return Err(wrong(name, &format!("is of the log `{}`, not of `{origin}`", clean(&of, 200))));
        }
        match position.there(reader) {
            Ok(there) if there == last => Ok(Some(position)),
            Ok(_) => Err(wrong(name, &format!("is of another log: record {} is not the one that was sent", next - 1))),
            Err(AuditError::NoRecord { .. } | AuditError::NoTree { .. }) => Err(wrong(
                name,
                &format!("is of another log, or of a newer state of it: there is no record {}", next - 1),
            )),
            Err(error) => Err(error),
        }
    }

    /// Who has got the least of the log, and what is next for him.
    pub fn least(reader: &Reader) -> Result<Option<(String, u64)>, AuditError> {
        let all = match fs::read_dir(reader.root.join(folder::FORWARD)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            all => all.map_err(AuditError::disk("read how far the audit log was forwarded"))?,
        };
        let mut least = None;
        for entry in all.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            // What is unfinished means nothing.
            if name.starts_with('.') {
                continue;
            }
            let next = read(reader, &name)?.map_or(0, |(_, position)| position.next);
            if least.as_ref().is_none_or(|(_, of)| next < *of) {
                least = Some((name, next));
            }
        }
        Ok(least)
    }

    /// The hash that this log has at the same place.
    fn there(&self, reader: &Reader) -> Result<TreeHash, AuditError> {
        self.next.checked_sub(1).map_or(Ok(TreeHash::ZERO), |before| reader.hash_of(before))
    }

    /// There whole or as it was, whatever happens in between.
    pub fn keep(&self, reader: &Reader, origin: &str, name: &str) -> Result<(), AuditError> {
        let path = reader.root.join(folder::forward(name));
        let made =
            path.parent().map_or(Ok(()), |within| fs::DirBuilder::new().recursive(true).mode(0o700).create(within));
        let kept = made.and_then(|()| replace(&path, &format!("{origin}\n{}\n{}\n", self.next, self.last)));
        kept.map_err(AuditError::disk("keep how far the audit log was forwarded"))
    }
}

/// What is kept of a target, and of which log.
fn read(reader: &Reader, name: &str) -> Result<Option<(String, Position)>, AuditError> {
    let mut text = String::new();
    let read = folder::open(&reader.root, &folder::forward(name))
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(name, &format!("cannot be read: {error}"))),
        Ok(_) => {}
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let [origin, next, last, ""] = lines.as_slice() else { return Err(wrong(name, "is damaged")) };
    match (next.parse(), TreeHash::from_hex(last.as_bytes())) {
        (Ok(next), Some(last)) => Ok(Some(((*origin).to_owned(), Position { next, last }))),
        _ => Err(wrong(name, "is damaged")),
    }
}

fn wrong(name: &str, what: &str) -> AuditError {
    AuditError::Position { file: folder::forward(name), what: what.to_owned() }
}
