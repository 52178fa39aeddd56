use std::fs::File;
use std::sync::Arc;

use super::counting::within;
use super::error::SandboxError;
use super::hall::{Hall, Shelf, covers, covers_in};
use super::incoming::Incoming;
use super::storage::Reserved;
use crate::authz::{Action, Permit};
use crate::model::SandboxId;
use crate::workspace::{Found, Intake, Left, Looked, Packed, Source, Tree, Upload, WorkspaceName, WorkspaceRecord};

/// An archive on its way out. Both are gone when it was taken, or given up.
pub struct Outgoing {
    pub packed: Packed,
    pub lent: Lent,
}

/// The place of an archive on the disk.
pub struct Lent {
    _room: Arc<Reserved>,
}

/// Room for what somebody waits for. When he goes away nothing more is put there, and whoever packs stops.
struct Awaited(Arc<Reserved>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Files of sandboxes, from outside of them. They are the caller's own: the rules of the sandbox are for guests.
impl Hall {
    /// A file, and how long it is now.
    pub async fn open_file(&self, permit: &Permit, id: &SandboxId, path: String) -> Result<(File, u64), SandboxError> {
        let sandbox = self.for_files(permit, id, false)?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.open_file(&sandbox.draft, &path)).await
    }

    /// Makes or replaces a file, and the folders on the way to it.
    pub async fn write_file(
        &self,
        permit: &Permit,
        id: &SandboxId,
        path: String,
        content: Incoming,
    ) -> Result<(), SandboxError> {
        let (file, room) = content.whole().await?;
        let sandbox = self.for_files(permit, id, true)?;
        let (patient, taken) = (self.patient(permit.tenant(), &room), Arc::clone(&room));
        // To the end on that thread, also when the caller has gone away.
        let done = self.on_shelf(permit.tenant(), move |shelf| {
            shelf.put_file(&sandbox.draft, &path, file, &patient)?;
            taken.settle_in(&sandbox.draft);
            Ok(())
        });
        within(done.await, &room)
    }

    /// What is at a path; for a folder also the first that is in it after a name.
    pub async fn look(
        &self,
        permit: &Permit,
        id: &SandboxId,
        path: String,
        (after, most): (Option<String>, u32),
    ) -> Result<Looked, SandboxError> {
        let sandbox = self.for_files(permit, id, false)?;
        self.on_shelf(permit.tenant(), move |shelf| {
            shelf.look_at(&sandbox.draft, &path, after.as_deref(), most as usize)
        })
        .await
    }

    /// Removes a file, or a folder with all that is in it.
    pub async fn remove_file(&self, permit: &Permit, id: &SandboxId, path: String) -> Result<(), SandboxError> {
        self.open()?;
        let sandbox = self.for_files(permit, id, true)?;
        let (hall, of) = (self.clone(), permit.tenant().clone());
        let done = self.on_shelf(permit.tenant(), move |shelf| {
            let done = shelf.remove_file(&sandbox.draft, &path);
            // What failed may have removed a part.
            hall.draft_touched(&of, &sandbox.draft);
            done
        });
        done.await
    }

    /// Unpacks an archive into a folder of a sandbox.
    pub async fn upload(
        &self,
        permit: &Permit,
        id: &SandboxId,
        into: String,
        archive: Incoming,
    ) -> Result<(), SandboxError> {
        let tenant = permit.tenant();
        let (file, packed) = archive.whole().await?;
        let sandbox = self.for_files(permit, id, true)?;
        let room = self.room(tenant).await?;
        let upload = Upload::new(file, Arc::new(self.patient(tenant, &room)));
        let unpacked = Arc::clone(&room);
        let done = self.on_shelf(tenant, move |shelf| {
            let done = shelf.unpack(&sandbox.draft, &into, &upload);
            // Also where it failed in the middle: then the next walk finds less.
            unpacked.settle_in(&sandbox.draft);
            drop(packed);
            done
        });
        within(done.await, &room)
    }

    /// Packs a folder of a sandbox into an archive.
    pub async fn download(
        &self,
        permit: &Permit,
        id: &SandboxId,
        folder: String,
        zip: bool,
        in_memory: impl Fn(u64) -> bool + Send + 'static,
    ) -> Result<Outgoing, SandboxError> {
        let sandbox = self.for_files(permit, id, false)?;
        let room = self.lend(permit.tenant())?;
        let (_awaited, of) = (Awaited(Arc::clone(&room)), Arc::clone(&room));
        let pack = move |shelf: &Shelf| {
            let go_on = |more| of.is_open() && in_memory(more);
            shelf.pack(&sandbox.draft, &folder, zip, &*of, &go_on)
        };
        let packed = self.on_shelf(permit.tenant(), pack).await;
        Ok(Outgoing { packed: within(packed, &room)?, lent: Lent { _room: room } })
    }

    /// Makes a workspace from an archive, or an empty one from an empty body.
    pub async fn create_workspace(
        &self,
        permit: &Permit,
        name: WorkspaceName,
        from: Incoming,
        intake: Intake,
    ) -> Result<(WorkspaceRecord, Vec<Left>, Vec<Found>), SandboxError> {
        covers_in(permit, Action::WorkspacesCreate)?;
        self.open()?;
        let (tenant, owner) = (permit.tenant(), permit.principal().to_string());
        let is_empty = from.bytes() == 0;
        let (file, packed) = from.whole().await?;
        let room = self.room(tenant).await?;
        // The workspace itself, however little is in it.
        self.take(tenant, &room, crate::model::Weight { bytes: 0, files: 1 }).await?;
        let source = match is_empty {
            true => Source::Empty,
            false => Source::Upload(Upload::new(file, Arc::new(self.patient(tenant, &room)))),
        };
        let (hall, of, taken) = (self.clone(), tenant.clone(), Arc::clone(&room));
        let made = self.on_shelf(tenant, move |shelf| {
            let made = shelf.create(&name, &owner, &source, intake)?;
            hall.count_rows(&of, taken.used());
            drop(packed);
            Ok(made)
        });
        within(made.await, &room)
    }

    /// The first of them after a name, in the order of their names.
    pub fn workspaces(
        &self,
        tenant: &crate::model::TenantId,
        after: Option<&WorkspaceName>,
        most: u32,
    ) -> Result<Vec<WorkspaceRecord>, SandboxError> {
        Ok(self.shelf(tenant)?.list_after(after, most)?)
    }

    /// One that the tenant has, for whoever is then asked whether he may.
    pub async fn known_workspace(
        &self,
        tenant: &crate::model::TenantId,
        name: WorkspaceName,
    ) -> Result<WorkspaceRecord, SandboxError> {
        self.on_shelf(tenant, move |shelf| shelf.known(&name)).await
    }

    /// A workspace and what it holds, if there is room in memory for that.
    pub async fn read_workspace(
        &self,
        permit: &Permit,
        name: WorkspaceName,
        in_memory: impl Fn(u64) -> bool + Send + 'static,
    ) -> Result<(WorkspaceRecord, Tree), SandboxError> {
        covers(permit, Action::WorkspacesRead, permit.tenant(), name.as_str())?;
        let owner = whose(permit);
        self.on_shelf(permit.tenant(), move |shelf| shelf.get_within(&name, owner.as_deref(), &in_memory)).await
    }

    pub async fn export_workspace(
        &self,
        permit: &Permit,
        name: WorkspaceName,
        zip: bool,
    ) -> Result<Outgoing, SandboxError> {
        covers(permit, Action::WorkspacesReadFiles, permit.tenant(), name.as_str())?;
        let room = self.lend(permit.tenant())?;
        let (_awaited, of, owner) = (Awaited(Arc::clone(&room)), Arc::clone(&room), whose(permit));
        let packed =
            self.on_shelf(permit.tenant(), move |shelf| shelf.pack_workspace((&name, owner.as_deref()), zip, &*of));
        let packed = packed.await;
        Ok(Outgoing { packed: within(packed, &room)?, lent: Lent { _room: room } })
    }

    pub async fn delete_workspace(&self, permit: &Permit, name: WorkspaceName) -> Result<(), SandboxError> {
        covers(permit, Action::WorkspacesDelete, permit.tenant(), name.as_str())?;
        let (hall, of, owner) = (self.clone(), permit.tenant().clone(), whose(permit));
        let gone = self.on_shelf(permit.tenant(), move |shelf| {
            shelf.delete(&name, owner.as_deref())?;
            hall.count_rows(&of, crate::model::Weight::default());
            Ok(())
        });
        gone.await
    }
}

/// Whose the workspace was that the permit is for: one that took its name since is another.
pub(super) fn whose(permit: &Permit) -> Option<String> {
    permit.owner().map(ToString::to_string)
}
