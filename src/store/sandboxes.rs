use rusqlite::types::Value as Cell;
use rusqlite::{Connection, Row, params};

use super::asked::{Asked, number};
use super::rows::{all, change, json, one, parsed, parsed_if, to_json};
use crate::model::{SandboxId, TenantId};
use crate::sandbox::{SandboxChange, SandboxFilter, SandboxRecord, Unchanged};

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

pub(super) fn add(connection: &Connection, new: &SandboxRecord) -> rusqlite::Result<()> {
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
    let sql = "INSERT INTO sandboxes (id, tenant, owner, state, draft, workspace, spec, labels, created, expires)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    change(connection, sql, row).map(drop)
}

/// One step: what is changed is what is there now, whatever others changed before.
pub(super) fn changed(
    connection: &Connection,
    tenant: &TenantId,
    id: &SandboxId,
    change_to: SandboxChange,
    now: u64,
) -> rusqlite::Result<Result<SandboxRecord, Unchanged>> {
    let Some(known) = one_of(connection, tenant, id)? else { return Ok(Err(Unchanged::Missing)) };
    let new = match known.changed(change_to, now) {
        Ok(new) => new,
        Err(refused) => return Ok(Err(refused)),
    };
    change(
        connection,
        "UPDATE sandboxes SET state = ?2, spec = ?3, labels = ?4, expires = ?5 WHERE id = ?1",
        params![new.id.as_str(), new.state.as_str(), to_json(&new.spec)?, to_json(&new.labels)?, new.expires],
    )?;
    Ok(Ok(new))
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
    filter: &SandboxFilter,
    now: u64,
    after: Option<&SandboxId>,
    most: u32,
) -> rusqlite::Result<Vec<SandboxRecord>> {
    let sql = format!("{SANDBOX} WHERE tenant = ? AND expires > ? AND state IN ('ready', 'stopped')");
    let mut asked = Asked::new(sql, [Cell::from(tenant.to_string()), number(now)]);
    asked.and("id > ?", after);
    asked.and("owner = ?", filter.owner.as_ref());
    asked.and("state = ?", filter.state);
    asked.and_label(filter.label.as_ref());
    asked.all(connection, "ORDER BY id LIMIT ?", most, sandbox)
}

/// Those that are being made are nobody's business while this process makes them.
pub(super) fn expired(
    connection: &Connection,
    now: u64,
    after: Option<&SandboxRecord>,
    most: u32,
) -> rusqlite::Result<Vec<SandboxRecord>> {
    let sql = format!(
        "{SANDBOX} WHERE expires <= ?1 AND expires >= ?2 AND (expires > ?2 OR id > ?3) AND state <> 'making'
         ORDER BY expires, id LIMIT ?4"
    );
    let (expires, id) = after.map_or((0, ""), |last| (last.expires, last.id.as_str()));
    all(connection, &sql, params![now, expires, id, most], sandbox)
}

pub(super) fn half_made(connection: &Connection) -> rusqlite::Result<Vec<SandboxRecord>> {
    all(connection, &format!("{SANDBOX} WHERE state = 'making'"), (), sandbox)
}

pub(super) fn remove(connection: &Connection, id: &SandboxId) -> rusqlite::Result<()> {
    change(connection, "DELETE FROM sandboxes WHERE id = ?1", [id.as_str()]).map(drop)
}

pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Vec<(TenantId, u64)>> {
    let sql = "SELECT id,
               (SELECT count(*) FROM sandboxes s WHERE s.tenant = t.id AND s.state IN ('ready', 'stopped'))
               FROM tenants t";
    all(connection, sql, (), |row| Ok((parsed(row, 0)?, row.get(1)?)))
}
