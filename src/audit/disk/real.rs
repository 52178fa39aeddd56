use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::super::error::AuditError;
use super::super::folder;
use super::{Disk, DiskFile, Entry, Stamp};

/// A folder of this machine, held open and locked: what is moved away is not followed by its name, but noticed.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    root: File,
    /// Held as long as the disk is.
    _lock: File,
}

const FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const SEALED: Mode = Mode::RUSR;

impl RealDisk {
    /// Opens a folder, making it where it is missing, and takes its lock.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let opening = || AuditError::disk("open the audit folder");
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) => sync_parent(path).map_err(opening())?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(opening()(error.into())),
        }
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| opening()(error.into()))?;
        let root = File::from(root);
        if root.metadata().map_err(opening())?.mode() & 0o022 != 0 {
            return Err(AuditError::LooseFolder);
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = rustix::fs::openat(&root, folder::LOCK, flags, FILE);
        let lock =
            File::from(lock.map_err(|error| AuditError::disk("open the lock of the audit folder")(error.into()))?);
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), root, _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => Err(AuditError::InUse),
            Err(std::fs::TryLockError::Error(error)) => Err(AuditError::disk("lock the audit folder")(error)),
        }
    }

    fn at(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        // No link is followed: what is opened lies in this folder. No pipe is waited for.
        Ok(rustix::fs::openat(&self.root, path, flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, FILE)?)
    }

    fn file(&self, path: &str, flags: OFlags) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(File::from(self.at(path, flags)?))))
    }

    fn folder(&self, folder: &str) -> io::Result<OwnedFd> {
        self.at(if folder.is_empty() { "." } else { folder }, OFlags::RDONLY | OFlags::DIRECTORY)
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

impl Disk for RealDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::new(self.folder(folder)?)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                entries.push(Entry { name, file: entry.ino() });
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        match rustix::fs::mkdirat(&self.root, folder, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.file(path, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.file(path, OFlags::RDWR)
    }

    fn open_to_read(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.file(path, OFlags::RDONLY)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.root, from, &self.root, to)?)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.root, path, AtFlags::empty())?)
    }

    fn seal(&self, path: &str) -> io::Result<()> {
        Ok(rustix::fs::fchmod(self.at(path, OFlags::RDONLY)?, SEALED)?)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.folder(folder)?)?)
    }

    fn is_in_place(&self) -> io::Result<bool> {
        let held = self.root.metadata()?;
        match std::fs::symlink_metadata(&self.path) {
            // The folder may have been given as a link to it.
            Ok(named) if named.is_symlink() => {
                Ok(std::fs::metadata(&self.path)
                    .is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino())))
            }
            Ok(named) => Ok((named.dev(), named.ino()) == (held.dev(), held.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn log_stamp(&self) -> io::Result<Stamp> {
        let stat = rustix::fs::statat(&self.root, folder::LOG, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((stat.st_ino, stat.st_mtime, stat.st_mtime_nsec))
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn is_linked(&self) -> io::Result<bool> {
        Ok(self.0.metadata()?.nlink() > 0)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
