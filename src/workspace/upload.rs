use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{Read, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

use super::error::WorkspaceError;
use crate::model::{Room, Weight};

/// Taken at a time from whoever sends.
const PIECE: usize = 64 << 10;

/// A body that came whole, in a file without a name: it is gone when this is, whatever happens to us.
#[derive(Clone)]
pub struct Upload {
    file: Arc<File>,
    room: Arc<dyn Room>,
}

impl Upload {
    /// `room`: asked for what comes out of it.
    pub fn new(file: File, room: Arc<dyn Room>) -> Self {
        Self { file: Arc::new(file), room }
    }

    pub(super) fn file(&self) -> std::io::Result<File> {
        self.file.try_clone()
    }

    pub(super) fn room(&self) -> &dyn Room {
        &*self.room
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upload").field(&self.file).finish()
    }
}

/// For those who answer to nobody but the disk.
pub(super) struct Endless;

impl Room for Endless {
    fn take(&self, _: Weight) -> bool {
        true
    }
}

/// The folder for what is on its way, empty.
pub(super) fn sweep(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // Only where the file system knows no files without names can anything be left.
    for left in fs::read_dir(dir)? {
        let _ = fs::remove_file(left?.path());
    }
    Ok(())
}

/// A file without a name, on the disk of the data folder.
pub(super) fn nameless(dir: &Path) -> std::io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match open(dir, flags, Mode::from_raw_mode(0o600)) {
        Ok(file) => Ok(file.into()),
        Err(_) => tempfile::tempfile_in(dir),
    }
}

/// Gives it a name, if it can have one.
pub(super) fn name(file: &File, dir: impl std::os::fd::AsFd, name: &str) -> rustix::io::Result<()> {
    linkat(CWD, format!("/proc/self/fd/{}", file.as_raw_fd()), dir, name, AtFlags::SYMLINK_FOLLOW)
}

/// Copies a content for which room is taken before each piece of it is written.
pub(super) fn copy(
    content: &mut dyn Read,
    into: &mut File,
    room: &dyn Room,
    path: &str,
) -> Result<u64, WorkspaceError> {
    let failed = |reason| WorkspaceError::io(path, reason);
    let (mut buffer, mut bytes) = (vec![0; PIECE], 0u64);
    loop {
        let count = match content.read(&mut buffer) {
            Err(reason) if reason.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(failed)?,
        };
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { return Ok(bytes) };
        let more = u64::try_from(count).unwrap_or(u64::MAX);
        if !room.take(Weight { bytes: more, files: 0 }) {
            return Err(WorkspaceError::NoRoom);
        }
        into.write_all(piece).map_err(failed)?;
        bytes = bytes.saturating_add(more);
    }
}

/// One name more.
pub(super) fn one_more(room: &dyn Room) -> Result<(), WorkspaceError> {
    if room.take(Weight { bytes: 0, files: 1 }) { Ok(()) } else { Err(WorkspaceError::NoRoom) }
}
