use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use super::blobs::Blobs;
use super::catalog::{Catalog, DraftRecord, WorkspaceRecord};
use super::changes::{Changes, above, below};
use super::draft;
use super::entered::Entered;
use super::error::WorkspaceError;
use super::export::{self, Destination};
use super::fell::remove_tree;
use super::intake::{self, Found, Intake, Left, Source};
use super::lists::Lists;
use super::name::{DraftId, WorkspaceName};
use super::parcels::Taking;
use super::select;
use super::tree::{Node, Tree};
use super::{upload, weigh};
use crate::model::{Digest, Room, Weight};

/// All workspaces of a data folder.
///
/// ```text
/// DATA/files/AA/BBB…     contents and trees, by digest
/// DATA/drafts/ID/files   a draft, and beside it where copies are made
/// DATA/files.lock        held while contents come and go
/// DATA/tmp               what is on its way in or out, in files without names
/// ```
pub struct Workspaces<C> {
    pub(super) catalog: C,
    pub(super) blobs: Blobs,
    pub(super) drafts: PathBuf,
    lock: PathBuf,
    tmp: PathBuf,
    /// Of trees that are in use.
    weights: Mutex<HashMap<Digest, Weight>>,
}

/// What an apply did.
#[derive(Debug)]
pub struct Applied {
    pub workspace: WorkspaceRecord,
    pub changes: Changes,
    /// Changes that were not chosen, and are in the draft still.
    pub left: usize,
}

impl<C: Catalog> Workspaces<C> {
    pub fn open(data: &Path, catalog: C) -> Result<Self, WorkspaceError> {
        Self::open_among(data, catalog, None)
    }

    /// One set of several, which share the memory that their lists of files take.
    pub fn open_among(data: &Path, catalog: C, all: Option<&Arc<Lists>>) -> Result<Self, WorkspaceError> {
        let drafts = data.join("drafts");
        fs::create_dir_all(&drafts).map_err(|reason| WorkspaceError::io(drafts.display(), reason))?;
        let tmp = data.join("tmp");
        upload::sweep(&tmp).map_err(|reason| WorkspaceError::io(tmp.display(), reason))?;
        let (blobs, lock) = (Blobs::open(data.join("files"), Lists::own(all))?, data.join("files.lock"));
        Ok(Self { catalog, blobs, drafts, lock, tmp, weights: Mutex::default() })
    }

    /// A file without a name, for what is on its way in or out.
    pub fn nameless(&self) -> Result<File, WorkspaceError> {
        upload::nameless(&self.tmp).map_err(|reason| WorkspaceError::io(self.tmp.display(), reason))
    }

    /// Removes what a crash left.
    pub fn tidy(&self) {
        self.sweep();
    }

    pub(super) fn drafts_dir(&self) -> &Path {
        &self.drafts
    }

    pub(super) fn tree_weights(&self) -> MutexGuard<'_, HashMap<Digest, Weight>> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read_tree_weight(&self, digest: Digest) -> Result<Weight, WorkspaceError> {
        let text = fs::metadata(self.blobs.path(digest)).map_or(0, |meta| meta.len());
        let tree = self.blobs.tree(digest)?;
        Ok(weigh::of_tree(&tree).plus(Weight { bytes: text, files: 1 }))
    }

    /// Held as long as the file lives. Who removes contents is alone; those who make or use some are many.
    pub(super) fn locked(&self, how: FlockOperation) -> Result<File, WorkspaceError> {
        let failed = |reason| WorkspaceError::io(self.lock.display(), reason);
        let options = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.lock);
        let file = options.map_err(failed)?;
        flock(&file, how).map_err(|errno| failed(errno.into()))?;
        Ok(file)
    }

    /// Makes a workspace, and says what was left out of it.
    pub fn create(
        &self,
        name: &WorkspaceName,
        owner: &str,
        source: &Source,
        intake: Intake,
    ) -> Result<(WorkspaceRecord, Vec<Left>, Vec<Found>), WorkspaceError> {
        if self.catalog.workspace(name)?.is_some() {
            return Err(WorkspaceError::Taken(name.clone()));
        }
        let _shared = self.locked(FlockOperation::LockShared)?;
        let taken = intake::take(&self.blobs, source, intake)?;
        let tree = self.keep_tree(&taken.tree)?;
        let now = seconds();
        let record = WorkspaceRecord {
            name: name.clone(),
            owner: owner.to_owned(),
            tree,
            files: taken.tree.files(),
            bytes: taken.tree.bytes(),
            created: now,
            changed: now,
        };
        if self.catalog.add(&record)? {
            Ok((record, taken.left_out, taken.found))
        } else {
            Err(WorkspaceError::Taken(name.clone()))
        }
    }

    fn keep_tree(&self, tree: &Tree) -> Result<Digest, WorkspaceError> {
        let digest = self.blobs.keep_tree(tree)?;
        self.blobs.sync()?;
        Ok(digest)
    }

    pub fn list(&self) -> Result<Vec<WorkspaceRecord>, WorkspaceError> {
        Ok(self.catalog.workspaces()?)
    }

    /// The first of them after a name, in the order of their names.
    pub fn list_after(&self, after: Option<&WorkspaceName>, most: u32) -> Result<Vec<WorkspaceRecord>, WorkspaceError> {
        Ok(self.catalog.workspaces_after(after, most)?)
    }

    pub fn drafts(&self) -> Result<Vec<DraftRecord>, WorkspaceError> {
        Ok(self.catalog.drafts()?)
    }

    /// What is known of a workspace, whether its contents are there or not.
    pub fn known(&self, name: &WorkspaceName) -> Result<WorkspaceRecord, WorkspaceError> {
        self.catalog.workspace(name)?.ok_or_else(|| WorkspaceError::NoWorkspace(name.clone()))
    }

    pub fn get(&self, name: &WorkspaceName) -> Result<(WorkspaceRecord, Tree), WorkspaceError> {
        let record = self.known(name)?;
        let tree = self.blobs.tree(record.tree)?;
        Ok((record, tree))
    }

    /// The one that is somebody's: another that has its name since is none.
    pub(super) fn known_of(
        &self,
        name: &WorkspaceName,
        owner: Option<&str>,
    ) -> Result<WorkspaceRecord, WorkspaceError> {
        let record = self.known(name)?;
        match owner.is_none_or(|owner| owner == record.owner) {
            true => Ok(record),
            false => Err(WorkspaceError::NoWorkspace(name.clone())),
        }
    }

    /// The same with what it holds, given up when so many more bytes in memory are too many.
    pub fn get_within(
        &self,
        name: &WorkspaceName,
        owner: Option<&str>,
        go_on: &dyn Fn(u64) -> bool,
    ) -> Result<(WorkspaceRecord, Tree), WorkspaceError> {
        let record = self.known_of(name, owner)?;
        let tree = self.blobs.tree_within(record.tree, go_on)?;
        Ok((record, tree))
    }

    pub fn export(&self, name: &WorkspaceName, to: &Destination) -> Result<WorkspaceRecord, WorkspaceError> {
        let _shared = self.locked(FlockOperation::LockShared)?;
        let (record, tree) = self.get(name)?;
        export::write(&self.blobs, &tree, to)?;
        Ok(record)
    }

    pub(super) fn export_into(
        &self,
        (name, owner): (&WorkspaceName, Option<&str>),
        into: &mut Taking<'_>,
        zip: bool,
    ) -> Result<(), WorkspaceError> {
        let _shared = self.locked(FlockOperation::LockShared)?;
        let tree = self.blobs.tree(self.known_of(name, owner)?.tree)?;
        export::pack(&self.blobs, &tree, into, zip)
    }

    /// Removes a workspace and what only it held.
    pub fn delete(&self, name: &WorkspaceName, owner: Option<&str>) -> Result<(), WorkspaceError> {
        if self.catalog.remove(name, owner)? {
            self.sweep();
            return Ok(());
        }
        self.known_of(name, owner)?;
        let drafts = self.catalog.drafts()?;
        let of_it = drafts.iter().filter(|draft| draft.workspace.as_ref() == Some(name));
        let drafts: Vec<_> = of_it.map(|draft| draft.id.to_string()).collect();
        Err(WorkspaceError::HasDrafts(name.clone(), drafts.join(", ")))
    }

    /// Makes a draft for a run to work in. See [`Workspaces::enter`].
    pub fn start(&self, name: &WorkspaceName) -> Result<DraftRecord, WorkspaceError> {
        self.start_as(DraftId::random(), Some(name))
    }

    /// The same under an id that somebody wrote down before; without a workspace it is one of nothing, which cannot be
    /// applied.
    pub fn start_as(&self, id: DraftId, name: Option<&WorkspaceName>) -> Result<DraftRecord, WorkspaceError> {
        self.start_within(id, name, None, &upload::Endless)
    }

    /// The same, if the workspace is somebody's and there is room for all the names.
    pub fn start_within(
        &self,
        id: DraftId,
        name: Option<&WorkspaceName>,
        owner: Option<&str>,
        room: &dyn Room,
    ) -> Result<DraftRecord, WorkspaceError> {
        let _shared = self.locked(FlockOperation::LockShared)?;
        let (base, tree) = match name {
            Some(name) => {
                let record = self.known_of(name, owner)?;
                (record.tree, self.blobs.tree(record.tree)?)
            }
            None => (self.keep_tree(&Tree::default())?, Tree::default()),
        };
        if !room.take(Weight { bytes: 0, files: weigh::of_tree(&tree).files }) {
            return Err(WorkspaceError::NoRoom);
        }
        let draft = DraftRecord { id, workspace: name.cloned(), base, created: seconds() };
        draft::lay_out(&self.blobs, &tree, &self.drafts.join(draft.id.as_str()))?;
        match (self.catalog.add_draft(&draft, owner)?, name) {
            (false, Some(name)) => Err(WorkspaceError::NoWorkspace(name.clone())),
            _ => Ok(draft),
        }
    }

    /// Lets a run work on a draft; several may at once, and one after the other.
    pub fn enter(&self, id: &DraftId) -> Result<Entered, WorkspaceError> {
        let lock = self.hold(id, FlockOperation::NonBlockingLockShared)?;
        // Asked after the lock is held: it cannot go any more.
        Ok(Entered::new(self.draft(id)?, self.folder(id), lock))
    }

    /// Keeps runs out of a draft, or those who would end it.
    pub(super) fn hold(&self, id: &DraftId, how: FlockOperation) -> Result<File, WorkspaceError> {
        let folder = self.folder(id);
        let dir = match File::open(&folder) {
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => {
                return Err(self.there(id).err().unwrap_or_else(|| WorkspaceError::NoDraft(id.clone())));
            }
            opened => opened.map_err(|reason| WorkspaceError::io(folder.display(), reason))?,
        };
        match flock(&dir, how) {
            Err(rustix::io::Errno::WOULDBLOCK) => Err(WorkspaceError::InUse(id.clone())),
            done => done.map(|()| dir).map_err(|errno| WorkspaceError::io(folder.display(), errno)),
        }
    }

    /// A draft, and where its files are.
    fn there(&self, id: &DraftId) -> Result<(DraftRecord, PathBuf), WorkspaceError> {
        let (draft, folder) = (self.draft(id)?, self.folder(id));
        if matches!(folder.try_exists(), Ok(false)) {
            // One that was thrown away this moment is not known any more.
            return Err(WorkspaceError::DraftMissing(self.draft(id)?.id));
        }
        Ok((draft, folder))
    }

    /// Where the files of a draft are, if it is there.
    pub(super) fn folder_of(&self, id: &DraftId) -> Result<PathBuf, WorkspaceError> {
        self.there(id).map(|(_, folder)| folder)
    }

    pub(super) fn look_through(&self, id: &DraftId, go_on: draft::GoOn<'_>) -> Result<draft::Now, WorkspaceError> {
        let (draft, folder) = self.there(id)?;
        draft::look(&self.blobs, &self.blobs.tree_within(draft.base, go_on)?, &folder, go_on)
    }

    /// Makes a draft what it was when it was made, or last applied.
    /// `known`: what it was known to take, which is its room already.
    pub fn reset(&self, id: &DraftId, known: Weight, room: &dyn Room) -> Result<(), WorkspaceError> {
        let _shared = self.locked(FlockOperation::LockShared)?;
        let draft = self.draft(id)?;
        let _nobody_works = self.hold(id, FlockOperation::NonBlockingLockExclusive)?;
        let base = self.blobs.tree(draft.base)?;
        let files = weigh::of_tree(&base).files.saturating_sub(known.files);
        if !room.take(Weight { bytes: 0, files }) {
            return Err(WorkspaceError::NoRoom);
        }
        let aside = self.drafts.join(format!("new-{:016x}", rand::random::<u64>()));
        draft::lay_out(&self.blobs, &base, &aside)?;
        // One step: whoever looks sees the one or the other.
        let failed = |reason: std::io::Error| WorkspaceError::io(aside.display(), reason);
        let flags = rustix::fs::RenameFlags::EXCHANGE;
        let own = self.drafts.join(id.as_str());
        rustix::fs::renameat_with(rustix::fs::CWD, &aside, rustix::fs::CWD, &own, flags)
            .map_err(|e| failed(e.into()))?;
        remove_tree(&aside).map_err(failed)
    }

    fn folder(&self, draft: &DraftId) -> PathBuf {
        self.drafts.join(draft.as_str()).join("files")
    }

    pub fn draft(&self, id: &DraftId) -> Result<DraftRecord, WorkspaceError> {
        self.catalog.draft(id)?.ok_or_else(|| WorkspaceError::NoDraft(id.clone()))
    }

    /// What was done in a draft.
    pub fn diff(&self, id: &DraftId, with_text: bool) -> Result<Changes, WorkspaceError> {
        self.diff_while(id, with_text, &|_| true)
    }

    /// The same, given up when nobody waits for it any more, or when so many more bytes in memory are too many.
    pub fn diff_while(
        &self,
        id: &DraftId,
        with_text: bool,
        go_on: &dyn Fn(u64) -> bool,
    ) -> Result<Changes, WorkspaceError> {
        let (draft, folder) = self.there(id)?;
        let base = self.blobs.tree_within(draft.base, go_on)?;
        let now = draft::look(&self.blobs, &base, &folder, go_on)?;
        match with_text {
            true => now.changes_with_text(&self.blobs, &base, go_on),
            false => Ok(Changes::between(&base, &now.tree)),
        }
    }

    /// Makes changes of a draft count: those at or below the given paths, or all. Refused if the workspace has moved
    /// on since the draft was made.
    pub fn apply(&self, id: &DraftId, chosen: &[String]) -> Result<Applied, WorkspaceError> {
        self.apply_some(id, chosen, None, false, &|_| true)
    }

    /// The same, if the workspace is somebody's, and the draft stays, as one of the new state. Given up before it counts
    /// when so many more bytes in memory are too many.
    pub fn apply_and_keep(
        &self,
        id: &DraftId,
        chosen: &[String],
        owner: Option<&str>,
        go_on: &dyn Fn(u64) -> bool,
    ) -> Result<Applied, WorkspaceError> {
        self.apply_some(id, chosen, owner, true, go_on)
    }

    fn apply_some(
        &self,
        id: &DraftId,
        chosen: &[String],
        owner: Option<&str>,
        keep: bool,
        go_on: draft::GoOn<'_>,
    ) -> Result<Applied, WorkspaceError> {
        let shared = self.locked(FlockOperation::LockShared)?;
        let draft = self.draft(id)?;
        let nobody_works = self.hold(id, FlockOperation::NonBlockingLockExclusive)?;
        let base = self.blobs.tree_within(draft.base, go_on)?;
        let now = draft::look(&self.blobs, &base, &self.folder(id), go_on)?;
        let changes = Changes::between(&base, &now.tree);
        let name = draft.workspace.as_ref().ok_or_else(|| WorkspaceError::OfNothing(id.clone()))?;
        let record = self.known_of(name, owner)?;
        if record.tree != draft.base {
            return Err(moved(name, &base, &self.blobs.tree(record.tree)?, &changes));
        }
        let picked = changes.pick(chosen)?;
        let mut next = base.clone();
        for change in &picked.0 {
            if let Some(Node::Link { target }) = &change.after
                // No guest is let make one; this does not trust that.
                && select::link_fault(&change.path, target).is_some()
            {
                let kind = "a link that leads out of the workspace";
                return Err(WorkspaceError::Special { path: change.path.clone(), kind });
            }
            match &change.after {
                None => next.remove(&change.path),
                Some(node) => next.insert(change.path.clone(), node.clone()),
            }
        }
        if let Some((path, needs)) = next.orphan() {
            return Err(WorkspaceError::Incomplete { path, needs });
        }
        for change in &picked.0 {
            if let Some(Node::File { digest, .. }) = &change.after {
                self.take(&now, &change.path, *digest)?;
            }
        }
        let left = changes.0.len() - picked.0.len();
        let to = WorkspaceRecord {
            tree: self.keep_tree(&next)?,
            files: next.files(),
            bytes: next.bytes(),
            changed: seconds(),
            ..record
        };
        if !self.catalog.advance(&to, draft.base, id, keep || left > 0)? {
            let (_, head) = self.get(name)?;
            return Err(moved(name, &base, &head, &changes));
        }
        drop((shared, nobody_works));
        self.sweep();
        Ok(Applied { workspace: to, changes: picked, left })
    }

    fn take(&self, now: &draft::Now, path: &str, digest: Digest) -> Result<(), WorkspaceError> {
        let failed = |reason| WorkspaceError::io(path, reason);
        if self.blobs.path(digest).exists() {
            return Ok(());
        }
        let incoming = now.receive(&self.blobs, path).map_err(failed)?;
        if incoming.digest != digest {
            return Err(WorkspaceError::Changed { path: path.to_owned() });
        }
        self.blobs.keep(incoming).map_err(failed)
    }
}

fn moved(name: &WorkspaceName, base: &Tree, head: &Tree, changes: &Changes) -> WorkspaceError {
    let theirs = Changes::between(base, head);
    let ours = changes.paths();
    // A folder that one side removed and the other put something in is a conflict as well.
    let meets = |path: &str| {
        ours.contains(path) || above(path).any(|above| ours.contains(above)) || below(&ours, path).next().is_some()
    };
    let (conflicts, others) = theirs.paths().into_iter().map(str::to_owned).partition(|path| meets(path));
    WorkspaceError::Moved { workspace: name.clone(), conflicts, others }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
