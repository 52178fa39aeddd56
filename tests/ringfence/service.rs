//! The service as its users meet it: over HTTP, with keys.

mod bodies;
mod components;
mod doors;
mod house;
mod life;
mod lists;
mod matrix;
mod rights;
mod runs;
mod shares;
mod stopping;
mod storage;
mod streams;

pub use house::House;
