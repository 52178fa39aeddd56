//! The service as its users meet it: over HTTP, with keys.

mod doors;
mod house;
mod life;
mod matrix;
mod rights;
mod runs;

pub use house::{House, Reply};
