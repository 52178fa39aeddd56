use std::path::{Path, PathBuf};

use super::super::archive::{Ending, Format, ending_of};
use super::super::error::WorkspaceError;

/// Where a tree is written to; nothing is overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Folder(PathBuf),
    Tar(PathBuf),
    TarGz(PathBuf),
    Zip(PathBuf),
}

/// One file each, so that nobody means a folder by them.
const COMPRESSED: [&str; 6] = ["gz", "xz", "zst", "bz2", "lz4", "br"];

impl Destination {
    /// What the end of its name says, whatever the case of its letters.
    pub fn of(path: &Path) -> Result<Self, WorkspaceError> {
        let path = path.to_owned();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let compressed = |end: &str| COMPRESSED.iter().any(|known| end.eq_ignore_ascii_case(known));
        match ending_of(&name) {
            Ending::Archive(Format::Tar) => Ok(Destination::Tar(path)),
            Ending::Archive(Format::TarGz) => Ok(Destination::TarGz(path)),
            Ending::Archive(Format::Zip) => Ok(Destination::Zip(path)),
            Ending::Other if !name.rsplit('.').next().is_some_and(compressed) => Ok(Destination::Folder(path)),
            Ending::Nothing => Ok(Destination::Folder(path)),
            Ending::Foreign | Ending::Other => Err(WorkspaceError::Archive {
                code: "format_unsupported",
                message: format!(
                    "{name}: no such archives are written; end it in .tar, .tar.gz or .zip, or name a folder"
                ),
            }),
        }
    }
}
