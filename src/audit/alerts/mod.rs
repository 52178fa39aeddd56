//! Rules over the records of the log: when something happens too often, somebody should hear of it.
//!
//! ```text
//! record ─▶ Alerts::see ─▶ which rules count it, for whom ─▶ Windows: more than is allowed, and quiet for long enough?
//!                                                              └─▶ Alert: what, of whom, how much, and what to do
//! ```
//!
//! It has no clock and does nothing: time is that of the records, and whoever feeds it sends and acts. What it remembers
//! has a bound, however many sandboxes, callers and addresses there are; beyond it those are forgotten first that were
//! counted the longest ago.

mod seen;
mod settings;
mod watch;
mod windows;

pub use settings::{Act, AlertSettings, Level, LoginRule, Rule, WebhookSettings};
pub use watch::{Alert, Alerts, Deed, RuleName};
