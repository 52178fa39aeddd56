use std::fs::File;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::error::SandboxError;
use super::hall::Hall;
use super::storage::Reserved;
use crate::authz::Permit;
use crate::model::{Digest, SandboxId, TenantId, Weight};
use crate::workspace::WorkspaceError;

/// What of one body waits for the disk.
const BUFFER: usize = 128 << 10;

/// A body on its way in: on the disk of its tenant, in a file without a name, within the tenant's room.
pub struct Incoming {
    hall: Hall,
    tenant: TenantId,
    file: tokio::fs::File,
    room: Arc<Reserved>,
    hash: Sha256,
}

impl Hall {
    /// Somewhere for what is sent into a sandbox, if that may be written now, or for a new workspace.
    pub async fn incoming(&self, permit: &Permit, into: Option<&SandboxId>) -> Result<Incoming, SandboxError> {
        self.open()?;
        if let Some(id) = into {
            self.for_files(permit, id, true)?;
        }
        let tenant = permit.tenant().clone();
        let room = self.room(&tenant).await?;
        let mut file = tokio::fs::File::from_std(self.on_shelf(&tenant, |shelf| shelf.nameless()).await?);
        file.set_max_buf_size(BUFFER);
        Ok(Incoming { hall: self.clone(), tenant, file, room, hash: Sha256::new() })
    }
}

impl Incoming {
    pub async fn add(&mut self, piece: &[u8]) -> Result<(), SandboxError> {
        let bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.hall.take(&self.tenant, &self.room, Weight { bytes, files: 0 }).await?;
        self.hash.update(piece);
        self.file.write_all(piece).await.map_err(failed)
    }

    pub fn bytes(&self) -> u64 {
        self.room.used().bytes
    }

    /// Of all that came.
    pub fn digest(&self) -> Digest {
        Digest::from_bytes(self.hash.clone().finalize().into())
    }

    /// The file, for as long as there is room for it.
    pub(super) async fn whole(mut self) -> Result<(File, Arc<Reserved>), SandboxError> {
        self.file.flush().await.map_err(failed)?;
        Ok((self.file.into_std().await, self.room))
    }
}

fn failed(reason: std::io::Error) -> SandboxError {
    SandboxError::Workspace(WorkspaceError::io("the upload", reason))
}
