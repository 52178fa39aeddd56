//! The only door out to the network. So far one thing goes through it: the keys of issuers whose tokens we believe, from
//! addresses that the configuration names.
//!
//! It must never follow a redirect, take an answer without a bound, or go to an address that somebody else than whoever
//! runs the service has chosen. Which address a name
//! leads to is looked at when it is dialled.

mod address;
mod keys;

pub use keys::IssuerKeys;
