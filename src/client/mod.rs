//! A client of our own API: what the command line speaks with where a person names a server.
//!
//! ```text
//! Server (an address that may be spoken to) + key ─▶ Client ─▶ JSON · bytes · events · ClientError (the server's problem)
//! Logins (one file, 0600) ─▶ the key of a server, for that server and no other
//! ```
//!
//! This area must never send a key in the open to another machine unless told to, never follow a redirect, never give
//! the key of one server to another, and never take an answer without a bound.

mod error;
mod events;
mod http;
mod logins;
mod server;

pub use error::{ClientError, Problem};
pub use events::{Event, Events};
pub use http::{Call, Client};
pub use logins::{Login, Logins};
pub use server::Server;
