use rusqlite::{Connection, params};

use super::rows::{change, one};
use crate::model::{Captured, Report, RunId, Stream};
use crate::sandbox::Replayable;

/// What is in memory a second time on its way in or out.
const PIECE: usize = 1 << 20;

/// How much a run wrote.
pub(super) fn size(report: Option<&Report>) -> usize {
    report.map_or(0, |report| report.stdout.bytes.len().saturating_add(report.stderr.bytes.len()))
}

/// A stream as the row of its run tells of it: its bytes are elsewhere.
pub(super) fn without_bytes(stream: &Captured) -> Captured {
    Captured { bytes: Vec::new(), truncated: stream.truncated }
}

/// Keeps what a run wrote, once.
pub(super) fn add(connection: &Connection, run: &RunId, report: &Report) -> rusqlite::Result<()> {
    for (stream, captured) in [(Stream::Stdout, &report.stdout), (Stream::Stderr, &report.stderr)] {
        add_pieces(connection, run, place(stream), &captured.bytes)?;
    }
    Ok(())
}

/// Keeps what a run was asked for, once.
pub(super) fn add_asked(connection: &Connection, run: &RunId, asked: &Replayable) -> rusqlite::Result<()> {
    add_pieces(connection, run, ASKED, &asked.document)?;
    add_pieces(connection, run, INPUT, &asked.stdin)
}

fn add_pieces(connection: &Connection, run: &RunId, place: usize, bytes: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO outputs (run, stream, part, bytes) VALUES (?1, ?2, ?3, ?4)";
    for (part, piece) in bytes.chunks(PIECE).enumerate() {
        change(connection, sql, params![run.as_str(), place, part, piece])?;
    }
    Ok(())
}

/// So many bytes of what a run wrote to a stream, or fewer where it ends; at most [`PIECE`].
pub(super) fn piece(
    connection: &Connection,
    run: &RunId,
    stream: Stream,
    from: u64,
    most: u64,
) -> rusqlite::Result<Vec<u8>> {
    let sql = "SELECT substr(bytes, ?4 + 1, ?5) FROM outputs WHERE run = ?1 AND stream = ?2 AND part = ?3";
    let read = |part: u64, skip: u64, most: u64| {
        let found = one(connection, sql, params![run.as_str(), place(stream), part, skip, most], |row| row.get(0))?;
        Ok::<Vec<u8>, rusqlite::Error>(found.unwrap_or_default())
    };
    let whole = PIECE as u64;
    let (part, skip, most) = (from / whole, from % whole, most.min(whole));
    let mut bytes = read(part, skip, most)?;
    let rest = most.saturating_sub(bytes.len() as u64);
    if rest > 0 {
        bytes.append(&mut read(part + 1, 0, rest)?);
    }
    Ok(bytes)
}

const fn place(stream: Stream) -> usize {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    }
}

/// What a run was asked for and its input, behind what it wrote.
const ASKED: usize = 2;
const INPUT: usize = 3;

/// Puts what a run wrote into its report.
pub(super) fn fill(connection: &Connection, run: &RunId, report: &mut Report) -> rusqlite::Result<()> {
    for (stream, captured) in [(Stream::Stdout, &mut report.stdout), (Stream::Stderr, &mut report.stderr)] {
        read(connection, run, place(stream), &mut captured.bytes)?;
    }
    Ok(())
}

pub(super) fn asked(connection: &Connection, run: &RunId) -> rusqlite::Result<Replayable> {
    let (mut document, mut stdin) = (Vec::new(), Vec::new());
    read(connection, run, ASKED, &mut document)?;
    read(connection, run, INPUT, &mut stdin)?;
    Ok(Replayable { document, stdin: stdin.into() })
}

fn read(connection: &Connection, run: &RunId, place: usize, into: &mut Vec<u8>) -> rusqlite::Result<()> {
    let sql = "SELECT coalesce(sum(octet_length(bytes)), 0) FROM outputs WHERE run = ?1 AND stream = ?2";
    let size: usize = one(connection, sql, params![run.as_str(), place], |row| row.get(0))?.unwrap_or(0);
    into.reserve_exact(size);
    let sql = "SELECT bytes FROM outputs WHERE run = ?1 AND stream = ?2 ORDER BY part";
    let mut pieces = connection.prepare_cached(sql)?;
    let mut pieces = pieces.query(params![run.as_str(), place])?;
    while let Some(piece) = pieces.next()? {
        into.extend_from_slice(piece.get_ref(0)?.as_blob()?);
    }
    Ok(())
}
