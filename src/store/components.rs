use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::{Connection, Row, params};

use super::rows::{all, change, json, one, parsed, to_json};
use crate::model::{Digest, TenantId};
use crate::sandbox::ComponentRecord;

const COMPONENT: &str = "SELECT tenant, digest, owner, bytes, labels, description, created FROM components";

fn component(row: &Row<'_>) -> rusqlite::Result<ComponentRecord> {
    Ok(ComponentRecord {
        tenant: parsed(row, 0)?,
        digest: parsed(row, 1)?,
        owner: parsed(row, 2)?,
        bytes: row.get(3)?,
        labels: json(row, 4)?,
        description: json(row, 5)?,
        created: row.get(6)?,
    })
}

pub(super) fn add(connection: &Connection, new: &ComponentRecord) -> rusqlite::Result<bool> {
    let added = change(
        connection,
        "INSERT INTO components (tenant, digest, owner, bytes, labels, description, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        params![
            new.tenant.as_str(),
            new.digest.to_string(),
            new.owner.as_str(),
            new.bytes,
            to_json(&new.labels)?,
            to_json(&new.description)?,
            new.created
        ],
    )?;
    Ok(added == 1)
}

pub(super) fn one_of(
    connection: &Connection,
    tenant: &TenantId,
    digest: Digest,
) -> rusqlite::Result<Option<ComponentRecord>> {
    let sql = format!("{COMPONENT} WHERE tenant = ?1 AND digest = ?2");
    one(connection, &sql, [tenant.as_str(), &digest.to_string()], component)
}

pub(super) fn all_of(
    connection: &Connection,
    tenant: &TenantId,
    after: Option<Digest>,
    most: u32,
) -> rusqlite::Result<Vec<ComponentRecord>> {
    let sql = format!("{COMPONENT} WHERE tenant = ?1 AND digest > ?2 ORDER BY digest LIMIT ?3");
    let after = after.map(|digest| digest.to_string()).unwrap_or_default();
    all(connection, &sql, params![tenant.as_str(), after, most], component)
}

/// Whether it was there, and whether nobody has it any more.
pub(super) fn remove(connection: &Connection, tenant: &TenantId, digest: Digest) -> rusqlite::Result<(bool, bool)> {
    let digest = digest.to_string();
    let sql = "DELETE FROM components WHERE tenant = ?1 AND digest = ?2";
    let removed = change(connection, sql, [tenant.as_str(), &digest])? == 1;
    let left = one(connection, "SELECT 1 FROM components WHERE digest = ?1", [&digest], |_| Ok(()))?;
    Ok((removed, left.is_none()))
}

pub(super) fn path(folder: &Path, digest: Digest) -> PathBuf {
    let hex = digest.hex();
    let (first, rest) = hex.split_at_checked(2).unwrap_or(("", &hex));
    folder.join(first).join(rest)
}

/// Writes a content whole or not at all, and durable when this returns.
pub(super) fn keep(folder: &Path, digest: Digest, content: &[u8]) -> std::io::Result<()> {
    let path = path(folder, digest);
    if std::fs::read(&path).is_ok_and(|known| Digest::of(&known) == digest) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(parent)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    std::fs::File::open(parent)?.sync_all()
}

/// Reads a content; one that is not what its name says is an error.
pub(super) fn read(folder: &Path, digest: Digest) -> std::io::Result<Option<Bytes>> {
    match std::fs::read(path(folder, digest)) {
        Ok(content) if Digest::of(&content) == digest => Ok(Some(content.into())),
        Ok(_) => Err(std::io::Error::other(format!("the component {digest} is damaged on the disk; submit it again"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
