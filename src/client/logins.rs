use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::error::ClientError;

const FILE: &str = "credentials.toml";
const FILE_BYTES: u64 = 1 << 20;

/// What is kept of one server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    pub key: String,
    /// The certificates that may vouch for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Its keys cross the network in the open, as the person said they may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure_http: bool,
}

/// The keys that a person keeps, each for its server and no other: one file that nobody else can read.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logins {
    /// The server of the last login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    #[serde(default)]
    pub servers: BTreeMap<String, Login>,
}

impl Logins {
    /// What is kept in a folder; nothing, where there is none yet. What others could read or write is refused.
    pub fn read(folder: &Path) -> Result<Self, ClientError> {
        let path = folder.join(FILE);
        let failed = |reason: std::io::Error| wrong(&path, reason.to_string());
        match fs::symlink_metadata(folder) {
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(reason) => return Err(wrong(folder, reason.to_string())),
            Ok(about) => private(folder, &about, "chmod 700")?,
        }
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or(0);
        let file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            opened => opened.map_err(failed)?,
        };
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(wrong(&path, "it is no file".to_owned()));
        }
        private(&path, &about, "chmod 600")?;
        let mut text = zeroize::Zeroizing::new(String::new());
        file.take(FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
        // Where it is wrong is not said: a key could stand there.
        toml::from_str(&text).map_err(|_| wrong(&path, "it cannot be read; remove it, and log in again".to_owned()))
    }

    /// Keeps them, whole or not at all.
    pub fn write(&self, folder: &Path) -> Result<(), ClientError> {
        let path = folder.join(FILE);
        let failed = |reason: std::io::Error| wrong(&path, reason.to_string());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        private(folder, &fs::symlink_metadata(folder).map_err(failed)?, "chmod 700")?;
        let text = toml::to_string(self).map(zeroize::Zeroizing::new);
        let text = text.map_err(|error| wrong(&path, error.to_string()))?;
        // Made with 0600, and given its name when all is on the disk.
        let mut aside = tempfile::Builder::new().prefix(".credentials-").tempfile_in(folder).map_err(failed)?;
        aside.write_all(text.as_bytes()).and_then(|()| aside.as_file().sync_all()).map_err(failed)?;
        aside.persist(&path).map_err(|error| failed(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

fn wrong(path: &Path, what: String) -> ClientError {
    ClientError::File { path: path.display().to_string(), what }
}

fn private(path: &Path, about: &fs::Metadata, mend: &str) -> Result<(), ClientError> {
    let mode = about.mode() & 0o777;
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(wrong(path, "it belongs to somebody else, and keys are kept in it".to_owned()));
    }
    if mode & 0o077 != 0 {
        let what = format!("others can get at it (mode {mode:o}), and keys are kept in it; make it private: {mend}");
        return Err(wrong(path, what));
    }
    Ok(())
}
