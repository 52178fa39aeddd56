//! The service as its users meet it: over HTTP, with keys.

mod doors;
mod house;
mod life;
mod lists;
mod matrix;
mod rights;
mod runs;
mod shares;
mod stopping;
mod streams;

pub use house::House;
