use rusqlite::{Connection, Row, params};

use super::rows::{all, change, json, one, parsed, parsed_if, to_json};
use crate::model::{SandboxId, TenantId};
use crate::sandbox::SandboxRecord;

const SANDBOX: &str =
    "SELECT id, tenant, owner, state, draft, workspace, spec, labels, created, expires FROM sandboxes";

fn sandbox(row: &Row<'_>) -> rusqlite::Result<SandboxRecord> {
    Ok(SandboxRecord {
        id: parsed(row, 0)?,
        tenant: parsed(row, 1)?,
        owner: parsed(row, 2)?,
        state: parsed(row, 3)?,
        draft: parsed(row, 4)?,
        workspace: parsed_if(row, 5)?,
        spec: json(row, 6)?,
        labels: json(row, 7)?,
        created: row.get(8)?,
        expires: row.get(9)?,
    })
}

pub(super) fn put(connection: &Connection, new: &SandboxRecord) -> rusqlite::Result<()> {
    let row = params![
        new.id.as_str(),
        new.tenant.as_str(),
        new.owner.as_str(),
        new.state.as_str(),
        new.draft.as_str(),
        new.workspace.as_ref().map(|name| name.as_str()),
        to_json(&new.spec)?,
        to_json(&new.labels)?,
        new.created,
        new.expires
    ];
    // What is gone does not come back, whoever was slower.
    let sql = "INSERT INTO sandboxes (id, tenant, owner, state, draft, workspace, spec, labels, created, expires)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
               ON CONFLICT (id) DO UPDATE SET state = ?4, spec = ?7, labels = ?8, expires = ?10 WHERE state <> 'gone'";
    change(connection, sql, row).map(drop)
}

pub(super) fn one_of(
    connection: &Connection,
    tenant: &TenantId,
    id: &SandboxId,
) -> rusqlite::Result<Option<SandboxRecord>> {
    one(connection, &format!("{SANDBOX} WHERE tenant = ?1 AND id = ?2"), [tenant.as_str(), id.as_str()], sandbox)
}

pub(super) fn all_of(
    connection: &Connection,
    tenant: &TenantId,
    after: Option<&SandboxId>,
    most: u32,
) -> rusqlite::Result<Vec<SandboxRecord>> {
    let sql = format!("{SANDBOX} WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    all(connection, &sql, params![tenant.as_str(), after.map_or("", SandboxId::as_str), most], sandbox)
}

pub(super) fn expired(connection: &Connection, now: u64, most: u32) -> rusqlite::Result<Vec<SandboxRecord>> {
    let sql = format!("{SANDBOX} WHERE expires <= ?1 OR state = 'gone' ORDER BY expires LIMIT ?2");
    all(connection, &sql, params![now, most], sandbox)
}

pub(super) fn remove(connection: &Connection, id: &SandboxId) -> rusqlite::Result<()> {
    change(connection, "DELETE FROM sandboxes WHERE id = ?1", [id.as_str()]).map(drop)
}

pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Vec<(TenantId, u64)>> {
    let sql =
        "SELECT id, (SELECT count(*) FROM sandboxes s WHERE s.tenant = t.id AND s.state <> 'gone') FROM tenants t";
    all(connection, sql, (), |row| Ok((parsed(row, 0)?, row.get(1)?)))
}
