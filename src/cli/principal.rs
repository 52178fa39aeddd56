use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::family::{Family, all_of, map, pair};
use super::server::ServerFlags;
use super::{show, words};
use crate::model::{PrincipalId, RoleName};

/// People, services and agents that a server knows
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence principal set alice --role developer --label team=search
  ringfence principal list
  ringfence key create --name laptop --principal alice > key
  ringfence principal delete alice")]
pub(super) struct PrincipalArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List those that you may see
    List,
    /// Show one with roles and labels
    Show { id: PrincipalId },
    /// Make one, or change all that is said of one: what is left out is taken away
    #[command(after_help = "Example:\n  ringfence principal set builder --kind service --role agent --role viewer")]
    Set {
        id: PrincipalId,
        #[arg(long, default_value = "person", value_parser = ["person", "service", "agent"])]
        kind: String,
        #[arg(long, value_name = "NAME")]
        role: Vec<RoleName>,
        #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
        label: Vec<(String, String)>,
        /// He is let in no more, until he is set without this
        #[arg(long)]
        suspended: bool,
    },
    /// Forget one, with his keys
    Delete { id: PrincipalId },
}

pub(super) fn run(args: &PrincipalArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let all = Family { client: &client, name: "principals", json: args.json };
    let text = super::block_on(async {
        match &args.action {
            Action::List => all.list(line).await,
            Action::Show { id } => all.show(id.as_str()).await,
            Action::Set { id, kind, role, label, suspended } => {
                let body = json!({"kind": kind, "roles": role, "labels": map(label), "suspended": suspended});
                all.put(id.as_str(), &body).await
            }
            Action::Delete { id } => all.end(id.as_str(), "deleted").await,
        }
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(principal: &Value) -> String {
    let said = |name: &str| words::text(principal, name).to_owned();
    let suspended = if principal.get("suspended") == Some(&Value::Bool(true)) { "  suspended" } else { "" };
    let (roles, labels) = (all_of(principal, "roles"), words::labels(principal));
    format!("{}  {}  {roles}  {labels}{suspended}\n", said("id"), said("kind"))
}
