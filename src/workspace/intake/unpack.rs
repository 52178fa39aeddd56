use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::super::archive::{ArchiveError, Bounds, Format, Receiver, read_tar, read_zip};
use super::super::blobs::Blobs;
use super::super::error::WorkspaceError;
use super::super::upload::{copy, one_more};
use super::room;
use crate::model::Room;

/// So often a growing content is held against the disk.
const STEP_BYTES: u64 = 64 << 20;

/// Unpacks an archive to the side: what is refused in the middle goes with the folder.
pub(super) fn unpack(blobs: &Blobs, file: File, format: Format, within: &dyn Room) -> Result<TempDir, WorkspaceError> {
    let failed = |reason| WorkspaceError::io("the data folder", reason);
    let aside = tempfile::Builder::new().prefix("unpacked-").tempdir_in(blobs.dir().join("new")).map_err(failed)?;
    let mut into = Unpack { root: aside.path(), blobs, within };
    let bounds = Bounds::ordinary();
    match format {
        Format::Tar | Format::TarGz => read_tar(file, &bounds, &mut into).map_err(refused)?,
        Format::Zip => read_zip(file, &bounds, &mut into).map_err(refused)?,
    };
    Ok(aside)
}

fn refused(error: ArchiveError<WorkspaceError>) -> WorkspaceError {
    match error {
        ArchiveError::Receiver { source, .. } => source,
        error => WorkspaceError::Archive { code: error.code(), message: error.to_string() },
    }
}

/// Writes an archive's entries into a new folder that nobody else knows of.
struct Unpack<'a> {
    root: &'a Path,
    blobs: &'a Blobs,
    within: &'a dyn Room,
}

impl Receiver for Unpack<'_> {
    type Error = WorkspaceError;

    fn folder(&mut self, path: &str) -> Result<(), WorkspaceError> {
        one_more(self.within)?;
        fs::create_dir(self.root.join(path)).map_err(|reason| WorkspaceError::io(path, reason))
    }

    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), WorkspaceError> {
        one_more(self.within)?;
        let failed = |reason| WorkspaceError::io(path, reason);
        let mode = if executable { 0o700 } else { 0o600 };
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(self.root.join(path));
        let mut file = file.map_err(failed)?;
        loop {
            room::check(self.blobs, 0)?;
            let step = copy(&mut (&mut *content).take(STEP_BYTES), &mut file, self.within, path)?;
            if step < STEP_BYTES {
                return file.flush().map_err(failed);
            }
        }
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), WorkspaceError> {
        one_more(self.within)?;
        std::os::unix::fs::symlink(target, self.root.join(path)).map_err(|reason| WorkspaceError::io(path, reason))
    }
}
