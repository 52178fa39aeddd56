use super::data::{self, data_dir};
use super::log::Audit;
use super::secrets::SIGNING;
use super::service::{alone, instance};
use crate::audit::{Event, EventName};
use crate::config::Settings;
use crate::model::{PolicyName, TenantId};
use crate::registry::Register;

/// What became of a policy that was to go.
#[derive(Debug, PartialEq, Eq)]
pub enum Removal {
    Removed,
    NoTenant,
    /// With those that the tenant has.
    NoPolicy(Vec<PolicyName>),
}

/// Takes a policy out of force while no service runs: the way out for a tenant whose policies let nobody change them.
/// Whoever may write to the data folder may do anything, so nobody is asked; but it stands in the audit log.
pub async fn remove_policy(settings: &Settings, tenant: &TenantId, name: &PolicyName) -> anyhow::Result<Removal> {
    let data = data_dir(settings)?;
    data::check(&data)?;
    let store = super::existing_store(&data)?;
    let _alone = alone(&data)?;
    if Register::tenant(&store, tenant)?.is_none() {
        return Ok(Removal::NoTenant);
    }
    let names: Vec<_> = Register::policies(&store, tenant)?.into_iter().map(|policy| policy.name).collect();
    if !names.contains(name) {
        return Ok(Removal::NoPolicy(names));
    }
    let signing = SIGNING.kept(&data, &|fact| Ok(store.fact(fact)?), true)?;
    let audit = Audit::open(&settings.audit, &data, &store, &instance(&signing)).await?;
    let event = Event::new(EventName::PolicyDeleted).tenant(tenant.as_str()).resource("policy", name.as_str());
    audit.log.append(&event.detail("offline", true)).await?;
    let (tenant, name) = (tenant.clone(), name.clone());
    Register::change(&store, Box::new(move |book| Ok(book.remove_policy(&tenant, &name).map(drop)?))).await??;
    audit.closed().await?;
    Ok(Removal::Removed)
}
