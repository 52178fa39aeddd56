use std::fs::{self, OpenOptions};
use std::io::{Seek, Write};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::archive::{TarWriter, WriteError, ZipWriter};
use super::blobs::Blobs;
use super::error::WorkspaceError;
use super::tree::{Node, Tree};

/// Where a tree is written to; nothing is overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Folder(PathBuf),
    Tar(PathBuf),
    Zip(PathBuf),
}

pub(super) fn write(blobs: &Blobs, tree: &Tree, to: &Destination) -> Result<(), WorkspaceError> {
    match to {
        Destination::Folder(folder) => write_folder(blobs, tree, folder),
        Destination::Tar(path) => whole(path, |file| {
            let mut tar = TarWriter::new(std::io::BufWriter::new(file));
            for (path, node) in tree.iter() {
                match node {
                    Node::Folder => tar.folder(path),
                    Node::Link { target } => tar.link(path, target),
                    Node::File { digest, bytes, executable } => {
                        tar.file(path, *executable, *bytes, &mut blobs.read(path, *digest)?)
                    }
                }
                .map_err(failed)?;
            }
            tar.finish().map_err(failed).map(drop)
        }),
        Destination::Zip(path) => whole(path, |file| {
            let mut zip = ZipWriter::new(file);
            for (path, node) in tree.iter() {
                match node {
                    Node::Folder => zip.folder(path),
                    Node::Link { target } => zip.link(path, target),
                    Node::File { digest, bytes, executable } => {
                        zip.file(path, *executable, *bytes, &mut blobs.read(path, *digest)?)
                    }
                }
                .map_err(failed)?;
            }
            zip.finish().map_err(failed).map(drop)
        }),
    }
}

fn failed(error: WriteError) -> WorkspaceError {
    WorkspaceError::Archive { code: error.code(), message: error.to_string() }
}

/// A file that appears when it is whole.
fn whole(path: &Path, write: impl FnOnce(&mut fs::File) -> Result<(), WorkspaceError>) -> Result<(), WorkspaceError> {
    let io = |reason| WorkspaceError::io(path.display(), reason);
    if fs::symlink_metadata(path).is_ok() {
        return Err(WorkspaceError::Occupied(path.display().to_string()));
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(parent).map_err(io)?;
    write(file.as_file_mut())?;
    file.as_file_mut().flush().and_then(|()| file.as_file_mut().rewind()).map_err(io)?;
    file.persist_noclobber(path).map_err(|error| io(error.error)).map(drop)
}

fn write_folder(blobs: &Blobs, tree: &Tree, folder: &Path) -> Result<(), WorkspaceError> {
    let io = |path: &Path, reason| WorkspaceError::io(path.display(), reason);
    match fs::create_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(WorkspaceError::Occupied(folder.display().to_string()));
        }
        done => done.map_err(|reason| io(folder, reason))?,
    }
    for (path, node) in tree.iter() {
        let to = folder.join(path);
        match node {
            Node::Folder => fs::create_dir(&to).map_err(|reason| io(&to, reason))?,
            Node::Link { target } => symlink(target, &to).map_err(|reason| io(&to, reason))?,
            Node::File { digest, executable, .. } => {
                let mode = if *executable { 0o777 } else { 0o666 };
                let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&to);
                let mut file = file.map_err(|reason| io(&to, reason))?;
                std::io::copy(&mut blobs.read(path, *digest)?, &mut file).map_err(|reason| match reason.kind() {
                    std::io::ErrorKind::InvalidData => {
                        WorkspaceError::Damaged { path: path.to_owned(), digest: *digest }
                    }
                    _ => io(&to, reason),
                })?;
            }
        }
    }
    Ok(())
}
