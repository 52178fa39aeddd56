use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::super::super::meter::LimitHit;
use super::super::traffic::Traffic;
use super::denied::{Done, Refused};
use super::disk::Disk;

/// What an operation may take of the run's limits and of the disk, asked on the thread that waits for the disk.
pub(super) struct Allowance {
    pub(super) create: Result<(), LimitHit>,
    pub(super) created: u64,
    pub(super) disk: Arc<Disk>,
    pub(super) traffic: Arc<Traffic>,
    /// The run is over: nobody waits for the rest any more.
    pub(super) over: Arc<AtomicBool>,
}

impl Allowance {
    /// One file, folder or link more.
    pub(super) fn create(&self) -> Done<()> {
        self.create.and_then(|()| self.traffic.count_name(self.created)).map_err(Refused::Limit)?;
        Ok(self.disk.room_for_names()?)
    }

    /// So many bytes more, counted whether they are the guest's own or a copy of what was there.
    pub(super) fn write(&self, bytes: u64) -> Done<()> {
        self.traffic.count_written(bytes).map_err(Refused::Limit)?;
        Ok(self.disk.room_for(bytes)?)
    }

    pub(super) fn go_on(&self) -> Done<()> {
        if self.over.load(Ordering::Relaxed) { Err(ErrorCode::Interrupted.into()) } else { Ok(()) }
    }
}
