//! Reading the log: events by what is asked, from any event on, and proofs. It writes nothing and holds no lock, so it
//! works beside the one who writes.

mod filter;
mod proofs;
mod seek;
mod whatever;

pub use filter::{BadTime, Filter, LogTime};
pub use seek::{Page, Reader};
