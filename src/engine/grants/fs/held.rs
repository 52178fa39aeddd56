use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::Resource;
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File, OpenMode, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types;
use wasmtime_wasi::p2::{DynOutputStream, FsError, FsResult};

use super::super::super::error::EngineError;
use super::super::super::meter::Slot;
use super::super::super::state::RunState;
use super::super::traffic;
use super::allowance::Allowance;
use super::denied::{Done, Refused};
use super::disk::Disk;
use super::mount::{Folder, Mount, Open};
use super::ops::Opened;
use crate::fs_policy::Level;

pub(super) type Fd = Resource<Descriptor>;

/// The folders of one run, and what its descriptors are.
pub(in super::super::super) struct Files {
    pub(super) mounts: Vec<Arc<Open>>,
    pub(super) handles: HashMap<u32, Handle>,
    /// In deterministic mode: what a file is called instead of its number on this disk.
    pub(super) numbers: Option<HashMap<(u64, u64), u64>>,
    /// What the runtime's own half, which reads and writes what is open, wants to have.
    pub(super) ctx: WasiFilesystemCtx,
    pub(super) disk: Arc<Disk>,
    pub(super) over: Arc<AtomicBool>,
}

impl Drop for Files {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// What each name costs, in fuel, that is looked at on the way.
const SEARCHED: u64 = 1_000;

/// What we know of a descriptor besides what the runtime does.
pub(super) enum Handle {
    Folder { folder: Folder, _slot: Slot },
    File { level: Level, path: String, slot: Arc<Slot> },
}

impl Files {
    /// Opens the mounts. They are opened anew for each run: a folder that was moved away is gone.
    pub(in super::super::super) fn open(
        mounts: &[Mount],
        deterministic: bool,
        disk_reserve_bytes: u64,
    ) -> Result<Self, EngineError> {
        let over: Arc<AtomicBool> = Arc::default();
        let open = |mount| Open::new(mount, Arc::clone(&over)).map(Arc::new);
        let mounts: Vec<_> = mounts.iter().map(open).collect::<Result<_, _>>()?;
        let roots = mounts.iter().map(|mount| Arc::clone(&mount.root)).collect();
        Ok(Self {
            disk: Arc::new(Disk::new(roots, disk_reserve_bytes)),
            over,
            mounts,
            handles: HashMap::new(),
            numbers: deterministic.then(HashMap::new),
            ctx: WasiFilesystemCtx::default(),
        })
    }

    /// A file that is open, as the guest named it.
    pub(in super::super::super) fn open_file(&self) -> Option<&str> {
        self.handles.values().find_map(|handle| match handle {
            Handle::File { path, .. } => Some(path.as_str()),
            Handle::Folder { .. } => None,
        })
    }

    pub(in super::super::super) fn disk(&self) -> Arc<Disk> {
        Arc::clone(&self.disk)
    }

    /// What is on the disk never differs between two deterministic runs over the same tree, but where it is does.
    pub(super) fn same_each_time(&mut self, hash: types::MetadataHashValue) -> types::MetadataHashValue {
        let Some(numbers) = &mut self.numbers else { return hash };
        let next = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
        let number = match numbers.entry((hash.lower, hash.upper)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(next),
        };
        types::MetadataHashValue { lower: number, upper: 0 }
    }

    pub(super) fn timeless(&self, mut stat: types::DescriptorStat) -> types::DescriptorStat {
        if self.numbers.is_some() {
            stat.data_access_timestamp = None;
            stat.data_modification_timestamp = None;
            stat.status_change_timestamp = None;
        }
        stat
    }
}

pub(super) fn borrowed(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

impl RunState {
    /// The runtime's own host, for what is open already.
    pub(super) fn inner(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.files.ctx, table: &mut self.table }
    }

    pub(super) fn folder(&self, fd: &Fd) -> FsResult<Folder> {
        match self.files.handles.get(&fd.rep()) {
            Some(Handle::Folder { folder, .. }) => Ok(folder.clone()),
            Some(Handle::File { .. }) => Err(types::ErrorCode::NotDirectory.into()),
            None => Err(types::ErrorCode::BadDescriptor.into()),
        }
    }

    /// Does something that may wait for the disk on a thread of its own, and writes down what was denied.
    pub(super) async fn done<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> Done<T> + Send + 'static,
    ) -> FsResult<T> {
        let done = tokio::task::spawn_blocking(work).await.map_err(FsError::trap)?;
        self.charge_search();
        done.map_err(|refused| self.noted(refused))
    }

    /// Charges for names that were looked at to find out where hidden folders lead. In which order a disk tells its names
    /// is chance, so deterministic runs, which have only their deadline against it, are not charged.
    fn charge_search(&mut self) {
        let names = self.files.mounts.iter().map(|mount| mount.searched.swap(0, Ordering::Relaxed)).sum::<u64>();
        if names > 0 && self.files.numbers.is_none() {
            self.meter.charge(names.saturating_mul(SEARCHED));
        }
    }

    pub(super) fn noted(&mut self, refused: Refused) -> FsError {
        if let Refused::Denied { tried, path, missing, .. } = &refused {
            self.deny_path(tried, path, missing);
        }
        refused.into_error()
    }

    /// Notes that a descriptor was to be used for more than it was opened for.
    pub(super) fn noting<T>(&mut self, fd: &Fd, tried: &'static str, result: FsResult<T>) -> FsResult<T> {
        if let Err(error) = &result
            && matches!(error.downcast_ref(), Some(types::ErrorCode::NotPermitted | types::ErrorCode::Access))
        {
            let (path, level) = match self.files.handles.get(&fd.rep()) {
                Some(Handle::File { level, path, .. }) => (path.clone(), *level),
                Some(Handle::Folder { folder, .. }) => (folder.mount.shown(&folder.path), folder.level()),
                None => return result,
            };
            let missing = match level {
                Level::Write => "a descriptor that was opened for it",
                _ => "a rule that lets it be changed (write)",
            };
            self.deny_path(tried, &path, missing);
        }
        result
    }

    /// Pays for a path that crossed.
    pub(super) fn path(&mut self, path: &str) {
        self.meter.charge_copy(path.len());
    }

    pub(super) fn output(&mut self, fd: &Fd, stream: Resource<DynOutputStream>) -> FsResult<Resource<DynOutputStream>> {
        let stream = traffic::output(self.table.delete(stream)?, self.meter.traffic(), self.slot(fd));
        Ok(self.table.push(stream)?)
    }

    /// The place among the open files: a stream keeps it, since it keeps the file open.
    pub(super) fn slot(&self, fd: &Fd) -> Option<Arc<Slot>> {
        match self.files.handles.get(&fd.rep()) {
            Some(Handle::File { slot, .. }) => Some(Arc::clone(slot)),
            _ => None,
        }
    }

    /// Counts bytes before they are written, with the gap that they leave behind the end of the file: what reads the file
    /// later reads that as well.
    pub(super) fn count_write(&mut self, fd: &Fd, offset: u64, length: u64) -> FsResult<()> {
        let size = match self.table.get(fd)? {
            Descriptor::File(file) => {
                rustix::fs::fstat(&*file.file).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
            }
            Descriptor::Dir(_) => return Ok(()),
        };
        let bytes = offset.saturating_sub(size).saturating_add(length);
        self.meter.traffic().count_written(bytes).map_err(hit)?;
        Ok(self.files.disk.room_for(bytes)?)
    }

    /// Gives a folder a descriptor.
    pub(super) fn hold(&mut self, mut folder: Folder, slot: Slot) -> FsResult<Fd> {
        let dir = match Arc::try_unwrap(folder.dir) {
            Ok(dir) => dir,
            Err(shared) => shared.try_clone().map_err(|error| FsError::from(types::ErrorCode::from(error)))?,
        };
        let (perms, mode) = access(folder.mount.policy.level(&folder.spot));
        let dir = Dir::new(dir, perms, mode, false);
        folder.dir = Arc::clone(&dir.dir);
        let fd = self.table.push(Descriptor::Dir(dir))?;
        self.files.handles.insert(fd.rep(), Handle::Folder { folder, _slot: slot });
        Ok(fd)
    }

    pub(super) fn hold_file(&mut self, opened: Opened, slot: Slot) -> FsResult<Fd> {
        let (file, read, write, level, path) = match opened {
            Opened::Folder(folder) => return self.hold(folder, slot),
            Opened::File { file, read, write, level, path } => (file, read, write, level, path),
        };
        let mut mode = OpenMode::empty();
        if read {
            mode |= OpenMode::READ;
        }
        if write {
            mode |= OpenMode::WRITE;
        }
        let file = File::new(file, access(level).0, mode, false);
        let fd = self.table.push(Descriptor::File(file))?;
        self.files.handles.insert(fd.rep(), Handle::File { level, path, slot: Arc::new(slot) });
        Ok(fd)
    }

    /// What an operation may take; asked on another thread, so it is a copy.
    pub(super) fn allowed(&self) -> Allowance {
        Allowance {
            create: self.meter.may_create_file(),
            created: self.meter.files_created(),
            disk: self.files.disk(),
            traffic: Arc::clone(self.meter.traffic()),
            over: Arc::clone(&self.files.over),
        }
    }

    pub(super) fn created<T>(&mut self, done: FsResult<T>) -> FsResult<T> {
        if done.is_ok() {
            self.meter.created_file();
        }
        done
    }
}

pub(super) fn access(level: Level) -> (FsPerms, OpenMode) {
    match level {
        Level::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
        Level::None | Level::View | Level::Read => (FsPerms::ReadOnly, OpenMode::READ),
    }
}

pub(super) fn hit(hit: super::super::super::meter::LimitHit) -> FsError {
    Refused::Limit(hit).into_error()
}

pub(super) fn follows(flags: types::PathFlags) -> bool {
    flags.contains(types::PathFlags::SYMLINK_FOLLOW)
}
