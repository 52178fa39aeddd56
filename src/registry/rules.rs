use serde::Serialize;

use super::error::RegistryError;
use super::start::{Registry, covers};
use crate::authz::{Action, Checked, CustomRole, Permit};
use crate::model::{PolicyName, RoleName, TenantId};

/// A policy of a tenant: Cedar, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyRecord {
    pub name: PolicyName,
    pub text: String,
    pub created: u64,
}

impl Registry {
    pub fn roles(&self, tenant: &TenantId) -> Result<Vec<CustomRole>, RegistryError> {
        Ok(self.0.register.roles(tenant)?)
    }

    /// Defines a role, or defines it anew.
    pub async fn put_role(&self, permit: &Permit, role: CustomRole, now: u64) -> Result<(), RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::RolesCreate, tenant, tenant.as_str())?;
        let mut roles = self.roles(tenant)?;
        roles.retain(|known| known.name != role.name);
        roles.push(role.clone());
        // Nothing is written down that could not be put in force.
        self.0.authorizer.would_take(&self.texts(tenant)?, &roles)?;
        self.0.register.put_role(tenant, role, now).await?;
        self.changed()
    }

    pub async fn delete_role(&self, permit: &Permit, name: &RoleName) -> Result<(), RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::RolesDelete, tenant, name.as_str())?;
        if self.0.register.principals(tenant)?.iter().any(|principal| principal.roles.contains(name)) {
            let message = "somebody has this role; take it from them first".to_owned();
            return Err(RegistryError::Invalid { field: "name", message });
        }
        if !self.0.register.remove_role(tenant, name).await? {
            return Err(RegistryError::Missing { kind: "role", name: name.to_string() });
        }
        self.changed()
    }

    pub fn policies(&self, tenant: &TenantId) -> Result<Vec<PolicyRecord>, RegistryError> {
        Ok(self.0.register.policies(tenant)?)
    }

    pub fn policy(&self, tenant: &TenantId, name: &PolicyName) -> Result<PolicyRecord, RegistryError> {
        let found = self.policies(tenant)?.into_iter().find(|policy| policy.name == *name);
        found.ok_or_else(|| RegistryError::Missing { kind: "policy", name: name.to_string() })
    }

    /// Puts a policy in force, in the place of one of the same name.
    pub async fn put_policy(&self, permit: &Permit, policy: PolicyRecord) -> Result<Checked, RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::PoliciesCreate, tenant, tenant.as_str())?;
        let checked = self.0.authorizer.check(&policy.name, &policy.text)?;
        let mut texts = self.texts(tenant)?;
        texts.retain(|(name, _)| *name != policy.name);
        texts.push((policy.name.clone(), policy.text.clone()));
        self.0.authorizer.would_take(&texts, &self.roles(tenant)?)?;
        self.0.register.put_policy(tenant, policy).await?;
        self.changed()?;
        Ok(checked)
    }

    pub async fn delete_policy(&self, permit: &Permit, name: &PolicyName) -> Result<(), RegistryError> {
        let tenant = permit.tenant();
        covers(permit, Action::PoliciesDelete, tenant, name.as_str())?;
        if !self.0.register.remove_policy(tenant, name).await? {
            return Err(RegistryError::Missing { kind: "policy", name: name.to_string() });
        }
        self.changed()
    }

    fn texts(&self, tenant: &TenantId) -> Result<Vec<(PolicyName, String)>, RegistryError> {
        Ok(self.policies(tenant)?.into_iter().map(|policy| (policy.name, policy.text)).collect())
    }
}
