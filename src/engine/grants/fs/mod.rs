//! The files of a guest: `wasi:filesystem`, which preview 1 comes through as well. Every operation asks the rules of its
//! mount before the disk is asked, and each path is resolved here, a name at a time.
//!
//! ```text
//! host (the interface) ─▶ place (where a path ends) ─▶ ops (what is done there)
//!                              └─ asks the mount's policy at each name
//! ```
//!
//! - `mount`: a granted folder with its rules, opened once for each run;
//! - `place`: from a folder and a path to a parent and a name, through links, never past the folder;
//! - `ops`: open, create, remove, rename, link, look, each with the level that it needs;
//! - `copy`: a copy of a shared file before it is changed; `allowance`: what of the run's limits that takes;
//! - `tree`: what must be known of everything in a folder before it is moved or removed;
//! - `way`: whether a hidden folder is on the way to anything;
//! - `listing`: what a folder shows;
//! - `held`: what the descriptors of a run are, and what is charged for; `host`: the interface itself.
//!
//! What is hidden and what is absent get the same answer from the same line of code. Nothing here trusts that a path
//! still means what it meant a moment ago: another process may swap a folder for a link at any time, so each name is
//! opened without following it, below a folder that is held open.

mod allowance;
mod copy;
mod denied;
mod disk;
mod held;
mod host;
mod listing;
mod mount;
mod ops;
mod place;
mod stat;
mod tree;
mod way;

pub(in super::super) use disk::Disk;
pub(in super::super) use held::Files;
pub use mount::{CopyOnWrite, Mount, folds_case, is_window};
pub use tree::leads_out;
