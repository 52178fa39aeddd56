use super::error::RegistryError;
use super::giving::{Giver, is_admin, known};
use super::keeping::is_not_the_last;
use super::register::{Book, Part};
use super::start::{About, Registry, covers};
use super::tenants::ceilings;
use crate::authz::{Action, Permit};
use crate::model::{Caller, Labels, Principal, PrincipalId, PrincipalKind, RoleName, TenantId};

/// What is said of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalAsk {
    pub kind: PrincipalKind,
    pub roles: Vec<RoleName>,
    pub labels: Labels,
    pub suspended: bool,
}

impl PrincipalAsk {
    /// With each role once, in the order in which they were named.
    fn distinct(mut self) -> Result<Self, RegistryError> {
        let mut roles: Vec<RoleName> = Vec::new();
        for role in self.roles {
            if roles.contains(&role) {
                continue;
            }
            if roles.len() == ROLES {
                let message = format!("name at most {ROLES} different roles");
                return Err(RegistryError::Invalid { field: "roles", message });
            }
            roles.push(role);
        }
        self.roles = roles;
        Ok(self)
    }
}

/// The most roles of a principal, each counted once.
const ROLES: usize = 32;

impl Registry {
    /// Some of them, in the order of their names.
    pub fn principals(&self, tenant: &TenantId, part: Part<'_>) -> Result<Vec<Principal>, RegistryError> {
        Ok(self.0.register.principals(tenant, part)?)
    }

    pub fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Principal, RegistryError> {
        self.0.register.principal(tenant, id)?.ok_or_else(|| missing(id))
    }

    pub async fn create_principal(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: PrincipalId,
        ask: PrincipalAsk,
        now: u64,
    ) -> Result<Principal, RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::PrincipalsCreate, tenant, tenant.as_str())?;
        let asking = self.asking(permit, caller, now);
        let PrincipalAsk { kind, roles, labels, suspended } = ask.distinct()?;
        let new = Principal { tenant: tenant.clone(), id, kind, roles, labels, suspended, created: now };
        self.change(About::Newcomer, move |book| {
            let giver = asking.again(book)?;
            if book.principal(&new.tenant, &new.id)?.is_some() {
                return Err(RegistryError::Taken { kind: "principal", name: new.id.to_string() });
            }
            known(book, &new.tenant, &new.roles)?;
            giver.has_roles(book, &new.roles, None)?;
            if !new.labels.is_empty() {
                giver.must_be_whole("give labels, by which policies may decide,")?;
            }
            let most = ceilings(book, &new.tenant)?.principals;
            if book.count_principals(&new.tenant)? >= most {
                return Err(RegistryError::TooManyPrincipals(most));
            }
            book.put_principal(&new)?;
            Ok(new)
        })
        .await
    }

    pub async fn update_principal(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: &PrincipalId,
        ask: PrincipalAsk,
        now: u64,
    ) -> Result<Principal, RegistryError> {
        let tenant = permit.tenant().clone();
        covers(permit, Action::PrincipalsUpdate, &tenant, id.as_str())?;
        let (asking, id, ask) = (self.asking(permit, caller, now), id.clone(), ask.distinct()?);
        self.change(About::People, move |book| {
            let giver = asking.again(book)?;
            let before = book.principal(&tenant, &id)?.ok_or_else(|| missing(&id))?;
            let PrincipalAsk { kind, roles, labels, suspended } = ask;
            let after = Principal { kind, roles, labels, suspended, ..before.clone() };
            may_change(book, &giver, &before, &after, now)?;
            book.put_principal(&after)?;
            Ok(after)
        })
        .await
    }

    /// With all of his keys. What he made stays.
    pub async fn delete_principal(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: &PrincipalId,
        now: u64,
    ) -> Result<(), RegistryError> {
        let tenant = permit.tenant().clone();
        covers(permit, Action::PrincipalsDelete, &tenant, id.as_str())?;
        let (asking, id) = (self.asking(permit, caller, now), id.clone());
        self.change(About::People, move |book| {
            let giver = asking.again(book)?;
            let before = book.principal(&tenant, &id)?.ok_or_else(|| missing(&id))?;
            giver.has_roles(book, &before.roles, None)?;
            keeps_an_admin(book, &giver, &before, None, now)?;
            book.remove_principal(&tenant, &id)?;
            Ok(())
        })
        .await
    }
}

/// Neither to give more than he has nor to take from one who has more.
fn may_change(
    book: &dyn Book,
    giver: &Giver,
    before: &Principal,
    after: &Principal,
    now: u64,
) -> Result<(), RegistryError> {
    known(book, &after.tenant, &after.roles)?;
    giver.has_roles(book, &after.roles, None)?;
    giver.has_roles(book, &before.roles, None)?;
    if before.kind != after.kind || before.labels != after.labels {
        giver.must_be_whole("change a kind or labels, by which policies may decide,")?;
    }
    keeps_an_admin(book, giver, before, Some(after), now)
}

/// A tenant without an administrator could not be entered again by one, and one without somebody who may change its
/// policies would have them for ever.
fn keeps_an_admin(
    book: &dyn Book,
    giver: &Giver,
    before: &Principal,
    after: Option<&Principal>,
    now: u64,
) -> Result<(), RegistryError> {
    let rules = |principal: &Principal| !principal.suspended && is_admin(&principal.roles);
    let role: RoleName = "admin".parse().map_err(|_| RegistryError::Permit)?;
    let stays = !rules(before)
        || after.is_some_and(rules)
        || book.holders(&before.tenant, &role)?.iter().any(|other| other.id != before.id && rules(other));
    if stays && is_not_the_last(book, giver, before, after, now)? {
        return Ok(());
    }
    Err(RegistryError::LastAdmin(after.map(|after| match after {
        after if !is_admin(&after.roles) => "roles",
        after if after.suspended => "suspended",
        after if after.roles != before.roles => "roles",
        after if after.kind != before.kind => "kind",
        _ => "labels",
    })))
}

fn missing(id: &PrincipalId) -> RegistryError {
    RegistryError::Missing { kind: "principal", name: id.to_string() }
}
