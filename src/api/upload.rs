use std::io::Write as _;
use std::path::PathBuf;

use axum::body::Body;
use tempfile::TempPath;

use super::body::Pieces;
use super::problem::Problem;
use super::settings::HttpSettings;

/// A body on the disk, which is gone when this is.
pub(super) struct Upload {
    path: TempPath,
    pub(super) bytes: u64,
}

impl Upload {
    pub(super) fn path(&self) -> PathBuf {
        self.path.to_path_buf()
    }
}

/// Writes a body down as it comes: however large, it is never in memory as a whole.
pub(super) async fn to_disk(body: Body, http: &HttpSettings) -> Result<Upload, Problem> {
    let failed = |error: std::io::Error| super::failures::of_host(&error);
    let mut file = tempfile::Builder::new().prefix("ringfence-upload-").tempfile().map_err(failed)?;
    let mut pieces = Pieces::new(body, http, http.upload_bytes);
    let mut bytes = 0u64;
    while let Some(piece) = pieces.next().await? {
        bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        // A piece is as large as the network gave it: the write goes to memory of the kernel.
        file.write_all(&piece).map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    Ok(Upload { path: file.into_temp_path(), bytes })
}
