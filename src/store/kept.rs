use rusqlite::params;

use super::lane::{Lasting, StepError};
use super::open::Store;
use super::rows::one;

const NAME: &str = "audit_checkpoint";

/// The newest checkpoint of the audit log, kept apart from it: a log that is behind it was cut, or put back.
impl Store {
    pub fn audit_checkpoint(&self) -> Result<Option<String>, StepError> {
        let ask = "SELECT value FROM facts WHERE name = ?1";
        Ok(self.reader(|connection| one(connection, ask, [NAME], |row| row.get(0)))?)
    }

    pub async fn keep_audit_checkpoint(&self, text: String) -> Result<(), StepError> {
        let keep =
            "INSERT INTO facts (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.step(Lasting::Power, move |connection| connection.execute(keep, params![NAME, text]).map(drop)).await
    }
}
