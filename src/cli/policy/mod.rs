//! Asks the rules of who may do what, without a service: whether policies would be taken, and what they
//! decide; and takes out of force what nobody could any more. Those in force on a server are managed there.

mod ask;
mod check;
mod command;
mod remove;
mod there;

pub(super) use command::{PolicyArgs, run};
