use std::fs::{self, File};
use std::io::{Read, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use serde::Serialize;

use super::archive::{ArchiveError, Bounds, FIRST_BYTES, Format, Receiver, format_of, read_tar, read_zip};
use super::blobs::Blobs;
use super::error::WorkspaceError;
use super::scan::scan;
use super::select::{Kind, LeftOut, Options, select};
use super::tree::{Node, Tree};
use crate::fs_policy::{Kind as RuleKind, Level, Policy, Rule, secret_patterns};

/// What a workspace is made from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A folder, an archive, or a file; which, is seen.
    Path(PathBuf),
    /// Nothing: an empty workspace.
    Empty,
}

/// How an upload is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Intake {
    /// Takes files whose names say that they hold secrets.
    pub with_secrets: bool,
    /// Takes files whose content looks like a credential.
    pub allow_credentials: bool,
}

/// Something that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    pub path: String,
    pub because: String,
}

/// A content that looks like a credential; never the credential itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    pub path: String,
    pub line: u64,
    pub what: &'static str,
}

pub(super) struct Taken {
    pub(super) tree: Tree,
    pub(super) left_out: Vec<Left>,
    pub(super) found: Vec<Found>,
}

const MOST_FILES: u64 = 200_000;
const MOST_BYTES: u64 = 16 << 30;

pub(super) fn take(blobs: &Blobs, source: &Source, intake: Intake) -> Result<Taken, WorkspaceError> {
    let path = match source {
        Source::Empty => return Ok(Taken { tree: Tree::default(), left_out: Vec::new(), found: Vec::new() }),
        Source::Path(path) => path,
    };
    let failed = |reason| WorkspaceError::io(path.display(), reason);
    if fs::metadata(path).map_err(failed)?.is_dir() {
        return take_folder(blobs, path, intake);
    }
    // Unpacked to the side and looked at like any folder: what is refused in the middle leaves nothing behind.
    let aside = tempfile::Builder::new().prefix("unpacked-").tempdir_in(blobs.dir().join("new")).map_err(failed)?;
    let options = fs::OpenOptions::new().read(true).custom_flags(nonblock()).open(path);
    let mut file = options.map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(WorkspaceError::Special { path: path.display().to_string(), kind: "no file and no folder" });
    }
    let mut first = Vec::new();
    (&mut file).take(FIRST_BYTES).read_to_end(&mut first).map_err(failed)?;
    file.rewind().map_err(failed)?;
    let mut unpack = Unpack { root: aside.path() };
    let bounds = Bounds::ordinary();
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    match format_of(&first, name).map_err(|fault| refused(fault.into()))? {
        Some(Format::Tar | Format::TarGz) => drop(read_tar(file, &bounds, &mut unpack).map_err(refused)?),
        Some(Format::Zip) => drop(read_zip(file, &bounds, &mut unpack).map_err(refused)?),
        None => {
            unpack.file(name, false, &mut file).map_err(failed)?;
        }
    }
    take_folder(blobs, aside.path(), intake)
}

fn refused(error: ArchiveError<std::io::Error>) -> WorkspaceError {
    WorkspaceError::Archive { code: error.code(), message: error.to_string() }
}

fn nonblock() -> i32 {
    i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or(0)
}

/// Writes an archive's entries into a new folder that nobody else knows of.
struct Unpack<'a> {
    root: &'a Path,
}

impl Receiver for Unpack<'_> {
    type Error = std::io::Error;

    fn folder(&mut self, path: &str) -> std::io::Result<()> {
        fs::create_dir(self.root.join(path))
    }

    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> std::io::Result<()> {
        let mode = if executable { 0o700 } else { 0o600 };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(self.root.join(path))?;
        std::io::copy(content, &mut file)?;
        file.flush()
    }

    fn link(&mut self, path: &str, target: &str) -> std::io::Result<()> {
        std::os::unix::fs::symlink(target, self.root.join(path))
    }
}

fn take_folder(blobs: &Blobs, folder: &Path, intake: Intake) -> Result<Taken, WorkspaceError> {
    let secrets = secret_names();
    let is_secret = |path: &str| secrets.level_of(path) == Level::None;
    let options = Options { with_secrets: intake.with_secrets, most_files: MOST_FILES, most_bytes: MOST_BYTES };
    let selection = select(folder, &is_secret, &options)?;
    let root = File::open(folder).map_err(|reason| WorkspaceError::io(folder.display(), reason))?;
    let left_out = selection.left_out.into_iter().map(|(path, why)| Left { path, because: because(why) }).collect();
    let mut taken = Taken { tree: Tree::default(), left_out, found: Vec::new() };
    for selected in selection.taken {
        let node = match selected.kind {
            Kind::Folder => Node::Folder,
            Kind::Link { target } => Node::Link { target },
            Kind::File { executable, .. } => {
                let failed = |reason| WorkspaceError::io(&selected.path, reason);
                let file = open_plain(&root, &selected.path)?;
                let incoming = blobs.receive(file, MOST_BYTES).map_err(failed)?;
                for finding in scan(incoming.reopen().map_err(failed)?).map_err(failed)? {
                    taken.found.push(Found { path: selected.path.clone(), line: finding.line, what: finding.what });
                }
                let (digest, bytes) = (incoming.digest, incoming.bytes);
                blobs.keep(incoming).map_err(failed)?;
                Node::File { digest, bytes, executable }
            }
        };
        taken.tree.insert(selected.path, node);
    }
    if !taken.found.is_empty() && !intake.allow_credentials {
        return Err(WorkspaceError::Credentials(taken.found));
    }
    Ok(taken)
}

/// Opens what was selected a moment ago: still a file, still inside, and through no link.
fn open_plain(root: &File, path: &str) -> Result<File, WorkspaceError> {
    let changed = || WorkspaceError::Changed { path: path.to_owned() };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(root, path, flags, Mode::empty(), resolve).map_err(|errno| match errno {
        rustix::io::Errno::LOOP | rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR => changed(),
        errno => WorkspaceError::io(path, errno),
    })?;
    let stat = fstat(&file).map_err(|errno| WorkspaceError::io(path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(changed());
    }
    Ok(file.into())
}

fn because(why: LeftOut) -> String {
    match why {
        LeftOut::Ignored { by } => format!("ignored by {by}"),
        LeftOut::SecretName => "its name says that it holds a secret (--with-secrets takes it)".into(),
        LeftOut::LeavesTheFolder => "a link that leads out of the folder".into(),
        LeftOut::NotAFile => "neither file, folder nor link".into(),
        LeftOut::NotText => "its name is no UTF-8".into(),
    }
}

/// All but the names that every preset hides.
fn secret_names() -> Policy {
    let secret = secret_patterns().filter_map(|pattern| Rule::new(pattern, Level::None, RuleKind::Glob, 1).ok());
    let all = Rule::new("/**", Level::Read, RuleKind::Glob, 0).ok();
    Policy::new(all.into_iter().chain(secret).collect(), false).unwrap_or_else(|_| Policy::nothing())
}
