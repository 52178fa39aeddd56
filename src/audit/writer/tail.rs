//! What a crash leaves at the end of the last segment, told from damage.
//!
//! Nothing is acknowledged before it is synced. So of what is unreadable at the end, nothing was acknowledged, unless a
//! record that comes later says that more was durable when it was written. A batch is written over space that was taken
//! ahead: where the power went, any part of it may be missing.

use sha2::{Digest as _, Sha256};

use super::super::disk::DiskFile;
use super::super::error::AuditError;
use super::super::lines::{Line, Lines};
use super::super::record::Record;
use super::resume::Cut;
use super::walk::At;

/// A place where no record that fits stands.
pub(super) struct Torn {
    pub(super) what: String,
    /// What stands there says itself that it cannot be the end of an unfinished batch.
    pub(super) acknowledged: bool,
}

/// From `offset` on, where record `next` should stand, nothing is of use. Says what is cut, or that it is damage.
pub(super) fn judge(file: &dyn DiskFile, name: &str, offset: u64, next: u64, torn: Torn) -> Result<Cut, AuditError> {
    let reading = || AuditError::disk("read the audit log");
    if torn.acknowledged {
        return Err(AuditError::damaged(name, offset, torn.what));
    }
    let mut lines = Lines::new(At(file, offset));
    while let Some(line) = lines.next().map_err(reading())? {
        if let Line::Whole(line) = line
            && let Ok(record) = Record::parse(line)
            && record.durable > next
        {
            return Err(AuditError::damaged(name, offset, torn.what));
        }
    }
    let mut hash = Sha256::new();
    let bytes = std::io::copy(&mut At(file, offset), &mut hash).map_err(reading())?;
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Cut { file: name.to_owned(), offset, bytes, sha256 })
}
