use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::super::meter::{LimitHit, Slot};
use super::fs::Disk;
use crate::model::{LimitName, Room, Weight};

/// Bytes of files that a run has read and written, counted also by streams, which outlive the call that made them.
pub(in super::super) struct Traffic {
    limit: AtomicU64,
    disk: Arc<Disk>,
    /// What whoever pays for the run still has, besides the run's own limits.
    room: Mutex<Option<Arc<dyn Room>>>,
    read: AtomicU64,
    written: AtomicU64,
}

impl Traffic {
    pub(in super::super) fn new(limit: u64, disk: Arc<Disk>, room: Option<Arc<dyn Room>>) -> Arc<Self> {
        let (limit, room) = (AtomicU64::new(limit), Mutex::new(room));
        Arc::new(Self { limit, disk, room, read: AtomicU64::new(0), written: AtomicU64::new(0) })
    }

    /// For the next call of one guest: counted from nothing.
    pub(in super::super) fn renew(&self, limit: u64, room: Option<Arc<dyn Room>>) {
        self.limit.store(limit, Ordering::Relaxed);
        self.read.store(0, Ordering::Relaxed);
        self.written.store(0, Ordering::Relaxed);
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = room;
    }

    pub(in super::super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(in super::super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(in super::super) fn count_read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes before they are written.
    pub(in super::super) fn count_written(&self, bytes: u64) -> Result<(), LimitHit> {
        let used = self.written().saturating_add(bytes);
        let limit = self.limit.load(Ordering::Relaxed);
        if used > limit {
            return Err(LimitHit { name: LimitName::WrittenBytes, value: limit, used });
        }
        if !self.has_room(Weight { bytes, files: 0 }) {
            return Err(LimitHit { name: LimitName::WrittenBytes, value: self.written(), used });
        }
        self.written.store(used, Ordering::Relaxed);
        Ok(())
    }

    /// Asked before a name is made, of which there have been `made` so far.
    pub(in super::super) fn count_name(&self, made: u64) -> Result<(), LimitHit> {
        match self.has_room(Weight { bytes: 0, files: 1 }) {
            true => Ok(()),
            false => Err(LimitHit { name: LimitName::FilesCreated, value: made, used: made.saturating_add(1) }),
        }
    }

    fn has_room(&self, more: Weight) -> bool {
        let room = self.room.lock().unwrap_or_else(PoisonError::into_inner).clone();
        room.is_none_or(|room| room.take(more))
    }
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traffic").field("read", &self.read).field("written", &self.written).finish_non_exhaustive()
    }
}

pub(super) fn output(inner: DynOutputStream, traffic: &Arc<Traffic>, slot: Option<Arc<Slot>>) -> DynOutputStream {
    Box::new(Counted { inner, traffic: Arc::clone(traffic), _slot: slot })
}

pub(super) fn input(inner: DynInputStream, traffic: &Arc<Traffic>, slot: Option<Arc<Slot>>) -> DynInputStream {
    Box::new(Counted { inner, traffic: Arc::clone(traffic), _slot: slot })
}

struct Counted<S> {
    inner: S,
    traffic: Arc<Traffic>,
    /// The file stays open, and counted, as long as the stream is there.
    _slot: Option<Arc<Slot>>,
}

impl<S> Counted<S> {
    fn writing(&self, bytes: usize) -> StreamResult<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.traffic.count_written(bytes).map_err(|hit| StreamError::Trap(wasmtime::Error::new(hit)))?;
        let full = |_| StreamError::LastOperationFailed(std::io::Error::from(rustix::io::Errno::NOSPC).into());
        self.traffic.disk.room_for(bytes).map_err(full)
    }

    fn reading(&self, bytes: Bytes) -> Bytes {
        self.traffic.count_read(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        bytes
    }
}

#[async_trait]
impl<S: Pollable> Pollable for Counted<S> {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait]
impl OutputStream for Counted<DynOutputStream> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.writing(bytes.len())?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.writing(bytes.len())?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    fn write_zeroes(&mut self, count: usize) -> StreamResult<()> {
        self.writing(count)?;
        self.inner.write_zeroes(count)
    }

    async fn write_ready(&mut self) -> StreamResult<usize> {
        self.inner.write_ready().await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait]
impl InputStream for Counted<DynInputStream> {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.inner.read(size)?;
        Ok(self.reading(bytes))
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.inner.blocking_read(size).await?;
        Ok(self.reading(bytes))
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
