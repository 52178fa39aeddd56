use std::path::PathBuf;

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::lane::{Lasting, StepError};
use super::open::Store;
use super::rows::one;

/// What the service remembers of itself from one start to the next.
#[derive(Debug, Clone, Copy)]
pub enum Fact {
    /// The newest checkpoint of the audit log, kept apart from it: a log that is behind it was cut, or put back.
    AuditCheckpoint,
    /// The settings with which it started last.
    Settings,
    /// By what the secrets are known again that others were made with.
    Pepper,
    Signing,
}

impl Fact {
    const fn name(self) -> &'static str {
        match self {
            Fact::AuditCheckpoint => "audit_checkpoint",
            Fact::Settings => "settings",
            Fact::Pepper => "pepper",
            Fact::Signing => "signing",
        }
    }
}

const ASK: &str = "SELECT value FROM facts WHERE name = ?1";

/// A store that is looked at as it lies there: nothing is made or changed.
pub struct Looked {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
}

impl Looked {
    pub fn fact(&self, fact: Fact) -> Result<Option<String>, StoreError> {
        if !self.has("facts")? {
            return Ok(None);
        }
        self.told(one(&self.connection, ASK, [fact.name()], |row| row.get(0)))
    }

    pub fn has_tenants(&self) -> Result<bool, StoreError> {
        if !self.has("tenants")? {
            return Ok(false);
        }
        let found = self.told(one(&self.connection, "SELECT 1 FROM tenants LIMIT 1", (), |_| Ok(())))?;
        Ok(found.is_some())
    }

    /// One that was made by an older version does not have every table.
    fn has(&self, table: &str) -> Result<bool, StoreError> {
        let ask = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        Ok(self.told(one(&self.connection, ask, [table], |_| Ok(())))?.is_some())
    }

    fn told<T>(&self, answer: rusqlite::Result<T>) -> Result<T, StoreError> {
        answer.map_err(|error| StoreError::sql(&self.path, &error))
    }
}

impl Store {
    pub fn fact(&self, fact: Fact) -> Result<Option<String>, StepError> {
        Ok(self.reader(|connection| one(connection, ASK, [fact.name()], |row| row.get(0)))?)
    }

    pub async fn keep_fact(&self, fact: Fact, text: String) -> Result<(), StepError> {
        let keep =
            "INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.step(Lasting::Power, move |connection| connection.execute(keep, params![fact.name(), text]).map(drop))
            .await
    }
}
