use std::path::Path;

/// Why a store cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store {path} was made by a newer ringfence; use that one")]
    Newer { path: String },
    #[error("the store {path} is damaged ({reason}); it was left as it is: restore a backup to another --data-dir")]
    Damaged { path: String, reason: String },
    #[error(
        "the store {path} is missing or empty, though the folder holds what it knew of: put it back from a backup, or take \
         another --data-dir"
    )]
    Missing { path: String },
    #[error("the store {path} cannot be used: {reason}")]
    Unusable { path: String, reason: String },
    #[error("the backup {path} cannot be made: {reason}")]
    Backup { path: String, reason: String },
}

impl StoreError {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        match self {
            StoreError::Newer { .. } => "store_newer",
            StoreError::Damaged { .. } => "store_damaged",
            StoreError::Missing { .. } => "store_missing",
            StoreError::Unusable { .. } => "store_unusable",
            StoreError::Backup { .. } => "backup_failed",
        }
    }

    pub(super) fn sql(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let (path, reason) = (path.display().to_string(), error.to_string());
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => StoreError::Damaged { path, reason },
            _ => StoreError::Unusable { path, reason },
        }
    }
}
