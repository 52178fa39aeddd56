//! The independent reader. It shares with the writer only what the format is made of (records, hashes, notes) and opens
//! files of its own; it asks nothing of a running service and holds no more than a line and a few hashes in memory.

mod chain;
mod fault;
mod files;
mod json;
mod keys;
mod suspect;

pub use chain::verify;
pub(super) use chain::verify_hearing;
pub use fault::{Fault, FaultKind, Place};

use super::hash::TreeHash;
use super::note::{SignedCheckpoint, VerifyingKey};

/// What the log is held against.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Who may have signed it. Without any, the keys that lie in the folder itself are taken: then it is shown to be
    /// whole, but not whose it is.
    pub keys: Vec<VerifyingKey>,
    pub origin: Option<String>,
    /// Checkpoints that were kept elsewhere.
    pub from: Vec<SignedCheckpoint>,
    pub witnesses: Vec<VerifyingKey>,
    /// How many of the witnesses must have signed one checkpoint.
    pub cosignatures: usize,
    /// Somebody writes to it: an unfinished last line is no fault.
    pub live: bool,
}

/// What was checked, and the first thing that is wrong.
#[derive(Debug, Clone)]
pub struct VerifyReport {
    pub origin: String,
    /// The first record that is there; those before were pruned and stand with their hashes.
    pub first: u64,
    /// How many records were read.
    pub records: u64,
    pub size: u64,
    pub root: TreeHash,
    /// How many checkpoints the records make true.
    pub checkpoints: usize,
    /// Records up to here are under a signature.
    pub signed: u64,
    /// Records up to here are under the demanded cosignatures.
    pub cosigned: Option<u64>,
    pub keys_from_folder: bool,
    pub fault: Option<Fault>,
}
