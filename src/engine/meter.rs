use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;

use super::grants::fs::Disk;
use super::grants::traffic::Traffic;
use crate::model::{LimitName, Limits, Room};

/// What calls to the host cost in fuel: by what they cost the host, at about 20 units a nanosecond of a loop of guest
/// code (`docs/performance.md` has the measurement). A guest cannot spend the host's time for much less than its own.
pub(super) const LOOK: u64 = 2_000;
pub(super) const WAIT: u64 = 50_000;
pub(super) const FILE: u64 = 50_000;

/// A limit was reached: carried through the runtime as the reason of a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} was reached")]
pub(super) struct LimitHit {
    pub name: LimitName,
    pub value: u64,
    pub used: u64,
}

/// Counts what a run takes and says no.
#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    memory_bytes: u64,
    memory_peak: u64,
    /// What the last growth added: taken back if it fails after we agreed.
    memory_pending: u64,
    /// The size that was asked for and refused.
    memory_refused: Option<u64>,
    table_elements: u64,
    table_pending: u64,
    open_files: Arc<AtomicU64>,
    files_created: u64,
    traffic: Arc<Traffic>,
    /// Of the traffic, what was charged.
    traffic_charged: u64,
    host_calls: u64,
    tool_calls: u64,
    /// Fuel that the call at `due_at` has cost and that is not taken from the store yet.
    due: u64,
    /// How deep the host is in calls from the guest.
    depth: u32,
    due_at: u32,
    /// What folders that are being listed take.
    listed_bytes: u64,
    entries_read: u64,
}

impl Meter {
    pub(super) fn new(limits: Limits, disk: Arc<Disk>, room: Option<Arc<dyn Room>>) -> Self {
        Self {
            traffic: Traffic::new(limits.written_bytes, disk, room),
            limits,
            memory_bytes: 0,
            memory_peak: 0,
            memory_pending: 0,
            memory_refused: None,
            table_elements: 0,
            table_pending: 0,
            open_files: Arc::default(),
            files_created: 0,
            traffic_charged: 0,
            host_calls: 0,
            tool_calls: 0,
            due: 0,
            depth: 0,
            due_at: 0,
            listed_bytes: 0,
            entries_read: 0,
        }
    }

    /// For the next call of one guest. What it holds goes on counting: memory, tables, open files, listings.
    pub(super) fn renew(&mut self, limits: Limits, room: Option<Arc<dyn Room>>) {
        self.traffic.renew(limits.written_bytes, room);
        self.limits = limits;
        self.memory_peak = self.memory_bytes;
        self.memory_refused = None;
        (self.files_created, self.host_calls, self.entries_read, self.tool_calls) = (0, 0, 0, 0);
        (self.traffic_charged, self.due, self.depth, self.due_at) = (0, 0, 0, 0);
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn host_call(&mut self, fuel: u64) {
        self.host_calls += 1;
        self.charge(fuel);
    }

    pub(super) fn charge(&mut self, fuel: u64) {
        self.due = self.due.saturating_add(fuel);
        self.due_at = self.depth;
    }

    /// The guest calls the host.
    pub(super) fn enter(&mut self) {
        self.depth += 1;
    }

    /// And gets its answer: with the fuel that this call has cost.
    pub(super) fn leave(&mut self) -> u64 {
        let due = if self.depth == self.due_at { self.take_due() } else { 0 };
        if due > 0 {
            self.due_at = 0;
        }
        self.depth = self.depth.saturating_sub(1);
        due
    }

    /// Room for one more listing, beside those that are still open.
    pub(super) fn list(&mut self, entries: u64, bytes: u64) -> Result<(), LimitHit> {
        let read = self.entries_read.saturating_add(entries);
        self.within(LimitName::EntriesRead, read)?;
        self.entries_read = read;
        let used = self.listed_bytes.saturating_add(bytes);
        self.within(LimitName::HostcallBytes, used)?;
        self.listed_bytes = used;
        Ok(())
    }

    pub(super) fn entries_read(&self) -> u64 {
        self.entries_read
    }

    pub(super) fn listed(&self) -> u64 {
        self.listed_bytes
    }

    pub(super) fn unlist(&mut self, bytes: u64) {
        self.listed_bytes = self.listed_bytes.saturating_sub(bytes);
    }

    /// What is copied is paid for, a unit a byte: a guest may ask for the same again and again.
    pub(super) fn charge_copy(&mut self, bytes: usize) {
        self.charge(wide(bytes));
    }

    fn take_due(&mut self) -> u64 {
        let moved = self.traffic.read().saturating_add(self.traffic.written());
        let bytes = moved.saturating_sub(std::mem::replace(&mut self.traffic_charged, moved));
        std::mem::take(&mut self.due).saturating_add(bytes)
    }

    pub(super) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Asked before something is created, which is counted once it is.
    pub(super) fn may_create_file(&self) -> Result<(), LimitHit> {
        self.within(LimitName::FilesCreated, self.files_created + 1)
    }

    pub(super) fn created_file(&mut self) {
        self.files_created += 1;
    }

    /// One more call of a tool, whatever comes of it.
    pub(super) fn tool_call(&mut self) -> Result<(), LimitHit> {
        self.within(LimitName::ToolCalls, self.tool_calls + 1)?;
        self.tool_calls += 1;
        Ok(())
    }

    /// A place among the open files, until it is dropped.
    pub(super) fn open_file(&mut self) -> Result<Slot, LimitHit> {
        self.within(LimitName::OpenFiles, self.open_files.load(Ordering::Relaxed) + 1)?;
        self.open_files.fetch_add(1, Ordering::Relaxed);
        Ok(Slot(Arc::clone(&self.open_files)))
    }

    pub(super) fn within(&self, name: LimitName, used: u64) -> Result<(), LimitHit> {
        let value = self.limits.get(name);
        if used > value { Err(LimitHit { name, value, used }) } else { Ok(()) }
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    pub(super) fn memory_peak(&self) -> u64 {
        self.memory_peak
    }

    pub(super) fn memory_refused(&self) -> Option<u64> {
        self.memory_refused
    }

    pub(super) fn host_calls(&self) -> u64 {
        self.host_calls
    }

    pub(super) fn tool_calls(&self) -> u64 {
        self.tool_calls
    }

    pub(super) fn files_created(&self) -> u64 {
        self.files_created
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.memory_pending = 0;
        if maximum.is_some_and(|most| desired > most) {
            // The guest's own bound, not ours.
            return Ok(false);
        }
        let added = wide(desired.saturating_sub(current));
        let sum = self.memory_bytes.saturating_add(added);
        if sum > self.limits.memory_bytes {
            self.memory_refused = Some(sum);
            return Ok(false);
        }
        self.memory_pending = added;
        self.memory_bytes = sum;
        self.memory_peak = self.memory_peak.max(sum);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_bytes = self.memory_bytes.saturating_sub(std::mem::take(&mut self.memory_pending));
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.table_pending = 0;
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let added = wide(desired.saturating_sub(current));
        let sum = self.table_elements.saturating_add(added);
        self.within(LimitName::TableElements, sum)?;
        self.table_pending = added;
        self.table_elements = sum;
        Ok(true)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.table_elements = self.table_elements.saturating_sub(std::mem::take(&mut self.table_pending));
        Ok(())
    }

    fn instances(&self) -> usize {
        usize::try_from(self.limits.instances).unwrap_or(usize::MAX)
    }
}

/// One of the files that a run has open.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicU64>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
