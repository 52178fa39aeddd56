//! The service as its users meet it: over HTTP, with keys.

mod bodies;
mod components;
mod doors;
mod house;
mod life;
mod matrix;
mod rights;
mod runs;
mod storage;

pub use house::House;
