use serde::{Deserialize, Serialize};

use super::{LimitName, Limits, Preset};

/// The most that a tenant may have. What a caller asks beyond it is cut, and the answer says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceilings {
    /// The most of each limit that one run may have.
    pub limits: Limits,
    pub clocks: bool,
    pub randomness: bool,
    pub concurrent_runs: u64,
    pub runs_per_minute: u64,
    pub fuel_per_minute: u64,
    pub live_sandboxes: u64,
    /// Interpreters that live over several calls.
    #[serde(default = "ordinary_sessions")]
    pub live_sessions: u64,
    pub sandbox_seconds: u64,
    /// Components, workspaces and the files of sandboxes.
    pub storage_bytes: u64,
    /// The same, counted: components, and files, folders and links.
    #[serde(default = "ordinary_files")]
    pub storage_files: u64,
    /// Keys that open something: neither revoked nor expired.
    #[serde(default = "ordinary_people")]
    pub keys: u64,
    #[serde(default = "ordinary_people")]
    pub principals: u64,
    /// How much of the audit log may be filled with what is done.
    #[serde(default = "ordinary_audit")]
    pub audit_bytes_per_minute: u64,
}

/// Also for tenants that were made before this was counted.
const fn ordinary_files() -> u64 {
    1_000_000
}

/// The same.
const fn ordinary_sessions() -> u64 {
    32
}

/// The same.
const fn ordinary_people() -> u64 {
    1_000
}

/// The same. Twice what as many runs take as one may start.
const fn ordinary_audit() -> u64 {
    16 << 20
}

impl Ceilings {
    /// For the owner of the machine: what the host can hold a run to, and numbers that only a mistake would reach.
    pub fn widest() -> Self {
        let mut limits = Preset::Large.limits();
        for &name in LimitName::ALL {
            limits.set(name, name.range().1);
        }
        Self {
            limits,
            clocks: true,
            randomness: true,
            concurrent_runs: 1_000,
            runs_per_minute: 10_000_000,
            fuel_per_minute: i64::MAX as u64,
            live_sandboxes: 20_000,
            live_sessions: 20_000,
            sandbox_seconds: 7 * 86_400,
            storage_bytes: 64 << 30,
            storage_files: 100_000_000,
            keys: 10_000,
            principals: 10_000,
            audit_bytes_per_minute: 4 << 30,
        }
    }

    /// For a tenant of whom nothing else was said.
    pub fn ordinary() -> Self {
        Self {
            limits: Preset::Medium.limits(),
            clocks: true,
            randomness: true,
            concurrent_runs: 32,
            runs_per_minute: 6_000,
            fuel_per_minute: 10_000_000_000_000,
            live_sandboxes: 100,
            live_sessions: ordinary_sessions(),
            sandbox_seconds: 86_400,
            storage_bytes: 1 << 30,
            storage_files: ordinary_files(),
            keys: ordinary_people(),
            principals: ordinary_people(),
            audit_bytes_per_minute: ordinary_audit(),
        }
    }
}
