//! Who is here and what they may: tenants, principals, keys, tokens, roles and policies, managed by those permitted.
//!
//! Every change takes a `Permit`, is durable before it is acknowledged, and holds at once: what is remembered of rights
//! in this process is forgotten with it, and what another process changed is noticed within a second (`watch`).
//!
//! This area must never let anybody give more than he has: who is no administrator gives roles that are his own, keys to
//! those who may no more than he may, and scopes that his own credential has. The text of a key leaves it once.

mod error;
mod keys;
mod people;
mod register;
mod rules;
mod start;

pub use error::RegistryError;
pub use keys::{KeyAsk, NewKey};
pub use people::PrincipalAsk;
pub use register::{Register, RegisterError, Step, TenantRecord};
pub use rules::PolicyRecord;
pub use start::{Door, Registry};
