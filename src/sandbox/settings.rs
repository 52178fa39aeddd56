use serde::{Deserialize, Serialize};

/// How much the service takes on, whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HallSettings {
    /// Runs at one time, of all tenants.
    pub concurrent_runs: u32,
    /// Sessions at one time, of all tenants.
    pub live_sessions: u32,
    /// How long a session may be there without a call.
    pub session_idle_seconds: u64,
    /// How long a run stays in the history.
    pub history_seconds: u64,
    /// What the history of one tenant takes at most, in bytes and in runs; the oldest go first.
    pub history_bytes: u64,
    pub history_runs: u64,
    /// How long a retry gets the first answer.
    pub retry_seconds: u64,
    /// How long running work may go on when the service stops.
    pub grace_ms: u64,
    /// How often what has expired is looked for.
    pub sweep_seconds: u64,
}

impl Default for HallSettings {
    fn default() -> Self {
        Self {
            concurrent_runs: 256,
            live_sessions: 1_000,
            session_idle_seconds: 3_600,
            history_seconds: 7 * 86_400,
            history_bytes: 256 << 20,
            history_runs: 100_000,
            retry_seconds: 86_400,
            grace_ms: 10_000,
            sweep_seconds: 15,
        }
    }
}
