use serde::{Deserialize, Serialize};

/// What a run spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub fuel: u64,
    pub wall_us: u64,
    /// Time on a processor, counted on the threads that ran the guest.
    pub cpu_us: u64,
    pub peak_memory_bytes: u64,
    pub host_calls: u64,
    /// Standard input and files, read.
    pub bytes_in: u64,
    /// Standard output, standard error and files, written.
    pub bytes_out: u64,
    pub files_created: u64,
    /// Tools that it called, also those that were refused; none of a run that was recorded before these were counted.
    #[serde(default)]
    pub tool_calls: u64,
}
