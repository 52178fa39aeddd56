use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, mkdirat, open, openat, openat2, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use serde::Serialize;

use super::catalog::Catalog;
use super::draft::{DEPTH, FOLDER, open_file, too_deep};
use super::error::WorkspaceError;
use super::fell::remove_tree;
use super::name::DraftId;
use super::shelf::Workspaces;
use super::upload::Endless;
use crate::model::{Room, Weight};

/// Something in a draft, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// Without a slash at the beginning; empty for the folder that it is from.
    pub path: String,
    pub kind: FileKind,
    pub bytes: u64,
    /// Seconds since 1970.
    pub changed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    File,
    Folder,
    Link,
    Other,
}

/// What is at a path of a draft; of a folder also a part of what is in it.
#[derive(Debug)]
pub struct Looked {
    pub entry: FileEntry,
    /// By name; their paths are from the folder.
    pub entries: Vec<FileEntry>,
    /// The name after which there is more.
    pub next: Option<String>,
}

const PATH_BYTES: usize = 4_096;

/// The names of a path from the root of a draft. It stays inside, and no guest's link is followed.
pub(super) fn names(path: &str) -> Result<Vec<&str>, WorkspaceError> {
    let bad = |what: &str| WorkspaceError::BadPath { path: super::shown(path), what: what.to_owned() };
    if path.len() > PATH_BYTES {
        return Err(WorkspaceError::BadPath { path: String::new(), what: "longer than 4,096 bytes".into() });
    }
    let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    match names.iter().find(|name| **name == ".." || name.contains('\0') || name.len() > 255) {
        Some(&"..") => Err(bad("`..` is not followed; write the path that is meant")),
        Some(_) => Err(bad("a name has a NUL, or more than 255 bytes")),
        None => Ok(names),
    }
}

const INSIDE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// A draft that is open to be worked on from outside of a fence.
pub(super) struct Desk {
    pub(super) root: OwnedFd,
    copies: OwnedFd,
}

impl Desk {
    fn open(folder: &Path) -> Result<Self, WorkspaceError> {
        let at =
            |path: &Path| open(path, FOLDER, Mode::empty()).map_err(|errno| WorkspaceError::io(path.display(), errno));
        let copies = folder.parent().map_or_else(PathBuf::new, |parent| parent.join("copies"));
        Ok(Self { root: at(folder)?, copies: at(&copies)? })
    }

    /// The folder that holds the last of the names.
    fn folder(&self, names: &[&str], path: &str) -> Result<OwnedFd, WorkspaceError> {
        if names.is_empty() {
            return self.root.try_clone().map_err(|reason| WorkspaceError::io(path, reason));
        }
        openat2(&self.root, names.join("/").as_str(), FOLDER, Mode::empty(), INSIDE)
            .map_err(|errno| refused(path, errno))
    }

    /// The same, made where it is not there.
    pub(super) fn make_folder(&self, names: &[&str], path: &str) -> Result<OwnedFd, WorkspaceError> {
        if names.len() > DEPTH {
            return Err(too_deep(path));
        }
        let mut here = self.root.try_clone().map_err(|reason| WorkspaceError::io(path, reason))?;
        for name in names {
            match mkdirat(&here, *name, Mode::from_raw_mode(0o700)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(refused(path, errno)),
            }
            here = openat2(&here, *name, FOLDER, Mode::empty(), INSIDE).map_err(|errno| refused(path, errno))?;
        }
        Ok(here)
    }

    /// Puts a whole file in the place of what was there: nobody sees half of it, and what the workspace shares is not
    /// touched.
    pub(super) fn put(
        &self,
        names: &[&str],
        path: &str,
        executable: bool,
        content: &mut dyn Read,
    ) -> Result<u64, WorkspaceError> {
        let made = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(if executable { 0o700 } else { 0o600 });
        let failed = |reason: std::io::Error| WorkspaceError::io(path, reason);
        self.place(names, path, |aside| {
            let file = openat(&self.copies, aside, made, mode).map_err(|errno| failed(errno.into()))?;
            // Room for it was taken when it came in.
            super::upload::copy(content, &mut File::from(file), &Endless, path)
        })
    }

    /// The same with a content that is on this disk already, where it need not be copied.
    fn put_upload(&self, names: &[&str], path: &str, content: &mut File) -> Result<(), WorkspaceError> {
        let named = self.place(names, path, |aside| {
            super::upload::name(content, &self.copies, aside).map_err(|errno| WorkspaceError::io(path, errno))
        });
        match named {
            Err(WorkspaceError::Io { .. }) => {
                content.rewind().map_err(|reason| WorkspaceError::io(path, reason))?;
                self.put(names, path, false, content).map(drop)
            }
            done => done,
        }
    }

    fn place<T>(
        &self,
        names: &[&str],
        path: &str,
        make: impl FnOnce(&str) -> Result<T, WorkspaceError>,
    ) -> Result<T, WorkspaceError> {
        let Some((name, folder)) = names.split_last() else {
            return Err(WorkspaceError::BadPath { path: super::shown(path), what: "a file needs a name".into() });
        };
        if names.len() > DEPTH {
            return Err(too_deep(path));
        }
        let dir = self.make_folder(folder, path)?;
        let aside = format!("{:016x}", rand::random::<u64>());
        let done = make(&aside).and_then(|made| {
            renameat(&self.copies, aside.as_str(), &dir, *name).map_err(|errno| refused(path, errno))?;
            Ok(made)
        });
        if done.is_err() {
            let _ = unlinkat(&self.copies, aside.as_str(), AtFlags::empty());
        }
        done
    }
}

pub(super) fn refused(path: &str, errno: Errno) -> WorkspaceError {
    let what = match errno {
        Errno::NOENT => return WorkspaceError::NoFile(super::shown(path)),
        Errno::NOTDIR => "a file is where a folder should be",
        Errno::ISDIR => "a folder is there",
        Errno::LOOP => "a link is on the way, and links are not followed from outside",
        Errno::XDEV => "it leads out",
        Errno::NOTEMPTY | Errno::EXIST => "something is there already",
        errno => return WorkspaceError::io(path, errno),
    };
    WorkspaceError::BadPath { path: super::shown(path), what: what.to_owned() }
}

fn entry(dir: &OwnedFd, name: &str, path: String) -> Result<FileEntry, WorkspaceError> {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| refused(&path, errno))?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::File,
        FileType::Directory => FileKind::Folder,
        FileType::Symlink => FileKind::Link,
        _ => FileKind::Other,
    };
    let bytes = if kind == FileKind::File { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 };
    Ok(FileEntry { path, kind, bytes, changed: u64::try_from(stat.st_mtime).unwrap_or(0) })
}

/// The first names of a folder after one, and whether there are more. No more than those are in memory, however many
/// there are.
fn first_of(dir: &OwnedFd, after: Option<&str>, most: usize) -> rustix::io::Result<(BTreeSet<String>, bool)> {
    let (mut first, mut more) = (BTreeSet::new(), false);
    for found in Dir::read_from(dir)? {
        let found = found?;
        // What has no name that can be written here cannot be asked for either.
        let Some(name) = found.file_name().to_str().ok().filter(|name| !matches!(*name, "." | "..")) else {
            continue;
        };
        if after.is_some_and(|after| name <= after) {
            continue;
        }
        let full = first.len() >= most;
        more |= full;
        if full && first.last().is_some_and(|last: &String| name >= last.as_str()) {
            continue;
        }
        first.insert(name.to_owned());
        if full {
            first.pop_last();
        }
    }
    Ok((first, more))
}

impl<C: Catalog> Workspaces<C> {
    pub(super) fn desk(&self, id: &DraftId) -> Result<Desk, WorkspaceError> {
        Desk::open(&self.folder_of(id)?)
    }

    /// A file, and how long it is now.
    pub fn open_file(&self, id: &DraftId, path: &str) -> Result<(File, u64), WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(path)?);
        let file = open_file(&desk.root, &names.join("/")).map_err(|errno| match errno {
            Errno::INVAL => WorkspaceError::BadPath { path: super::shown(path), what: "it is no file".into() },
            errno => refused(path, errno),
        })?;
        let bytes = file.metadata().map_err(|reason| WorkspaceError::io(path, reason))?.len();
        Ok((file, bytes))
    }

    /// Makes or replaces a file by what came into a nameless one, with the folders on the way to it. For those and the
    /// name room is asked.
    pub fn put_file(&self, id: &DraftId, path: &str, mut content: File, room: &dyn Room) -> Result<(), WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(path)?);
        if names.len() > DEPTH {
            return Err(too_deep(path));
        }
        if !room.take(Weight { bytes: 0, files: names.iter().map(|_| 1).sum() }) {
            return Err(WorkspaceError::NoRoom);
        }
        desk.put_upload(&names, path, &mut content)
    }

    /// What is at a path; for a folder also the first that is in it after a name, in the order of their names.
    pub fn look_at(
        &self,
        id: &DraftId,
        path: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Looked, WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(path)?);
        let (name, folder) = names.split_last().map_or((".", <&[&str]>::default()), |(name, folder)| (*name, folder));
        let it = entry(&desk.folder(folder, path)?, name, names.join("/"))?;
        if it.kind != FileKind::Folder {
            return Ok(Looked { entry: it, entries: Vec::new(), next: None });
        }
        let dir = desk.folder(&names, path)?;
        let (first, more) = first_of(&dir, after, most).map_err(|errno| refused(path, errno))?;
        let next = first.last().filter(|_| more).cloned();
        let mut entries = Vec::with_capacity(first.len());
        for name in first {
            match entry(&dir, &name, name.clone()) {
                Ok(entry) => entries.push(entry),
                Err(WorkspaceError::NoFile(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Looked { entry: it, entries, next })
    }

    /// Removes a file, or a folder with all that is in it.
    pub fn remove_file(&self, id: &DraftId, path: &str) -> Result<(), WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(path)?);
        let Some((name, folder)) = names.split_last() else {
            return Err(WorkspaceError::BadPath { path: "/".into(), what: "the root itself stays".into() });
        };
        let dir = desk.folder(folder, path)?;
        match unlinkat(&dir, *name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => {
                // Out of sight at once, then gone piece by piece.
                let aside = format!("{:016x}", rand::random::<u64>());
                renameat(&dir, *name, &desk.copies, aside.as_str()).map_err(|errno| refused(path, errno))?;
                let copies = self.folder_of(id)?.with_file_name("copies");
                remove_tree(&copies.join(aside)).map_err(|reason| WorkspaceError::io(path, reason))
            }
            done => done.map_err(|errno| refused(path, errno)),
        }
    }
}
