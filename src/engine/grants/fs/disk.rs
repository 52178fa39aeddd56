use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::fstatvfs;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

/// Bytes that are written between two looks at the disk.
const LOOK_BYTES: u64 = 1 << 20;
/// What the smallest write may take.
const BLOCK: u64 = 4 << 10;
/// Names that the disk keeps for others.
const NAMES: u64 = 1_000;

/// The disks below the mounts of a run, and what is left on them for others, whatever the run's own limits allow.
#[derive(Debug, Default)]
pub(in super::super::super) struct Disk {
    roots: Vec<Arc<File>>,
    reserve_bytes: u64,
    unlooked: AtomicU64,
}

impl Disk {
    pub(super) fn new(roots: Vec<Arc<File>>, reserve_bytes: u64) -> Self {
        // The first write looks.
        Self { roots, reserve_bytes, unlooked: AtomicU64::new(LOOK_BYTES) }
    }

    /// Whether so many bytes more leave the reserve alone.
    pub(in super::super) fn room_for(&self, bytes: u64) -> Result<(), ErrorCode> {
        // A byte may take a block, wherever in a file it goes.
        let taken = bytes.saturating_add(BLOCK);
        let since = self.unlooked.fetch_add(taken, Ordering::Relaxed).saturating_add(taken);
        if since < LOOK_BYTES {
            return Ok(());
        }
        let needed = self.reserve_bytes.saturating_add(bytes);
        self.all(|free, _| free >= needed)?;
        self.unlooked.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Whether one more file or folder does.
    pub(super) fn room_for_names(&self) -> Result<(), ErrorCode> {
        self.all(|free, names| free >= self.reserve_bytes && names.is_none_or(|names| names >= NAMES))
    }

    fn all(&self, enough: impl Fn(u64, Option<u64>) -> bool) -> Result<(), ErrorCode> {
        for root in &self.roots {
            let disk = fstatvfs(root).map_err(|errno| ErrorCode::from(std::io::Error::from(errno)))?;
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            // Some file systems have no fixed number of names, and say so with none in all.
            let names = (disk.f_files > 0).then_some(disk.f_favail);
            if !enough(free, names) {
                return Err(ErrorCode::InsufficientSpace);
            }
        }
        Ok(())
    }
}
