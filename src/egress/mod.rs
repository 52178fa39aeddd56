//! The only door out to the network. Two things go through it: the keys of issuers whose tokens we believe come in, and
//! alerts go out, from and to addresses that the configuration names.
//!
//! It must never follow a redirect, take an answer without a bound, or go to an address that somebody else than whoever
//! runs the service has chosen. Which address a name
//! leads to is looked at when it is dialled.

mod address;
mod door;
mod keys;
mod webhook;

pub use keys::IssuerKeys;
pub use webhook::{Webhook, WebhookError};
