use super::error::RegistryError;
use super::keys::{KeyAsk, NewKey};
use super::register::TenantRecord;
use super::start::{Registry, covers};
use crate::authz::{Action, BUILT_IN_ROLES, HOUSE, Permit};
use crate::model::{Caller, Ceilings, Labels, Principal, PrincipalId, PrincipalKind, RoleName, TenantId};

/// What is said of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalAsk {
    pub kind: PrincipalKind,
    pub roles: Vec<RoleName>,
    pub labels: Labels,
    pub suspended: bool,
}

/// The most principals of a tenant, and tenants of a house.
const PRINCIPALS: usize = 10_000;
const TENANTS: usize = 10_000;

impl Registry {
    pub fn tenants(&self) -> Result<Vec<TenantRecord>, RegistryError> {
        Ok(self.0.register.tenants()?)
    }

    pub fn tenant(&self, id: &TenantId) -> Result<TenantRecord, RegistryError> {
        let missing = || RegistryError::Missing { kind: "tenant", name: id.to_string() };
        self.0.register.tenant(id)?.ok_or_else(missing)
    }

    pub async fn create_tenant(
        &self,
        permit: &Permit,
        id: TenantId,
        ceilings: Ceilings,
        now: u64,
    ) -> Result<TenantRecord, RegistryError> {
        covers(permit, Action::TenantsCreate, &id, id.as_str())?;
        check(&ceilings)?;
        if self.0.register.tenants()?.len() >= TENANTS {
            return Err(RegistryError::TooMuch(format!("there are {TENANTS} tenants, which is the most")));
        }
        let record = TenantRecord { id, ceilings, open: true, created: now };
        if !self.0.register.add_tenant(record.clone()).await? {
            return Err(RegistryError::Taken { kind: "tenant", name: record.id.to_string() });
        }
        self.changed()?;
        Ok(record)
    }

    /// The same with somebody who can begin to work in it, and his key.
    pub async fn found_tenant(
        &self,
        permit: &Permit,
        id: TenantId,
        ceilings: Ceilings,
        admin: PrincipalId,
        now: u64,
    ) -> Result<NewKey, RegistryError> {
        let role: RoleName = "admin".parse().map_err(|_| RegistryError::Permit)?;
        let tenant = self.create_tenant(permit, id, ceilings, now).await?.id;
        let (kind, roles, labels) = (PrincipalKind::Person, vec![role], Labels::new());
        let principal = Principal { tenant, id: admin, kind, roles, labels, suspended: false, created: now };
        self.0.register.add_principal(principal.clone()).await?;
        let ask = KeyAsk { name: "first key".into(), principal: None, scopes: None, ttl_seconds: None };
        let key = self.make_key(&principal, ask, now).await?;
        self.changed()?;
        Ok(key)
    }

    /// Changes what a tenant may have, or closes it.
    pub async fn update_tenant(
        &self,
        permit: &Permit,
        id: &TenantId,
        ceilings: Option<Ceilings>,
        open: Option<bool>,
    ) -> Result<TenantRecord, RegistryError> {
        covers(permit, Action::TenantsUpdate, id, id.as_str())?;
        let mut record = self.tenant(id)?;
        if id.as_str() == HOUSE && open == Some(false) {
            let message = "the house itself stays open: nobody could open it again".to_owned();
            return Err(RegistryError::Invalid { field: "open", message });
        }
        if let Some(ceilings) = ceilings {
            check(&ceilings)?;
            record.ceilings = ceilings;
        }
        record.open = open.unwrap_or(record.open);
        self.0.register.put_tenant(record.clone()).await?;
        self.changed()?;
        Ok(record)
    }

    pub fn principals(&self, tenant: &TenantId) -> Result<Vec<Principal>, RegistryError> {
        Ok(self.0.register.principals(tenant)?)
    }

    pub fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Principal, RegistryError> {
        let missing = || RegistryError::Missing { kind: "principal", name: id.to_string() };
        self.0.register.principal(tenant, id)?.ok_or_else(missing)
    }

    /// In another tenant than his own only an administrator of the house makes one, and for himself nobody.
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
        self.may_give(caller, tenant, &ask.roles)?;
        if self.0.register.principals(tenant)?.len() >= PRINCIPALS {
            return Err(RegistryError::TooMuch(format!("the tenant has {PRINCIPALS} principals, which is the most")));
        }
        let PrincipalAsk { kind, roles, labels, suspended } = ask;
        let principal = Principal { tenant: tenant.clone(), id, kind, roles, labels, suspended, created: now };
        if !self.0.register.add_principal(principal.clone()).await? {
            return Err(RegistryError::Taken { kind: "principal", name: principal.id.to_string() });
        }
        self.changed()?;
        Ok(principal)
    }

    pub async fn update_principal(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: &PrincipalId,
        ask: PrincipalAsk,
    ) -> Result<Principal, RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::PrincipalsUpdate, tenant, id.as_str())?;
        let before = self.principal(tenant, id)?;
        // Neither to give more than he has nor to take from one who has more.
        self.may_give(caller, tenant, &ask.roles)?;
        self.no_more_than(caller, &before.roles)?;
        self.keeps_an_admin(&before, ask.suspended || !is_admin(&ask.roles))?;
        let PrincipalAsk { kind, roles, labels, suspended } = ask;
        let principal = Principal { kind, roles, labels, suspended, ..before };
        self.0.register.put_principal(principal.clone()).await?;
        self.changed()?;
        Ok(principal)
    }

    /// With all of his keys. What he made stays.
    pub async fn delete_principal(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: &PrincipalId,
    ) -> Result<(), RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::PrincipalsDelete, tenant, id.as_str())?;
        let before = self.principal(tenant, id)?;
        self.no_more_than(caller, &before.roles)?;
        self.keeps_an_admin(&before, true)?;
        self.0.register.remove_principal(tenant, id).await?;
        self.changed()
    }

    /// A house without an administrator could not be opened again.
    fn keeps_an_admin(&self, of: &Principal, goes: bool) -> Result<(), RegistryError> {
        if !goes || of.tenant.as_str() != HOUSE || !is_admin(&of.roles) {
            return Ok(());
        }
        let others = self.0.register.principals(&of.tenant)?;
        if others.iter().any(|other| other.id != of.id && !other.suspended && is_admin(&other.roles)) {
            return Ok(());
        }
        let message = "this is the last administrator of the house; make another one first".to_owned();
        Err(RegistryError::Invalid { field: "roles", message })
    }

    fn may_give(&self, caller: &Caller, tenant: &TenantId, roles: &[RoleName]) -> Result<(), RegistryError> {
        let own = self.0.register.roles(tenant)?;
        let known = |role: &&RoleName| {
            BUILT_IN_ROLES.contains(&role.as_str()) || own.iter().any(|custom| custom.name == **role)
        };
        if let Some(unknown) = roles.iter().find(|role| !known(role)) {
            let message = format!("there is no role {unknown}; see GET /v1/roles");
            return Err(RegistryError::Invalid { field: "roles", message });
        }
        self.no_more_than(caller, roles)
    }

    /// Who is no administrator deals only with roles that he has himself.
    pub(super) fn no_more_than(&self, caller: &Caller, roles: &[RoleName]) -> Result<(), RegistryError> {
        if is_admin(&caller.roles) {
            return Ok(());
        }
        match roles.iter().find(|role| !caller.roles.contains(role)) {
            None => Ok(()),
            Some(role) => Err(RegistryError::TooMuch(format!(
                "you do not have the role {role} yourself, so you cannot give it, nor act on who has it"
            ))),
        }
    }
}

fn is_admin(roles: &[RoleName]) -> bool {
    roles.iter().any(|role| role.as_str() == "admin")
}

fn check(ceilings: &Ceilings) -> Result<(), RegistryError> {
    ceilings
        .limits
        .check()
        .map_err(|error| RegistryError::Invalid { field: "ceilings.limits", message: error.to_string() })
}
