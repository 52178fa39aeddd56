//! Who is here and what they may: tenants, principals, keys, tokens, roles and policies, managed by those permitted.
//!
//! Every change takes a `Permit`, is one step of the store together with all that must hold for it (`Book`), is durable
//! before it is acknowledged, and holds at once: what is remembered of rights in this process is forgotten with it, and
//! what another process changed is noticed within a second (`watch`). Whoever has something open follows `changes`.
//!
//! Whoever asks is asked for anew within the step (`asking`): nothing is written for one who was turned out meanwhile.
//!
//! This area must never let anybody give what he does not have himself under the credential that he came with (`giving`
//! says what that means). The text of a key leaves it once.

mod asking;
mod error;
mod founding;
mod giving;
mod keeping;
mod keys;
mod people;
mod register;
mod rules;
mod start;
mod tenants;
mod tokens;

pub use error::RegistryError;
pub use keys::{KeyAsk, NewKey, name_something};
pub use people::PrincipalAsk;
pub use register::{Book, Change, Part, Register, RegisterError, Step, TenantRecord};
pub use rules::PolicyRecord;
pub use start::{Door, Registry};
pub use tenants::CeilingChange;
