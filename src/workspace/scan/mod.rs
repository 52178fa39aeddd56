//! Does the content of a file look like it holds a credential?
//!
//! A guess that warns before an upload; it must never show the secret itself, so a finding is a line and a kind. It is
//! one pass with bounded memory over content nobody has vetted:
//!
//! ```text
//! stream   windows that overlap, so that a border hides nothing
//!   anchors   one search for the few words that every kind of secret has ("ghp_", "://", "token", ..)
//!     shapes, keys, jwt, urls, assignments   a look at the place of one hit, bounded by the overlap
//!       likeness   whether the value is random, or a word, a path, a placeholder
//! ```

mod anchors;
mod assignments;
mod jwt;
mod keys;
mod likeness;
mod shapes;
mod stream;
mod urls;

#[cfg(test)]
mod tests;

pub use stream::{Finding, MOST_FINDINGS, scan};
