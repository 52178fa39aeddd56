use super::super::signals::signalled;
use super::super::streams::Hit;
use crate::model::{Limits, Outcome};

/// The first thing that ended a command.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// It ended by itself, or somebody else ended it.
    Itself,
    Deadline,
    Cancelled,
    /// More memory than the container may have was asked for.
    Memory,
    Limit(Hit),
}

/// Says in our words how a command ended that ended by itself.
pub(super) fn of(code: i64, limits: &Limits) -> Outcome {
    // Engines tell a signal as a shell does. Nothing tells one from a command that exits with that code.
    let signal = i32::try_from(code - 128).unwrap_or(0);
    if (1..=64).contains(&signal) {
        return signalled(signal, limits);
    }
    Outcome::Exited { code: u8::try_from(code).unwrap_or(u8::MAX) }
}

pub(super) fn out_of_memory(limits: &Limits, peak_bytes: u64) -> Outcome {
    let limit_bytes = limits.memory_bytes;
    // What more was wanted is told to nobody: a page at least.
    let used_bytes = peak_bytes.max(limit_bytes);
    Outcome::OutOfMemory { limit_bytes, used_bytes, requested_bytes: used_bytes }
}

pub(super) fn hit(hit: Hit) -> Outcome {
    Outcome::LimitExceeded { limit: hit.name, value: hit.value, used: hit.used }
}
