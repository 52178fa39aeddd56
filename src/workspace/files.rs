use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, open, openat, openat2, renameat, statat,
    symlinkat, unlinkat,
};
use rustix::io::Errno;
use serde::Serialize;

use super::archive::{ArchiveError, Bounds, Format, Receiver, TarWriter, ZipWriter, format_of, read_tar, read_zip};
use super::catalog::Catalog;
use super::draft::{FOLDER, open_file};
use super::error::WorkspaceError;
use super::fell::remove_tree;
use super::name::DraftId;
use super::shelf::Workspaces;
use super::tree::Node;

/// Something in a draft, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEntry {
    /// From the draft's own root, without a slash at the beginning; empty for that.
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

/// An archive that is gone when this is.
#[derive(Debug)]
pub struct Packed {
    pub file: File,
    pub bytes: u64,
}

const PATH_BYTES: usize = 4_096;
/// What one folder shows at most.
const ENTRIES: usize = 100_000;

/// The names of a path from the root of a draft. It stays inside, and no guest's link is followed.
fn names(path: &str) -> Result<Vec<&str>, WorkspaceError> {
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
struct Desk {
    root: OwnedFd,
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
    fn make_folder(&self, names: &[&str], path: &str) -> Result<OwnedFd, WorkspaceError> {
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
    fn put(&self, names: &[&str], path: &str, executable: bool, content: &mut dyn Read) -> Result<u64, WorkspaceError> {
        let Some((name, folder)) = names.split_last() else {
            return Err(WorkspaceError::BadPath { path: super::shown(path), what: "a file needs a name".into() });
        };
        let dir = self.make_folder(folder, path)?;
        let aside = format!("{:016x}", rand::random::<u64>());
        let made = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(if executable { 0o700 } else { 0o600 });
        let failed = |reason: std::io::Error| WorkspaceError::io(path, reason);
        let mut file =
            File::from(openat(&self.copies, aside.as_str(), made, mode).map_err(|errno| failed(errno.into()))?);
        let done = std::io::copy(content, &mut file).and_then(|bytes| file.flush().map(|()| bytes)).map_err(failed);
        let done = done.and_then(|bytes| {
            renameat(&self.copies, aside.as_str(), &dir, *name).map_err(|errno| refused(path, errno))?;
            Ok(bytes)
        });
        if done.is_err() {
            let _ = unlinkat(&self.copies, aside.as_str(), AtFlags::empty());
        }
        done
    }
}

fn refused(path: &str, errno: Errno) -> WorkspaceError {
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

impl<C: Catalog> Workspaces<C> {
    fn desk(&self, id: &DraftId) -> Result<Desk, WorkspaceError> {
        Desk::open(&self.folder_of(id)?)
    }

    /// The whole of a file, if it is no larger than `most`.
    pub fn read_file(&self, id: &DraftId, path: &str, most: u64) -> Result<Vec<u8>, WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(path)?);
        let file = open_file(&desk.root, &names.join("/")).map_err(|errno| match errno {
            Errno::INVAL => WorkspaceError::BadPath { path: super::shown(path), what: "it is no file".into() },
            errno => refused(path, errno),
        })?;
        let size = fstat(&file).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
        if size > most {
            return Err(WorkspaceError::FileTooLarge { path: super::shown(path), bytes: size, most });
        }
        let mut content = Vec::new();
        file.take(most).read_to_end(&mut content).map_err(|reason| WorkspaceError::io(path, reason))?;
        Ok(content)
    }

    /// Makes or replaces a file, and the folders on the way to it.
    pub fn write_file(&self, id: &DraftId, path: &str, content: &[u8]) -> Result<(), WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(path)?);
        desk.put(&names, path, false, &mut &*content).map(drop)
    }

    /// What is at a path; for a folder what is in it as well, by name.
    pub fn look_at(&self, id: &DraftId, path: &str) -> Result<(FileEntry, Vec<FileEntry>), WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(path)?);
        let whole = names.join("/");
        let (name, folder) = names.split_last().map_or((".", <&[&str]>::default()), |(name, folder)| (*name, folder));
        let it = entry(&desk.folder(folder, path)?, name, whole.clone())?;
        if it.kind != FileKind::Folder {
            return Ok((it, Vec::new()));
        }
        let dir = desk.folder(&names, path)?;
        let mut inside = Vec::new();
        for found in Dir::read_from(&dir).map_err(|errno| refused(path, errno))?.take(ENTRIES) {
            let found = found.map_err(|errno| refused(path, errno))?;
            // What has no name that can be written here cannot be asked for either.
            let Some(name) = found.file_name().to_str().ok().filter(|name| !matches!(*name, "." | "..")) else {
                continue;
            };
            let path = if whole.is_empty() { name.to_owned() } else { format!("{whole}/{name}") };
            match entry(&dir, name, path) {
                Ok(entry) => inside.push(entry),
                Err(WorkspaceError::NoFile(_)) => {}
                Err(error) => return Err(error),
            }
        }
        inside.sort_by(|a, b| a.path.cmp(&b.path));
        Ok((it, inside))
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

    /// Unpacks a tar or a zip into a folder, up to `most` bytes. Files that are there are replaced.
    pub fn unpack(&self, id: &DraftId, into: &str, archive: &Path, most: u64) -> Result<u64, WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(into)?);
        let failed = |reason| WorkspaceError::io(into, reason);
        let mut file = File::open(archive).map_err(failed)?;
        let mut first = Vec::new();
        (&mut file).take(1_024).read_to_end(&mut first).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let mut bounds = Bounds::ordinary();
        bounds.bytes = bounds.bytes.min(most);
        let mut onto = Onto { desk: &desk, prefix: names, bytes: 0 };
        let refused = |error: ArchiveError<WorkspaceError>| WorkspaceError::Archive {
            code: error.code(),
            message: error.to_string(),
        };
        // The whole archive is read once before anything is written, so that one which is refused leaves nothing.
        let mut nothing = Nothing;
        let check = |error: ArchiveError<std::io::Error>| WorkspaceError::Archive {
            code: error.code(),
            message: error.to_string(),
        };
        let format = format_of(&first, "")
            .map_err(|fault| WorkspaceError::Archive { code: fault.code(), message: fault.to_string() })?;
        match format {
            Some(Format::Tar | Format::TarGz) => {
                read_tar(&file, &bounds, &mut nothing).map_err(check)?;
                file.rewind().map_err(failed)?;
                read_tar(file, &bounds, &mut onto).map_err(refused)?;
            }
            Some(Format::Zip) => {
                read_zip(&file, &bounds, &mut nothing).map_err(check)?;
                file.rewind().map_err(failed)?;
                read_zip(file, &bounds, &mut onto).map_err(refused)?;
            }
            None => {
                let message = "this is neither a tar (gzipped or not) nor a zip".to_owned();
                return Err(WorkspaceError::Archive { code: "unknown_archive", message });
            }
        }
        Ok(onto.bytes)
    }

    /// Packs a folder into an archive.
    pub fn pack(&self, id: &DraftId, folder: &str, zip: bool) -> Result<Packed, WorkspaceError> {
        let names = names(folder)?.join("/");
        let now = self.look_through(id)?;
        let inside = |path: &str| match (names.as_str(), path.strip_prefix(names.as_str())) {
            ("", _) => Some(path.to_owned()),
            (_, Some(rest)) => rest.strip_prefix('/').map(str::to_owned),
            _ => None,
        };
        if !names.is_empty() && now.tree.get(&names) != Some(&Node::Folder) {
            return Err(WorkspaceError::NoFile(super::shown(folder)));
        }
        let failed = |reason| WorkspaceError::io(folder, reason);
        let refused = |error: super::archive::WriteError| WorkspaceError::Archive {
            code: error.code(),
            message: error.to_string(),
        };
        let file = tempfile::tempfile().map_err(failed)?;
        let mut pack = if zip { Pack::Zip(Box::new(ZipWriter::new(file))) } else { Pack::Tar(TarWriter::new(file)) };
        for (path, node) in now.tree.iter() {
            let Some(name) = inside(path) else { continue };
            match node {
                Node::Folder => pack.folder(&name),
                Node::Link { target } => pack.link(&name, target),
                Node::File { bytes, executable, .. } => {
                    let mut content = now.open(path).map_err(failed)?;
                    pack.file(&name, *executable, *bytes, &mut content)
                }
            }
            .map_err(refused)?;
        }
        let mut file = pack.finish().map_err(refused)?;
        let bytes = file.stream_position().and_then(|_| file.seek(std::io::SeekFrom::End(0))).map_err(failed)?;
        file.rewind().map_err(failed)?;
        Ok(Packed { file, bytes })
    }
}

enum Pack {
    Tar(TarWriter<File>),
    Zip(Box<ZipWriter<File>>),
}

impl Pack {
    fn folder(&mut self, path: &str) -> Result<(), super::archive::WriteError> {
        match self {
            Pack::Tar(tar) => tar.folder(path),
            Pack::Zip(zip) => zip.folder(path),
        }
    }

    fn file(
        &mut self,
        path: &str,
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), super::archive::WriteError> {
        match self {
            Pack::Tar(tar) => tar.file(path, executable, size, content),
            Pack::Zip(zip) => zip.file(path, executable, size, content),
        }
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), super::archive::WriteError> {
        match self {
            Pack::Tar(tar) => tar.link(path, target),
            Pack::Zip(zip) => zip.link(path, target),
        }
    }

    fn finish(self) -> Result<File, super::archive::WriteError> {
        match self {
            Pack::Tar(tar) => tar.finish(),
            Pack::Zip(zip) => zip.finish(),
        }
    }
}

/// An archive's entries, put into a draft.
struct Onto<'a> {
    desk: &'a Desk,
    prefix: Vec<&'a str>,
    bytes: u64,
}

impl<'a> Onto<'a> {
    fn names<'b>(&self, path: &'b str) -> Vec<&'b str>
    where
        'a: 'b,
    {
        self.prefix.iter().copied().chain(path.split('/')).collect()
    }
}

impl Receiver for Onto<'_> {
    type Error = WorkspaceError;

    fn folder(&mut self, path: &str) -> Result<(), WorkspaceError> {
        self.desk.make_folder(&self.names(path), path).map(drop)
    }

    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), WorkspaceError> {
        let bytes = self.desk.put(&self.names(path), path, executable, content)?;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), WorkspaceError> {
        let names = self.names(path);
        let Some((name, folder)) = names.split_last() else { return Ok(()) };
        let dir = self.desk.make_folder(folder, path)?;
        let name = CString::new(*name).map_err(|_| WorkspaceError::NoFile(super::shown(path)))?;
        match unlinkat(&dir, name.as_c_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(refused(path, errno)),
        }
        symlinkat(target, &dir, name.as_c_str()).map_err(|errno| refused(path, errno))
    }
}

/// Takes an archive and keeps nothing of it.
struct Nothing;

impl Receiver for Nothing {
    type Error = std::io::Error;

    fn folder(&mut self, _: &str) -> std::io::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: &str, _: bool, content: &mut dyn Read) -> std::io::Result<()> {
        std::io::copy(content, &mut std::io::sink()).map(drop)
    }

    fn link(&mut self, _: &str, _: &str) -> std::io::Result<()> {
        Ok(())
    }
}
