use std::collections::hash_map::Entry;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::{FsPerms, WasiCtx};

use super::super::error::EngineError;
use super::super::meter::LimitHit;
use super::super::state::RunState;
use super::{listing, traffic};
use crate::model::{Access, DirGrant};

type Fd = Resource<Descriptor>;

/// What each entry of a folder costs beyond the call that lists it.
const ENTRY: u64 = 20_000;

/// Opens the granted folders for one run. They are opened anew each time: a folder that was moved away is gone.
pub(in super::super) fn open(dirs: &[DirGrant]) -> Result<WasiFilesystemCtx, EngineError> {
    if dirs.is_empty() {
        return Ok(WasiFilesystemCtx::default());
    }
    let mut builder = WasiCtx::builder();
    for dir in dirs {
        let perms = match dir.access {
            Access::ReadOnly => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        builder.preopened_dir(&dir.host, &dir.guest, perms).map_err(|reason| EngineError::Dir {
            path: dir.host.display().to_string(),
            reason: reason.downcast().unwrap_or_else(|other| std::io::Error::other(other.to_string())).into(),
        })?;
    }
    Ok(builder.build().filesystem().clone())
}

fn borrowed(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

fn hit(hit: LimitHit) -> FsError {
    FsError::trap(wasmtime::Error::new(hit))
}

impl RunState {
    /// The runtime's own host, asked after the limits and, later, the rules.
    fn inner(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.files, table: &mut self.table }
    }

    /// What is on the disk never differs between two deterministic runs over the same tree, but where it is does.
    fn same_each_time(&mut self, hash: types::MetadataHashValue) -> types::MetadataHashValue {
        let Some(numbers) = &mut self.file_numbers else { return hash };
        let next = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
        let number = match numbers.entry((hash.lower, hash.upper)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => *new.insert(next),
        };
        types::MetadataHashValue { lower: number, upper: 0 }
    }

    fn timeless(&self, mut stat: types::DescriptorStat) -> types::DescriptorStat {
        if self.file_numbers.is_some() {
            stat.data_access_timestamp = None;
            stat.data_modification_timestamp = None;
            stat.status_change_timestamp = None;
        }
        stat
    }

    /// Notes what was refused for want of a grant; the answer stays the one of the runtime. A folder that may only
    /// be read may not be changed, and no folder may be left: `denied` says which it was.
    fn noting<T>(&mut self, fd: &Fd, tried: &str, result: FsResult<T>) -> FsResult<T> {
        if let Err(error) = &result
            && matches!(error.downcast_ref(), Some(types::ErrorCode::NotPermitted | types::ErrorCode::Access))
        {
            let missing = match self.table.get(&Resource::<Descriptor>::new_borrow(fd.rep())) {
                Ok(Descriptor::Dir(dir)) if dir.perms == FsPerms::ReadWrite => "a folder that holds it",
                Ok(Descriptor::File(file)) if file.perms == FsPerms::ReadWrite => "a file that was opened for it",
                _ => "a folder that may be written",
            };
            self.deny(tried, missing);
        }
        result
    }

    /// Whether opening it would create it: a link that leads nowhere creates what it leads to.
    async fn is_absent(&mut self, fd: &Fd, flags: types::PathFlags, path: &str) -> bool {
        let fd = Resource::new_borrow(fd.rep());
        let stat = types::HostDescriptor::stat_at(&mut self.inner(), borrowed(&fd), flags, path.to_owned()).await;
        matches!(stat, Err(error) if matches!(error.downcast_ref(), Some(types::ErrorCode::NoEntry)))
    }

    /// Pays for a path that crossed.
    fn path(&mut self, path: &str) {
        self.meter.charge_copy(path.len());
    }

    fn output(&mut self, stream: Resource<DynOutputStream>) -> FsResult<Resource<DynOutputStream>> {
        let stream = traffic::output(self.table.delete(stream)?, self.meter.traffic());
        Ok(self.table.push(stream)?)
    }
}

impl preopens::Host for RunState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let dirs = preopens::Host::get_directories(&mut self.inner())?;
        for _ in &dirs {
            self.meter.open_file()?;
        }
        Ok(dirs)
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
        let here = borrowed(&fd);
        let stream = types::HostDescriptor::write_via_stream(&mut self.inner(), fd, offset);
        let stream = self.noting(&here, "writing to a file", stream)?;
        self.output(stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let here = borrowed(&fd);
        let stream = types::HostDescriptor::append_via_stream(&mut self.inner(), fd);
        let stream = self.noting(&here, "writing to a file", stream)?;
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
        let here = borrowed(&fd);
        let now = types::HostDescriptor::stat(&mut self.inner(), here).await?.size;
        self.meter.traffic().count_written(size.saturating_sub(now)).map_err(hit)?;
        let done = types::HostDescriptor::set_size(&mut self.inner(), borrowed(&fd), size).await;
        self.noting(&fd, "changing the size of a file", done)
    }

    async fn set_times(&mut self, fd: Fd, read: types::NewTimestamp, changed: types::NewTimestamp) -> FsResult<()> {
        let done = types::HostDescriptor::set_times(&mut self.inner(), borrowed(&fd), read, changed).await;
        self.noting(&fd, "changing the times of a file", done)
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
        let done =
            types::HostDescriptor::set_times_at(&mut self.inner(), borrowed(&fd), flags, path, read, changed).await;
        self.noting(&fd, "changing the times of a file", done)
    }

    async fn read(&mut self, fd: Fd, len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let (bytes, end) = types::HostDescriptor::read(&mut self.inner(), fd, len, offset).await?;
        self.meter.traffic().count_read(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok((bytes, end))
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        self.meter.traffic().count_written(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).map_err(hit)?;
        let written = types::HostDescriptor::write(&mut self.inner(), borrowed(&fd), bytes, offset).await;
        self.noting(&fd, "writing to a file", written)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let Descriptor::Dir(dir) = self.table.get(&fd)? else { return Err(types::ErrorCode::NotDirectory.into()) };
        let most = self.meter.limits().hostcall_bytes.saturating_sub(self.meter.listed());
        let dir = Arc::clone(&dir.dir);
        let entries = tokio::task::spawn_blocking(move || listing::list(&dir, most)).await.map_err(FsError::trap)??;
        self.meter.charge(u64::try_from(entries.len()).unwrap_or(u64::MAX).saturating_mul(ENTRY));
        let bytes = listing::bytes(&entries);
        self.meter.list(bytes).map_err(hit)?;
        let entries = self.table.push(Entries { entries, bytes })?;
        Ok(Resource::new_own(entries.rep()))
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.path(&path);
        self.meter.may_create_file().map_err(hit)?;
        let done = types::HostDescriptor::create_directory_at(&mut self.inner(), borrowed(&fd), path).await;
        if done.is_ok() {
            self.meter.created_file();
        }
        self.noting(&fd, "creating a folder", done)
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        let stat = types::HostDescriptor::stat(&mut self.inner(), fd).await?;
        Ok(self.timeless(stat))
    }

    async fn stat_at(&mut self, fd: Fd, flags: types::PathFlags, path: String) -> FsResult<types::DescriptorStat> {
        self.path(&path);
        let stat = types::HostDescriptor::stat_at(&mut self.inner(), borrowed(&fd), flags, path).await;
        let stat = self.noting(&fd, "looking at a file", stat)?;
        Ok(self.timeless(stat))
    }

    async fn link_at(&mut self, fd: Fd, flags: types::PathFlags, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        self.path(&old);
        self.path(&new);
        self.meter.may_create_file().map_err(hit)?;
        let done = types::HostDescriptor::link_at(&mut self.inner(), borrowed(&fd), flags, old, new_fd, new).await;
        if done.is_ok() {
            self.meter.created_file();
        }
        self.noting(&fd, "creating a link", done)
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
        self.meter.open_file().map_err(hit)?;
        let creates = open.contains(types::OpenFlags::CREATE) && self.is_absent(&fd, path_flags, &path).await;
        if creates {
            self.meter.may_create_file().map_err(hit)?;
        }
        let opened =
            types::HostDescriptor::open_at(&mut self.inner(), borrowed(&fd), path_flags, path, open, flags).await;
        match &opened {
            Ok(_) if creates => self.meter.created_file(),
            Ok(_) => {}
            Err(_) => self.meter.close_file(),
        }
        self.noting(&fd, "opening a file", opened)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.path(&path);
        let target = types::HostDescriptor::readlink_at(&mut self.inner(), borrowed(&fd), path).await;
        self.noting(&fd, "reading a link", target)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.path(&path);
        let done = types::HostDescriptor::remove_directory_at(&mut self.inner(), borrowed(&fd), path).await;
        self.noting(&fd, "removing a folder", done)
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        self.path(&old);
        self.path(&new);
        let done = types::HostDescriptor::rename_at(&mut self.inner(), borrowed(&fd), old, new_fd, new).await;
        self.noting(&fd, "renaming", done)
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        self.path(&target);
        self.path(&path);
        self.meter.may_create_file().map_err(hit)?;
        let done = types::HostDescriptor::symlink_at(&mut self.inner(), borrowed(&fd), target, path).await;
        if done.is_ok() {
            self.meter.created_file();
        }
        self.noting(&fd, "creating a link", done)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.path(&path);
        let done = types::HostDescriptor::unlink_file_at(&mut self.inner(), borrowed(&fd), path).await;
        self.noting(&fd, "removing a file", done)
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        types::HostDescriptor::is_same_object(&mut self.inner(), a, b).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<types::MetadataHashValue> {
        let hash = types::HostDescriptor::metadata_hash(&mut self.inner(), fd).await?;
        Ok(self.same_each_time(hash))
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        path: String,
    ) -> FsResult<types::MetadataHashValue> {
        self.path(&path);
        let hash = types::HostDescriptor::metadata_hash_at(&mut self.inner(), borrowed(&fd), flags, path).await;
        let hash = self.noting(&fd, "looking at a file", hash)?;
        Ok(self.same_each_time(hash))
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.meter.close_file();
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
