use serde::{Deserialize, Serialize};

/// What a guest may use. What is not named here does not exist for it; there is no grant for the network.
/// Files are granted as mounts of the engine, since each comes with rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grants {
    /// What follows the program's name on its command line.
    pub args: Vec<String>,
    /// The whole environment: nothing of the host's is added.
    pub env: Vec<(String, String)>,
    /// The wall clock and the monotonic clock, and with them the right to sleep.
    pub clocks: bool,
    pub randomness: bool,
}

impl Grants {
    /// Nothing but what most programs cannot even start without: clocks and randomness.
    pub fn clocks_and_randomness() -> Self {
        Self { clocks: true, randomness: true, ..Self::default() }
    }
}

/// Whether a run may see the world as it is, or one that is the same each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "mode", deny_unknown_fields)]
pub enum Mode {
    Ordinary,
    /// Randomness from the seed, clocks that step with each look and leap over each sleep, canonical NaNs.
    /// The same program with the same input gives the same bytes and spends the same fuel.
    Deterministic {
        seed: u64,
    },
}
