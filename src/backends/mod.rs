//! What a program can be fenced with, behind one door: a backend says what it holds on this machine, and runs.
//!
//! ```text
//! Run ─▶ which backend? ─▶ is it there? ─▶ does it hold all that is required? ─▶ run ─▶ Report
//!            (by name)        │ no                  │ no
//!                             ▼                     ▼
//!                      an error by name: nothing has run, and no other backend is taken instead
//! ```
//!
//! `wasm` is the engine; `process` fences a native command with what the kernel has for it; `docker` has a container engine
//! of this machine do that, with what is installed in an image.
//!
//! What this area must never do: claim what is not held, run with less than was required, or take another backend than
//! the one that was named.

mod backend;
mod claims;
mod error;
mod wasm;

// What fences native commands, and what those that do share.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod checks;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod copies;
mod docker;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod failure;
mod process;
mod settings;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod signals;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod streams;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod system_calls;

pub use backend::{Backend, BackendName, Pending, Program, Run, UnknownBackend};
pub use claims::{Claim, Holds, Standing};
pub use docker::{Docker, DockerSettings, Pull, serve_docker_worker};
pub use error::BackendError;
pub use process::{Process, ProcessSettings, serve_jail_worker};
pub use settings::BackendsSettings;
pub use wasm::Wasm;
