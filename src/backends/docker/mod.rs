//! A native command in a container of an engine on this machine: for what is installed in an image and not here.
//!
//! ```text
//! host ──unix socket──▶ engine ──▶ container: read-only image, /tmp, copies of folders
//!  │                      ▲
//!  └──pipe──▶ worker ─────┘   (when the host dies, the pipe closes and its containers go)
//! ```
//!
//! - `engine` is who answers at the socket, and what it can do; `image` is what is run there;
//! - `plan` says in the engine's words what one run may; `seccomp` the list of system calls;
//! - `room` holds the copies of folders on this machine, and how large they have grown;
//! - `going` carries the streams and waits for the first end; `container` leaves none behind;
//! - `leftovers` finds what hosts that died have left, and whose it is.
//!
//! What this must never do: run with less than was asked for because an engine cannot do it, fetch an image that nobody
//! allowed, or touch a container of another host that is alive.

mod settings;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod backend;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod claims;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod container;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod engine;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod going;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod image;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod leftovers;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod outcome;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod plan;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod room;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod seccomp;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod worker;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod elsewhere;

pub use settings::{DockerSettings, Pull};

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use {backend::Docker, worker::serve as serve_docker_worker};

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub use elsewhere::{Docker, serve as serve_docker_worker};
