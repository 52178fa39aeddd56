//! Does the content of a file look like it holds a credential?
//!
//! A guess that warns before an upload; it must never show the secret itself, so a finding is a line and a kind. It is
//! one pass with bounded memory over content nobody has vetted:
//!
//! ```text
//! stream   windows that overlap, so that a border hides nothing; of UTF-16 its ASCII (utf16)
//!   anchors   one search for the few words that every kind of secret has ("ghp_", "://", "token", ..)
//!     shapes, composed, keys, jwk, jwt   what carries a mark: a look at the place of one hit, bounded by the overlap
//!     urls, logins, assignments          what its place makes likely: the same, and only in text
//!       likeness, words, placeholders    whether the value is random, or a word, a path, a stand-in
//! ```
//!
//! Left alone on purpose, for they are found everywhere: words as passwords, short values, values with spaces, ids and
//! hashes whose name does not say secret, and whatever is compressed, encoded as a whole or UTF-16 without its mark.

mod anchors;
mod assignments;
mod composed;
mod jwk;
mod jwt;
mod keys;
mod likeness;
mod logins;
mod placeholders;
mod shapes;
mod stream;
mod urls;
mod utf16;
mod words;

#[cfg(test)]
mod tests;

pub use stream::{Finding, MOST_FINDINGS, scan};
