//! What fences programs: one contract for all of them, and attacks on the one that fences native commands.

mod attacks_files;
mod attacks_processes;
mod attacks_spend;
mod claims;
mod cli;
mod contract;
mod files;
pub mod world;
