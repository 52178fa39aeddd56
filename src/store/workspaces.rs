use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::Store;
use crate::model::Digest;
use crate::workspace::{Catalog, CatalogError, DraftId, DraftRecord, WorkspaceName, WorkspaceRecord};

fn failed(error: rusqlite::Error) -> CatalogError {
    CatalogError(error.to_string())
}

/// A column that is text here and something checked everywhere else.
fn parsed<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
}

const WORKSPACE: &str = "SELECT name, owner, tree, files, bytes, created, changed FROM workspaces";

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
    Ok(DraftRecord {
        id: parsed(row, 0)?,
        workspace: parsed(row, 1)?,
        base: parsed::<Digest>(row, 2)?,
        created: row.get(3)?,
    })
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, CatalogError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement.query_map((), read).map_err(failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(failed)
}

impl Catalog for Store {
    fn workspaces(&self) -> Result<Vec<WorkspaceRecord>, CatalogError> {
        all(&self.connection(), &format!("{WORKSPACE} ORDER BY name"), workspace)
    }

    fn workspace(&self, name: &WorkspaceName) -> Result<Option<WorkspaceRecord>, CatalogError> {
        let sql = format!("{WORKSPACE} WHERE name = ?1");
        self.connection().query_row(&sql, [name.as_str()], workspace).optional().map_err(failed)
    }

    fn add(&self, record: &WorkspaceRecord) -> Result<bool, CatalogError> {
        let added = self.connection().execute(
            "INSERT INTO workspaces (name, owner, tree, files, bytes, created, changed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            params![
                record.name.as_str(),
                record.owner,
                record.tree.to_string(),
                record.files,
                record.bytes,
                record.created,
                record.changed
            ],
        );
        Ok(added.map_err(failed)? == 1)
    }

    fn remove(&self, name: &WorkspaceName) -> Result<bool, CatalogError> {
        let removed = self.connection().execute("DELETE FROM workspaces WHERE name = ?1", [name.as_str()]);
        Ok(removed.map_err(failed)? == 1)
    }

    fn advance(
        &self,
        to: &WorkspaceRecord,
        from: Digest,
        draft: &DraftId,
        keep_draft: bool,
    ) -> Result<bool, CatalogError> {
        let mut connection = self.connection();
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let advanced = step.execute(
            "UPDATE workspaces SET tree = ?1, files = ?2, bytes = ?3, changed = ?4 WHERE name = ?5 AND tree = ?6",
            params![to.tree.to_string(), to.files, to.bytes, to.changed, to.name.as_str(), from.to_string()],
        );
        if advanced.map_err(failed)? != 1 {
            return Ok(false);
        }
        let done = if keep_draft {
            step.execute("UPDATE drafts SET base = ?1 WHERE id = ?2", params![to.tree.to_string(), draft.as_str()])
        } else {
            step.execute("DELETE FROM drafts WHERE id = ?1", [draft.as_str()])
        };
        if done.map_err(failed)? != 1 {
            return Ok(false);
        }
        step.commit().map_err(failed)?;
        Ok(true)
    }

    fn drafts(&self) -> Result<Vec<DraftRecord>, CatalogError> {
        let sql = "SELECT id, workspace, base, created FROM drafts ORDER BY created, id";
        all(&self.connection(), sql, draft)
    }

    fn add_draft(&self, draft: &DraftRecord) -> Result<(), CatalogError> {
        let added = self.connection().execute(
            "INSERT INTO drafts (id, workspace, base, created) VALUES (?1, ?2, ?3, ?4)",
            params![draft.id.as_str(), draft.workspace.as_str(), draft.base.to_string(), draft.created],
        );
        added.map_err(failed).map(drop)
    }

    fn remove_draft(&self, id: &DraftId) -> Result<bool, CatalogError> {
        let removed = self.connection().execute("DELETE FROM drafts WHERE id = ?1", [id.as_str()]);
        Ok(removed.map_err(failed)? == 1)
    }
}
