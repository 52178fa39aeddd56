//! Asks the rules of who may do what, without a service: whether policies would be taken, and what they
//! decide; and takes out of force what nobody could any more.

mod ask;
mod check;
mod command;
mod remove;

pub(super) use command::{PolicyArgs, run};
