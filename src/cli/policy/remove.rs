use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::super::exit::Mistake;
use super::super::serve::SettingsFlags;
use super::super::{block_on, show};
use crate::app::{self, Removal};
use crate::authz::HOUSE;
use crate::config::Overrides;
use crate::model::{PolicyName, TenantId};

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// As `GET /v1/policies` names it
    name: PolicyName,
    #[arg(long, default_value = HOUSE)]
    tenant: TenantId,
    #[command(flatten)]
    settings: SettingsFlags,
}

pub(super) fn run(args: &RemoveArgs, host: &Overrides, json: bool) -> anyhow::Result<ExitCode> {
    let settings = args.settings.load(&[], host)?;
    let RemoveArgs { name, tenant, .. } = args;
    match block_on(app::remove_policy(&settings, tenant, name))?? {
        Removal::Removed => {}
        Removal::NoTenant => return Err(Mistake::NotThere(format!("there is no tenant {tenant}")).into()),
        Removal::NoPolicy(all) => {
            let all: Vec<_> = all.iter().map(PolicyName::as_str).collect();
            let has = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            return Err(Mistake::NotThere(format!("the tenant {tenant} has no policy {name}; it has {has}")).into());
        }
    }
    let words = || format!("{name} is no longer a policy of {tenant}\n");
    let told = || json!({"removed": name.as_str(), "tenant": tenant.as_str()}).to_string() + "\n";
    show::print(&if json { told() } else { words() })?;
    Ok(ExitCode::SUCCESS)
}
