use rusqlite::{Connection, params};

use super::rows::{change, one};
use crate::model::{Captured, Report, RunId};

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
    let sql = "INSERT INTO outputs (run, stream, part, bytes) VALUES (?1, ?2, ?3, ?4)";
    for (stream, captured) in [&report.stdout, &report.stderr].into_iter().enumerate() {
        for (part, piece) in captured.bytes.chunks(PIECE).enumerate() {
            change(connection, sql, params![run.as_str(), stream, part, piece])?;
        }
    }
    Ok(())
}

/// Puts what a run wrote into its report.
pub(super) fn fill(connection: &Connection, run: &RunId, report: &mut Report) -> rusqlite::Result<()> {
    for (stream, captured) in [&mut report.stdout, &mut report.stderr].into_iter().enumerate() {
        let sql = "SELECT coalesce(sum(octet_length(bytes)), 0) FROM outputs WHERE run = ?1 AND stream = ?2";
        let size: usize = one(connection, sql, params![run.as_str(), stream], |row| row.get(0))?.unwrap_or(0);
        captured.bytes.reserve_exact(size);
        let sql = "SELECT bytes FROM outputs WHERE run = ?1 AND stream = ?2 ORDER BY part";
        let mut pieces = connection.prepare_cached(sql)?;
        let mut pieces = pieces.query(params![run.as_str(), stream])?;
        while let Some(piece) = pieces.next()? {
            captured.bytes.extend_from_slice(piece.get_ref(0)?.as_blob()?);
        }
    }
    Ok(())
}
