use rusqlite::{Connection, Row, params};

use super::lane::StepError;
use super::open::Store;
use super::rows::{all, change, one, parsed, parsed_if};
use crate::model::{Digest, TenantId};
use crate::workspace::{Catalog, CatalogError, DraftId, DraftRecord, WorkspaceName, WorkspaceRecord};

/// The workspaces of one tenant.
#[derive(Clone)]
pub struct TenantCatalog {
    store: Store,
    tenant: TenantId,
}

impl Store {
    pub fn catalog(&self, tenant: &TenantId) -> TenantCatalog {
        TenantCatalog { store: self.clone(), tenant: tenant.clone() }
    }
}

impl From<StepError> for CatalogError {
    fn from(error: StepError) -> Self {
        CatalogError(error.to_string())
    }
}

const WORKSPACE: &str = "SELECT name, owner, tree, files, bytes, created, changed FROM workspaces WHERE tenant = ?1";
const DRAFT: &str = "SELECT id, workspace, base, created FROM drafts WHERE tenant = ?1";

fn workspace(row: &Row<'_>) -> rusqlite::Result<WorkspaceRecord> {
    Ok(WorkspaceRecord {
        name: parsed(row, 0)?,
        owner: row.get(1)?,
        tree: parsed(row, 2)?,
        files: row.get(3)?,
        bytes: row.get(4)?,
        created: row.get(5)?,
        changed: row.get(6)?,
    })
}

fn draft(row: &Row<'_>) -> rusqlite::Result<DraftRecord> {
    Ok(DraftRecord { id: parsed(row, 0)?, workspace: parsed_if(row, 1)?, base: parsed(row, 2)?, created: row.get(3)? })
}

impl TenantCatalog {
    fn ask<T>(&self, ask: impl FnOnce(&Connection, &str) -> rusqlite::Result<T>) -> Result<T, CatalogError> {
        let answer = self.store.reader(|connection| ask(connection, self.tenant.as_str()));
        answer.map_err(|error| CatalogError(error.to_string()))
    }

    fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &str) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let tenant = self.tenant.clone();
        Ok(self.store.wait(move |connection| work(connection, tenant.as_str()))?)
    }
}

impl Catalog for TenantCatalog {
    fn workspaces(&self) -> Result<Vec<WorkspaceRecord>, CatalogError> {
        self.ask(|connection, tenant| all(connection, &format!("{WORKSPACE} ORDER BY name"), [tenant], workspace))
    }

    fn workspaces_after(&self, after: Option<&WorkspaceName>, most: u32) -> Result<Vec<WorkspaceRecord>, CatalogError> {
        let sql = format!("{WORKSPACE} AND name > ?2 ORDER BY name LIMIT ?3");
        let after = after.map_or("", WorkspaceName::as_str);
        self.ask(|connection, tenant| all(connection, &sql, params![tenant, after, most], workspace))
    }

    fn workspace(&self, name: &WorkspaceName) -> Result<Option<WorkspaceRecord>, CatalogError> {
        let sql = format!("{WORKSPACE} AND name = ?2");
        self.ask(|connection, tenant| one(connection, &sql, [tenant, name.as_str()], workspace))
    }

    fn add(&self, record: &WorkspaceRecord) -> Result<bool, CatalogError> {
        let new = record.clone();
        self.step(move |connection, tenant| {
            let added = change(
                connection,
                "INSERT INTO workspaces (tenant, name, owner, tree, files, bytes, created, changed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                params![
                    tenant,
                    new.name.as_str(),
                    new.owner,
                    new.tree.to_string(),
                    new.files,
                    new.bytes,
                    new.created,
                    new.changed
                ],
            )?;
            Ok(added == 1)
        })
    }

    fn remove(&self, name: &WorkspaceName, owner: Option<&str>) -> Result<bool, CatalogError> {
        let (name, owner) = (name.clone(), owner.map(str::to_owned));
        self.step(move |connection, tenant| {
            let sql = "DELETE FROM workspaces WHERE tenant = ?1 AND name = ?2 AND (?3 IS NULL OR owner = ?3)
                       AND NOT EXISTS (SELECT 1 FROM drafts WHERE tenant = ?1 AND workspace = ?2)";
            Ok(change(connection, sql, params![tenant, name.as_str(), owner])? == 1)
        })
    }

    fn advance(
        &self,
        to: &WorkspaceRecord,
        from: Digest,
        draft: &DraftId,
        keep_draft: bool,
    ) -> Result<bool, CatalogError> {
        let (to, draft) = (to.clone(), draft.clone());
        self.step(move |connection, tenant| {
            // Both or neither: looked at before anything is changed.
            let sql = "SELECT 1 FROM workspaces w JOIN drafts d ON d.tenant = w.tenant
                       WHERE w.tenant = ?1 AND w.name = ?2 AND w.tree = ?3 AND d.id = ?4";
            let from = from.to_string();
            let there = one(connection, sql, [tenant, to.name.as_str(), &from, draft.as_str()], |_| Ok(()))?;
            if there.is_none() {
                return Ok(false);
            }
            change(
                connection,
                "UPDATE workspaces SET tree = ?3, files = ?4, bytes = ?5, changed = ?6 WHERE tenant = ?1 AND name = ?2",
                params![tenant, to.name.as_str(), to.tree.to_string(), to.files, to.bytes, to.changed],
            )?;
            if keep_draft {
                let base = to.tree.to_string();
                change(connection, "UPDATE drafts SET base = ?1 WHERE id = ?2", [base.as_str(), draft.as_str()])?;
            } else {
                change(connection, "DELETE FROM drafts WHERE id = ?1", [draft.as_str()])?;
            }
            Ok(true)
        })
    }

    fn drafts(&self) -> Result<Vec<DraftRecord>, CatalogError> {
        self.ask(|connection, tenant| all(connection, &format!("{DRAFT} ORDER BY created, id"), [tenant], draft))
    }

    fn draft(&self, id: &DraftId) -> Result<Option<DraftRecord>, CatalogError> {
        self.ask(|connection, tenant| one(connection, &format!("{DRAFT} AND id = ?2"), [tenant, id.as_str()], draft))
    }

    fn add_draft(&self, draft: &DraftRecord, owner: Option<&str>) -> Result<bool, CatalogError> {
        let (new, owner) = (draft.clone(), owner.map(str::to_owned));
        self.step(move |connection, tenant| {
            let added = change(
                connection,
                "INSERT INTO drafts (id, tenant, workspace, base, created) SELECT ?1, ?2, ?3, ?4, ?5
                 WHERE ?3 IS NULL OR EXISTS (
                     SELECT 1 FROM workspaces WHERE tenant = ?2 AND name = ?3 AND (?6 IS NULL OR owner = ?6))",
                params![
                    new.id.as_str(),
                    tenant,
                    new.workspace.as_ref().map(WorkspaceName::as_str),
                    new.base.to_string(),
                    new.created,
                    owner
                ],
            )?;
            Ok(added == 1)
        })
    }

    fn remove_draft(&self, id: &DraftId) -> Result<bool, CatalogError> {
        let id = id.clone();
        self.step(move |connection, tenant| {
            Ok(change(connection, "DELETE FROM drafts WHERE tenant = ?1 AND id = ?2", [tenant, id.as_str()])? == 1)
        })
    }
}
