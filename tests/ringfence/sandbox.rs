//! The use cases by themselves: many at once, callers who go away, a store that fails, and what the next process finds.

mod expiry;
mod keeping;
mod kept;
mod leaving;
mod outputs;
mod races;
mod swapped;
mod threads;
mod world;

pub use world::RUNNING;
use world::World;
