//! What of the log is sent elsewhere, as whom, and how far somebody has got it: settings, batches and positions. Who sends
//! them knows the network; nothing here does.
//!
//! A position moves only over records that were taken, and is never guessed: one that does not fit the log is refused.

mod batch;
mod position;
mod settings;
mod syslog;
mod target;

pub use batch::{Batch, Next, Shape};
pub use position::Position;
pub use settings::{ForwardKind, ForwardSettings, Way, check};
pub use target::Target;
