use rusqlite::params;

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
}

impl Fact {
    const fn name(self) -> &'static str {
        match self {
            Fact::AuditCheckpoint => "audit_checkpoint",
            Fact::Settings => "settings",
        }
    }
}

impl Store {
    pub fn fact(&self, fact: Fact) -> Result<Option<String>, StepError> {
        let ask = "SELECT value FROM facts WHERE name = ?1";
        Ok(self.reader(|connection| one(connection, ask, [fact.name()], |row| row.get(0)))?)
    }

    pub async fn keep_fact(&self, fact: Fact, text: String) -> Result<(), StepError> {
        let keep =
            "INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.step(Lasting::Power, move |connection| connection.execute(keep, params![fact.name(), text]).map(drop))
            .await
    }
}
