use std::future::Future;
use std::pin::Pin;

use serde::Serialize;

use super::error::RegistryError;
use super::rules::PolicyRecord;
use crate::authz::CustomRole;
use crate::identity::KeyRecord;
use crate::model::{Ceilings, KeyId, PolicyName, Principal, PrincipalId, RoleName, TenantId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantRecord {
    pub id: TenantId,
    pub ceilings: Ceilings,
    /// Nobody of a closed tenant is let in.
    pub open: bool,
    /// Seconds since 1970, as all times here.
    pub created: u64,
}

/// Why the register gave no answer; what was asked of it is not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegisterError {
    #[error("the store is behind; try again later")]
    Behind,
    #[error("the store failed: {0}")]
    Failed(String),
}

/// Something that is done, and durable, when it is over.
pub type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, RegisterError>> + Send + 'a>>;

/// A change, with all that must hold when it is made.
pub type Change = Box<dyn FnOnce(&dyn Book) -> Result<(), RegistryError> + Send>;

/// A part of a list: what comes after a name, and how much of it at most.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    pub after: &'a str,
    pub most: u32,
}

/// Where all of it is kept.
pub trait Register: Send + Sync {
    /// Moves with every change of rights, in whichever process.
    fn version(&self) -> Result<u64, RegisterError>;

    /// Makes a change in one step: nobody else writes between what it asks and what it writes, and of one that answers
    /// with an error nothing is kept.
    fn change(&self, change: Change) -> Step<'_, Result<(), RegistryError>>;

    fn tenants(&self, part: Part<'_>) -> Result<Vec<TenantRecord>, RegisterError>;
    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, RegisterError>;

    fn principals(&self, tenant: &TenantId, part: Part<'_>) -> Result<Vec<Principal>, RegisterError>;
    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, RegisterError>;

    /// Those of one principal, or of all.
    fn keys(
        &self,
        tenant: &TenantId,
        of: Option<&PrincipalId>,
        part: Part<'_>,
    ) -> Result<Vec<KeyRecord>, RegisterError>;
    fn key(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<KeyRecord>, RegisterError>;

    fn roles(&self, tenant: &TenantId) -> Result<Vec<CustomRole>, RegisterError>;
    fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRecord>, RegisterError>;
}

/// What a change may ask and write. `put_…` makes what is not there; `remove_…` and `revoke_…` answer false where there
/// is nothing.
pub trait Book {
    fn version(&self) -> Result<u64, RegisterError>;

    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, RegisterError>;
    fn count_tenants(&self) -> Result<u64, RegisterError>;
    fn put_tenant(&self, tenant: &TenantRecord) -> Result<(), RegisterError>;

    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, RegisterError>;
    fn count_principals(&self, tenant: &TenantId) -> Result<u64, RegisterError>;
    /// Who has a role.
    fn holders(&self, tenant: &TenantId, role: &RoleName) -> Result<Vec<Principal>, RegisterError>;
    fn put_principal(&self, principal: &Principal) -> Result<(), RegisterError>;
    /// With all keys.
    fn remove_principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<bool, RegisterError>;

    fn key(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<KeyRecord>, RegisterError>;
    /// Those that are neither revoked nor expired.
    fn count_keys(&self, tenant: &TenantId, now: u64) -> Result<u64, RegisterError>;
    /// Of the others so many stay at most: those that ended last.
    fn forget_keys(&self, tenant: &TenantId, now: u64, most: u64) -> Result<(), RegisterError>;
    /// Whether there is or was one that is remembered.
    fn has_keys(&self, tenant: &TenantId) -> Result<bool, RegisterError>;
    fn add_key(&self, key: &KeyRecord) -> Result<(), RegisterError>;
    fn revoke_key(&self, tenant: &TenantId, id: &KeyId, now: u64) -> Result<bool, RegisterError>;
    /// As if it had never been.
    fn remove_key(&self, tenant: &TenantId, id: &KeyId) -> Result<bool, RegisterError>;
    /// The first key of all, while nobody has been shown it.
    fn unshown_key(&self) -> Result<Option<KeyId>, RegisterError>;
    fn set_unshown_key(&self, id: Option<&KeyId>) -> Result<(), RegisterError>;

    /// Whether the token with this `jti` was revoked.
    fn token_revoked(&self, id: &str) -> Result<bool, RegisterError>;
    /// Those of the line of one key.
    fn count_revoked_tokens(&self, key: &KeyId) -> Result<u64, RegisterError>;
    /// It need not be known any more when it has ended; others that have are forgotten.
    fn revoke_token(&self, id: &str, ends: u64, now: u64) -> Result<(), RegisterError>;

    fn roles(&self, tenant: &TenantId) -> Result<Vec<CustomRole>, RegisterError>;
    fn put_role(&self, tenant: &TenantId, role: &CustomRole, now: u64) -> Result<(), RegisterError>;
    fn remove_role(&self, tenant: &TenantId, name: &RoleName) -> Result<bool, RegisterError>;

    fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRecord>, RegisterError>;
    fn put_policy(&self, tenant: &TenantId, policy: &PolicyRecord) -> Result<(), RegisterError>;
    fn remove_policy(&self, tenant: &TenantId, name: &PolicyName) -> Result<bool, RegisterError>;
}
