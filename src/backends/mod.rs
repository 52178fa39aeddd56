//! What a program can be fenced with, behind one door: a backend says what it holds on this machine, and runs.
//!
//! ```text
//! Run ─▶ which backend? ─▶ is it there? ─▶ does it hold all that is required? ─▶ run ─▶ Report
//!            (by name)        │ no                  │ no
//!                             ▼                     ▼
//!                      an error by name: nothing has run, and no other backend is taken instead
//! ```
//!
//! `wasm` is the engine; `process` fences a native command with what the kernel has for it.
//!
//! What this area must never do: claim what is not held, run with less than was required, or take another backend than
//! the one that was named.

mod backend;
mod claims;
mod error;
mod process;
mod settings;
mod wasm;

pub use backend::{Backend, BackendName, Pending, Program, Run, UnknownBackend};
pub use claims::{Claim, Holds, Standing};
pub use error::BackendError;
pub use process::{Process, ProcessSettings, serve_jail_worker};
pub use settings::BackendsSettings;
pub use wasm::Wasm;
