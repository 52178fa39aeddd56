use super::error::RegistryError;
use super::start::{Registry, covers};
use crate::authz::{Action, Permit};
use crate::identity::{ApiKey, KeyRecord, TokenAsk, TokenInfo, check_scope, covers as has_scope};
use crate::model::{Caller, KeyId, Principal, PrincipalId, TenantId};

/// What is asked of a new key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAsk {
    pub name: String,
    /// Whom it is for; the caller, where nobody is named.
    pub principal: Option<PrincipalId>,
    pub scopes: Option<Vec<String>>,
    pub ttl_seconds: Option<u64>,
}

/// A key with its text, which is known now and never again.
pub struct NewKey {
    pub record: KeyRecord,
    pub key: ApiKey,
}

/// The most keys that a tenant may have.
const KEYS: usize = 10_000;
const NAME_CHARS: usize = 100;

impl Registry {
    pub async fn create_key(
        &self,
        permit: &Permit,
        caller: &Caller,
        ask: KeyAsk,
        now: u64,
    ) -> Result<NewKey, RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::KeysCreate, tenant, tenant.as_str())?;
        if ask.name.is_empty() || ask.name.chars().count() > NAME_CHARS || ask.name.chars().any(char::is_control) {
            let message = format!("write 1 to {NAME_CHARS} characters that can be seen");
            return Err(RegistryError::Invalid { field: "name", message });
        }
        for scope in ask.scopes.iter().flatten() {
            check_scope(scope)?;
        }
        // A key of a credential that was cut down is cut down as well.
        let mine = caller.scopes.as_deref();
        let wider = match &ask.scopes {
            None => mine.is_some().then(|| "all".to_owned()),
            Some(scopes) => scopes.iter().find(|scope| !has_scope(mine, scope)).cloned(),
        };
        if let Some(scope) = wider {
            return Err(RegistryError::TooMuch(format!(
                "your own key or token does not have the scope {scope}; name scopes that it has"
            )));
        }
        if self.0.register.keys(tenant)?.iter().filter(|key| key.revoked.is_none()).count() >= KEYS {
            return Err(RegistryError::TooMuch(format!("the tenant has {KEYS} keys, which is the most; revoke some")));
        }
        let whom = ask.principal.clone().unwrap_or_else(|| caller.principal.clone());
        let principal = self.principal(tenant, &whom)?;
        self.no_more_than(caller, &principal.roles)?;
        self.make_key(&principal, ask, now).await
    }

    pub(super) async fn make_key(&self, owner: &Principal, ask: KeyAsk, now: u64) -> Result<NewKey, RegistryError> {
        let key = ApiKey::generate()?;
        let record = KeyRecord {
            id: KeyId::random(),
            tenant: owner.tenant.clone(),
            principal: owner.id.clone(),
            prefix: key.prefix(),
            hash: key.hash(&self.0.pepper),
            name: ask.name,
            scopes: ask.scopes,
            created: now,
            expires: ask.ttl_seconds.map(|seconds| now.saturating_add(seconds)),
            revoked: None,
            last_used: None,
        };
        self.0.register.add_key(record.clone()).await?;
        Ok(NewKey { record, key })
    }

    pub fn keys(&self, tenant: &TenantId) -> Result<Vec<KeyRecord>, RegistryError> {
        Ok(self.0.register.keys(tenant)?)
    }

    pub fn key(&self, tenant: &TenantId, id: &KeyId) -> Result<KeyRecord, RegistryError> {
        let missing = || RegistryError::Missing { kind: "key", name: id.to_string() };
        self.0.register.key(tenant, id)?.ok_or_else(missing)
    }

    /// From now on it opens nothing, and no token that was made with it.
    pub async fn revoke_key(&self, permit: &Permit, id: &KeyId, now: u64) -> Result<(), RegistryError> {
        covers(permit, Action::KeysRevoke, permit.tenant(), id.as_str())?;
        self.key(permit.tenant(), id)?;
        self.0.register.revoke_key(permit.tenant(), id, now).await?;
        self.changed()
    }

    /// A token for the caller himself, for less than he may and for a short time.
    pub fn create_token(
        &self,
        permit: &Permit,
        caller: &Caller,
        ask: TokenAsk,
        now: u64,
    ) -> Result<(String, TokenInfo), RegistryError> {
        covers(permit, Action::TokensCreate, permit.tenant(), permit.tenant().as_str())?;
        Ok(self.0.tokens.issue(caller, ask, now)?)
    }
}
