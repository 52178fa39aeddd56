//! Asks the rules of who may do what, without a service: whether policies would be taken, and what they decide.

mod ask;
mod check;
mod command;

pub(super) use command::{PolicyArgs, run};
