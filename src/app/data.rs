use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, PROC_SUPER_MAGIC, access, statfs};

use crate::authz::HOUSE;
use crate::config::{self, Overrides, Settings};
use crate::engine::{CodeCache, EngineError};
use crate::model::TenantId;

/// Why the folder in which everything is kept cannot be that.
#[derive(Debug, thiserror::Error)]
#[error("the data folder {path} cannot be used: {reason}, or take another (--data-dir)")]
pub struct DataDirError {
    path: String,
    reason: String,
}

impl DataDirError {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        "data_dir_unusable"
    }
}

/// Where everything is kept, whether it is there or not.
pub(super) fn data_dir(settings: &Settings) -> anyhow::Result<PathBuf> {
    match &settings.data_dir {
        Some(data) => Ok(data.clone()),
        None => Ok(config::data_dir(&Overrides::default())?),
    }
}

/// Where the files of a tenant are. What was made on the command line, without a server, belongs to the house.
pub(super) fn folder_of(data: &Path, tenant: &TenantId) -> PathBuf {
    if tenant.as_str() == HOUSE { data.to_owned() } else { data.join("tenants").join(tenant.as_str()) }
}

/// The folder of what is kept, for nobody else to read.
pub(super) fn data_folder(settings: &Settings) -> anyhow::Result<PathBuf> {
    let data = data_dir(settings)?;
    check(&data)?;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&data);
    made.map_err(|error| unusable(&data, make(&error)))?;
    // It may have been made meanwhile, by somebody else.
    check(&data)?;
    Ok(data)
}

/// Whether a start could use or make it; nothing is made.
pub(super) fn check(data: &Path) -> Result<(), DataDirError> {
    if !is_there(data) {
        return can_be_made(data).map_err(|reason| unusable(data, reason));
    }
    let about = fs::metadata(data).map_err(|error| unusable(data, make(&error)))?;
    if !about.is_dir() {
        return Err(unusable(data, "it is no folder; move it away".to_owned()));
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(unusable(data, format!("it can be read by others (mode {mode:o}); make it private (chmod 700)")));
    }
    let open = access(data, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK);
    open.map_err(|error| unusable(data, make(&error.into())))
}

/// The same for the folder of compiled code.
pub(super) fn check_cache(dir: &Path) -> anyhow::Result<()> {
    if is_there(dir) {
        return Ok(CodeCache::check(dir)?);
    }
    let unusable = |reason| EngineError::Cache { path: dir.display().to_string(), reason };
    Ok(can_be_made(dir).map_err(|reason| unusable(format!("{reason}, or choose another (--cache-dir)")))?)
}

fn unusable(data: &Path, reason: String) -> DataDirError {
    DataDirError { path: data.display().to_string(), reason }
}

fn make(error: &Error) -> String {
    format!("{error}; make it a folder that we may write")
}

fn is_there(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        // Beneath a file nothing is.
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

/// Whether the nearest folder above it that is there would take it. To try would be to make it.
fn can_be_made(path: &Path) -> Result<(), String> {
    let whole = std::path::absolute(path).map_err(|error| make(&error))?;
    let above = whole.ancestors().skip(1).find(|above| is_there(above)).unwrap_or(Path::new("/"));
    let within = |reason: &str| {
        format!("it cannot be made in {}: {reason}; make that a folder that we may write", above.display())
    };
    if !fs::metadata(above).map_err(|error| within(&error.to_string()))?.is_dir() {
        return Err(within("that is no folder"));
    }
    access(above, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| within(&error.to_string()))?;
    // The kernel lets root write there, and then makes nothing.
    if statfs(above).is_ok_and(|about| [PROC_SUPER_MAGIC, SYSFS].contains(&about.f_type)) {
        return Err(within("that is a view of the kernel"));
    }
    Ok(())
}

const SYSFS: rustix::fs::FsWord = 0x6265_6572;
