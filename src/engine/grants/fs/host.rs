use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::super::super::state::RunState;
use super::super::traffic;
use super::held::{Fd, Handle, borrowed, follows, hit};
use super::mount::Folder;
use super::ops::Wish;
use super::{listing, ops};

/// What each entry of a folder costs beyond the call that lists it.
const ENTRY: u64 = 20_000;

impl preopens::Host for RunState {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        let mut held = Vec::new();
        for mount in self.files.mounts.clone() {
            let slot = self.meter.open_file()?;
            let guest = mount.guest.clone();
            let fd = self.hold(Folder::root(mount), slot).map_err(|error| match error.downcast() {
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
        let stream = types::HostDescriptor::read_via_stream(&mut self.inner(), borrowed(&fd), offset)?;
        let stream = traffic::input(self.table.delete(stream)?, self.meter.traffic(), self.slot(&fd));
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: u64) -> FsResult<Resource<DynOutputStream>> {
        self.count_write(&fd, offset, 0)?;
        let stream = types::HostDescriptor::write_via_stream(&mut self.inner(), borrowed(&fd), offset);
        let stream = self.noting(&fd, "write", stream)?;
        self.output(&fd, stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let stream = types::HostDescriptor::append_via_stream(&mut self.inner(), borrowed(&fd));
        let stream = self.noting(&fd, "write", stream)?;
        self.output(&fd, stream)
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
        let (folder, allowed) = (self.folder(&fd)?, self.allowed());
        self.done(move || ops::set_times(&folder, &path, follows(flags), read, changed, &allowed)).await
    }

    async fn read(&mut self, fd: Fd, len: u64, offset: u64) -> FsResult<(Vec<u8>, bool)> {
        let (bytes, end) = types::HostDescriptor::read(&mut self.inner(), fd, len, offset).await?;
        self.meter.traffic().count_read(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok((bytes, end))
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: u64) -> FsResult<u64> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.count_write(&fd, offset, length)?;
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
        let (folder, allowed) = (self.folder(&fd)?, self.allowed());
        let done = self.done(move || ops::create_folder(&folder, &path, &allowed)).await;
        self.created(done)
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        let mut stat = types::HostDescriptor::stat(&mut self.inner(), borrowed(&fd)).await?;
        if let Some(Handle::Folder { folder, .. }) = self.files.handles.get(&fd.rep())
            && !folder.mount.all_shown
        {
            (stat.size, stat.link_count) = (0, 1);
        }
        if self.files.mounts.iter().any(|mount| !mount.counts_links()) {
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
        let (from, to, allowed) = (self.folder(&fd)?, self.folder(&new_fd)?, self.allowed());
        let done = self.done(move || ops::link(&from, &old, &to, &new, &allowed)).await;
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
        let (folder, allowed) = (self.folder(&fd)?, self.allowed());
        let slot = self.meter.open_file().map_err(hit)?;
        let wish = Wish { follow: follows(path_flags), open, flags };
        let (opened, created) = self.done(move || ops::open(&folder, &path, &wish, &allowed)).await?;
        if created {
            self.meter.created_file();
        }
        self.hold_file(opened, slot)
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
        if let Some(moved) = self.done(move || ops::rename(&from, &old, &to, &new)).await? {
            // What is held open goes along: it is asked about where it is, not where it was.
            for handle in self.files.handles.values_mut() {
                if let Handle::Folder { folder, .. } = handle
                    && Arc::ptr_eq(&folder.mount, &moved.mount)
                {
                    folder.moved(&moved.from, &moved.to);
                }
            }
        }
        Ok(())
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        self.path(&target);
        self.path(&path);
        let (folder, allowed) = (self.folder(&fd)?, self.allowed());
        let done = self.done(move || ops::link_to(&target, &folder, &path, &allowed)).await;
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
