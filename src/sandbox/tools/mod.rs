//! Tools that code in a run may call: functions of components, and functions of whoever asked for the run.
//!
//! ```text
//! ToolAsk ──(what the component declares, or the caller's schema)──▶ Tool ─▶ Kit, of one run
//! call ─▶ room in the log? ─▶ still allowed? ─▶ fits the schema? ─▶ a run of its own, or an event and its answer ─▶ on record ─▶ told
//! ```
//!
//! Each call is decided when it is made. A tool is not given tools, and its end is that of the run that called it.

mod ask;
mod calls;
mod kit;
mod schema;

pub(super) use ask::Tool;
pub use ask::{ToolAsk, ToolBy};
pub(super) use calls::Calls;
pub use calls::{Answered, Asking};
pub(super) use kit::Kit;
pub use kit::{Called, NotAllowed, Rights};
