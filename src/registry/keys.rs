use super::error::RegistryError;
use super::register::{Book, Part};
use super::start::{About, Registry, covers};
use super::tenants::ceilings;
use crate::authz::{Action, Permit};
use crate::identity::{ApiKey, KeyRecord, check_scope, covers as has_scope};
use crate::model::{Caller, Credential, KeyId, Principal, PrincipalId, TenantId};

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

/// Keys of a tenant that open nothing any more and are remembered.
const REMEMBERED: u64 = 1_000;
const NAME_CHARS: usize = 100;
const SCOPES: usize = 64;

impl Registry {
    pub async fn create_key(
        &self,
        permit: &Permit,
        caller: &Caller,
        mut ask: KeyAsk,
        now: u64,
    ) -> Result<NewKey, RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::KeysCreate, tenant, tenant.as_str())?;
        well_formed(&ask)?;
        no_wider(caller, ask.scopes.as_deref())?;
        self.no_longer(caller, &mut ask, now)?;
        let whom = ask.principal.clone().unwrap_or_else(|| caller.principal.clone());
        let principal = self.principal(tenant, &whom)?;
        let (asking, for_another) = (self.asking(permit, caller, now), whom != caller.principal);
        let made = self.new_key(&principal, ask, now)?;
        let key = made.record.clone();
        self.change(About::Nobody, move |book| {
            let giver = asking.again(book)?;
            let owner = owner(book, &key)?;
            if for_another {
                giver.has_roles(book, &owner.roles, key.scopes.as_deref())?;
            }
            let most = ceilings(book, &key.tenant)?.keys;
            if book.count_keys(&key.tenant, now)? >= most {
                return Err(RegistryError::TooManyKeys(most));
            }
            book.forget_keys(&key.tenant, now, REMEMBERED)?;
            Ok(book.add_key(&key)?)
        })
        .await?;
        Ok(made)
    }

    /// What is made with a key or token of ours that ends does not outlive it. A login at somebody else's is no such
    /// thing: it ends in minutes, and stands for the person whole.
    fn no_longer(&self, caller: &Caller, ask: &mut KeyAsk, now: u64) -> Result<(), RegistryError> {
        let ours = match &caller.credential {
            Credential::Key(_) => true,
            Credential::Token { issuer, .. } => issuer == self.0.tokens.issuer(),
        };
        let Some(left) = caller.expires.filter(|_| ours).map(|end| end.saturating_sub(now)) else { return Ok(()) };
        if ask.ttl_seconds.is_some_and(|seconds| seconds > left) {
            return Err(RegistryError::TooMuch(format!(
                "your own key or token ends in {left} seconds; ask for no more"
            )));
        }
        ask.ttl_seconds.get_or_insert(left);
        Ok(())
    }

    pub(super) fn new_key(&self, owner: &Principal, ask: KeyAsk, now: u64) -> Result<NewKey, RegistryError> {
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
        Ok(NewKey { record, key })
    }

    /// Some of them, in the order in which they were made; those of one principal, or of all.
    pub fn keys(
        &self,
        tenant: &TenantId,
        of: Option<&PrincipalId>,
        part: Part<'_>,
    ) -> Result<Vec<KeyRecord>, RegistryError> {
        Ok(self.0.register.keys(tenant, of, part)?)
    }

    pub fn key(&self, tenant: &TenantId, id: &KeyId) -> Result<KeyRecord, RegistryError> {
        self.0.register.key(tenant, id)?.ok_or_else(|| missing(id))
    }

    /// From now on it opens nothing, and no token that was made with it.
    pub async fn revoke_key(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: &KeyId,
        now: u64,
    ) -> Result<(), RegistryError> {
        let tenant = permit.tenant().clone();
        covers(permit, Action::KeysRevoke, &tenant, id.as_str())?;
        let (asking, id) = (self.asking(permit, caller, now), id.clone());
        self.change(About::People, move |book| {
            asking.again(book)?;
            book.key(&tenant, &id)?.ok_or_else(|| missing(&id))?;
            book.revoke_key(&tenant, &id, now)?;
            Ok(())
        })
        .await
    }

    /// The same where a rule of those who run the service says so, and nobody asks. Whether it opened anything until now;
    /// only a key of this principal is meant.
    pub async fn suspend_key(
        &self,
        tenant: &TenantId,
        of: &PrincipalId,
        id: &KeyId,
        now: u64,
    ) -> Result<bool, RegistryError> {
        let (tenant, of, id) = (tenant.clone(), of.clone(), id.clone());
        self.change(About::People, move |book| {
            let key = book.key(&tenant, &id)?.filter(|key| key.principal == of).ok_or_else(|| missing(&id))?;
            Ok(key.revoked.is_none() && book.revoke_key(&tenant, &id, now)?)
        })
        .await
    }
}

fn well_formed(ask: &KeyAsk) -> Result<(), RegistryError> {
    if ask.name.is_empty() || ask.name.chars().count() > NAME_CHARS || ask.name.chars().any(char::is_control) {
        let message = format!("write 1 to {NAME_CHARS} characters that can be seen");
        return Err(RegistryError::Invalid { field: "name", message });
    }
    if ask.scopes.as_ref().is_some_and(|scopes| scopes.len() > SCOPES) {
        let message = format!("name at most {SCOPES} scopes");
        return Err(RegistryError::Invalid { field: "scopes", message });
    }
    name_something(ask.scopes.as_deref().unwrap_or_default())
}

/// A word that is none of ours would cut everything away, and be a mistake.
pub fn name_something(scopes: &[String]) -> Result<(), RegistryError> {
    for scope in scopes {
        check_scope(scope)?;
        if !Action::is_scope(scope) {
            return Err(RegistryError::UnknownScope(scope.clone()));
        }
    }
    Ok(())
}

/// A key of a credential that was cut down is cut down as well.
fn no_wider(caller: &Caller, scopes: Option<&[String]>) -> Result<(), RegistryError> {
    let mine = caller.scopes.as_deref();
    let wider = match scopes {
        None => mine.is_some().then(|| "all".to_owned()),
        Some(scopes) => scopes.iter().find(|scope| !has_scope(mine, scope)).cloned(),
    };
    match wider {
        None => Ok(()),
        Some(scope) => Err(RegistryError::TooMuch(format!(
            "your own key or token does not have the scope {scope}; name scopes that it has"
        ))),
    }
}

fn owner(book: &dyn Book, key: &KeyRecord) -> Result<Principal, RegistryError> {
    let gone = || RegistryError::Missing { kind: "principal", name: key.principal.to_string() };
    book.principal(&key.tenant, &key.principal)?.ok_or_else(gone)
}

fn missing(id: &KeyId) -> RegistryError {
    RegistryError::Missing { kind: "key", name: id.to_string() }
}
