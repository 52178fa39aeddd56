//! Language runtimes: components that hold a whole interpreter, by name. What is kept here is the program and what it is;
//! how code gets into one is said in `wit/runtime.wit`, and the engine does it.

mod error;
mod name;
mod shelf;

pub use error::RuntimeError;
pub use name::RuntimeName;
pub use shelf::{MOST_RUNTIMES, Runtime, Shelf};
