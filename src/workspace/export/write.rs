use std::convert::Infallible;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek as _};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::archive::{Bounds, Receiver, TarWriter, WriteError, ZipWriter, read_tar, read_zip};
use super::super::blobs::Blobs;
use super::super::error::WorkspaceError;
use super::super::parcels::{Taking, failed};
use super::super::tree::{Node, Tree};
use super::Destination;
use super::beside::Target;
use crate::model::Digest;

pub(in super::super) fn write(blobs: &Blobs, tree: &Tree, to: &Destination) -> Result<(), WorkspaceError> {
    match to {
        Destination::Folder(path) => Target::free(path)?.folder(|folder| write_folder(blobs, tree, folder)),
        Destination::Tar(path) => Target::free(path)?.file(|file| {
            let mut tar = TarWriter::new(BufWriter::new(file));
            write_tar(blobs, tree, &mut tar)?;
            tar.finish().map_err(failed).map(drop)
        }),
        Destination::TarGz(path) => Target::free(path)?.file(|file| {
            write_gzip(blobs, tree, file, Compression::new(6))?;
            if is_like_a_bomb(file, |file| read_tar(file, &ANY_SIZE, &mut Nobody).map_err(|error| error.code()))? {
                write_gzip(blobs, tree, emptied(file)?, Compression::none())?;
            }
            Ok(())
        }),
        Destination::Zip(path) => Target::free(path)?.file(|file| {
            write_zip(blobs, tree, ZipWriter::new(&mut *file))?;
            if is_like_a_bomb(file, |file| read_zip(file, &ANY_SIZE, &mut Nobody).map_err(|error| error.code()))? {
                write_zip(blobs, tree, ZipWriter::stored(emptied(file)?))?;
            }
            Ok(())
        }),
    }
}

/// The same into a file that takes room as it grows, as a tar or a zip.
pub(in super::super) fn pack(
    blobs: &Blobs,
    tree: &Tree,
    into: &mut Taking<'_>,
    zip: bool,
) -> Result<(), WorkspaceError> {
    if !zip {
        let mut tar = TarWriter::new(BufWriter::new(into));
        write_tar(blobs, tree, &mut tar)?;
        return tar.finish().map_err(failed).map(drop);
    }
    write_zip(blobs, tree, ZipWriter::new(&mut *into))?;
    if is_like_a_bomb(&mut into.file, |file| read_zip(file, &ANY_SIZE, &mut Nobody).map_err(|error| error.code()))? {
        emptied(&mut into.file)?;
        write_zip(blobs, tree, ZipWriter::stored(&mut *into))?;
    }
    Ok(())
}

/// An upload may hold more than a stranger's archive may bring; what may not be is too much from little.
const ANY_SIZE: Bounds = Bounds { entries: u64::MAX, bytes: u64::MAX, file_bytes: u64::MAX, ..Bounds::ordinary() };

/// Reads what was written. Content of one letter compresses so well that our own reader would refuse it: then it must
/// be written again, without compression.
fn is_like_a_bomb<T>(
    file: &mut File,
    read: impl FnOnce(&mut File) -> Result<T, &'static str>,
) -> Result<bool, WorkspaceError> {
    file.rewind().map_err(output)?;
    match read(file) {
        Ok(_) => Ok(false),
        Err("ratio_too_high") => Ok(true),
        Err(code) => {
            let message = "the archive that was written cannot be read again; the disk may be damaged".to_owned();
            Err(WorkspaceError::Archive { code, message })
        }
    }
}

fn emptied(file: &mut File) -> Result<&mut File, WorkspaceError> {
    file.set_len(0).and_then(|()| file.rewind()).map_err(output)?;
    Ok(file)
}

struct Nobody;

impl Receiver for Nobody {
    type Error = Infallible;

    fn folder(&mut self, _: &str) -> Result<(), Infallible> {
        Ok(())
    }

    fn file(&mut self, _: &str, _: bool, _: &mut dyn Read) -> Result<(), Infallible> {
        Ok(())
    }

    fn link(&mut self, _: &str, _: &str) -> Result<(), Infallible> {
        Ok(())
    }
}

fn write_tar<W: io::Write>(blobs: &Blobs, tree: &Tree, tar: &mut TarWriter<W>) -> Result<(), WorkspaceError> {
    for (path, node) in tree.iter() {
        match node {
            Node::Folder => tar.folder(path).map_err(failed),
            Node::Link { target } => tar.link(path, target).map_err(failed),
            Node::File { digest, bytes, executable } => tar
                .file(path, *executable, *bytes, &mut blobs.read(path, *digest)?)
                .map_err(|error| damaged(error, path, *digest, failed)),
        }?;
    }
    Ok(())
}

fn write_gzip(blobs: &Blobs, tree: &Tree, file: &mut File, level: Compression) -> Result<(), WorkspaceError> {
    let mut tar = TarWriter::new(GzEncoder::new(BufWriter::new(file), level));
    write_tar(blobs, tree, &mut tar)?;
    let gzip = tar.finish().map_err(failed)?;
    gzip.finish().and_then(|into| into.into_inner().map_err(io::IntoInnerError::into_error)).map_err(output).map(drop)
}

fn write_zip<W: io::Write + io::Seek>(blobs: &Blobs, tree: &Tree, mut zip: ZipWriter<W>) -> Result<(), WorkspaceError> {
    for (path, node) in tree.iter() {
        match node {
            Node::Folder => zip.folder(path).map_err(no_zip),
            Node::Link { target } => zip.link(path, target).map_err(no_zip),
            Node::File { digest, bytes, executable } => zip
                .file(path, *executable, *bytes, &mut blobs.read(path, *digest)?)
                .map_err(|error| damaged(error, path, *digest, no_zip)),
        }?;
    }
    zip.finish().map_err(failed).map(drop)
}

/// Where it is the zip that cannot hold something, a tar can.
fn no_zip(error: WriteError) -> WorkspaceError {
    match &error {
        WriteError::Entry { fault, .. } if fault.is_elsewhere() => {
            let message = format!("{error}; or export to a .tar, which can hold it (a zip cannot)");
            WorkspaceError::Archive { code: error.code(), message }
        }
        _ => failed(error),
    }
}

/// A content that is not what it should be is no fault of the archive.
fn damaged(error: WriteError, path: &str, digest: Digest, or: fn(WriteError) -> WorkspaceError) -> WorkspaceError {
    match error {
        WriteError::Content { source, .. } if source.kind() == io::ErrorKind::InvalidData => {
            WorkspaceError::Damaged { path: path.to_owned(), digest }
        }
        WriteError::SizeWrong { .. } => WorkspaceError::Damaged { path: path.to_owned(), digest },
        error => or(error),
    }
}

fn output(reason: io::Error) -> WorkspaceError {
    failed(WriteError::Output(reason))
}

fn write_folder(blobs: &Blobs, tree: &Tree, folder: &Path) -> Result<(), WorkspaceError> {
    for (path, node) in tree.iter() {
        // As the tree calls it: the place beside the target will have another name.
        let io = |reason| WorkspaceError::io(path, reason);
        let to = folder.join(path);
        match node {
            Node::Folder => fs::create_dir(&to).map_err(io)?,
            Node::Link { target } => symlink(target, &to).map_err(io)?,
            Node::File { digest, executable, .. } => {
                let mode = if *executable { 0o777 } else { 0o666 };
                let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&to);
                let mut file = file.map_err(io)?;
                io::copy(&mut blobs.read(path, *digest)?, &mut file).map_err(|reason| match reason.kind() {
                    io::ErrorKind::InvalidData => WorkspaceError::Damaged { path: path.to_owned(), digest: *digest },
                    _ => io(reason),
                })?;
            }
        }
    }
    Ok(())
}
