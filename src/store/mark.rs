use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::rows::one;

/// A number, and what tells it from anything else.
const BYTES: usize = 16;

/// How far a store had come, in a file beside it.
///
/// SQLite takes of its log what is sound and forgets the rest. After a crash that is right, but a log that was damaged or
/// taken away looks the same. So the store counts the commits that waited for the disk, and the count is written here
/// after each of them. Nobody waits for that: whatever stops us, it may be behind the store and is never ahead of it. A
/// store that has counted less has lost what was acknowledged.
///
/// What is written without waiting for the disk is not counted: a power cut may leave any part of it.
pub(super) struct Mark(File);

impl Mark {
    pub(super) fn open(store: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(name(store))?;
        Ok(Self(file))
    }

    /// One that cannot be written stays behind, which refuses nothing.
    pub(super) fn set(&self, count: u64) {
        let _ = self.0.write_all_at(&written(count), 0);
    }
}

pub(super) fn name(store: &Path) -> PathBuf {
    let mut name = OsString::from(store);
    name.push("-mark");
    name.into()
}

fn written(count: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let number = count.to_le_bytes();
    let check = blake3::hash(&number);
    for (to, from) in bytes.iter_mut().zip(number.iter().chain(check.as_bytes())) {
        *to = *from;
    }
    bytes
}

/// What the mark says, where there is one that is whole.
pub(super) fn read(store: &Path) -> Option<u64> {
    let mut bytes = [0; BYTES];
    File::open(name(store)).and_then(|file| file.read_exact_at(&mut bytes, 0)).ok()?;
    let (number, _) = bytes.split_first_chunk()?;
    let count = u64::from_le_bytes(*number);
    (written(count) == bytes).then_some(count)
}

/// Counts one more commit, within it.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO facts (name, value) VALUES ('commits', 1)
               ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value";
    connection.prepare_cached(sql)?.query_row((), |row| row.get(0))
}

pub(super) fn counted(connection: &Connection) -> rusqlite::Result<u64> {
    let keeps = one(connection, "SELECT 1 FROM sqlite_schema WHERE name = 'facts'", (), |_| Ok(()))?;
    let Some(()) = keeps else { return Ok(0) };
    let found = one(connection, "SELECT value FROM facts WHERE name = 'commits'", (), |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

/// What time it was, in milliseconds since 1970, as far as that was written down.
pub(super) fn newest_time(connection: &Connection) -> rusqlite::Result<u64> {
    let found = one(connection, "SELECT value FROM facts WHERE name = 'newest_ms'", (), |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

pub(super) fn reached(connection: &Connection, now: u64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO facts (name, value) VALUES ('newest_ms', ?)
               ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)";
    connection.prepare_cached(sql)?.execute([i64::try_from(now).unwrap_or(i64::MAX)])?;
    Ok(())
}
