use std::error::Error;
use std::sync::Arc;

use super::key::{KeyPrefix, KeyRecord};
use crate::model::{KeyId, Principal, PrincipalId, TenantId};

/// What is known of keys and people could not be asked. Nobody gets in meanwhile.
#[derive(Debug, thiserror::Error)]
#[error("what is known of keys and principals cannot be read")]
pub struct DirectoryError(#[source] pub Box<dyn Error + Send + Sync>);

/// Where keys, principals, tenants and revocations are kept.
pub trait Directory: Send + Sync {
    /// A number that moves whenever anything below would answer otherwise, also by the hand of another process. It is
    /// asked a few times a second, so it must cost little; a change of `last_used` need not move it. What is answered
    /// after it must never be older than it.
    fn version(&self) -> Result<u64, DirectoryError>;

    fn key(&self, prefix: &KeyPrefix) -> Result<Option<KeyRecord>, DirectoryError>;

    fn key_by_id(&self, id: &KeyId) -> Result<Option<KeyRecord>, DirectoryError>;

    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, DirectoryError>;

    /// `false` for a tenant that is closed and for one that never was.
    fn tenant_is_open(&self, tenant: &TenantId) -> Result<bool, DirectoryError>;

    /// Whether the token with this `jti` was revoked.
    fn token_revoked(&self, id: &str) -> Result<bool, DirectoryError>;

    /// A key was used; told about once a minute for each key. Somebody's request waits for it: note it and return.
    fn touched(&self, key: &KeyId, now: u64);
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    fn version(&self) -> Result<u64, DirectoryError> {
        (**self).version()
    }

    fn key(&self, prefix: &KeyPrefix) -> Result<Option<KeyRecord>, DirectoryError> {
        (**self).key(prefix)
    }

    fn key_by_id(&self, id: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        (**self).key_by_id(id)
    }

    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, DirectoryError> {
        (**self).principal(tenant, id)
    }

    fn tenant_is_open(&self, tenant: &TenantId) -> Result<bool, DirectoryError> {
        (**self).tenant_is_open(tenant)
    }

    fn token_revoked(&self, id: &str) -> Result<bool, DirectoryError> {
        (**self).token_revoked(id)
    }

    fn touched(&self, key: &KeyId, now: u64) {
        (**self).touched(key, now);
    }
}
