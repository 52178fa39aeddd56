use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::time_s;
use crate::workspace::{Found, Left, Tree, WorkspaceRecord};

/// A tree of files with a name.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Workspace {
    name: String,
    owner: String,
    /// The digest of all that it holds.
    tree: String,
    files: u64,
    bytes: u64,
    created: String,
    changed: String,
}

impl From<&WorkspaceRecord> for Workspace {
    fn from(record: &WorkspaceRecord) -> Self {
        Self {
            name: record.name.to_string(),
            owner: record.owner.clone(),
            tree: record.tree.to_string(),
            files: record.files,
            bytes: record.bytes,
            created: time_s(record.created),
            changed: time_s(record.changed),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Workspaces {
    pub(in crate::api) workspaces: Vec<Workspace>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct WorkspaceTree {
    pub(in crate::api) workspace: Workspace,
    /// Paths and what is there.
    pub(in crate::api) entries: Vec<Value>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl WorkspaceTree {
    /// So many of its entries, after a path.
    pub(in crate::api) fn new(record: &WorkspaceRecord, tree: &Tree, after: Option<&str>, most: usize) -> Self {
        let part: Vec<_> = tree.after(after).take(most.saturating_add(1)).collect();
        let shown = part.get(..most).unwrap_or(&part);
        let next = shown.last().filter(|_| part.len() > most).map(|(path, _)| (*path).to_owned());
        let entry = |(path, node): &(&str, _)| serde_json::json!({"path": path, "node": node});
        Self { workspace: record.into(), entries: shown.iter().map(entry).collect(), next }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct LeftOut {
    path: String,
    because: String,
}

/// A content that looks like a credential.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CredentialBody {
    path: String,
    line: u64,
    what: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct MadeWorkspace {
    workspace: Workspace,
    /// What was not taken, and why.
    left_out: Vec<LeftOut>,
    /// What looks like a credential and was taken as told.
    credentials: Vec<CredentialBody>,
}

impl MadeWorkspace {
    pub(in crate::api) fn new(record: &WorkspaceRecord, all: Vec<Left>, found: Vec<Found>) -> Self {
        let left = |left: Left| LeftOut { because: left.because("?with_secrets=true"), path: left.path };
        let credential = |found: Found| CredentialBody { path: found.path, line: found.line, what: found.what };
        let left_out = all.into_iter().map(left).collect();
        Self { workspace: record.into(), left_out, credentials: found.into_iter().map(credential).collect() }
    }
}
