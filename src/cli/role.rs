use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::family::{Family, all_of};
use super::server::ServerFlags;
use super::{show, words};
use crate::model::RoleName;

/// Roles of a server: those that are built in, and your own
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence role list
  ringfence role set runner --action runs:* --action components:read
  ringfence role delete runner")]
pub(super) struct RoleArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them
    List,
    /// Show one with all that it gives
    Show { name: RoleName },
    /// Define one, or define it anew
    #[command(after_help = "Example:\n  ringfence role set runner --action runs:* --own-only")]
    Set {
        name: RoleName,
        /// What it gives: an action (runs:create), or all of a kind (runs:*)
        #[arg(long, required = true)]
        action: Vec<String>,
        /// Only for what belongs to whoever has it
        #[arg(long)]
        own_only: bool,
    },
    /// Delete one that nobody has
    Delete { name: RoleName },
}

pub(super) fn run(args: &RoleArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let all = Family { client: &client, name: "roles", json: args.json };
    let text = super::block_on(async {
        match &args.action {
            Action::List => all.list(line).await,
            Action::Show { name } => all.show(name.as_str()).await,
            Action::Set { name, action, own_only } => {
                all.put(name.as_str(), &json!({"actions": action, "own_only": own_only})).await
            }
            Action::Delete { name } => all.end(name.as_str(), "deleted").await,
        }
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(role: &Value) -> String {
    let is = |name: &str| role.get(name) == Some(&Value::Bool(true));
    let built_in = if is("built_in") { "built in" } else { "own" };
    let own_only = if is("own_only") { ", for what is his" } else { "" };
    format!("{}  {built_in}{own_only}  {}\n", words::text(role, "name"), all_of(role, "actions"))
}
