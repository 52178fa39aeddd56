//! Who is calling: an API key, a token of ours or a token of an issuer that we trust becomes a `Caller`, or nothing.
//!
//! ```text
//! Offered ─▶ shape ─▶ keyed hash ─▶ warm? ── fresh ─────────────────────────────────▶ Caller
//!                                     ├─ stale (known once) ───────────┐
//!                                     └─ stranger ─▶ guesses: limited? ┴▶ key, or token ─▶ Directory ─▶ Caller
//! ```
//!
//! Time comes in as an argument; what is stored (`Directory`) and what is fetched (`FetchKeys`) come in as small traits.
//! What a caller is told of a refusal is one sentence for all of them; why it was refused is for the log.
//!
//! This area must never keep, log or show a credential's text, never fetch from an address that a token names, never
//! let a token choose its own algorithm or key, and never let anyone in because something could not be asked: what
//! cannot be checked is refused.

mod authenticator;
mod callers;
mod directory;
mod error;
mod guesses;
mod key;
mod offered;
mod scopes;
mod settings;
mod tokens;
mod versions;
mod warm;

pub use authenticator::{Authenticator, Outside};
pub use directory::{Directory, DirectoryError};
pub use error::{AuthError, Outage, Refusal, Refused, SettingsError};
pub use jsonwebtoken::Algorithm;
pub use key::{ApiKey, BadPrefix, KeyPrefix, KeyRecord, NoRandomness, Pepper};
pub use offered::Offered;
pub use scopes::{BadScope, check_scope, covers};
pub use settings::{GuessLimits, IdentitySettings, Issuer, KeySource, TOKEN_SECONDS, TokenSettings, UnknownPrincipals};
pub use tokens::{
    FetchError, FetchKeys, Fetching, JWKS_BYTES, Lineage, OWN_TYPE, SigningKey, TOKEN_BYTES, TokenAsk, TokenError,
    TokenInfo, TokenMaker,
};
