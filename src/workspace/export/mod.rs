//! A tree, written out: to a folder or an archive that was not there before.
//!
//! It appears whole or not at all. What is not finished lies beside its place, under a name that says so, and goes with
//! an error or, after a kill, with the next export to the same place. What is compressed is read again before it gets
//! its name.

mod beside;
mod destination;
mod receive;
mod write;

pub(super) use beside::Target;
pub use destination::Destination;
pub use receive::receive;
pub(super) use write::{pack, write};
