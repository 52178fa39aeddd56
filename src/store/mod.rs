//! What is kept between processes, in one SQLite file of the data folder. SQL lives here and nowhere else: the areas
//! declare the few calls that they need as traits of their own, and `app` puts the two together.

mod workspaces;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

/// The embedded store.
#[derive(Debug)]
pub struct Store(Mutex<Connection>);

#[derive(Debug, thiserror::Error)]
#[error("the store {path} cannot be used: {reason}")]
pub struct StoreError {
    path: String,
    reason: String,
}

/// One after the other; a store knows how many of them it has seen. Never edited, only added to.
const STEPS: [&str; 1] = ["
    CREATE TABLE workspaces (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, tree TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
        created INTEGER NOT NULL, changed INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE drafts (
        id TEXT PRIMARY KEY, workspace TEXT NOT NULL REFERENCES workspaces (name), base TEXT NOT NULL,
        created INTEGER NOT NULL
    ) STRICT;
"];

impl Store {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError { path: path.display().to_string(), reason };
        let sql = |error: rusqlite::Error| failed(error.to_string());
        let mut connection = Connection::open(path).map_err(sql)?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(sql)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(sql)?;
        // What is acknowledged is on the disk.
        connection.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(sql)?;
        let step = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(sql)?;
        let seen: usize = step.query_row("PRAGMA user_version", (), |row| row.get(0)).map_err(sql)?;
        let Some(new) = STEPS.get(seen..) else {
            return Err(failed("it was made by a newer ringfence; use that one".into()));
        };
        for text in new {
            step.execute_batch(text).map_err(sql)?;
        }
        step.pragma_update(None, "user_version", STEPS.len()).map_err(sql)?;
        step.commit().map_err(sql)?;
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
