//! The service as its users meet it: over HTTP, with keys.

mod child;
mod doors;
mod edges;
mod everywhere;
mod house;
mod kills;
mod life;
mod logs;
mod matrix;
mod rights;
mod runs;
mod trouble;

pub use house::House;
