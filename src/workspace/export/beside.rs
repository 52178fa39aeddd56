//! The place next to a target where it is made.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use super::super::error::WorkspaceError;

/// After the target's own name and before something random.
const MARK: &str = ".ringfence-unfinished-";
/// Of the target's name, so that there is room for the rest.
const MOST_NAME_BYTES: usize = 200;
const RANDOM_BYTES: usize = 6;

/// A target that is free.
pub(in super::super) struct Target {
    path: PathBuf,
    parent: PathBuf,
    prefix: OsString,
}

impl Target {
    /// Removes what killed exports to the same place left.
    pub(in super::super) fn free(path: &Path) -> Result<Self, WorkspaceError> {
        let occupied = || WorkspaceError::Occupied(path.display().to_string());
        let name = path.file_name().ok_or_else(occupied)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let path = parent.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(occupied());
        }
        let name = name.as_bytes();
        let mut prefix = OsString::from(".");
        prefix.push(OsStr::from_bytes(name.get(..MOST_NAME_BYTES).unwrap_or(name)));
        prefix.push(MARK);
        let target = Target { path, parent: parent.to_owned(), prefix };
        target.sweep();
        Ok(target)
    }

    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.parent) else { return };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let random = name.as_bytes().strip_prefix(self.prefix.as_bytes());
            if random.is_some_and(|random| random.len() == RANDOM_BYTES && random.is_ascii()) {
                // It is not what the caller asked for, and never fails him.
                let _ = remove_stale(&entry.path());
            }
        }
    }

    fn io(&self, reason: impl Into<std::io::Error>) -> WorkspaceError {
        WorkspaceError::io(self.path.display(), reason)
    }

    fn builder(&self) -> tempfile::Builder<'_, '_> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(&self.prefix).rand_bytes(RANDOM_BYTES);
        builder
    }

    /// A folder that appears when it is whole.
    pub(in super::super) fn folder<E: From<WorkspaceError>>(
        &self,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut builder = self.builder();
        // As any new folder: what may be read is for the umask to say.
        let aside = builder.permissions(fs::Permissions::from_mode(0o777)).tempdir_in(&self.parent);
        let aside = aside.map_err(|reason| self.io(reason))?;
        let _held = held(&File::open(aside.path()).map_err(|reason| self.io(reason))?).map_err(|e| self.io(e))?;
        write(aside.path())?;
        self.rename(aside.path())?;
        // It has gone from there.
        let _ = aside.keep();
        Ok(())
    }

    fn rename(&self, from: &Path) -> Result<(), WorkspaceError> {
        match renameat_with(CWD, from, CWD, &self.path, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(WorkspaceError::Occupied(self.path.display().to_string())),
            // Not every file system can promise it; an empty folder that came this moment is all that may be replaced.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if fs::symlink_metadata(&self.path).is_err() => {
                fs::rename(from, &self.path).map_err(|reason| self.io(reason))
            }
            Err(errno) => Err(self.io(errno)),
        }
    }

    /// A file that appears when it is whole.
    pub(super) fn file(
        &self,
        write: impl FnOnce(&mut File) -> Result<(), WorkspaceError>,
    ) -> Result<(), WorkspaceError> {
        let mut aside = self.builder().tempfile_in(&self.parent).map_err(|reason| self.io(reason))?;
        let _held = held(aside.as_file()).map_err(|reason| self.io(reason))?;
        write(aside.as_file_mut())?;
        aside.persist_noclobber(&self.path).map(drop).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => WorkspaceError::Occupied(self.path.display().to_string()),
            _ => self.io(error.error),
        })
    }
}

/// Who makes something holds it; what nobody holds was left behind.
fn held(file: &File) -> std::io::Result<File> {
    let held = file.try_clone()?;
    flock(&held, FlockOperation::NonBlockingLockExclusive)?;
    Ok(held)
}

fn remove_stale(path: &Path) -> std::io::Result<()> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or(0);
    let stale = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let _nobody_works = held(&stale)?;
    if stale.metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}
