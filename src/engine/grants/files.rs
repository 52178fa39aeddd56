use std::collections::hash_map::Entry;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::{FsPerms, WasiCtx};

use super::super::error::EngineError;
use super::super::meter::LimitHit;
use super::super::state::RunState;
use super::traffic;
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

    /// Notes that a read-only folder was to be changed; the answer stays the one of the runtime.
    fn noting<T>(&mut self, tried: &str, result: FsResult<T>) -> FsResult<T> {
        if let Err(error) = &result
            && matches!(error.downcast_ref(), Some(types::ErrorCode::NotPermitted | types::ErrorCode::Access))
        {
            self.deny(tried, "a folder that may be written");
        }
        result
    }

    async fn is_absent(&mut self, fd: &Fd, path: &str) -> bool {
        let fd = Resource::new_borrow(fd.rep());
        let flags = types::PathFlags::empty();
        let stat = types::HostDescriptor::stat_at(&mut self.inner(), fd, flags, path.to_owned()).await;
        matches!(stat, Err(error) if matches!(error.downcast_ref(), Some(types::ErrorCode::NoEntry)))
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
        let stream = types::HostDescriptor::write_via_stream(&mut self.inner(), fd, offset);
        let stream = self.noting("writing to a file", stream)?;
        self.output(stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let stream = types::HostDescriptor::append_via_stream(&mut self.inner(), fd);
        let stream = self.noting("writing to a file", stream)?;
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
        let here = Resource::new_borrow(fd.rep());
        let now = types::HostDescriptor::stat(&mut self.inner(), here).await?.size;
        self.meter.traffic().count_written(size.saturating_sub(now)).map_err(hit)?;
        let done = types::HostDescriptor::set_size(&mut self.inner(), fd, size).await;
        self.noting("changing the size of a file", done)
    }

    async fn set_times(&mut self, fd: Fd, read: types::NewTimestamp, changed: types::NewTimestamp) -> FsResult<()> {
        let done = types::HostDescriptor::set_times(&mut self.inner(), fd, read, changed).await;
        self.noting("changing the times of a file", done)
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: types::PathFlags,
        path: String,
        read: types::NewTimestamp,
        changed: types::NewTimestamp,
    ) -> FsResult<()> {
        let done = types::HostDescriptor::set_times_at(&mut self.inner(), fd, flags, path, read, changed).await;
        self.noting("changing the times of a file", done)
    }

    async fn read(&mut self, fd: Fd, len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let (bytes, end) = types::HostDescriptor::read(&mut self.inner(), fd, len, offset).await?;
        self.meter.traffic().count_read(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok((bytes, end))
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        self.meter.traffic().count_written(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).map_err(hit)?;
        let written = types::HostDescriptor::write(&mut self.inner(), fd, bytes, offset).await;
        self.noting("writing to a file", written)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<types::DirectoryEntryStream>> {
        let stream = types::HostDescriptor::read_directory(&mut self.inner(), fd).await?;
        // The order on the disk says how a folder came to be; by name it is the same each time.
        let mut entries: Vec<_> = self.table.delete(stream)?.into_iter().collect();
        self.meter.charge(u64::try_from(entries.len()).unwrap_or(u64::MAX).saturating_mul(ENTRY));
        entries.sort_by(|a, b| match (a, b) {
            (Ok(a), Ok(b)) => b.name.cmp(&a.name),
            (a, b) => b.is_ok().cmp(&a.is_ok()),
        });
        let entries = self.table.push(Entries(entries))?;
        Ok(Resource::new_own(entries.rep()))
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        self.meter.create_file().map_err(hit)?;
        let done = types::HostDescriptor::create_directory_at(&mut self.inner(), fd, path).await;
        self.noting("creating a folder", done)
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        let stat = types::HostDescriptor::stat(&mut self.inner(), fd).await?;
        Ok(self.timeless(stat))
    }

    async fn stat_at(&mut self, fd: Fd, flags: types::PathFlags, path: String) -> FsResult<types::DescriptorStat> {
        let stat = types::HostDescriptor::stat_at(&mut self.inner(), fd, flags, path).await;
        let stat = self.noting("reaching out of a folder", stat)?;
        Ok(self.timeless(stat))
    }

    async fn link_at(&mut self, fd: Fd, flags: types::PathFlags, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        self.meter.create_file().map_err(hit)?;
        let done = types::HostDescriptor::link_at(&mut self.inner(), fd, flags, old, new_fd, new).await;
        self.noting("creating a link", done)
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: types::PathFlags,
        path: String,
        open: types::OpenFlags,
        flags: types::DescriptorFlags,
    ) -> FsResult<Fd> {
        self.meter.open_file().map_err(hit)?;
        if open.contains(types::OpenFlags::CREATE) && self.is_absent(&fd, &path).await {
            self.meter.create_file().map_err(hit)?;
        }
        let opened = types::HostDescriptor::open_at(&mut self.inner(), fd, path_flags, path, open, flags).await;
        if opened.is_err() {
            self.meter.close_file();
        }
        self.noting("opening a file for writing, or one outside of its folder", opened)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        types::HostDescriptor::readlink_at(&mut self.inner(), fd, path).await
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let done = types::HostDescriptor::remove_directory_at(&mut self.inner(), fd, path).await;
        self.noting("removing a folder", done)
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let done = types::HostDescriptor::rename_at(&mut self.inner(), fd, old, new_fd, new).await;
        self.noting("renaming", done)
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        self.meter.create_file().map_err(hit)?;
        let done = types::HostDescriptor::symlink_at(&mut self.inner(), fd, target, path).await;
        self.noting("creating a link", done)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let done = types::HostDescriptor::unlink_file_at(&mut self.inner(), fd, path).await;
        self.noting("removing a file", done)
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
        let hash = types::HostDescriptor::metadata_hash_at(&mut self.inner(), fd, flags, path).await?;
        Ok(self.same_each_time(hash))
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.meter.close_file();
        types::HostDescriptor::drop(&mut self.inner(), fd)
    }
}

/// What a folder holds, last name first, so that the next is popped from the end.
struct Entries(Vec<FsResult<types::DirectoryEntry>>);

impl types::HostDirectoryEntryStream for RunState {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let stream: Resource<Entries> = Resource::new_borrow(stream.rep());
        self.table.get_mut(&stream)?.0.pop().transpose()
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> wasmtime::Result<()> {
        let stream: Resource<Entries> = Resource::new_own(stream.rep());
        self.table.delete(stream)?;
        Ok(())
    }
}
