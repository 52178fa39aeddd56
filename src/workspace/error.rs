use super::catalog::CatalogError;
use super::intake::Found;
use super::name::{DraftId, WorkspaceName};
use super::select::SelectError;
use crate::model::{Digest, show_bytes};

#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    #[error("there is no workspace `{0}`; see `ringfence workspace list`")]
    NoWorkspace(WorkspaceName),
    #[error("there is a workspace `{0}` already; choose another name, or delete that one first")]
    Taken(WorkspaceName),
    #[error("there is no draft `{0}`; see `ringfence workspace list`")]
    NoDraft(DraftId),
    #[error("something is at work on the draft `{0}`: a run, or one who applies or discards it; wait for its end")]
    InUse(DraftId),
    #[error("the draft `{0}` began empty: there is no workspace to apply it to; export its files instead")]
    OfNothing(DraftId),
    #[error("the workspace `{0}` has open drafts ({1}); apply or discard them first")]
    HasDrafts(WorkspaceName, String),
    #[error("the workspace `{workspace}` moved on since the draft was made; {}", moved(conflicts, others))]
    Moved { workspace: WorkspaceName, conflicts: Vec<String>, others: Vec<String> },
    #[error("nothing changed at {0}; see `ringfence diff`")]
    NoChange(String),
    #[error("{path} cannot be applied without {needs}; name both, or apply all")]
    Incomplete { path: String, needs: String },
    #[error("{} of the files look like they hold credentials: {}; take them out, or use --allow-credentials", .0.len(), Found::some_of(.0))]
    Credentials(Vec<Found>),
    #[error("there is nothing at {0}")]
    NoFile(String),
    #[error("{path} cannot be used: {what}")]
    BadPath { path: String, what: String },
    #[error("one of the paths is empty: {what}")]
    NoPath { what: String },
    #[error("{path} has more than {most} names on its way, which is the most; take a shorter path, or remove it")]
    TooDeep { path: String, most: usize },
    #[error("{path} has {}, but at most {} are read at once", show_bytes(*bytes), show_bytes(*most))]
    FileTooLarge { path: String, bytes: u64, most: u64 },
    #[error(transparent)]
    Select(#[from] SelectError),
    #[error("{message}")]
    Archive { code: &'static str, message: String },
    #[error("{path} was changed while it was read; try again")]
    Changed { path: String },
    #[error("{path} is {kind}, which no workspace holds")]
    Special { path: String, kind: &'static str },
    #[error("the files of the draft `{0}` are missing on the disk; put them back from a backup, or throw it away")]
    DraftMissing(DraftId),
    #[error("the content of {path} ({digest}) is damaged or missing in the store; put it back from a backup")]
    Damaged { path: String, digest: Digest },
    #[error("the tree {0} is damaged or missing in the store; put it back from a backup, or delete what holds it")]
    DamagedTree(Digest),
    #[error("{path}: {reason}")]
    Io { path: String, reason: std::io::Error },
    #[error("it needs {} on the disk of the data folder, and {} may be used; make room", show_bytes(*.needed), show_bytes(*.free))]
    NoSpace { needed: u64, free: u64 },
    #[error("the lists of files that are in memory take as much as they may; try again later")]
    TooManyLists,
    #[error("the list of the files takes more than {} with all their paths; take fewer files, or shorter paths", show_bytes(*most))]
    ListTooLong { most: u64 },
    #[error("there is no room for it; delete something first")]
    NoRoom,
    #[error("{0} is there already; choose another place")]
    Occupied(String),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl WorkspaceError {
    /// A word that stays the same from version to version.
    pub fn code(&self) -> &'static str {
        match self {
            WorkspaceError::NoWorkspace(_) => "no_workspace",
            WorkspaceError::Taken(_) => "workspace_exists",
            WorkspaceError::NoDraft(_) => "no_draft",
            WorkspaceError::InUse(_) => "draft_in_use",
            WorkspaceError::OfNothing(_) => "no_workspace",
            WorkspaceError::HasDrafts(..) => "has_drafts",
            WorkspaceError::Moved { .. } => "conflict",
            WorkspaceError::NoChange(_) => "no_change",
            WorkspaceError::Incomplete { .. } => "incomplete",
            WorkspaceError::Credentials(_) => "credentials",
            WorkspaceError::NoFile(_) => "no_file",
            WorkspaceError::BadPath { .. } | WorkspaceError::NoPath { .. } => "bad_path",
            WorkspaceError::TooDeep { .. } => "path_too_deep",
            WorkspaceError::FileTooLarge { .. } => "file_too_large",
            WorkspaceError::Select(_) => "cannot_select",
            WorkspaceError::Archive { code, .. } => code,
            WorkspaceError::Changed { .. } => "changed_meanwhile",
            WorkspaceError::Special { .. } => "special_file",
            WorkspaceError::DraftMissing(_) => "files_missing",
            WorkspaceError::Damaged { .. } | WorkspaceError::DamagedTree(_) => "store_damaged",
            WorkspaceError::Io { .. } => "io",
            WorkspaceError::NoSpace { .. } => "insufficient_space",
            WorkspaceError::TooManyLists => "too_many_bytes",
            WorkspaceError::ListTooLong { .. } => "too_many_files",
            WorkspaceError::NoRoom => "storage_full",
            WorkspaceError::Occupied(_) => "occupied",
            WorkspaceError::Catalog(_) => "catalog",
        }
    }

    pub fn io(path: impl std::fmt::Display, reason: impl Into<std::io::Error>) -> Self {
        WorkspaceError::Io { path: path.to_string(), reason: reason.into() }
    }
}

const SHOWN: usize = 8;

fn some_of(all: &[String]) -> String {
    let mut shown: Vec<&str> = all.iter().take(SHOWN).map(String::as_str).collect();
    if all.len() > SHOWN {
        shown.push("…");
    }
    shown.join(", ")
}

fn moved(conflicts: &[String], others: &[String]) -> String {
    match conflicts {
        [] => format!("no path was changed on both sides, but these changed there: {}", some_of(others)),
        _ => format!("changed on both sides: {}", some_of(conflicts)),
    }
}

impl Found {
    /// The first of them, for a line.
    pub fn some_of(all: &[Self]) -> String {
        let each: Vec<String> =
            all.iter().map(|found| format!("{}:{} ({})", found.path, found.line, found.what)).collect();
        some_of(&each)
    }
}
