use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::error::AuditError;
use super::note::{KeyKind, Note, SigningKey};

/// The secret keys of a log, in a file of their own that only its owner reads: one a line, all of which sign.
/// It belongs apart from the log: who has both can write another one. Where there are none, one is made.
pub fn signing_keys(file: &Path, origin: &str) -> Result<Vec<SigningKey>, AuditError> {
    match kept_signing_keys(file) {
        Err(AuditError::LostKeys { .. }) => make(file, origin),
        kept => kept,
    }
}

/// The same of a log that is there: nobody would know it by another key, so none is made.
pub fn kept_signing_keys(file: &Path) -> Result<Vec<SigningKey>, AuditError> {
    let reading = || AuditError::disk("read the keys of the audit log");
    let text = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(AuditError::LostKeys { file: file.display().to_string() });
        }
        Err(error) => return Err(reading()(error)),
        Ok(mut open) => {
            if open.metadata().map_err(reading())?.mode() & 0o077 != 0 {
                return Err(AuditError::LooseKeys);
            }
            let mut text = Zeroizing::new(String::new());
            (&mut open).take(Note::MOST_BYTES as u64).read_to_string(&mut text).map_err(reading())?;
            text
        }
    };
    let what = "the keys of the audit log";
    let keys: Vec<SigningKey> = text
        .lines()
        .map(|line| SigningKey::from_text(line).map_err(|bad| AuditError::Note { what, bad }))
        .collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(AuditError::NoKey) } else { Ok(keys) }
}

fn make(file: &Path, origin: &str) -> Result<Vec<SigningKey>, AuditError> {
    let what = "a key for the audit log";
    let key = SigningKey::generate(origin, KeyKind::Log).map_err(|bad| AuditError::Note { what, bad })?;
    keep_signing_keys(file, std::slice::from_ref(&key))?;
    Ok(vec![key])
}

/// Puts the keys in place of those that the file holds. A new key is kept before the log is told of it, an old one is
/// dropped after.
pub fn keep_signing_keys(file: &Path, keys: &[SigningKey]) -> Result<(), AuditError> {
    let write = || -> io::Result<()> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let aside = file.with_extension("new");
        match std::fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        for key in keys {
            open.write_all(key.to_text().as_bytes())?;
        }
        open.sync_all()?;
        std::fs::rename(&aside, file)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(AuditError::disk("keep the keys of the audit log"))
}
