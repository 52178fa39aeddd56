//! The HTTP API: it translates and does nothing else. A handler extracts, names the caller, gets a permit, calls one
//! method and converts the answer.
//!
//! ```text
//! connection (bounded, timed) ─▶ request id ─▶ room? ─▶ route ─▶ who? ─▶ body (bounded, strict) ─▶ permit? ─▶ use case
//!                                                                  Problem (RFC 9457) ◀─ whatever went wrong ─┘
//! ```
//!
//! What this area must never do: decide who may do what, read a body without a bound, answer with words of a guest that
//! are not marked as such, or say of another tenant's object that it is there.

mod addresses;
mod body;
mod context;
mod document;
mod exchange;
mod failures;
mod form;
mod held;
mod large;
mod listed;
mod listen;
mod pace;
mod page;
mod problem;
mod query;
mod recorder;
mod routes;
mod server;
mod settings;
mod shares;
mod stream;
mod strict;
mod tls;
mod types;
mod upload;
mod visit;

pub use context::{Api, Parts};
pub use document::openapi;
pub use listen::{ListenError, Listener, serve};
pub use problem::Problem;
pub use server::router;
pub use settings::{HttpSettings, TlsSettings};
pub use tls::{CertificateFiles, TlsError, TlsWanted};
