use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use super::super::blobs::{Blobs, Waiting};
use super::super::error::WorkspaceError;
use super::super::scan::{Finding, scan};
use super::super::select::{Kind, SelectError, Selected};
use super::super::tree::{Node, Tree};
use super::room;
use super::take::{Found, MOST_BYTES};
use crate::model::Digest;

/// Opens what was selected, each time anew.
pub(super) type Open<'a> = &'a dyn Fn(&str) -> Result<File, WorkspaceError>;

/// What is there, without a byte of it in the store.
pub(super) fn look(selected: Vec<Selected>, open: Open<'_>) -> Result<(Tree, Vec<Found>), WorkspaceError> {
    let (mut tree, mut found, mut left) = (Tree::default(), Vec::new(), MOST_BYTES);
    for Selected { path, kind } in selected {
        let node = match kind {
            Kind::Folder => Node::Folder,
            Kind::Link { target } => Node::Link { target },
            Kind::File { executable, .. } => {
                let seen = Seen::of(open(&path)?, left).map_err(|reason| match reason.kind() {
                    io::ErrorKind::FileTooLarge => SelectError::TooManyBytes { most_bytes: MOST_BYTES }.into(),
                    _ => WorkspaceError::io(&path, reason),
                })?;
                left = left.saturating_sub(seen.bytes);
                let here = |one: &Finding| Found { path: path.clone(), line: one.line, what: one.what };
                found.extend(seen.findings.iter().map(here));
                Node::File { digest: seen.digest, bytes: seen.bytes, executable }
            }
        };
        tree.insert(path, node);
    }
    Ok((tree, found))
}

struct Seen {
    digest: Digest,
    bytes: u64,
    findings: Vec<Finding>,
}

impl Seen {
    fn of(file: File, most: u64) -> io::Result<Self> {
        let mut content = Hashed { file, hash: Sha256::new(), bytes: 0, most };
        let findings = scan(&mut content)?;
        // The scan may have seen enough before the end.
        io::copy(&mut content, &mut io::sink())?;
        let digest = Digest::from_bytes(content.hash.finalize().into());
        Ok(Seen { digest, bytes: content.bytes, findings })
    }
}

/// Hashes and counts what is read by somebody else.
struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
    most: u64,
}

impl Read for Hashed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.hash.update(into.get(..count).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.bytes > self.most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(count) }
    }
}

/// Keeps the contents of a tree that was looked at: all of them, or none.
pub(super) fn keep(blobs: &Blobs, tree: &Tree, open: Open<'_>) -> Result<(), WorkspaceError> {
    let mut known = HashSet::new();
    let files = || {
        tree.iter().filter_map(|(path, node)| match node {
            Node::File { digest, bytes, .. } => Some((path, *digest, *bytes)),
            _ => None,
        })
    };
    room::check(blobs, files().map(|(_, digest, bytes)| if known.insert(digest) { bytes } else { 0 }).sum())?;
    let mut waiting: Vec<(&str, Waiting)> = Vec::new();
    for (path, digest, bytes) in files() {
        if !known.remove(&digest) {
            continue;
        }
        let changed = || WorkspaceError::Changed { path: path.to_owned() };
        let incoming = blobs.receive(open(path)?, bytes).map_err(|reason| match reason.kind() {
            io::ErrorKind::FileTooLarge => changed(),
            _ => WorkspaceError::io(path, reason),
        })?;
        // Only what was scanned is kept.
        if incoming.digest != digest {
            return Err(changed());
        }
        waiting.push((path, incoming.wait()));
    }
    for (path, content) in waiting {
        let kept = content.resume().and_then(|incoming| blobs.keep(incoming));
        kept.map_err(|reason| WorkspaceError::io(path, reason))?;
    }
    Ok(())
}
