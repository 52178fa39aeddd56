use std::path::Path;

use anyhow::bail;

use crate::authz::CustomRole;
use crate::model::{PolicyName, Principal, PrincipalId, TenantId};
use crate::registry::Register;

/// What decides in a tenant, as it is in a data folder.
pub struct TenantRules {
    pub policies: Vec<(PolicyName, String)>,
    pub roles: Vec<CustomRole>,
    /// The one that was asked for, if the tenant knows him.
    pub principal: Option<Principal>,
}

/// Reads the rules of a tenant without a service, also while one runs.
pub fn tenant_rules(data: &Path, tenant: &TenantId, who: &PrincipalId) -> anyhow::Result<TenantRules> {
    let store = super::existing_store(data)?;
    if Register::tenant(&store, tenant)?.is_none() {
        bail!("there is no tenant {tenant} in {}", data.display());
    }
    let policies = Register::policies(&store, tenant)?.into_iter().map(|policy| (policy.name, policy.text)).collect();
    let roles = Register::roles(&store, tenant)?;
    Ok(TenantRules { policies, roles, principal: Register::principal(&store, tenant, who)? })
}
