//! May this caller do this? Cedar answers, from rules that are built in and rules that the tenant wrote. Pure: the time,
//! the caller and the object come in as arguments, so the same question has the same answer everywhere.
//!
//! ```text
//! schema + built-in policies ──────────────┐
//! tenant's policies, custom roles ─ check ─┴─▶ Rules of the tenant
//!                                                    │
//! Caller, Action, Resource, Ask ─ expired? scope? ─▶ decide ─▶ Permit, or Denied with a reason
//! ```
//!
//! Only this area can make a `Permit`. What it must never do: let a tenant's text lift a fence (a caller reaches into no
//! other tenant, and only administrators of the house touch tenants), take an error for an answer (Cedar skips a policy
//! that fails, so a `forbid` that fails would permit: here any failure denies), answer for a tenant whose rules are not
//! loaded, or remember an answer longer than anything that the rules can see stays the same.

mod action;
mod authorizer;
mod bounds;
mod builtin;
mod cache;
mod check;
mod error;
mod explain;
mod judge;
mod keeping;
mod permit;
mod question;
mod reach;
mod reads;
mod role;
mod rules;

pub use action::{Action, UnknownAction};
pub use authorizer::Authorizer;
pub use builtin::{BUILT_IN_ROLES, HOUSE};
pub use check::{Checked, POLICY_BYTES, TENANT_BYTES, TENANT_PARTS, TENANT_POLICIES};
pub use error::{Fault, PolicyError};
pub use explain::{Explanation, RoleReach};
pub use keeping::{Candidate, Lockout};
pub use permit::{Denied, DeniedReason, Permit};
pub use question::{Ask, Resource, ResourceKind, Wants};
pub use reach::Reach;
pub use role::{CustomRole, TENANT_ROLES};
