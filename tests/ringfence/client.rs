//! The command line against a service: the real binary, a real server, as a person would use them.

mod audit;
mod backup;
mod desk;
mod files;
mod login;
mod natives;
mod people;
mod replays;
mod runs;
mod sessions;

pub use desk::Desk;
