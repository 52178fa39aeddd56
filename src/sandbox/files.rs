use std::path::PathBuf;

use super::error::SandboxError;
use super::hall::{Hall, covers, covers_in};
use crate::authz::{Action, Permit};
use crate::model::SandboxId;
use crate::workspace::{
    Destination, FileEntry, Found, Intake, Left, Packed, Source, Tree, WorkspaceName, WorkspaceRecord,
};

/// Files of sandboxes, from outside of them. They are the caller's own: the rules of the sandbox are for guests.
impl Hall {
    /// The whole of a file, if it is not larger than `most`.
    pub async fn read_file(
        &self,
        permit: &Permit,
        id: &SandboxId,
        path: String,
        most: u64,
    ) -> Result<Vec<u8>, SandboxError> {
        let sandbox = self.for_files(permit, id, false)?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.read_file(&sandbox.draft, &path, most)).await
    }

    /// Makes or replaces a file, and the folders on the way to it.
    pub async fn write_file(
        &self,
        permit: &Permit,
        id: &SandboxId,
        path: String,
        content: Vec<u8>,
    ) -> Result<(), SandboxError> {
        let sandbox = self.for_files(permit, id, true)?;
        let ceilings = self.ceilings(permit.tenant())?;
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let room = self.inner().quota.store(permit.tenant(), &ceilings, size)?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.write_file(&sandbox.draft, &path, &content)).await?;
        room.keep();
        Ok(())
    }

    /// What is at a path; for a folder what is in it as well.
    pub async fn look(
        &self,
        permit: &Permit,
        id: &SandboxId,
        path: String,
    ) -> Result<(FileEntry, Vec<FileEntry>), SandboxError> {
        let sandbox = self.for_files(permit, id, false)?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.look_at(&sandbox.draft, &path)).await
    }

    /// Removes a file, or a folder with all that is in it.
    pub async fn remove_file(&self, permit: &Permit, id: &SandboxId, path: String) -> Result<(), SandboxError> {
        let sandbox = self.for_files(permit, id, true)?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.remove_file(&sandbox.draft, &path)).await
    }

    /// Unpacks an archive into a folder of a sandbox.
    pub async fn upload(
        &self,
        permit: &Permit,
        id: &SandboxId,
        into: String,
        archive: PathBuf,
    ) -> Result<u64, SandboxError> {
        let sandbox = self.for_files(permit, id, true)?;
        let ceilings = self.ceilings(permit.tenant())?;
        let most = self.inner().quota.room(permit.tenant(), &ceilings);
        let bytes =
            self.on_shelf(permit.tenant(), move |shelf| shelf.unpack(&sandbox.draft, &into, &archive, most)).await?;
        self.inner().quota.stored(permit.tenant(), bytes, 0);
        Ok(bytes)
    }

    /// Packs a folder of a sandbox into an archive, which is gone when the answer is dropped.
    pub async fn download(
        &self,
        permit: &Permit,
        id: &SandboxId,
        folder: String,
        zip: bool,
    ) -> Result<Packed, SandboxError> {
        let sandbox = self.for_files(permit, id, false)?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.pack(&sandbox.draft, &folder, zip)).await
    }

    /// Makes a workspace from an upload, or an empty one.
    pub async fn create_workspace(
        &self,
        permit: &Permit,
        name: WorkspaceName,
        from: Option<PathBuf>,
        intake: Intake,
    ) -> Result<(WorkspaceRecord, Vec<Left>, Vec<Found>), SandboxError> {
        covers_in(permit, Action::WorkspacesCreate)?;
        self.open()?;
        let (tenant, owner) = (permit.tenant(), permit.principal().to_string());
        let ceilings = self.ceilings(tenant)?;
        let most = self.inner().quota.room(tenant, &ceilings);
        let size = from.as_ref().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |meta| meta.len());
        if size > most {
            return Err(super::quota::QuotaError::Storage(ceilings.storage_bytes).into());
        }
        let source = from.map_or(Source::Empty, Source::Path);
        let made = self.on_shelf(tenant, move |shelf| shelf.create(&name, &owner, &source, intake)).await?;
        self.inner().quota.stored(tenant, made.0.bytes, 0);
        Ok(made)
    }

    pub async fn workspaces(&self, tenant: &crate::model::TenantId) -> Result<Vec<WorkspaceRecord>, SandboxError> {
        self.on_shelf(tenant, |shelf| shelf.list()).await
    }

    pub async fn known_workspace(
        &self,
        tenant: &crate::model::TenantId,
        name: WorkspaceName,
    ) -> Result<(WorkspaceRecord, Tree), SandboxError> {
        self.on_shelf(tenant, move |shelf| shelf.get(&name)).await
    }

    pub async fn export_workspace(
        &self,
        permit: &Permit,
        name: WorkspaceName,
        to: Destination,
    ) -> Result<(), SandboxError> {
        covers(permit, Action::WorkspacesReadFiles, permit.tenant(), name.as_str())?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.export(&name, &to).map(drop)).await
    }

    pub async fn delete_workspace(&self, permit: &Permit, name: WorkspaceName) -> Result<(), SandboxError> {
        covers(permit, Action::WorkspacesDelete, permit.tenant(), name.as_str())?;
        let known = name.clone();
        let (record, _) = self.known_workspace(permit.tenant(), known).await?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.delete(&name)).await?;
        self.inner().quota.stored(permit.tenant(), 0, record.bytes);
        Ok(())
    }
}
