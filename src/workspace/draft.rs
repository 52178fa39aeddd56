use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink};
use std::path::Path;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat, openat2, readlinkat, statat,
};

use super::blobs::{Blobs, Incoming};
use super::changes::{Change, ChangeKind, Changes, DIFF_BYTES, json_bytes, unified};
use super::error::WorkspaceError;
use super::tree::{Node, Tree};
use crate::model::Digest;

/// Makes a folder that looks like a tree and shares its contents, in `files`, with `copies` beside it. It appears whole
/// or not at all.
pub(super) fn lay_out(blobs: &Blobs, tree: &Tree, into: &Path) -> Result<(), WorkspaceError> {
    let failed = |path: &Path, reason| WorkspaceError::io(path.display(), reason);
    let parent = into.parent().unwrap_or(into);
    let aside = tempfile::Builder::new().prefix("new-").tempdir_in(parent).map_err(|reason| failed(parent, reason))?;
    let files = aside.path().join("files");
    for folder in [&files, &aside.path().join("copies")] {
        fs::DirBuilder::new().mode(0o700).create(folder).map_err(|reason| failed(folder, reason))?;
    }
    for (path, node) in tree.iter() {
        let to = files.join(path);
        let done = match node {
            Node::Folder => fs::DirBuilder::new().mode(0o700).create(&to),
            Node::Link { target } => symlink(target, &to),
            Node::File { digest, bytes, .. } => {
                // Half of a content is worse than none: it would look like a change of the guest's.
                let whole = fs::metadata(blobs.path(*digest)).is_ok_and(|meta| meta.len() == *bytes);
                if !whole {
                    return Err(WorkspaceError::Damaged { path: path.to_owned(), digest: *digest });
                }
                share(blobs, *digest, &to)
            }
        };
        done.map_err(|reason| failed(&to, reason))?;
    }
    fs::rename(aside.keep(), into).map_err(|reason| failed(into, reason))
}

fn share(blobs: &Blobs, digest: Digest, to: &Path) -> std::io::Result<()> {
    match fs::hard_link(blobs.path(digest), to) {
        // A file has only so many names.
        Err(error) if error.kind() == std::io::ErrorKind::TooManyLinks => fs::copy(blobs.path(digest), to).map(drop),
        done => done,
    }
}

/// A draft as it is now.
pub(super) struct Now {
    pub(super) tree: Tree,
    root: OwnedFd,
}

/// The most names of a path of a draft, as of one in an archive. A guest can make deeper ones; they can be removed and
/// thrown away, and not be applied.
pub(super) const DEPTH: usize = 200;

pub(super) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Asked once in a while by what may take long or much: whether it is to go on, with so many more bytes in memory.
pub(super) type GoOn<'a> = &'a dyn Fn(u64) -> bool;

pub(super) fn given_up() -> std::io::Error {
    std::io::Error::other("it was given up: nobody waits for it any more, or there is no room in memory for it")
}

pub(super) fn too_deep(path: &str) -> WorkspaceError {
    // The beginning says which: a whole one may be long.
    let mut shown: String = path.chars().take(200).collect();
    if shown.len() < path.len() {
        shown.push('…');
    }
    WorkspaceError::TooDeep { path: shown, most: DEPTH }
}

/// About what something in a draft takes in memory, in its tree, in what differs, and in an answer about that.
fn bytes_of(path: &str, node: &Node) -> u64 {
    const REST: u64 = 512;
    let text = |text: &str| json_bytes(text).saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX) * 2);
    let target = if let Node::Link { target } = node { text(target) } else { 0 };
    REST.saturating_add(text(path)).saturating_add(target)
}

/// Looks through a draft. What still shares its content with the workspace is known without being read.
pub(super) fn look(blobs: &Blobs, base: &Tree, root: &Path, go_on: GoOn<'_>) -> Result<Now, WorkspaceError> {
    let failed = |errno| WorkspaceError::io(root.display(), errno);
    let root = open(root, FOLDER, Mode::empty()).map_err(failed)?;
    let (shared, programs) = (shared(blobs, base)?, programs(base));
    let mut looking = Looking { base, shared, programs, tree: Tree::default(), go_on };
    looking.folder(&root, "", 0)?;
    Ok(Now { tree: looking.tree, root })
}

/// Contents of the workspace by where they are on the disk.
fn shared(blobs: &Blobs, base: &Tree) -> Result<HashMap<(u64, u64), Digest>, WorkspaceError> {
    let mut shared = HashMap::new();
    for (path, node) in base.iter() {
        if let Node::File { digest, bytes, .. } = node
            && let Ok(meta) = fs::metadata(blobs.path(*digest))
        {
            if meta.len() != *bytes {
                return Err(WorkspaceError::Damaged { path: path.to_owned(), digest: *digest });
            }
            shared.insert((meta.dev(), meta.ino()), *digest);
        }
    }
    Ok(shared)
}

struct Looking<'a> {
    base: &'a Tree,
    shared: HashMap<(u64, u64), Digest>,
    programs: HashSet<Digest>,
    tree: Tree,
    go_on: GoOn<'a>,
}

impl Looking<'_> {
    /// Each name below the folder that is open, so that no path is too long and no link is followed.
    fn folder(&mut self, dir: &OwnedFd, folder: &str, depth: usize) -> Result<(), WorkspaceError> {
        let failed = |errno| WorkspaceError::io(folder, errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                let name = entry.file_name().to_owned();
                if !(self.go_on)(u64::try_from(name.count_bytes()).unwrap_or(u64::MAX)) {
                    return Err(WorkspaceError::io(folder, given_up()));
                }
                names.push(name);
            }
        }
        if depth >= DEPTH && !names.is_empty() {
            return Err(too_deep(folder));
        }
        for name in names {
            let Ok(text) = name.to_str() else {
                let path = name.to_string_lossy().into_owned();
                return Err(WorkspaceError::Special { path, kind: "of a name that is no UTF-8" });
            };
            let path = if folder.is_empty() { text.to_owned() } else { format!("{folder}/{text}") };
            match self.entry(dir, text, path, depth) {
                // It was there a moment ago, and whoever is at work in the draft took it away.
                Err(WorkspaceError::Io { reason, .. }) if reason.kind() == ErrorKind::NotFound => {}
                looked => looked?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, dir: &OwnedFd, name: &str, path: String, depth: usize) -> Result<(), WorkspaceError> {
        let failed = |errno| WorkspaceError::io(&path, errno);
        if !(self.go_on)(0) {
            return Err(WorkspaceError::io(&path, given_up()));
        }
        let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let node = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let inner = openat(dir, name, FOLDER, Mode::empty()).map_err(failed)?;
                self.folder(&inner, &path, depth + 1)?;
                Node::Folder
            }
            FileType::Symlink => {
                let target = readlinkat(dir, name, Vec::new()).map_err(failed)?;
                Node::Link { target: target.to_string_lossy().into_owned() }
            }
            FileType::RegularFile => {
                let digest = match self.shared.get(&(stat.st_dev, stat.st_ino)) {
                    Some(digest) => *digest,
                    None => hash(open_file(dir, name).map_err(failed)?, self.go_on)
                        .map_err(|reason| WorkspaceError::io(&path, reason))?,
                };
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                Node::File { digest, bytes, executable: self.executable(&path, digest) }
            }
            _ => return Err(WorkspaceError::Special { path, kind: "neither file, folder nor link" }),
        };
        if !(self.go_on)(bytes_of(&path, &node)) {
            return Err(WorkspaceError::io(&path, given_up()));
        }
        self.tree.insert(path, node);
        Ok(())
    }

    /// A guest cannot change it: it stays with the path, or with the content when that was moved.
    fn executable(&self, path: &str, now: Digest) -> bool {
        match self.base.get(path) {
            Some(Node::File { executable, .. }) => *executable,
            _ => self.programs.contains(&now),
        }
    }
}

/// Contents that are executable somewhere in the workspace.
fn programs(base: &Tree) -> HashSet<Digest> {
    let program = |(_, node): (&str, &Node)| match node {
        Node::File { digest, executable: true, .. } => Some(*digest),
        _ => None,
    };
    base.iter().filter_map(program).collect()
}

/// Opens a file of the draft and nothing else, even if somebody swaps it for a link or a pipe at this moment.
pub(super) fn open_file(dir: impl AsFd, path: &str) -> rustix::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(dir, path, flags, Mode::empty(), resolve)?;
    match FileType::from_raw_mode(fstat(&file)?.st_mode) {
        FileType::RegularFile => Ok(file.into()),
        _ => Err(rustix::io::Errno::INVAL),
    }
}

fn hash(mut file: File, go_on: GoOn<'_>) -> std::io::Result<Digest> {
    use sha2::Digest as _;
    use std::io::Read as _;
    const PIECE: u64 = 1 << 20;
    let mut hash = sha2::Sha256::new();
    while std::io::copy(&mut (&mut file).take(PIECE), &mut hash)? == PIECE {
        if !go_on(0) {
            return Err(given_up());
        }
    }
    Ok(Digest::from_bytes(hash.finalize().into()))
}

impl Now {
    /// What differs from `base`, with texts compared as far as there is room for what that gives.
    pub(super) fn changes_with_text(
        &self,
        blobs: &Blobs,
        base: &Tree,
        go_on: GoOn<'_>,
    ) -> Result<Changes, WorkspaceError> {
        let mut changes = Changes::between(base, &self.tree);
        let has_content = |node: &Option<Node>| matches!(node, Some(Node::File { .. }));
        let mut left = DIFF_BYTES;
        for change in &mut changes.0 {
            if !go_on(0) {
                return Err(WorkspaceError::io(&change.path, given_up()));
            }
            if left == 0 {
                change.truncated = has_content(&change.before) || has_content(&change.after);
                continue;
            }
            let Some(diff) = self.compared(blobs, change)? else { continue };
            match left.checked_sub(json_bytes(&diff)) {
                Some(rest) => (left, change.diff) = (rest, Some(diff)),
                None => (left, change.truncated) = (0, true),
            }
        }
        Ok(changes)
    }

    /// The texts of both sides, compared.
    fn compared(&self, blobs: &Blobs, change: &Change) -> Result<Option<String>, WorkspaceError> {
        let before = match &change.before {
            Some(Node::File { digest, .. }) => Some(read_some(blobs.read(&change.path, *digest)?)),
            _ => None,
        };
        let after = match (&change.after, change.change) {
            (Some(Node::File { .. }), ChangeKind::Added | ChangeKind::Changed) => {
                let failed = |reason| WorkspaceError::io(&change.path, reason);
                Some(read_some(open_file(&self.root, &change.path).map_err(failed)?))
            }
            _ => None,
        };
        let (Ok(before), Ok(after)) = (before.transpose(), after.transpose()) else { return Ok(None) };
        if before.is_none() && after.is_none() {
            return Ok(None);
        }
        Ok(unified(&change.path, before.as_deref(), after.as_deref()))
    }

    /// A file of the draft.
    pub(super) fn open(&self, path: &str) -> std::io::Result<File> {
        Ok(open_file(&self.root, path)?)
    }

    /// The content of a file of the draft, on its way into the store.
    pub(super) fn receive(&self, blobs: &Blobs, path: &str) -> std::io::Result<Incoming> {
        blobs.receive(open_file(&self.root, path)?, u64::MAX)
    }
}

/// More than a diff would show is not read.
fn read_some(content: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    content.take((1 << 20) + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
