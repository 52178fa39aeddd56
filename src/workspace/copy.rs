//! What is on the disk of a data folder, copied to another one while others work on it.

use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, Stat, Timespec, Timestamps, fchmod, flock, fstat,
    futimens, linkat, mkdirat, open, openat, readlinkat, statat, symlinkat,
};
use rustix::io::Errno;

use super::draft::{DEPTH, FOLDER};
use super::error::WorkspaceError;
use super::export::Target;
use super::name::DraftId;

/// Makes a folder that appears whole or not at all, for its owner alone. One that is there is refused.
pub fn make_folder<E: From<WorkspaceError>>(path: &Path, write: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let failed = |reason: std::io::Error| WorkspaceError::io(path.display(), reason);
    let target = Target::free(path)?;
    target.folder(|aside| {
        let folder = open(aside, FOLDER, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        fchmod(&folder, Mode::RWXU).map_err(|errno| failed(errno.into()))?;
        write(aside)?;
        // All of it, before it gets its name.
        rustix::fs::syncfs(&folder).map_err(|errno| failed(errno.into()))?;
        Ok::<(), E>(())
    })?;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(above).and_then(|above| above.sync_all()).map_err(failed)?)
}

/// Keeps contents of a data folder from being removed, for as long as this is held; whoever would waits for another time.
pub fn hold_contents(data: &Path) -> Result<File, WorkspaceError> {
    let path = data.join("files.lock");
    let failed = |reason| WorkspaceError::io(path.display(), reason);
    let mut options = fs::OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(&path).map_err(failed)?;
    flock(&file, FlockOperation::LockShared).map_err(|errno| failed(errno.into()))?;
    Ok(file)
}

/// Copies folders one after the other. Files of several names are copied once, and so a draft shares with its workspace
/// what it shared before.
#[derive(Debug, Default)]
pub struct Copying {
    names: HashMap<(u64, u64), PathBuf>,
    pub files: u64,
    pub bytes: u64,
    /// What was deeper than any draft that could be applied, or neither file, folder nor link.
    pub left_out: u64,
}

impl Copying {
    /// Copies a folder of which nobody moves anything away. False if it is not there.
    pub fn folder(&mut self, from: &Path, to: &Path) -> Result<bool, WorkspaceError> {
        let opened = match open(from, FOLDER, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(false),
            opened => opened.map_err(|errno| WorkspaceError::io(from.display(), errno))?,
        };
        self.opened(&opened, to)?;
        Ok(true)
    }

    /// Copies a draft of a data folder, which is neither applied nor thrown away meanwhile. Runs in it go on: what they
    /// change meanwhile is copied as it is found. False if its files are not there.
    pub fn draft(&mut self, id: &DraftId, from: &Path, to: &Path) -> Result<bool, WorkspaceError> {
        let place = |data: &Path| data.join("drafts").join(id.as_str());
        let files = place(from).join("files");
        let failed = |errno: Errno| WorkspaceError::io(files.display(), errno);
        let folder = loop {
            let folder = match open(&files, FOLDER, Mode::empty()) {
                Err(Errno::NOENT) => return Ok(false),
                opened => opened.map_err(failed)?,
            };
            flock(&folder, FlockOperation::LockShared).map_err(failed)?;
            // Whoever was waited for may have put another in its place, or have thrown it away.
            let (held, now) = (fstat(&folder).map_err(failed)?, statat(CWD, &files, AtFlags::SYMLINK_NOFOLLOW));
            match now {
                Ok(now) if inode(&now) == inode(&held) => break folder,
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(failed(errno)),
            }
        };
        self.opened(&folder, &place(to).join("files"))?;
        make(&place(to).join("copies"))?;
        Ok(true)
    }

    fn opened(&mut self, from: &OwnedFd, to: &Path) -> Result<(), WorkspaceError> {
        make(to)?;
        let into = open(to, FOLDER, Mode::empty()).map_err(|errno| WorkspaceError::io(to.display(), errno))?;
        self.inside(from, &into, to, 0)
    }

    /// Each name below the folders that are open: no link is followed, whatever is moved meanwhile.
    fn inside(&mut self, from: &OwnedFd, into: &OwnedFd, to: &Path, depth: usize) -> Result<(), WorkspaceError> {
        let failed = |errno: Errno| WorkspaceError::io(to.display(), errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
        }
        for name in names {
            let path = to.join(OsStr::from_bytes(name.to_bytes()));
            match self.entry(from, into, &path, &name, depth) {
                Ok(None) => {}
                Ok(Some((from, into))) => self.inside(&from, &into, &path, depth + 1)?,
                // Removed or replaced a moment ago.
                Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => {}
                Err(errno) => return Err(WorkspaceError::io(path.display(), errno)),
            }
        }
        Ok(())
    }

    /// Copies what is there under a name; what is in a folder is left to be copied.
    fn entry(
        &mut self,
        from: &OwnedFd,
        into: &OwnedFd,
        path: &Path,
        name: &CStr,
        depth: usize,
    ) -> rustix::io::Result<Option<(OwnedFd, OwnedFd)>> {
        let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth < DEPTH => {
                let inner = openat(from, name, FOLDER, Mode::empty())?;
                mkdirat(into, name, Mode::RWXU)?;
                return Ok(Some((inner, openat(into, name, FOLDER, Mode::empty())?)));
            }
            FileType::Symlink => symlinkat(readlinkat(from, name, Vec::new())?, into, name)?,
            FileType::RegularFile => self.file(from, into, path, name)?,
            _ => self.left_out += 1,
        }
        Ok(None)
    }

    fn file(&mut self, from: &OwnedFd, into: &OwnedFd, path: &Path, name: &CStr) -> rustix::io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(from, name, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::NOENT);
        }
        if let Some(known) = self.names.get(&inode(&stat))
            // A file has only so many names.
            && linkat(CWD, known, into, name, AtFlags::empty()).is_ok()
        {
            return Ok(());
        }
        let made = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut copy = File::from(openat(into, name, made, Mode::RUSR | Mode::WUSR)?);
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        // No more than there was: somebody may write to it faster than this reads.
        let copied = std::io::copy(&mut File::from(file).take(bytes), &mut copy);
        self.bytes = self.bytes.saturating_add(copied.map_err(errno)?);
        self.files = self.files.saturating_add(1);
        fchmod(&copy, Mode::from_raw_mode(stat.st_mode & 0o777))?;
        let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        let (access, change) = (stat.st_atime_nsec.cast_signed(), stat.st_mtime_nsec.cast_signed());
        let times =
            Timestamps { last_access: time(stat.st_atime, access), last_modification: time(stat.st_mtime, change) };
        futimens(&copy, &times)?;
        if stat.st_nlink > 1 {
            self.names.insert(inode(&stat), path.to_owned());
        }
        Ok(())
    }
}

fn inode(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}

fn make(folder: &Path) -> Result<(), WorkspaceError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|reason| WorkspaceError::io(folder.display(), reason))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn copies_what_a_draft_may_hold_and_follows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/f"), b"content").unwrap();
        fs::hard_link(from.join("a/b/f"), from.join("a/again")).unwrap();
        fs::write(from.join("run"), b"#!").unwrap();
        fs::set_permissions(from.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("/etc", from.join("link")).unwrap();
        rustix::fs::mknodat(CWD, from.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let odd = OsStr::from_bytes(b"\xff");
        fs::create_dir(from.join(odd)).unwrap();
        fs::write(from.join(odd).join("f"), b"odd").unwrap();
        let mut deep = from.clone();
        for _ in 0..DEPTH + 2 {
            deep.push("d");
            fs::create_dir(&deep).unwrap();
        }
        let mut copying = Copying::default();
        assert!(!copying.folder(&dir.path().join("none"), &to).unwrap());
        assert!(copying.folder(&from, &to).unwrap());
        assert_eq!((copying.files, copying.bytes, copying.left_out), (3, 12, 2), "too deep, and no file");
        assert_eq!(fs::read(to.join("a/again")).unwrap(), b"content");
        assert_eq!(fs::metadata(to.join("a/b/f")).unwrap().nlink(), 2);
        assert_eq!(fs::read(to.join(odd).join("f")).unwrap(), b"odd");
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/etc"));
        let (old, new) = (fs::metadata(from.join("run")).unwrap(), fs::metadata(to.join("run")).unwrap());
        assert_eq!((old.mode(), old.modified().unwrap()), (new.mode(), new.modified().unwrap()));
        assert!(copying.folder(&from.join("link"), &dir.path().join("more")).is_err());
    }

    #[test]
    fn contents_stay_while_they_are_held() {
        let dir = tempfile::tempdir().unwrap();
        let held = hold_contents(dir.path()).unwrap();
        let other = File::open(dir.path().join("files.lock")).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(held);
        flock(&other, FlockOperation::NonBlockingLockExclusive).unwrap();
        fs::remove_file(dir.path().join("files.lock")).unwrap();
        symlink("elsewhere", dir.path().join("files.lock")).unwrap();
        assert!(hold_contents(dir.path()).is_err());
    }
}
