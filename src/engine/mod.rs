//! Runs a program inside a fence, metered. Wasmtime lives here and nowhere else.
//!
//! ```text
//! bytes ──intake──▶ component ──compile──▶ code ──load──▶ Program ──run──▶ Report
//!        (a process of its own)           (disk)         (memory)   (a fresh instance)
//! ```
//!
//! What this area must never do: read a stranger's bytes in the host's own process, load code that it did not
//! make itself, let an instance serve two callers, take memory of a size that a guest chose before checking it, or
//! turn what a guest did into an error of ours.

mod compile;
mod describe;
mod error;
mod fence;
mod grants;
mod heartbeat;
mod host;
mod intake;
mod meter;
mod open;
mod outcome;
mod program;
mod run;
mod saved;
mod schema;
mod session;
mod settings;
mod snapshot;
mod snippet;
mod state;
mod values;
mod watch;

pub use compile::{CacheEntry, CodeCache, Origin, build_name, serve_compile_worker};
pub use describe::{Description, Export, Import, Kind, UnknownKind};
pub use error::{CallError, EngineError, Refusal, RefusedImport};
pub use fence::{Build, Flavour};
pub use grants::fs::{CopyOnWrite, Mount, folds_case, is_window, leads_out};
pub use grants::input::Stdin;
pub use grants::tools::{ToolAnswer, ToolDescription, ToolFailure, Tools};
pub use host::{Engine, RunPlace};
pub use open::FUEL_TOLD;
pub use program::Program;
pub use run::{Entry, OutputListener, RunRequest};
pub use saved::{Saved, Unsaved};
pub use session::Session;
pub use settings::EngineSettings;
pub use snapshot::Snapshot;
pub use snippet::Snippet;
