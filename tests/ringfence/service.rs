//! The service as its users meet it: over HTTP, with keys.

mod asked;
pub mod bodies;
mod child;
mod components;
mod diffs;
mod doors;
mod edges;
mod everywhere;
mod faults;
mod founding;
mod giving;
mod guessing;
mod house;
mod kills;
mod late;
mod life;
mod line;
mod listed;
mod lists;
mod logs;
mod matrix;
mod parts;
mod proven;
mod races;
mod revoking;
mod rights;
mod runs;
mod shares;
mod stopping;
pub mod storage;
mod streams;
mod told;
mod trouble;

pub use house::{House, Reply};
pub use life::tar;
pub use proven::events;
