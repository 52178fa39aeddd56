//! The only door out to the network. Three things go through it, from and to addresses that the configuration names: the
//! keys of issuers whose tokens we believe come in, alerts go out, and so do the records of the audit log.
//!
//! It must never follow a redirect, take an answer without a bound, or go to an address that somebody else than whoever
//! runs the service has chosen. Which address a name leads to is looked at when it is dialled.

mod address;
mod collector;
mod door;
mod keys;
mod syslog;
mod unacked;
mod webhook;

pub use collector::{Collector, CollectorSettings};
pub use keys::IssuerKeys;
pub use syslog::SyslogPeer;
pub use webhook::{Webhook, WebhookError};
