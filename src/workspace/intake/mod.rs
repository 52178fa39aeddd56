//! What a workspace is made from, on its way in.
//!
//! ```text
//! folder ───────────────────────────┐
//! archive ─▶ unpacked to the side ──┼─▶ select ─▶ look ─▶ verdict ─▶ fetch ─▶ keep
//! file ─────────────────────────────┘
//! ```
//!
//! Everything is read twice. The first look only reads: it hashes, counts and scans, and what it finds is refused before
//! the store has a byte of it. The second fetches what was looked at, and nothing else, next to the store; it is kept
//! when all of it is there. A refusal on the way leaves nothing behind.

mod contents;
mod room;
mod take;
mod unpack;

#[cfg(test)]
mod tests;

pub use take::{Found, Intake, Left, Source};
pub(super) use take::{no_archive, take};
