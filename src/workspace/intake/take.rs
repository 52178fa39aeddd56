use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Serialize;

use super::super::archive::{Bounds, FIRST_BYTES, Fault, Format, format_of};
use super::super::blobs::Blobs;
use super::super::draft::open_file;
use super::super::error::WorkspaceError;
use super::super::lists::LONGEST;
use super::super::select::{Kind, LeftOut, Options, SelectError, Selected, Selection, select};
use super::super::tree::Tree;
use super::super::upload::{Endless, Upload};
use super::contents::{Open, keep, look};
use super::room;
use super::unpack::unpack;
use crate::fs_policy::{Kind as RuleKind, Level, Policy, Rule, secret_patterns};

/// What a workspace is made from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A folder, an archive, or a file; which, is seen.
    Path(PathBuf),
    /// Files, each as it is and under its own name.
    Files(Vec<PathBuf>),
    /// An archive that came whole, and nothing else: a file alone has no name.
    Upload(Upload),
    /// Nothing: an empty workspace.
    Empty,
}

impl Source {
    /// What was named: nothing, one thing whatever it is, or several files.
    pub fn of(mut paths: Vec<PathBuf>) -> Self {
        match (paths.pop(), paths.is_empty()) {
            (None, _) => Source::Empty,
            (Some(one), true) => Source::Path(one),
            (Some(last), false) => {
                paths.push(last);
                Source::Files(paths)
            }
        }
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub path: String,
    why: LeftOut,
}

impl Left {
    /// In words; `with_secrets` is how whoever reads them says that he wants such names after all.
    pub fn because(&self, with_secrets: &str) -> String {
        match self.why {
            LeftOut::Ignored { by } => format!("ignored by {by}"),
            LeftOut::OwnData => "the folder where ringfence keeps its own data".into(),
            LeftOut::SecretName => format!("its name says that it holds a secret ({with_secrets} takes it)"),
            LeftOut::LeavesTheFolder => "a link that leads out of the folder".into(),
            LeftOut::LinkWinds => "a link with '..' after a name; '..' may only begin it".into(),
            LeftOut::LinkTooLong => "a link to a name that is too long for any file".into(),
            LeftOut::NotAFile => "neither file, folder nor link".into(),
            LeftOut::NotText => "its name is no UTF-8".into(),
        }
    }
}

/// A content that looks like a credential; never the credential itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    pub path: String,
    pub line: u64,
    pub what: &'static str,
}

pub(in super::super) struct Taken {
    pub(in super::super) tree: Tree,
    pub(in super::super) left_out: Vec<Left>,
    pub(in super::super) found: Vec<Found>,
}

const MOST_FILES: u64 = 200_000;
/// What a path has beside it in memory.
const BESIDE: u64 = 100;
pub(super) const MOST_BYTES: u64 = 16 << 30;

pub(in super::super) fn take(blobs: &Blobs, source: &Source, intake: Intake) -> Result<Taken, WorkspaceError> {
    let path = match source {
        Source::Empty => return Ok(Taken { tree: Tree::default(), left_out: Vec::new(), found: Vec::new() }),
        Source::Upload(upload) => return take_upload(blobs, upload, intake),
        Source::Files(paths) => return take_files(blobs, paths, intake),
        Source::Path(path) => path,
    };
    let failed = |reason| WorkspaceError::io(path.display(), reason);
    if fs::metadata(path).map_err(failed)?.is_dir() {
        let own_data = own_data(blobs, path)?;
        return take_folder(blobs, path, intake, Options { repository: true, own_data, ..options(intake) });
    }
    let mut file = open_source(path)?;
    let about = file.metadata().map_err(failed)?;
    if about.len() > MOST_BYTES {
        return Err(SelectError::TooManyBytes { most_bytes: MOST_BYTES }.into());
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    match kind_of(&mut file, name).map_err(failed)?.map_err(refused)? {
        Some(format) => {
            room::check(blobs, about.len())?;
            let aside = unpack(blobs, file, format, &Endless)?;
            take_folder(blobs, aside.path(), intake, options(intake))
        }
        None => take_files(blobs, std::slice::from_ref(path), intake),
    }
}

/// Files that are nothing else: what is an archive stays one.
fn take_files(blobs: &Blobs, paths: &[PathBuf], intake: Intake) -> Result<Taken, WorkspaceError> {
    let (secrets, mut selection, mut named) = (secret_names(), Selection::default(), BTreeMap::new());
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file").to_owned();
        let special = |kind| WorkspaceError::Special { path: path.display().to_string(), kind };
        let about = open_source(path)?.metadata().map_err(|reason| WorkspaceError::io(path.display(), reason))?;
        let kind = Kind::File { executable: about.permissions().mode() & 0o111 != 0, bytes: about.len() };
        if named.insert(name.clone(), path.as_path()).is_some() {
            return Err(special("of the same name as another of them"));
        }
        if !intake.with_secrets && secrets.level_of(&format!("/{name}")) == Level::None {
            selection.left_out.push((name, LeftOut::SecretName));
        } else {
            selection.taken.push(Selected { path: name, kind });
        }
    }
    selection.taken.sort_by(|a, b| a.path.cmp(&b.path));
    let open = |name: &str| {
        named.get(name).map_or_else(|| Err(WorkspaceError::Changed { path: name.into() }), |path| open_source(path))
    };
    take_selected(blobs, selection, &open, intake)
}

fn take_upload(blobs: &Blobs, upload: &Upload, intake: Intake) -> Result<Taken, WorkspaceError> {
    let failed = |reason| WorkspaceError::io("the upload", reason);
    let mut file = upload.file().map_err(failed)?;
    file.rewind().map_err(failed)?;
    let format = kind_of(&mut file, "").map_err(failed)?.map_err(refused)?.ok_or_else(no_archive)?;
    let aside = unpack(blobs, file, format, upload.room())?;
    take_folder(blobs, aside.path(), intake, options(intake))
}

/// What is neither the one nor the other.
pub(in super::super) fn no_archive() -> WorkspaceError {
    let message = "this is neither a tar (gzipped or not) nor a zip".to_owned();
    WorkspaceError::Archive { code: "unknown_archive", message }
}

fn options(intake: Intake) -> Options<'static> {
    Options {
        room: &|_| true,
        with_secrets: intake.with_secrets,
        most_files: MOST_FILES,
        most_bytes: MOST_BYTES,
        // As deep as an archive may be, so that what is taken can be written out and read again.
        most_depth: Bounds::ordinary().depth,
        repository: false,
        own_data: None,
    }
}

/// Which folder holds the data of all workspaces. One that is nothing else is no source.
fn own_data(blobs: &Blobs, folder: &Path) -> Result<Option<(u64, u64)>, WorkspaceError> {
    let failed = |reason| WorkspaceError::io(folder.display(), reason);
    let which = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino()));
    let (files, data) = (which(blobs.dir()).map_err(failed)?, which(&blobs.dir().join("..")).map_err(failed)?);
    let folder = fs::canonicalize(folder).map_err(failed)?;
    let within_files = folder.ancestors().any(|place| which(place).is_ok_and(|place| place == files));
    if within_files || which(&folder).map_err(failed)? == data {
        let path = folder.display().to_string();
        return Err(WorkspaceError::Special { path, kind: "where ringfence keeps its own data" });
    }
    Ok(Some(data))
}

/// A pipe must not block, and a device must not be read.
fn open_source(path: &Path) -> Result<File, WorkspaceError> {
    let failed = |reason| WorkspaceError::io(path.display(), reason);
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or(0);
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_file() {
        Ok(file)
    } else {
        Err(WorkspaceError::Special { path: path.display().to_string(), kind: "no file and no folder" })
    }
}

fn kind_of(file: &mut File, name: &str) -> std::io::Result<Result<Option<Format>, Fault>> {
    let mut first = Vec::new();
    file.take(FIRST_BYTES).read_to_end(&mut first)?;
    file.rewind()?;
    Ok(format_of(&first, name))
}

fn refused(fault: Fault) -> WorkspaceError {
    WorkspaceError::Archive { code: fault.code(), message: fault.to_string() }
}

fn take_folder(blobs: &Blobs, folder: &Path, intake: Intake, options: Options<'_>) -> Result<Taken, WorkspaceError> {
    let secrets = secret_names();
    let is_secret = |path: &str| secrets.level_of(path) == Level::None;
    let counted = RefCell::new((blobs.lists().share(0)?, 0u64));
    let room = |path: u64| {
        let (share, all) = &mut *counted.borrow_mut();
        *all = all.saturating_add(path.saturating_add(BESIDE));
        // Once as it is found, and once in the list.
        *all <= LONGEST && share.grow(path.saturating_add(BESIDE).saturating_mul(2)).is_ok()
    };
    let selected = select(folder, &is_secret, &Options { room: &room, ..options });
    let (share, all) = counted.into_inner();
    let selection = match selected {
        Err(SelectError::NoRoom) if all > LONGEST => return Err(WorkspaceError::ListTooLong { most: LONGEST }),
        Err(SelectError::NoRoom) => return Err(WorkspaceError::TooManyLists),
        selected => selected?,
    };
    let root = File::open(folder).map_err(|reason| WorkspaceError::io(folder.display(), reason))?;
    let mut taken = take_selected(blobs, selection, &|path| open_plain(&root, path), intake)?;
    taken.tree = taken.tree.counted(share);
    Ok(taken)
}

fn take_selected(blobs: &Blobs, selection: Selection, open: Open<'_>, intake: Intake) -> Result<Taken, WorkspaceError> {
    let (tree, found) = look(selection.taken, open)?;
    if !found.is_empty() && !intake.allow_credentials {
        return Err(WorkspaceError::Credentials(found));
    }
    keep(blobs, &tree, open)?;
    let left_out = selection.left_out.into_iter().map(|(path, why)| Left { path, why }).collect();
    Ok(Taken { tree, left_out, found })
}

/// Opens what was selected a moment ago: still a file, still inside, and through no link.
fn open_plain(root: &File, path: &str) -> Result<File, WorkspaceError> {
    use rustix::io::Errno;
    open_file(root, path).map_err(|errno| match errno {
        Errno::LOOP | Errno::NOENT | Errno::NOTDIR | Errno::INVAL => WorkspaceError::Changed { path: path.to_owned() },
        errno => WorkspaceError::io(path, errno),
    })
}

/// All but the names that every preset hides.
fn secret_names() -> Policy {
    let secret = secret_patterns().filter_map(|pattern| Rule::new(pattern, Level::None, RuleKind::Glob, 1).ok());
    let all = Rule::new("/**", Level::Read, RuleKind::Glob, 0).ok();
    Policy::new(all.into_iter().chain(secret).collect(), false).unwrap_or_else(|_| Policy::nothing())
}
