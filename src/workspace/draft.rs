use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use super::blobs::{Blobs, Incoming};
use super::changes::{ChangeKind, Changes, unified};
use super::error::WorkspaceError;
use super::tree::{Node, Tree};
use crate::model::Digest;

/// Makes a folder that looks like a tree and shares its contents. It appears whole or not at all.
pub(super) fn lay_out(blobs: &Blobs, tree: &Tree, into: &Path) -> Result<(), WorkspaceError> {
    let failed = |path: &Path, reason| WorkspaceError::io(path.display(), reason);
    let parent = into.parent().unwrap_or(into);
    let aside = tempfile::Builder::new().prefix("new-").tempdir_in(parent).map_err(|reason| failed(parent, reason))?;
    for (path, node) in tree.iter() {
        let to = aside.path().join(path);
        let done = match node {
            Node::Folder => fs::DirBuilder::new().mode(0o700).create(&to),
            Node::Link { target } => symlink(target, &to),
            Node::File { digest, .. } => share(blobs, *digest, &to),
        };
        match done {
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound && matches!(node, Node::File { .. }) => {
                let Node::File { digest, .. } = node else { continue };
                return Err(WorkspaceError::Damaged { path: path.to_owned(), digest: *digest });
            }
            other => other.map_err(|reason| failed(&to, reason))?,
        }
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
    root: PathBuf,
}

/// Looks through a draft. What still shares its content with the workspace is known without being read.
pub(super) fn look(blobs: &Blobs, base: &Tree, root: &Path) -> Result<Now, WorkspaceError> {
    let mut shared = HashMap::new();
    for (_, node) in base.iter() {
        if let Node::File { digest, .. } = node
            && let Ok(meta) = fs::metadata(blobs.path(*digest))
        {
            shared.insert((meta.dev(), meta.ino()), *digest);
        }
    }
    let mut tree = Tree::default();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let dir = root.join(&folder);
        let failed = |reason| WorkspaceError::io(&folder, reason);
        for entry in fs::read_dir(&dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let path = name.to_string_lossy().into_owned();
                return Err(WorkspaceError::Special { path, kind: "of a name that is no UTF-8" });
            };
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            let failed = |reason| WorkspaceError::io(&path, reason);
            // Of the entry itself, never of what a link leads to.
            let meta = entry.metadata().map_err(failed)?;
            let node = if meta.is_dir() {
                folders.push(path.clone());
                Node::Folder
            } else if meta.is_symlink() {
                let target = fs::read_link(entry.path()).map_err(failed)?;
                Node::Link { target: target.to_string_lossy().into_owned() }
            } else if meta.is_file() {
                let digest = match shared.get(&(meta.dev(), meta.ino())) {
                    Some(digest) => *digest,
                    None => hash(&entry.path()).map_err(failed)?,
                };
                Node::File { digest, bytes: meta.len(), executable: executable(base, &path, digest) }
            } else {
                return Err(WorkspaceError::Special { path, kind: "neither file, folder nor link" });
            };
            tree.insert(path, node);
        }
    }
    Ok(Now { tree, root: root.to_owned() })
}

/// A guest cannot change it: it stays with the path, or with the content when that was moved.
fn executable(base: &Tree, path: &str, now: Digest) -> bool {
    match base.get(path) {
        Some(Node::File { executable, .. }) => *executable,
        _ => base.iter().any(|(_, node)| matches!(node, Node::File { digest, executable: true, .. } if *digest == now)),
    }
}

fn hash(path: &Path) -> std::io::Result<Digest> {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    std::io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(Digest::from_bytes(hash.finalize().into()))
}

impl Now {
    /// What differs from `base`, with texts compared.
    pub(super) fn changes(&self, blobs: &Blobs, base: &Tree, with_text: bool) -> Result<Changes, WorkspaceError> {
        let mut changes = Changes::between(base, &self.tree);
        for change in changes.0.iter_mut().filter(|_| with_text) {
            let before = match &change.before {
                Some(Node::File { digest, .. }) => Some(read_some(blobs.read(&change.path, *digest)?)),
                _ => None,
            };
            let after = match (&change.after, change.change) {
                (Some(Node::File { .. }), ChangeKind::Added | ChangeKind::Changed) => {
                    let failed = |reason| WorkspaceError::io(&change.path, reason);
                    Some(read_some(File::open(self.root.join(&change.path)).map_err(failed)?))
                }
                _ => None,
            };
            let sides = (before.transpose(), after.transpose());
            if let (Ok(before), Ok(after)) = sides
                && (before.is_some() || after.is_some())
            {
                change.diff = unified(&change.path, before.as_deref(), after.as_deref());
            }
        }
        Ok(changes)
    }

    /// The content of a file of the draft, on its way into the store.
    pub(super) fn receive(&self, blobs: &Blobs, path: &str) -> std::io::Result<Incoming> {
        blobs.receive(File::open(self.root.join(path))?, u64::MAX)
    }
}

/// More than a diff would show is not read.
fn read_some(content: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    content.take((1 << 20) + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
