use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File as StdFile;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File, OpenMode, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::super::super::error::EngineError;
use super::super::super::state::RunState;
use super::super::traffic;
use super::denied::{Done, Refused};
use super::disk::Disk;
use super::mount::{Folder, Mount, Open};
use super::ops::{Opened, Wish};
use super::{listing, ops};
use crate::fs_policy::Level;

type Fd = Resource<Descriptor>;

/// What each entry of a folder costs beyond the call that lists it.
const ENTRY: u64 = 20_000;

/// The folders of one run, and what its descriptors are.
pub(in super::super::super) struct Files {
    mounts: Vec<Arc<Open>>,
    handles: HashMap<u32, Handle>,
    /// In deterministic mode: what a file is called instead of its number on this disk.
    numbers: Option<HashMap<(u64, u64), u64>>,
    /// What the runtime's own half, which reads and writes what is open, wants to have.
    ctx: WasiFilesystemCtx,
    disk: Arc<Disk>,
}

/// What we know of a descriptor besides what the runtime does.
enum Handle {
    Folder(Folder),
    File { level: Level, path: String },
}

impl Files {
    /// Opens the mounts. They are opened anew for each run: a folder that was moved away is gone.
    pub(in super::super::super) fn open(
        mounts: &[Mount],
        deterministic: bool,
        disk_reserve_bytes: u64,
    ) -> Result<Self, EngineError> {
        let mounts: Vec<_> = mounts.iter().map(|mount| Open::new(mount).map(Arc::new)).collect::<Result<_, _>>()?;
        let roots = mounts.iter().map(|mount| Arc::clone(&mount.root)).collect();
        Ok(Self {
            disk: Arc::new(Disk::new(roots, disk_reserve_bytes)),
            mounts,
            handles: HashMap::new(),
            numbers: deterministic.then(HashMap::new),
            ctx: WasiFilesystemCtx::default(),
        })
    }

    pub(in super::super::super) fn disk(&self) -> Arc<Disk> {
        Arc::clone(&self.disk)
    }

    /// What is on the disk never differs between two deterministic runs over the same tree, but where it is does.
    fn same_each_time(&mut self, hash: types::MetadataHashValue) -> types::MetadataHashValue {
        let Some(numbers) = &mut self.numbers else { return hash };
        let next = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
        let number = match numbers.entry((hash.lower, hash.upper)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(next),
        };
        types::MetadataHashValue { lower: number, upper: 0 }
    }

    fn timeless(&self, mut stat: types::DescriptorStat) -> types::DescriptorStat {
        if self.numbers.is_some() {
            stat.data_access_timestamp = None;
            stat.data_modification_timestamp = None;
            stat.status_change_timestamp = None;
        }
        stat
    }
}

fn borrowed(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

impl RunState {
    /// The runtime's own host, for what is open already.
    fn inner(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.files.ctx, table: &mut self.table }
    }

    fn folder(&self, fd: &Fd) -> FsResult<Folder> {
        match self.files.handles.get(&fd.rep()) {
            Some(Handle::Folder(folder)) => Ok(folder.clone()),
            Some(Handle::File { .. }) => Err(types::ErrorCode::NotDirectory.into()),
            None => Err(types::ErrorCode::BadDescriptor.into()),
        }
    }

    /// Does something that may wait for the disk on a thread of its own, and writes down what was denied.
    async fn done<T: Send + 'static>(&mut self, work: impl FnOnce() -> Done<T> + Send + 'static) -> FsResult<T> {
        let done = tokio::task::spawn_blocking(work).await.map_err(FsError::trap)?;
        done.map_err(|refused| self.noted(refused))
    }

    fn noted(&mut self, refused: Refused) -> FsError {
        if let Refused::Denied { tried, path, missing, .. } = &refused {
            self.deny_path(tried, path, missing);
        }
        refused.into_error()
    }

    /// Notes that a descriptor was to be used for more than it was opened for.
    fn noting<T>(&mut self, fd: &Fd, tried: &'static str, result: FsResult<T>) -> FsResult<T> {
        if let Err(error) = &result
            && matches!(error.downcast_ref(), Some(types::ErrorCode::NotPermitted | types::ErrorCode::Access))
        {
            let (path, level) = match self.files.handles.get(&fd.rep()) {
                Some(Handle::File { level, path }) => (path.clone(), *level),
                Some(Handle::Folder(folder)) => (folder.mount.shown(&folder.path), folder.level()),
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
    fn path(&mut self, path: &str) {
        self.meter.charge_copy(path.len());
    }

    fn output(&mut self, stream: Resource<DynOutputStream>) -> FsResult<Resource<DynOutputStream>> {
        let stream = traffic::output(self.table.delete(stream)?, self.meter.traffic());
        Ok(self.table.push(stream)?)
    }

    /// Gives a folder a descriptor.
    fn hold(&mut self, mut folder: Folder) -> FsResult<Fd> {
        let dir = match Arc::try_unwrap(folder.dir) {
            Ok(dir) => dir,
            Err(shared) => shared.try_clone().map_err(|error| FsError::from(types::ErrorCode::from(error)))?,
        };
        let (perms, mode) = access(folder.mount.policy.level(&folder.spot));
        let dir = Dir::new(dir, perms, mode, false);
        folder.dir = Arc::clone(&dir.dir);
        let fd = self.table.push(Descriptor::Dir(dir))?;
        self.files.handles.insert(fd.rep(), Handle::Folder(folder));
        Ok(fd)
    }

    fn hold_file(&mut self, file: StdFile, read: bool, write: bool, level: Level, path: String) -> FsResult<Fd> {
        let mut mode = OpenMode::empty();
        if read {
            mode |= OpenMode::READ;
        }
        if write {
            mode |= OpenMode::WRITE;
        }
        let file = File::new(file, access(level).0, mode, false);
        let fd = self.table.push(Descriptor::File(file))?;
        self.files.handles.insert(fd.rep(), Handle::File { level, path });
        Ok(fd)
    }

    /// What may be created still: asked on another thread, so it is a copy.
    fn may_create(&self) -> impl Fn() -> Done<()> + Send + 'static {
        let room = self.meter.may_create_file();
        let disk = self.files.disk();
        move || {
            room.map_err(Refused::Limit)?;
            Ok(disk.room_for_names()?)
        }
    }

    fn created<T>(&mut self, done: FsResult<T>) -> FsResult<T> {
        if done.is_ok() {
            self.meter.created_file();
        }
        done
    }
}

fn access(level: Level) -> (FsPerms, OpenMode) {
    match level {
        Level::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
        Level::None | Level::View | Level::Read => (FsPerms::ReadOnly, OpenMode::READ),
    }
}

fn hit(hit: super::super::super::meter::LimitHit) -> FsError {
    Refused::Limit(hit).into_error()
}

fn follows(flags: types::PathFlags) -> bool {
    flags.contains(types::PathFlags::SYMLINK_FOLLOW)
}

impl preopens::Host for RunState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let mut held = Vec::new();
        for mount in self.files.mounts.clone() {
            self.meter.open_file()?;
            let guest = mount.guest.clone();
            let fd = self.hold(Folder::root(mount)).map_err(|error| match error.downcast() {
                Ok(code) => wasmtime::format_err!("a granted folder cannot be opened again: {code:?}"),
                Err(trap) => trap,
            })?;
            held.push((fd, guest));
        }
        Ok(held)
    }
}

impl types::Host for RunState {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        types::Host::filesystem_error_code(&mut self.inner(), error)
    }
}

impl types::HostDescriptor for RunState {
    fn read_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynInputStream>> {
        let stream = types::HostDescriptor::read_via_stream(&mut self.inner(), fd, offset)?;
        let stream = traffic::input(self.table.delete(stream)?, self.meter.traffic());
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        let stream = types::HostDescriptor::write_via_stream(&mut self.inner(), borrowed(&fd), offset);
        let stream = self.noting(&fd, "write", stream)?;
        self.output(stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let stream = types::HostDescriptor::append_via_stream(&mut self.inner(), borrowed(&fd));
        let stream = self.noting(&fd, "write", stream)?;
        self.output(stream)
    }

    async fn advise(&mut self, fd: Fd, offset: u64, len: u64, advice: types::Advice) -> FsResult<()> {
        types::HostDescriptor::advise(&mut self.inner(), fd, offset, len, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        types::HostDescriptor::sync_data(&mut self.inner(), fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        types::HostDescriptor::sync(&mut self.inner(), fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<types::DescriptorFlags> {
        types::HostDescriptor::get_flags(&mut self.inner(), fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<types::DescriptorType> {
        types::HostDescriptor::get_type(&mut self.inner(), fd).await
    }

    async fn set_size(&mut self, fd: Fd, size: u64) -> FsResult<()> {
        let now = types::HostDescriptor::stat(&mut self.inner(), borrowed(&fd)).await?.size;
        self.meter.traffic().count_written(size.saturating_sub(now)).map_err(hit)?;
        self.files.disk.room_for(size.saturating_sub(now))?;
        let done = types::HostDescriptor::set_size(&mut self.inner(), borrowed(&fd), size).await;
        self.noting(&fd, "set the size", done)
    }

    async fn set_times(&mut self, fd: Fd, read: types::NewTimestamp, changed: types::NewTimestamp) -> FsResult<()> {
        let done = types::HostDescriptor::set_times(&mut self.inner(), borrowed(&fd), read, changed).await;
        self.noting(&fd, "set times", done)
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        path: String,
        read: types::NewTimestamp,
        changed: types::NewTimestamp,
    ) -> FsResult<()> {
        self.path(&path);
        let folder = self.folder(&fd)?;
        self.done(move || ops::set_times(&folder, &path, follows(flags), read, changed)).await
    }

    async fn read(&mut self, fd: Fd, len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let (bytes, end) = types::HostDescriptor::read(&mut self.inner(), fd, len, offset).await?;
        self.meter.traffic().count_read(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok((bytes, end))
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.meter.traffic().count_written(length).map_err(hit)?;
        self.files.disk.room_for(length)?;
        let written = types::HostDescriptor::write(&mut self.inner(), borrowed(&fd), bytes, offset).await;
        self.noting(&fd, "write", written)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let folder = self.folder(&fd)?;
        let limits = self.meter.limits();
        let bytes = limits.hostcall_bytes.saturating_sub(self.meter.listed());
        let count = limits.entries_read.saturating_sub(self.meter.entries_read());
        let entries = self.done(move || listing::list(&folder, bytes, count)).await?;
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        self.meter.charge(count.saturating_mul(ENTRY));
        let bytes = listing::bytes(&entries);
        self.meter.list(count, bytes).map_err(hit)?;
        let entries = self.table.push(Entries { entries, bytes })?;
        Ok(Resource::new_own(entries.rep()))
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.path(&path);
        let (folder, may_create) = (self.folder(&fd)?, self.may_create());
        let done = self.done(move || ops::create_folder(&folder, &path, &may_create)).await;
        self.created(done)
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        let mut stat = types::HostDescriptor::stat(&mut self.inner(), borrowed(&fd)).await?;
        if let Some(Handle::Folder(folder)) = self.files.handles.get(&fd.rep())
            && !folder.mount.all_shown
        {
            (stat.size, stat.link_count) = (0, 1);
        }
        if self.files.mounts.iter().any(|mount| !mount.all_shown) {
            stat.link_count = 1;
        }
        Ok(self.files.timeless(stat))
    }

    async fn stat_at(&mut self, fd: Fd, flags: types::PathFlags, path: String) -> FsResult<types::DescriptorStat> {
        self.path(&path);
        let folder = self.folder(&fd)?;
        let (stat, _) = self.done(move || ops::look(&folder, &path, follows(flags))).await?;
        Ok(self.files.timeless(stat))
    }

    async fn link_at(&mut self, fd: Fd, flags: types::PathFlags, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        self.path(&old);
        self.path(&new);
        if follows(flags) {
            return Err(types::ErrorCode::Invalid.into());
        }
        let (from, to, may_create) = (self.folder(&fd)?, self.folder(&new_fd)?, self.may_create());
        let done = self.done(move || ops::link(&from, &old, &to, &new, &may_create)).await;
        self.created(done)
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        path: String,
        open: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FsResult<Fd> {
        self.path(&path);
        let (folder, may_create) = (self.folder(&fd)?, self.may_create());
        self.meter.open_file().map_err(hit)?;
        let wish = Wish { follow: follows(path_flags), open, flags };
        let opened = self.done(move || ops::open(&folder, &path, &wish, &may_create)).await;
        let (opened, created) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.meter.close_file();
                return Err(error);
            }
        };
        if created {
            self.meter.created_file();
        }
        match opened {
            Opened::Folder(folder) => self.hold(folder),
            Opened::File { file, read, write, level, path } => self.hold_file(file, read, write, level, path),
        }
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.path(&path);
        let folder = self.folder(&fd)?;
        self.done(move || ops::read_link(&folder, &path)).await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.path(&path);
        let folder = self.folder(&fd)?;
        self.done(move || ops::remove_folder(&folder, &path)).await
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        self.path(&old);
        self.path(&new);
        let (from, to) = (self.folder(&fd)?, self.folder(&new_fd)?);
        self.done(move || ops::rename(&from, &old, &to, &new)).await
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        self.path(&target);
        self.path(&path);
        let (folder, may_create) = (self.folder(&fd)?, self.may_create());
        let done = self.done(move || ops::link_to(&target, &folder, &path, &may_create)).await;
        self.created(done)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.path(&path);
        let folder = self.folder(&fd)?;
        self.done(move || ops::remove_file(&folder, &path)).await
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        types::HostDescriptor::is_same_object(&mut self.inner(), a, b).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<types::MetadataHashValue> {
        let file = match self.table.get(&fd)? {
            Descriptor::File(file) => Arc::clone(&file.file),
            Descriptor::Dir(dir) => Arc::clone(&dir.dir),
        };
        let stat = self.done(move || Ok(rustix::fs::fstat(&*file)?)).await?;
        Ok(self.files.same_each_time(super::stat::hash(&stat)))
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        self.path(&path);
        let folder = self.folder(&fd)?;
        let (_, hash) = self.done(move || ops::look(&folder, &path, follows(flags))).await?;
        Ok(self.files.same_each_time(hash))
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.meter.close_file();
        self.files.handles.remove(&fd.rep());
        types::HostDescriptor::drop(&mut self.inner(), fd)
    }
}

/// What a folder holds, last name first, so that the next is popped from the end.
struct Entries {
    entries: Vec<listing::Entry>,
    bytes: u64,
}

impl types::HostDirectoryEntryStream for RunState {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let stream: Resource<Entries> = Resource::new_borrow(stream.rep());
        match self.table.get_mut(&stream)?.entries.pop() {
            None => Ok(None),
            Some(listing::Entry { name: Some(name), type_ }) => Ok(Some(types::DirectoryEntry { type_, name })),
            Some(listing::Entry { name: None, .. }) => Err(types::ErrorCode::IllegalByteSequence.into()),
        }
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> wasmtime::Result<()> {
        let stream: Resource<Entries> = Resource::new_own(stream.rep());
        let entries = self.table.delete(stream)?;
        self.meter.unlist(entries.bytes);
        Ok(())
    }
}
