use super::super::blobs::Blobs;
use super::super::error::WorkspaceError;

/// Of what runs may write, the host keeps as much.
const RESERVE_BYTES: u64 = 256 << 20;

/// Whether the disk of the data folder can take this, and still has room for the work of others.
pub(super) fn check(blobs: &Blobs, needed: u64) -> Result<(), WorkspaceError> {
    let disk = rustix::fs::statvfs(blobs.dir()).map_err(|errno| WorkspaceError::io("the data folder", errno))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize).saturating_sub(RESERVE_BYTES);
    if needed > free { Err(WorkspaceError::NoSpace { needed, free }) } else { Ok(()) }
}
