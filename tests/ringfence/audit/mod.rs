//! The audit log, from outside: what it keeps, what it refuses, and what shows when somebody has been at it.

pub mod alerts;
mod crash_disk;
mod faults;
mod forwarding;
mod fuzz;
mod kills;
mod notes;
mod reading;
mod records;
mod reporting;
mod rotating;
mod space;
mod tree;
mod verifying;
mod witnessing;
mod world;
mod writing;
