//! The Merkle tree of RFC 6962 over all records: what grows it, what keeps it, what proves with it.

mod check;
mod frontier;
mod prove;

pub use check::{check_consistency, check_inclusion};
pub use frontier::Frontier;
pub use prove::{Nodes, consistency, inclusion, root};

/// Hashes are kept for subtrees of 1, 256, 65,536, … records: every eighth level, as in the tiles of C2SP.
pub const STEP: u32 = 8;
/// As many levels are kept as a log of 2^64 records could fill.
pub const LEVELS: usize = 8;
