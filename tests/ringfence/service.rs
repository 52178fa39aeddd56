//! The service as its users meet it: over HTTP, with keys.

mod bodies;
mod components;
mod doors;
mod founding;
mod giving;
mod guessing;
mod house;
mod life;
mod listed;
mod lists;
mod matrix;
mod races;
mod revoking;
mod rights;
mod runs;
mod shares;
mod stopping;
mod storage;
mod streams;

pub use house::House;
