//! What callers say that their tools take, and whether an input fits.
//!
//! It is the part of JSON Schema that can be checked in a time that is known: steps are counted, since choices in choices
//! have as many ways as a stranger likes, and a thread at work cannot be ended from outside.

mod check;
mod place;
mod read;
#[cfg(test)]
mod tests;

pub(super) use check::Wrong;
pub(super) use read::{PATTERNS, Schema};
