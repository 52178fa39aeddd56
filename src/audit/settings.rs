use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::alerts::AlertSettings;
use super::forward::ForwardSettings;

/// Where the audit log is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Folder of the log; `audit` in the data folder, where nothing is said.
    pub dir: Option<PathBuf>,
    /// Secret keys that sign it; `secrets/audit` in the data folder, where nothing is said.
    pub key_file: Option<PathBuf>,
    /// The name of the log in its checkpoints, a host and a word; made when the log is, where nothing is said.
    pub origin: Option<String>,
    /// How long a record waits for a checkpoint at most.
    pub checkpoint_seconds: u64,
    /// Whole segments that are older than this leave, once a day.
    pub retention_days: u64,
    /// Whether a start reads each byte of the log, or what came last and both ends of what is older.
    pub check_everything: bool,
    /// Where it is sent as well.
    pub forward: Vec<ForwardSettings>,
    pub alerts: AlertSettings,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            dir: None,
            key_file: None,
            origin: None,
            checkpoint_seconds: 10,
            retention_days: 90,
            check_everything: false,
            forward: Vec::new(),
            alerts: AlertSettings::default(),
        }
    }
}
