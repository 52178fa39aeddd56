use std::future::Future;
use std::pin::Pin;

use serde::Serialize;

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

/// Where all of it is kept. `add_…` answers false where the name is taken, `remove_…` and `revoke_…` where there is none.
pub trait Register: Send + Sync {
    /// Moves with every change of rights, in whichever process.
    fn version(&self) -> Result<u64, RegisterError>;

    fn tenants(&self) -> Result<Vec<TenantRecord>, RegisterError>;
    fn tenant(&self, id: &TenantId) -> Result<Option<TenantRecord>, RegisterError>;
    fn add_tenant(&self, tenant: TenantRecord) -> Step<'_, bool>;
    fn put_tenant(&self, tenant: TenantRecord) -> Step<'_, ()>;

    fn principals(&self, tenant: &TenantId) -> Result<Vec<Principal>, RegisterError>;
    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, RegisterError>;
    fn add_principal(&self, principal: Principal) -> Step<'_, bool>;
    fn put_principal(&self, principal: Principal) -> Step<'_, ()>;
    /// With all keys.
    fn remove_principal(&self, tenant: &TenantId, id: &PrincipalId) -> Step<'_, bool>;

    fn keys(&self, tenant: &TenantId) -> Result<Vec<KeyRecord>, RegisterError>;
    fn key(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<KeyRecord>, RegisterError>;
    fn add_key(&self, key: KeyRecord) -> Step<'_, ()>;
    fn revoke_key(&self, tenant: &TenantId, id: &KeyId, now: u64) -> Step<'_, bool>;
    fn revoke_token(&self, id: String, expires: u64) -> Step<'_, ()>;

    fn roles(&self, tenant: &TenantId) -> Result<Vec<CustomRole>, RegisterError>;
    fn put_role(&self, tenant: &TenantId, role: CustomRole, now: u64) -> Step<'_, ()>;
    fn remove_role(&self, tenant: &TenantId, name: &RoleName) -> Step<'_, bool>;

    fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRecord>, RegisterError>;
    fn put_policy(&self, tenant: &TenantId, policy: PolicyRecord) -> Step<'_, ()>;
    fn remove_policy(&self, tenant: &TenantId, name: &PolicyName) -> Step<'_, bool>;
}
