use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::draft::{GoOn, given_up};
use super::error::WorkspaceError;
use super::fell::remove_tree;
use super::lists::{LONGEST, Lists};
use super::tree::Tree;
use crate::model::Digest;

/// Contents by their digest, each kept once and never changed: nobody may write the files, not even their owner.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    dir: PathBuf,
    lists: Arc<Lists>,
}

/// A content on its way in.
pub(super) struct Incoming {
    file: tempfile::NamedTempFile,
    pub(super) digest: Digest,
    pub(super) bytes: u64,
}

/// A content on its way in that waits for others: without an open file, so that many can.
pub(super) struct Waiting {
    path: tempfile::TempPath,
    digest: Digest,
    bytes: u64,
}

impl Incoming {
    pub(super) fn wait(self) -> Waiting {
        Waiting { path: self.file.into_temp_path(), digest: self.digest, bytes: self.bytes }
    }
}

impl Waiting {
    pub(super) fn resume(self) -> std::io::Result<Incoming> {
        let file = tempfile::NamedTempFile::from_parts(File::open(&self.path)?, self.path);
        Ok(Incoming { file, digest: self.digest, bytes: self.bytes })
    }
}

impl Blobs {
    pub(super) fn open(dir: PathBuf, lists: Arc<Lists>) -> Result<Self, WorkspaceError> {
        let failed = |reason| WorkspaceError::io(dir.display(), reason);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.join("new")).map_err(failed)?;
        Ok(Self { dir, lists })
    }

    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        let hex = digest.hex();
        let (first, rest) = hex.split_at_checked(2).unwrap_or(("", &hex));
        self.dir.join(first).join(rest)
    }

    /// Takes a content in, up to `most` bytes; it is not kept yet.
    pub(super) fn receive(&self, mut content: impl Read, most: u64) -> std::io::Result<Incoming> {
        let mut file = tempfile::Builder::new().tempfile_in(self.dir.join("new"))?;
        let mut hash = Sha256::new();
        let mut bytes = 0u64;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = content.read(&mut buffer)?;
            let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
            bytes = bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            if bytes > most {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            hash.update(piece);
            file.write_all(piece)?;
        }
        Ok(Incoming { file, digest: Digest::from_bytes(hash.finalize().into()), bytes })
    }

    /// Keeps a content. It is durable after the next [`Blobs::sync`].
    pub(super) fn keep(&self, incoming: Incoming) -> std::io::Result<()> {
        let path = self.path(incoming.digest);
        if let Some(parent) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        incoming.file.as_file().set_permissions(fs::Permissions::from_mode(0o444))?;
        match incoming.file.persist_noclobber(&path) {
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                // What a power cut left under this name is not what the name says.
                if !is_whole(&path, incoming.digest, incoming.bytes) {
                    error.file.persist(&path).map_err(|error| error.error)?;
                }
                Ok(())
            }
            done => done.map(drop).map_err(|error| error.error),
        }
    }

    pub(super) fn keep_tree(&self, tree: &Tree) -> Result<Digest, WorkspaceError> {
        let failed = |reason: std::io::Error| WorkspaceError::io("the tree", reason);
        let text = tree.to_text().map_err(|error| failed(error.into()))?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > LONGEST) {
            return Err(WorkspaceError::ListTooLong { most: LONGEST });
        }
        let incoming = self.receive(text.as_slice(), LONGEST).map_err(failed)?;
        let digest = incoming.digest;
        self.keep(incoming).map_err(failed)?;
        Ok(digest)
    }

    /// Reads a list of files, if there is room in memory for it.
    pub(super) fn tree(&self, digest: Digest) -> Result<Tree, WorkspaceError> {
        let bytes = fs::metadata(self.path(digest)).map_or(0, |meta| meta.len());
        // The text, what it says, and that in order; then only the last.
        let mut share = self.lists.share(bytes.saturating_mul(3))?;
        let tree = self.tree_of_one(digest)?;
        share.shrink(bytes);
        Ok(tree.counted(share))
    }

    /// The same for whoever reads one after the other, and is alone.
    pub(super) fn tree_of_one(&self, digest: Digest) -> Result<Tree, WorkspaceError> {
        let text = fs::read(self.path(digest)).ok().filter(|text| Digest::of(text) == digest);
        text.and_then(|text| Tree::from_text(&text)).ok_or(WorkspaceError::DamagedTree(digest))
    }

    pub(super) fn lists(&self) -> &Arc<Lists> {
        &self.lists
    }

    /// The same, if there is room in memory for it.
    pub(super) fn tree_within(&self, digest: Digest, go_on: GoOn<'_>) -> Result<Tree, WorkspaceError> {
        let text = fs::metadata(self.path(digest)).map_or(0, |meta| meta.len());
        // The text and what is made of it.
        match go_on(text.saturating_mul(2)) {
            true => self.tree(digest),
            false => Err(WorkspaceError::io("a tree", given_up())),
        }
    }

    /// Makes all that was kept durable: one call, however many files there were.
    pub(super) fn sync(&self) -> Result<(), WorkspaceError> {
        let failed = |reason| WorkspaceError::io(self.dir.display(), reason);
        let dir = File::open(&self.dir).map_err(failed)?;
        rustix::fs::syncfs(dir).map_err(|errno| failed(errno.into()))
    }

    /// Copies a content to somewhere else, and checks it on the way.
    pub(super) fn read(&self, path: &str, digest: Digest) -> Result<Checked, WorkspaceError> {
        let damaged = || WorkspaceError::Damaged { path: path.to_owned(), digest };
        let file = File::open(self.path(digest)).map_err(|_| damaged())?;
        Ok(Checked { file, hash: Sha256::new(), digest })
    }

    /// Removes what is not in `used`, and what was on its way in. Nobody may be taking anything in meanwhile.
    pub(super) fn sweep(&self, used: &std::collections::HashSet<Digest>) -> std::io::Result<()> {
        let wanted: std::collections::HashSet<PathBuf> = used.iter().map(|digest| self.path(*digest)).collect();
        for folder in fs::read_dir(&self.dir)? {
            let folder = folder?.path();
            let fresh = folder.file_name().is_some_and(|name| name == "new");
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    remove_tree(&entry.path())?;
                } else if fresh || !wanted.contains(&entry.path()) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

fn is_whole(path: &Path, digest: Digest, bytes: u64) -> bool {
    let same = || -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        Ok(file.metadata()?.len() == bytes
            && std::io::copy(&mut file, &mut hash)? == bytes
            && Digest::from_bytes(hash.finalize().into()) == digest)
    };
    same().unwrap_or(false)
}

/// Reads a content and fails at its end if it is not what it should be.
pub(super) struct Checked {
    file: File,
    hash: Sha256,
    digest: Digest,
}

impl Read for Checked {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(into)?;
        match into.get(..count).filter(|piece| !piece.is_empty()) {
            Some(piece) => self.hash.update(piece),
            None if into.is_empty() => {}
            None => {
                let hash = std::mem::take(&mut self.hash);
                if Digest::from_bytes(hash.finalize().into()) != self.digest {
                    return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the content is damaged"));
                }
            }
        }
        Ok(count)
    }
}
