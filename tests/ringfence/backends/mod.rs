//! What fences programs: one contract for all of them, and attacks on those that fence native commands.

mod attackers;
mod attacks_docker;
mod attacks_files;
mod attacks_processes;
mod attacks_spend;
mod claims;
mod cli;
mod compared;
mod contract;
mod docker;
pub mod engine;
mod files;
mod room;
pub mod world;
