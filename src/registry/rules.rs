use serde::Serialize;

use super::error::RegistryError;
use super::keeping::leaves_a_keeper;
use super::register::Book;
use super::start::{About, Registry, apart, covers};
use crate::authz::{Action, BUILT_IN_ROLES, Candidate, Checked, CustomRole, Permit, PolicyError};
use crate::model::{Caller, PolicyName, RoleName, TenantId};

/// A policy of a tenant: Cedar, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyRecord {
    pub name: PolicyName,
    pub text: String,
    pub created: u64,
}

/// All rules of a tenant.
#[derive(Clone, PartialEq)]
struct Rules {
    policies: Vec<PolicyRecord>,
    roles: Vec<CustomRole>,
}

impl Rules {
    fn still_hold(&self, book: &dyn Book, tenant: &TenantId) -> Result<(), RegistryError> {
        let same = book.roles(tenant)? == self.roles && book.policies(tenant)? == self.policies;
        if same { Ok(()) } else { Err(RegistryError::Contended) }
    }
}

impl Registry {
    pub fn roles(&self, tenant: &TenantId) -> Result<Vec<CustomRole>, RegistryError> {
        Ok(self.0.register.roles(tenant)?)
    }

    /// Defines a role, or defines it anew.
    pub async fn put_role(
        &self,
        permit: &Permit,
        caller: &Caller,
        role: CustomRole,
        now: u64,
    ) -> Result<(), RegistryError> {
        let tenant = permit.tenant().clone();
        covers(permit, Action::RolesCreate, &tenant, tenant.as_str())?;
        let asking = self.asking(permit, caller, now);
        let _turn = self.turn(&tenant).await;
        let before = self.rules(&tenant)?;
        let mut after = before.clone();
        after.roles.retain(|known| known.name != role.name);
        after.roles.push(role.clone());
        self.would_take(after).await?;
        self.change(About::Tenant(tenant.clone()), move |book| {
            let giver = asking.again(book)?;
            before.still_hold(book, &tenant)?;
            giver.has_role(book, &role)?;
            // What it is now others may have, and not from him.
            if let Some(known) = before.roles.iter().find(|known| known.name == role.name) {
                giver.has_role(book, known)?;
            }
            Ok(book.put_role(&tenant, &role, now)?)
        })
        .await
    }

    pub async fn delete_role(
        &self,
        permit: &Permit,
        caller: &Caller,
        name: &RoleName,
        now: u64,
    ) -> Result<(), RegistryError> {
        let tenant = permit.tenant().clone();
        covers(permit, Action::RolesDelete, &tenant, name.as_str())?;
        let (asking, name) = (self.asking(permit, caller, now), name.clone());
        self.change(About::Tenant(tenant.clone()), move |book| {
            let giver = asking.again(book)?;
            if BUILT_IN_ROLES.contains(&name.as_str()) {
                return Err(PolicyError::ReservedRole { role: name }.into());
            }
            let missing = || RegistryError::Missing { kind: "role", name: name.to_string() };
            let role = book.roles(&tenant)?.into_iter().find(|role| role.name == name).ok_or_else(missing)?;
            giver.has_role(book, &role)?;
            let holders = book.holders(&tenant, &name)?.len();
            if holders > 0 {
                return Err(RegistryError::RoleInUse { name, holders });
            }
            book.remove_role(&tenant, &name)?;
            Ok(())
        })
        .await
    }

    pub fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRecord>, RegistryError> {
        Ok(self.0.register.policies(tenant)?)
    }

    pub fn policy(&self, tenant: &TenantId, name: &PolicyName) -> Result<PolicyRecord, RegistryError> {
        let found = self.policies(tenant)?.into_iter().find(|policy| policy.name == *name);
        found.ok_or_else(|| RegistryError::Missing { kind: "policy", name: name.to_string() })
    }

    /// Puts a policy in force, in the place of one of the same name.
    pub async fn put_policy(
        &self,
        permit: &Permit,
        caller: &Caller,
        policy: PolicyRecord,
    ) -> Result<Checked, RegistryError> {
        let tenant = permit.tenant().clone();
        covers(permit, Action::PoliciesCreate, &tenant, tenant.as_str())?;
        let asking = self.asking(permit, caller, policy.created);
        // Before it is checked: that takes a thread, of which one tenant needs no more than one at a time.
        let _turn = self.turn(&tenant).await;
        let (registry, asked) = (self.clone(), policy.clone());
        let checked = apart(move || Ok(registry.0.authorizer.check(&asked.name, &asked.text)?)).await?;
        let before = self.rules(&tenant)?;
        let mut after = before.clone();
        after.policies.retain(|known| known.name != policy.name);
        after.policies.push(policy.clone());
        let rules = self.would_take(after).await?;
        self.change(About::Tenant(tenant.clone()), move |book| {
            let giver = asking.again(book)?;
            giver.must_be_whole("write policies")?;
            before.still_hold(book, &tenant)?;
            leaves_a_keeper(book, &giver, &rules, &policy)?;
            Ok(book.put_policy(&tenant, &policy)?)
        })
        .await?;
        Ok(checked)
    }

    /// Also what forbids protects somebody from somebody, so taking it away gives something.
    pub async fn delete_policy(
        &self,
        permit: &Permit,
        caller: &Caller,
        name: &PolicyName,
        now: u64,
    ) -> Result<(), RegistryError> {
        let tenant = permit.tenant().clone();
        covers(permit, Action::PoliciesDelete, &tenant, name.as_str())?;
        let (asking, name) = (self.asking(permit, caller, now), name.clone());
        self.change(About::Tenant(tenant.clone()), move |book| {
            asking.again(book)?.must_be_whole("take policies out of force")?;
            if !book.remove_policy(&tenant, &name)? {
                return Err(RegistryError::Missing { kind: "policy", name: name.to_string() });
            }
            Ok(())
        })
        .await
    }

    fn rules(&self, tenant: &TenantId) -> Result<Rules, RegistryError> {
        Ok(Rules { policies: self.policies(tenant)?, roles: self.roles(tenant)? })
    }

    /// Nothing is written down that could not be put in force. This takes Cedar a while, so it is done before the step,
    /// which then finds that the rules are still those that were looked at. Whoever changes rules in this process has
    /// his turn, so that nobody is in vain.
    async fn would_take(&self, rules: Rules) -> Result<Candidate, RegistryError> {
        let registry = self.clone();
        let would_take = move || {
            let texts: Vec<_> = rules.policies.into_iter().map(|policy| (policy.name, policy.text)).collect();
            Ok(registry.0.authorizer.would_take(&texts, &rules.roles)?)
        };
        apart(would_take).await
    }
}
