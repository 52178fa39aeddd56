//! Who is calling, through the public surface of `identity`, with a directory and clocks of our own.

pub mod forge;
mod guesses;
mod issuing;
mod keys;
mod remote;
mod settings;
mod tokens;
pub mod world;
