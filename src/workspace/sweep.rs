use std::collections::HashSet;
use std::fs;

use rustix::fs::FlockOperation;

use super::catalog::Catalog;
use super::error::WorkspaceError;
use super::fell::remove_tree;
use super::name::DraftId;
use super::shelf::Workspaces;
use crate::model::Digest;

/// Throwing away, and what is left then.
impl<C: Catalog> Workspaces<C> {
    pub fn discard(&self, id: &DraftId) -> Result<(), WorkspaceError> {
        self.discard_alone(id)?;
        self.sweep();
        Ok(())
    }

    /// Throws a draft away, and leaves the contents that nobody else holds to the next [`Workspaces::remove_unheld`]: for whoever
    /// throws many away.
    pub fn discard_alone(&self, id: &DraftId) -> Result<(), WorkspaceError> {
        let _nobody_works = match self.hold(id, FlockOperation::NonBlockingLockExclusive) {
            Err(error @ WorkspaceError::InUse(_)) => return Err(error),
            // A folder that is gone already does not keep the rest from going.
            held => held.ok(),
        };
        let known = self.catalog.remove_draft(id)?;
        // Also of one that was never known: somebody was ended while he made it.
        let own = self.drafts.join(id.as_str());
        remove_tree(&own).map_err(|reason| WorkspaceError::io(own.display(), reason))?;
        if known { Ok(()) } else { Err(WorkspaceError::NoDraft(id.clone())) }
    }

    /// Removes what nobody holds. False if somebody is making contents, so that it is worth to come again.
    pub fn remove_unheld(&self) -> Result<bool, WorkspaceError> {
        match self.locked(FlockOperation::NonBlockingLockExclusive) {
            Err(WorkspaceError::Io { reason, .. }) if reason.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
            Ok(_alone) => self.sweep_alone().map(|()| true),
        }
    }

    /// Removes what no workspace and no draft holds: what a crash, a refused upload or a deletion left behind. That is not
    /// what the caller asked for, so it never fails him; what is not swept now is swept the next time.
    pub(super) fn sweep(&self) {
        // Where somebody is making contents, whoever removes something next sweeps.
        if let Err(error) = self.remove_unheld() {
            tracing::warn!("what belongs to no workspace was not all removed: {error}");
        }
    }

    fn sweep_alone(&self) -> Result<(), WorkspaceError> {
        let drafts = self.catalog.drafts()?;
        let known: HashSet<&str> = drafts.iter().map(|draft| draft.id.as_str()).collect();
        let failed = |reason| WorkspaceError::io(self.drafts.display(), reason);
        for folder in fs::read_dir(&self.drafts).map_err(failed)? {
            let folder = folder.map_err(failed)?;
            if !folder.file_name().to_str().is_some_and(|name| known.contains(name)) {
                remove_tree(&folder.path()).map_err(failed)?;
            }
        }
        let heads = self.catalog.workspaces()?;
        let mut used: HashSet<Digest> = drafts.iter().map(|draft| draft.base).collect();
        used.extend(heads.iter().map(|workspace| workspace.tree));
        for tree in used.clone() {
            // If one cannot be read, nobody knows what it holds, and nothing is removed.
            used.extend(self.blobs.tree_of_one(tree)?.contents());
        }
        self.blobs.sweep(&used).map_err(|reason| WorkspaceError::io(self.blobs.dir().display(), reason))
    }
}
