use rusqlite::{Connection, params};

use super::rows::{all, change, one};
use crate::sandbox::RunRecord;

/// Removed in one step, so that others are not kept waiting: so many, or those that take so much.
const REMOVED: usize = 2_000;
const REMOVED_BYTES: u64 = 32 << 20;

/// The most that the runs of one tenant take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct History {
    pub(super) bytes: u64,
    pub(super) runs: u64,
}

impl History {
    pub(super) const ENDLESS: Self = Self { bytes: u64::MAX, runs: u64::MAX };

    /// Makes room for a run that was written down just now: the oldest that are over go, that one never.
    pub(super) fn trim(self, connection: &Connection, new: &RunRecord) -> rusqlite::Result<()> {
        let tenant = new.tenant.as_str();
        let sql = "SELECT runs, bytes FROM history WHERE tenant = ?1";
        let taken = one(connection, sql, [tenant], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))?;
        let (mut runs, mut bytes) = taken.unwrap_or_default();
        if runs <= self.runs && bytes <= self.bytes {
            return Ok(());
        }
        // More goes than came, so it comes below its bound with time.
        let sql = "SELECT octet_length(answer) + octet_length(labels) + output + asked FROM runs WHERE id = ?1";
        let came = one(connection, sql, [new.id.as_str()], |row| row.get::<_, u64>(0))?.unwrap_or(0);
        let enough = REMOVED_BYTES.saturating_add(came);
        let (mut most, mut removed, mut freed) = (1, 0, 0u64);
        while (runs > self.runs || bytes > self.bytes) && removed < REMOVED && freed < enough {
            let sql = "SELECT id, octet_length(answer) + octet_length(labels) + output + asked FROM runs
                       WHERE tenant = ?1 AND state = 'ended' AND id <> ?2 ORDER BY id LIMIT ?3";
            let oldest = all(connection, sql, params![tenant, new.id.as_str(), most], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?))
            })?;
            if oldest.is_empty() {
                break;
            }
            for (id, size) in oldest {
                if (runs <= self.runs && bytes <= self.bytes) || freed >= enough {
                    break;
                }
                change(connection, "DELETE FROM runs WHERE id = ?1", [id])?;
                (runs, bytes, removed) = (runs.saturating_sub(1), bytes.saturating_sub(size), removed + 1);
                freed = freed.saturating_add(size);
            }
            // One comes and one goes, mostly.
            most = 64;
        }
        Ok(())
    }
}
