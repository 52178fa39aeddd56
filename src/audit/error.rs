use std::io;
use std::sync::Arc;

use super::note::BadNote;

/// Why the log cannot be opened, written or read. It is given to everybody who waits, so its causes are shared.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuditError {
    #[error("the audit log is in use by another process")]
    InUse,
    #[error("the audit folder can be changed by others; take the rights of group and others away (chmod 700)")]
    LooseFolder,
    #[error("the keys of the audit log can be read by others; take the rights of group and others away (chmod 600)")]
    LooseKeys,
    #[error(
        "{file} is missing, and it holds the key that signs the audit log: put back your copy of the folder `secrets`; no \
         other key is made for a log that is there"
    )]
    LostKeys { file: String },
    #[error("there is no audit log in the folder, and one should be there")]
    NoLog,
    #[error("the disk is full: cannot {doing}")]
    DiskFull { doing: &'static str },
    #[error("cannot {doing}: {cause}")]
    Disk { doing: &'static str, cause: Arc<io::Error> },
    #[error("the audit folder is not what it was: {what}")]
    FolderChanged { what: String },
    #[error("the audit log is damaged: {file}, byte {offset}: {what}")]
    Damaged { file: String, offset: u64, what: String },
    #[error("the audit log is not whole: {file} is missing")]
    MissingFile { file: String },
    #[error("the audit log ends at {found} records, and there is a checkpoint of {known}")]
    BehindCheckpoint { known: u64, found: u64 },
    #[error("the audit log is not the one of the checkpoint of {size} records")]
    Forked { size: u64 },
    #[error("the log is of `{found}`, not of `{expected}`")]
    WrongOrigin { found: String, expected: String },
    #[error("{what}: {bad}")]
    Note { what: &'static str, bad: BadNote },
    #[error("{file}, how far the audit log was forwarded, {what}; to send the log from its first record on, remove it")]
    Position { file: String, what: String },
    #[error("the log must have a key that signs")]
    NoKey,
    #[error("too many records wait to be written")]
    Busy,
    #[error("the audit log stopped: {0}")]
    Stopped(Arc<AuditError>),
    #[error("the audit log is closed")]
    Closed,
    #[error("there is no record {seq}; the first that is kept is {first}")]
    NoRecord { seq: u64, first: u64 },
    #[error("there is no proof for a tree of {size} records; the last checkpoint has {known}")]
    NoTree { size: u64, known: u64 },
}

impl AuditError {
    pub fn code(&self) -> &'static str {
        match self {
            AuditError::InUse => "audit_in_use",
            AuditError::LooseFolder => "audit_loose_folder",
            AuditError::LooseKeys => "audit_loose_keys",
            AuditError::LostKeys { .. } => "audit_lost_keys",
            AuditError::NoLog => "audit_no_log",
            AuditError::DiskFull { .. } => "audit_disk_full",
            AuditError::Disk { .. } => "audit_disk_failed",
            AuditError::FolderChanged { .. } => "audit_folder_changed",
            AuditError::Damaged { .. } => "audit_damaged",
            AuditError::MissingFile { .. } => "audit_missing_file",
            AuditError::BehindCheckpoint { .. } => "audit_behind_checkpoint",
            AuditError::Forked { .. } => "audit_forked",
            AuditError::WrongOrigin { .. } => "audit_wrong_origin",
            AuditError::Note { .. } => "audit_bad_note",
            AuditError::Position { .. } => "audit_bad_position",
            AuditError::NoKey => "audit_no_key",
            AuditError::Busy => "audit_busy",
            AuditError::Stopped(cause) => cause.code(),
            AuditError::Closed => "audit_closed",
            AuditError::NoRecord { .. } => "audit_no_record",
            AuditError::NoTree { .. } => "audit_no_tree",
        }
    }

    pub(super) fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AuditError::DiskFull { doing },
            _ => AuditError::Disk { doing, cause: Arc::new(cause) },
        }
    }

    pub(super) fn damaged(file: &str, offset: u64, what: impl Into<String>) -> Self {
        AuditError::Damaged { file: file.to_owned(), offset, what: what.into() }
    }
}
