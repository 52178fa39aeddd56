//! Which files of a folder are uploaded, and why the others are not.
//!
//! The folder is listed, never trusted: no link is followed, nothing is opened but `.gitignore` and `.sandboxignore`,
//! and those only as plain files of a bounded size. If it is somebody's own, the git repository around it is asked, too.
//! Whatever is left out is reported with its reason; a rule that cannot be read is an error, because skipping it would
//! upload what somebody meant to keep.
//!
//! An entry is judged in this order, and the first reason is the one reported:
//!
//! ```text
//! name is no UTF-8 -> ignored -> our own data -> secret name -> link that leaves -> not a file -> taken
//! ```
//!
//! "Ignored" comes before "secret", since asking for secrets does not bring an ignored file back.

mod error;
mod links;
mod pattern;
mod repository;
mod rules;
mod walk;

#[cfg(test)]
mod tests;

pub use error::SelectError;
pub use links::fault as link_fault;
pub use walk::{Kind, LeftOut, Options, Selected, Selection, select};
