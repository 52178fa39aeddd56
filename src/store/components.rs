use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::{Connection, Row, params};
use serde_json::value::RawValue;
use tempfile::TempPath;

use super::rows::{all, change, json, one, parsed, to_json};
use crate::model::{Digest, Json, TenantId, Weight};
use crate::sandbox::{ComponentRecord, Wants};

/// How the names of contents begin that are being written.
const NEW: &str = ".new-";

const COMPONENT: &str =
    "SELECT tenant, digest, owner, bytes, labels, kind, command, clocks, randomness, created FROM components";

fn component(row: &Row<'_>) -> rusqlite::Result<ComponentRecord> {
    Ok(ComponentRecord {
        tenant: parsed(row, 0)?,
        digest: parsed(row, 1)?,
        owner: parsed(row, 2)?,
        bytes: row.get(3)?,
        labels: json(row, 4)?,
        kind: parsed(row, 5)?,
        command: row.get(6)?,
        wants: Wants { clocks: row.get(7)?, randomness: row.get(8)? },
        created: row.get(9)?,
    })
}

pub(super) fn add(connection: &Connection, new: &ComponentRecord, described: &Json) -> rusqlite::Result<bool> {
    let added = change(
        connection,
        "INSERT INTO components
         (tenant, digest, owner, bytes, labels, description, kind, command, clocks, randomness, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
        params![
            new.tenant.as_str(),
            new.digest.to_string(),
            new.owner.as_str(),
            new.bytes,
            to_json(&new.labels)?,
            described.text(),
            new.kind.as_str(),
            new.command,
            new.wants.clocks,
            new.wants.randomness,
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

/// What was said of it.
pub(super) fn described(connection: &Connection, tenant: &TenantId, digest: Digest) -> rusqlite::Result<Option<Json>> {
    let sql = "SELECT description FROM components WHERE tenant = ?1 AND digest = ?2";
    one(connection, sql, [tenant.as_str(), &digest.to_string()], |row| {
        let text: String = row.get(0)?;
        let wrong = |error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error));
        Ok(Json::of(RawValue::from_string(text).map_err(wrong)?))
    })
}

/// What the components of a tenant weigh, with what is said of them.
pub(super) fn weight(connection: &Connection, tenant: &TenantId) -> rusqlite::Result<Weight> {
    let sql = "SELECT coalesce(sum(bytes + octet_length(description)), 0), count(*) FROM components WHERE tenant = ?1";
    let weight = one(connection, sql, [tenant.as_str()], |row| Ok(Weight { bytes: row.get(0)?, files: row.get(1)? }))?;
    Ok(weight.unwrap_or_default())
}

/// Whether it was there.
pub(super) fn remove(connection: &Connection, tenant: &TenantId, digest: Digest) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM components WHERE tenant = ?1 AND digest = ?2";
    Ok(change(connection, sql, [tenant.as_str(), &digest.to_string()])? == 1)
}

pub(super) fn path(folder: &Path, digest: Digest) -> PathBuf {
    let hex = digest.hex();
    let (first, rest) = hex.split_at_checked(2).unwrap_or(("", &hex));
    folder.join(first).join(rest)
}

/// Writes a content beside its place, durable when this returns. Where it is whole already, nothing is written.
pub(super) fn prepare(
    folder: &Path,
    digest: Digest,
    content: &[u8],
    known: Known,
) -> std::io::Result<Option<TempPath>> {
    let path = path(folder, digest);
    if known == Known::Trusted && std::fs::read(&path).is_ok_and(|known| Digest::of(&known) == digest) {
        return Ok(None);
    }
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)?;
    std::fs::File::open(folder)?.sync_all()?;
    let mut file = tempfile::Builder::new().prefix(NEW).tempfile_in(parent)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(Some(file.into_temp_path()))
}

/// Whether what was seen at the place of a content is taken for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Trusted,
    Replaced,
}

/// Puts what was prepared in its place. Only the writer does this, as it alone removes contents: so they are there, or
/// are gone, as the rows say. False if nothing was prepared, for somebody removed meanwhile what was there.
pub(super) fn place(folder: &Path, digest: Digest, prepared: Option<TempPath>) -> std::io::Result<bool> {
    let path = path(folder, digest);
    let Some(prepared) = prepared else { return Ok(path.exists()) };
    prepared.persist(&path).map_err(|error| error.error)?;
    std::fs::File::open(path.parent().unwrap_or(folder))?.sync_all()?;
    Ok(true)
}

/// Removes a content that nobody has any more. What stays behind is removed when the service starts again.
pub(super) fn remove_orphan(connection: &Connection, folder: &Path, digest: Digest) {
    let sql = "SELECT 1 FROM components WHERE digest = ?1";
    if let Ok(None) = one(connection, sql, [&digest.to_string()], |_| Ok(())) {
        let _ = std::fs::remove_file(path(folder, digest));
    }
}

/// Removes what a crash left: contents of which no row speaks, and half-written ones. Nobody may write meanwhile.
pub(super) fn sweep(connection: &Connection, folder: &Path) -> rusqlite::Result<()> {
    let Ok(shelves) = std::fs::read_dir(folder) else { return Ok(()) };
    let sql = "SELECT DISTINCT digest FROM components";
    let known: HashSet<PathBuf> =
        all(connection, sql, (), |row| parsed(row, 0))?.into_iter().map(|digest| path(folder, digest)).collect();
    let files = shelves.flatten().filter_map(|shelf| std::fs::read_dir(shelf.path()).ok()).flatten().flatten();
    for file in files.map(|file| file.path()).filter(|file| !known.contains(file)) {
        let _ = std::fs::remove_file(file);
    }
    Ok(())
}

/// What is at the place of a content.
pub(super) enum Found {
    Whole(Bytes),
    /// Not what its name says.
    Damaged,
    Nothing,
}

pub(super) fn read(folder: &Path, digest: Digest) -> std::io::Result<Found> {
    match std::fs::read(path(folder, digest)) {
        Ok(content) if Digest::of(&content) == digest => Ok(Found::Whole(content.into())),
        Ok(_) => Ok(Found::Damaged),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}
