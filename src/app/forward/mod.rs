//! Sends the audit log elsewhere while the service runs: a task for each target, which reads what is durable and goes on
//! where it was. Whoever writes never waits for it, and what a target has not taken stays where it is.

mod file;
mod task;
mod way;

pub(super) use task::{Forwarder, open};
pub(super) use way::{check, outlets};
