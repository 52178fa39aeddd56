use super::error::RegistryError;
use super::keys::{KeyAsk, NewKey};
use super::register::{Book, TenantRecord};
use super::start::{About, Registry, covers};
use super::tenants::check;
use crate::authz::{Action, HOUSE, Permit};
use crate::identity::KeyRecord;
use crate::model::{BadId, Caller, Ceilings, Labels, Principal, PrincipalId, PrincipalKind, TenantId};

/// The most tenants of a house.
const TENANTS: u64 = 10_000;

impl Registry {
    /// Makes the house and its first administrator, where there is none yet: the one key that nobody had to ask for.
    /// Nobody may have seen it until `first_was_shown`, so until then each start makes another in its place.
    pub async fn first(&self, now: u64) -> Result<Option<NewKey>, RegistryError> {
        let invalid = |error: BadId| RegistryError::Invalid { field: "id", message: error.to_string() };
        let house: TenantId = HOUSE.parse().map_err(invalid)?;
        let admin = admin(&house, "admin".parse().map_err(invalid)?, now)?;
        let made = self.new_key(&admin, first_key(), now)?;
        let key = made.record.clone();
        let about = About::Tenant(house.clone());
        let new = self.change(about, move |book| {
            forget_unshown(book, &house)?;
            if !unfinished(book, &admin)? {
                return Ok(false);
            }
            let ceilings = Ceilings::widest();
            let there = book.tenant(&house)?;
            let record = there.unwrap_or(TenantRecord { id: house, ceilings, open: true, created: now });
            found(book, &record, &admin, &key)?;
            book.set_unshown_key(Some(&key.id))?;
            Ok(true)
        });
        Ok(new.await?.then_some(made))
    }

    /// Somebody has the first key now, so it stays.
    pub async fn first_was_shown(&self) -> Result<(), RegistryError> {
        self.change(About::Nobody, |book| match book.unshown_key()? {
            Some(_) => Ok(book.set_unshown_key(None)?),
            None => Ok(()),
        })
        .await
    }

    /// Makes a tenant with somebody who can begin to work in it, and his key; all of it or nothing. That key opens
    /// everything in the tenant, so only who has everything can make one.
    pub async fn found_tenant(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: TenantId,
        ceilings: Ceilings,
        who: PrincipalId,
        now: u64,
    ) -> Result<NewKey, RegistryError> {
        covers(permit, Action::TenantsCreate, &id, id.as_str())?;
        check(&ceilings)?;
        let asking = self.asking(permit, caller, now);
        let admin = admin(&id, who, now)?;
        let made = self.new_key(&admin, first_key(), now)?;
        let key = made.record.clone();
        self.change(About::Tenant(id.clone()), move |book| {
            asking.again(book)?.must_be_whole("make tenants")?;
            match book.tenant(&id)? {
                Some(_) if !unfinished(book, &admin)? => {
                    return Err(RegistryError::Taken { kind: "tenant", name: id.to_string() });
                }
                Some(_) => {}
                None if book.count_tenants()? >= TENANTS => {
                    return Err(RegistryError::TooMuch(format!("there are {TENANTS} tenants, which is the most")));
                }
                None => {}
            }
            found(book, &TenantRecord { id, ceilings, open: true, created: now }, &admin, &key)
        })
        .await?;
        Ok(made)
    }
}

fn admin(tenant: &TenantId, id: PrincipalId, now: u64) -> Result<Principal, RegistryError> {
    let role = "admin".parse().map_err(|_| RegistryError::Permit)?;
    let (kind, roles, labels) = (PrincipalKind::Person, vec![role], Labels::new());
    Ok(Principal { tenant: tenant.clone(), id, kind, roles, labels, suspended: false, created: now })
}

fn first_key() -> KeyAsk {
    KeyAsk { name: "first key".into(), principal: None, scopes: None, ttl_seconds: None }
}

fn found(book: &dyn Book, tenant: &TenantRecord, admin: &Principal, key: &KeyRecord) -> Result<(), RegistryError> {
    book.put_tenant(tenant)?;
    book.put_principal(admin)?;
    Ok(book.add_key(key)?)
}

/// Whether a tenant is not there, or an older version of us was stopped half-way through founding it: it has nobody, or
/// its administrator from the very moment of its founding and never a key. Nobody can have been in it.
fn unfinished(book: &dyn Book, admin: &Principal) -> Result<bool, RegistryError> {
    let Some(tenant) = book.tenant(&admin.tenant)? else { return Ok(true) };
    if book.has_keys(&tenant.id)? {
        return Ok(false);
    }
    let first = book.principal(&tenant.id, &admin.id)?;
    Ok(match (book.count_principals(&tenant.id)?, first) {
        (0, _) => true,
        (1, Some(first)) => first.roles == admin.roles && first.created == tenant.created && !first.suspended,
        _ => false,
    })
}

/// A start that was stopped before it had shown its key has left one that nobody knows.
fn forget_unshown(book: &dyn Book, house: &TenantId) -> Result<(), RegistryError> {
    let Some(id) = book.unshown_key()? else { return Ok(()) };
    if book.key(house, &id)?.is_some_and(|key| key.last_used.is_none()) {
        book.remove_key(house, &id)?;
    }
    Ok(book.set_unshown_key(None)?)
}
