use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::store::Fact;

/// Why a secret of the service cannot be used. It is never made anew in the place of one that was there: all that was made
/// with the old one would be worth nothing.
#[derive(Debug, thiserror::Error)]
#[error("{path} {problem}")]
pub struct SecretError {
    path: String,
    code: &'static str,
    problem: String,
}

impl SecretError {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

/// Where what nobody else may read is kept, within the data folder.
pub(super) fn folder(data: &Path) -> anyhow::Result<PathBuf> {
    let folder = data.join("secrets");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// Thirty-two bytes that are made once and kept for nobody else to read.
pub(super) struct Secret {
    name: &'static str,
    /// What is worth nothing without it.
    what_for: &'static str,
    fact: Fact,
}

pub(super) const PEPPER: Secret = Secret { name: "pepper", what_for: "no key can be checked", fact: Fact::Pepper };
pub(super) const SIGNING: Secret =
    Secret { name: "signing", what_for: "no token that was made can be checked", fact: Fact::Signing };

type Bytes = Zeroizing<[u8; 32]>;

impl Secret {
    /// It as it is kept. It is made where there is none, and only where nothing was made with one yet. `fact` answers what
    /// the store remembers.
    pub(super) fn kept(&self, data: &Path, fact: &Asked<'_>, known: bool) -> anyhow::Result<Bytes> {
        if let Some(found) = self.look(data, fact, known)? {
            return Ok(found);
        }
        let made = Zeroizing::new(rand::random::<[u8; 32]>());
        write(&folder(data)?, self.name, made.as_slice(), 0o600)?;
        Ok(made)
    }

    /// The same without making it: what a start would refuse.
    pub(super) fn look(&self, data: &Path, fact: &Asked<'_>, known: bool) -> anyhow::Result<Option<Bytes>> {
        let remembered = fact(self.fact)?;
        let Some(found) = self.read(data)? else {
            if known || remembered.is_some() {
                return Err(self.refused(data, "secret_missing", "is missing").into());
            }
            return Ok(None);
        };
        if remembered.is_some_and(|remembered| remembered != self.remembered(&found)) {
            let problem = "is not the one with which the store was made: it is damaged, or of another service";
            return Err(self.refused(data, "secret_wrong", problem).into());
        }
        Ok(Some(found))
    }

    /// What the store remembers of it, by which it is known again and cannot be found out.
    pub(super) fn remembered(&self, secret: &[u8; 32]) -> String {
        blake3::keyed_hash(secret, format!("ringfence 2026-11 check of {}", self.name).as_bytes()).to_hex().to_string()
    }

    pub(super) const fn fact(&self) -> Fact {
        self.fact
    }

    fn read(&self, data: &Path) -> Result<Option<Bytes>, SecretError> {
        let path = self.path(data);
        let unreadable = |error: std::io::Error| SecretError {
            path: path.display().to_string(),
            code: "secret_unreadable",
            problem: format!("cannot be read: {error}"),
        };
        let about = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            about => about.map_err(unreadable)?,
        };
        if about.mode() & 0o077 != 0 {
            let problem =
                format!("can be read by others (mode {:o}); make it private (chmod 600)", about.mode() & 0o777);
            return Err(SecretError { path: path.display().to_string(), code: "secret_loose", problem });
        }
        if about.len() != 32 {
            return Err(self.refused(
                data,
                "secret_damaged",
                &format!("is damaged: it has {} bytes, not 32", about.len()),
            ));
        }
        let bytes = Zeroizing::new(fs::read(&path).map_err(unreadable)?);
        let bytes: Option<[u8; 32]> = bytes.as_slice().try_into().ok();
        bytes.map(Zeroizing::new).map(Some).ok_or_else(|| self.refused(data, "secret_damaged", "is damaged"))
    }

    fn refused(&self, data: &Path, code: &'static str, problem: &str) -> SecretError {
        let problem = format!(
            "{problem}; without it {}: put back the one that was there with the rest (a copy of a data folder needs its \
             secrets/{})",
            self.what_for, self.name
        );
        SecretError { path: self.path(data).display().to_string(), code, problem }
    }

    fn path(&self, data: &Path) -> PathBuf {
        data.join("secrets").join(self.name)
    }
}

/// What the store says of a fact.
pub(super) type Asked<'a> = dyn Fn(Fact) -> anyhow::Result<Option<String>> + 'a;

/// There whole or not at all, whatever happens in between.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let aside = folder.join(format!(".{name}.new"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, folder.join(name))?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
