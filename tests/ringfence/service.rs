//! The service as its users meet it: over HTTP, with keys.

mod doors;
mod founding;
mod giving;
mod guessing;
mod house;
mod life;
mod lists;
mod matrix;
mod races;
mod revoking;
mod rights;
mod runs;

pub use house::House;
