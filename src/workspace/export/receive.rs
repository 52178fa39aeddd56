use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::archive::{ArchiveError, Bounds, Receiver, read_tar};
use super::super::error::WorkspaceError;
use super::Destination;
use super::beside::Target;

/// A workspace may hold more than a stranger's archive may bring.
const ANY_SIZE: Bounds = Bounds { entries: u64::MAX, bytes: u64::MAX, file_bytes: u64::MAX, ..Bounds::ordinary() };

/// Writes what a server sent of a workspace to where a person wants it: a tar, and for a zip a zip. It is a stranger's
/// archive: unpacked it stays within the folder.
pub fn receive(archive: &mut File, to: &Destination) -> Result<(), WorkspaceError> {
    let failed = |reason: io::Error| WorkspaceError::io("what the server sent", reason);
    match to {
        Destination::Folder(path) => Target::free(path)?.folder(|folder| {
            read_tar(archive, &ANY_SIZE, &mut Unpack(folder)).map(drop).map_err(|error| match error {
                ArchiveError::Receiver { source, .. } => source,
                error => WorkspaceError::Archive { code: error.code(), message: error.to_string() },
            })
        }),
        Destination::Tar(path) | Destination::Zip(path) => {
            Target::free(path)?.file(|file| io::copy(archive, file).map(drop).map_err(failed))
        }
        Destination::TarGz(path) => Target::free(path)?.file(|file| {
            let mut gzip = GzEncoder::new(file, Compression::new(6));
            io::copy(archive, &mut gzip).and_then(|_| gzip.finish()).map(drop).map_err(failed)
        }),
    }
}

/// A new folder that nobody else knows of.
struct Unpack<'a>(&'a Path);

impl Receiver for Unpack<'_> {
    type Error = WorkspaceError;

    fn folder(&mut self, path: &str) -> Result<(), WorkspaceError> {
        fs::create_dir(self.0.join(path)).map_err(|reason| WorkspaceError::io(path, reason))
    }

    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), WorkspaceError> {
        let mode = if executable { 0o777 } else { 0o666 };
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(self.0.join(path));
        let copied = file.and_then(|mut file| io::copy(content, &mut file));
        copied.map(drop).map_err(|reason| WorkspaceError::io(path, reason))
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), WorkspaceError> {
        symlink(target, self.0.join(path)).map_err(|reason| WorkspaceError::io(path, reason))
    }
}
