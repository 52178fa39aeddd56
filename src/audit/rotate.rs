use std::path::Path;

use super::disk::Disk;
use super::error::AuditError;
use super::key_file::{keep_signing_keys, kept_signing_keys};
use super::note::{KeyKind, SignedCheckpoint, SigningKey, VerifyingKey};
use super::writer::{Log, LogSettings};

/// How a log went over to another key.
#[derive(Debug, Clone)]
pub struct Rotated {
    pub old: Vec<VerifyingKey>,
    pub new: VerifyingKey,
    /// What the old and the new signed: it leads who trusts either to the other.
    pub signed: SignedCheckpoint,
}

/// Makes a key for the log that signs from now on in the place of those in the file. Nobody else may have the log open.
///
/// The new key is on the disk before the log is told of it, and the old ones go only when all is done: whenever this is
/// ended, the file holds a key with which the log goes on, and doing it again comes to its end.
pub fn rotate_signing_key(file: &Path, disk: Box<dyn Disk>, settings: &LogSettings) -> Result<Rotated, AuditError> {
    let (log, _) = Log::open(disk, settings, kept_signing_keys(file)?)?;
    let what = "a key for the audit log";
    let new = SigningKey::generate(&settings.origin, KeyKind::Log).map_err(|bad| AuditError::Note { what, bad })?;
    // The log takes one for itself.
    let own = SigningKey::from_text(&new.to_text()).map_err(|bad| AuditError::Note { what, bad })?;
    let mut keys = kept_signing_keys(file)?;
    let old: Vec<_> = keys.iter().map(|key| key.public().clone()).collect();
    keys.push(new);
    keep_signing_keys(file, &keys)?;
    let signed = log.add_key(own).wait()?;
    for old in &old {
        log.remove_key(old.id()).wait()?;
    }
    let new = keys.split_off(old.len());
    keep_signing_keys(file, &new)?;
    log.close().wait()?;
    let new = new.first().map(|key| key.public().clone()).ok_or(AuditError::NoKey)?;
    Ok(Rotated { old, new, signed })
}
