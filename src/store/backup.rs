use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::components;
use super::error::StoreError;
use super::open::Store;
use super::rows::{all, change, one, parsed};
use crate::model::{Digest, TenantId};
use crate::workspace::DraftId;

/// A copy of a store that nobody else has open.
pub struct StoreCopy {
    connection: Connection,
    path: PathBuf,
}

fn failed(path: &Path, reason: impl ToString) -> StoreError {
    StoreError::Backup { path: path.display().to_string(), reason: reason.to_string() }
}

/// Tenants of whose files the store knows.
fn shelves(connection: &Connection) -> rusqlite::Result<BTreeSet<TenantId>> {
    let sql = "SELECT tenant FROM workspaces UNION SELECT tenant FROM drafts";
    Ok(all(connection, sql, (), |row| parsed(row, 0))?.into_iter().collect())
}

fn knows(connection: &Connection, sql: &str, name: &str) -> rusqlite::Result<bool> {
    Ok(one(connection, sql, [name], |_| Ok(()))?.is_some())
}

impl Store {
    /// Writes a whole copy to a new file, as of one moment, while others read and write.
    pub fn back_up(&self, to: &Path) -> Result<StoreCopy, StoreError> {
        if to.exists() {
            return Err(failed(to, "it is there already"));
        }
        let name = to.to_str().ok_or_else(|| failed(to, "its name is no UTF-8"))?.to_owned();
        self.reader(|connection| connection.execute("VACUUM INTO ?1", [name])).map_err(|e| failed(to, e))?;
        std::fs::set_permissions(to, Permissions::from_mode(0o600)).map_err(|e| failed(to, e))?;
        let connection = Connection::open(to).map_err(|e| failed(to, e))?;
        Ok(StoreCopy { connection, path: to.to_owned() })
    }

    pub fn shelves(&self) -> Result<BTreeSet<TenantId>, StoreError> {
        self.told(shelves)
    }

    pub fn knows_draft(&self, id: &DraftId) -> Result<bool, StoreError> {
        self.told(|connection| knows(connection, "SELECT 1 FROM drafts WHERE id = ?1", id.as_str()))
    }

    pub fn knows_component(&self, digest: Digest) -> Result<bool, StoreError> {
        self.told(|connection| knows(connection, "SELECT 1 FROM components WHERE digest = ?1", &digest.to_string()))
    }

    fn told<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        self.reader(ask).map_err(|error| StoreError::sql(self.path(), &error))
    }
}

impl StoreCopy {
    pub fn shelves(&self) -> Result<BTreeSet<TenantId>, StoreError> {
        shelves(&self.connection).map_err(|error| failed(&self.path, error))
    }

    pub fn drafts(&self) -> Result<Vec<(TenantId, DraftId)>, StoreError> {
        let sql = "SELECT tenant, id FROM drafts ORDER BY id";
        let found = all(&self.connection, sql, (), |row| Ok((parsed(row, 0)?, parsed(row, 1)?)));
        found.map_err(|error| failed(&self.path, error))
    }

    /// Components whose bytes are not beside the copy.
    pub fn components_without_bytes(&self) -> Result<Vec<Digest>, StoreError> {
        let sql = "SELECT DISTINCT digest FROM components";
        let found = all(&self.connection, sql, (), |row| parsed(row, 0)).map_err(|error| failed(&self.path, error))?;
        let folder = self.path.with_file_name("components");
        Ok(found.into_iter().filter(|digest| !components::path(&folder, *digest).exists()).collect())
    }

    /// Takes a draft out, with the sandbox whose files it was.
    pub fn remove_draft(&self, id: &DraftId) -> Result<(), StoreError> {
        self.remove("DELETE FROM sandboxes WHERE draft = ?1", id.as_str())?;
        self.remove("DELETE FROM drafts WHERE id = ?1", id.as_str())
    }

    pub fn remove_component(&self, digest: Digest) -> Result<(), StoreError> {
        self.remove("DELETE FROM components WHERE digest = ?1", &digest.to_string())
    }

    fn remove(&self, sql: &str, name: &str) -> Result<(), StoreError> {
        change(&self.connection, sql, [name]).map(drop).map_err(|error| failed(&self.path, error))
    }

    /// Leaves one whole file.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { connection, path } = self;
        connection.close().map_err(|(_, error)| failed(&path, error))?;
        File::open(&path).and_then(|file| file.sync_all()).map_err(|error| failed(&path, error))
    }
}
