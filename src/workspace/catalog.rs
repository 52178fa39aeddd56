use serde::Serialize;

use super::name::{DraftId, WorkspaceName};
use crate::model::Digest;

/// What is known of a workspace besides its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceRecord {
    pub name: WorkspaceName,
    pub owner: String,
    /// What it holds now.
    pub tree: Digest,
    pub files: u64,
    pub bytes: u64,
    /// Seconds since 1970.
    pub created: u64,
    pub changed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DraftRecord {
    pub id: DraftId,
    /// `None` for one that began empty, and has nowhere to be applied to.
    pub workspace: Option<WorkspaceName>,
    /// What the workspace held when the draft was made.
    pub base: Digest,
    pub created: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the catalogue of workspaces cannot be used: {0}")]
pub struct CatalogError(pub String);

/// Where the names are kept. Each call is one step: done whole or not at all, and durable when it returns.
pub trait Catalog: Send + Sync {
    fn workspaces(&self) -> Result<Vec<WorkspaceRecord>, CatalogError>;
    /// The first of them after a name, in the order of their names.
    fn workspaces_after(&self, after: Option<&WorkspaceName>, most: u32) -> Result<Vec<WorkspaceRecord>, CatalogError>;
    fn workspace(&self, name: &WorkspaceName) -> Result<Option<WorkspaceRecord>, CatalogError>;
    /// False if the name is taken.
    fn add(&self, workspace: &WorkspaceRecord) -> Result<bool, CatalogError>;
    /// False if there is none, or none of this owner, or there are drafts of it.
    fn remove(&self, name: &WorkspaceName, owner: Option<&str>) -> Result<bool, CatalogError>;
    /// Puts a new state in the place of `from`; false if that is not the state any more. The draft goes with it, or
    /// is from now on one of the new state.
    fn advance(
        &self,
        to: &WorkspaceRecord,
        from: Digest,
        draft: &DraftId,
        keep_draft: bool,
    ) -> Result<bool, CatalogError>;
    fn drafts(&self) -> Result<Vec<DraftRecord>, CatalogError>;
    fn draft(&self, id: &DraftId) -> Result<Option<DraftRecord>, CatalogError>;
    /// False if its workspace is not there any more, or not of this owner.
    fn add_draft(&self, draft: &DraftRecord, owner: Option<&str>) -> Result<bool, CatalogError>;
    fn remove_draft(&self, id: &DraftId) -> Result<bool, CatalogError>;
}

impl<C: Catalog + ?Sized> Catalog for Box<C> {
    fn workspaces(&self) -> Result<Vec<WorkspaceRecord>, CatalogError> {
        (**self).workspaces()
    }

    fn workspaces_after(&self, after: Option<&WorkspaceName>, most: u32) -> Result<Vec<WorkspaceRecord>, CatalogError> {
        (**self).workspaces_after(after, most)
    }

    fn workspace(&self, name: &WorkspaceName) -> Result<Option<WorkspaceRecord>, CatalogError> {
        (**self).workspace(name)
    }

    fn add(&self, workspace: &WorkspaceRecord) -> Result<bool, CatalogError> {
        (**self).add(workspace)
    }

    fn remove(&self, name: &WorkspaceName, owner: Option<&str>) -> Result<bool, CatalogError> {
        (**self).remove(name, owner)
    }

    fn advance(&self, to: &WorkspaceRecord, from: Digest, draft: &DraftId, keep: bool) -> Result<bool, CatalogError> {
        (**self).advance(to, from, draft, keep)
    }

    fn drafts(&self) -> Result<Vec<DraftRecord>, CatalogError> {
        (**self).drafts()
    }

    fn draft(&self, id: &DraftId) -> Result<Option<DraftRecord>, CatalogError> {
        (**self).draft(id)
    }

    fn add_draft(&self, draft: &DraftRecord, owner: Option<&str>) -> Result<bool, CatalogError> {
        (**self).add_draft(draft, owner)
    }

    fn remove_draft(&self, id: &DraftId) -> Result<bool, CatalogError> {
        (**self).remove_draft(id)
    }
}
