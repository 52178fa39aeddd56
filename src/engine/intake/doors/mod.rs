//! Doors: what lets the engine read and write the state of a language runtime, appended to its component.
//!
//! Wizer exports each memory and each mutable global of each module, and adds a module that reads them. That one is taken out
//! again; in its place comes one that writes them as well, and leaves a memory as it found it. All that is in here is
//! fenced as the program itself is. The doors are not among the functions that a caller can call (`describe.rs`).

mod module;
mod open;
mod parts;

pub(in super::super) use module::DESK;
pub(in super::super) use open::{DOORS, Doors};
pub(super) use open::{instrument, parts, put_in};
pub(super) use parts::Part;
