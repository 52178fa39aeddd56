use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::family::{Family, pair};
use super::server::ServerFlags;
use super::{show, words};
use crate::model::{PrincipalId, TenantId};

/// Tenants of a server and what they may have
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence tenant create acme --admin alice > key
  ringfence tenant set acme --ceiling live_sandboxes=20 --ceiling limits.fuel=none
  ringfence tenant set acme --closed true")]
pub(super) struct TenantArgs {
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
    /// Show one with its ceilings
    Show { id: TenantId },
    /// Make one with the ceilings of an ordinary tenant; the key of its administrator is shown now and never again
    Create {
        id: TenantId,
        /// Who can begin to work in it
        #[arg(long, value_name = "NAME")]
        admin: PrincipalId,
    },
    /// Change what is named of one, and nothing else
    #[command(after_help = "Example:\n  ringfence tenant set acme --ceiling keys=50 --ceiling clocks=false")]
    Set {
        id: TenantId,
        /// A ceiling as `show` names it, and a number, true, false, or none to take it away
        #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
        ceiling: Vec<(String, String)>,
        /// Nobody of a closed tenant is let in, and what runs in it ends
        #[arg(long, value_name = "BOOL")]
        closed: Option<bool>,
    },
}

pub(super) fn run(args: &TenantArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let all = Family { client: &client, name: "tenants", json: args.json };
    let text = super::block_on(async {
        match &args.action {
            Action::List => all.list(line).await,
            Action::Show { id } => all.show(id.as_str()).await,
            Action::Create { id, admin } => all.made(&json!({"id": id, "admin": admin}), "secret").await,
            Action::Set { id, ceiling, closed } => {
                let mut body = Map::new();
                body.extend((!ceiling.is_empty()).then(|| ("ceilings".to_owned(), ceilings(ceiling))));
                body.extend(closed.map(|closed| ("open".to_owned(), Value::Bool(!closed))));
                all.patch(id.as_str(), &Value::Object(body)).await
            }
        }
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// `limits.fuel` is a field within a field; the server knows which there are, and what they can be.
fn ceilings(named: &[(String, String)]) -> Value {
    let (mut all, mut limits) = (Map::new(), Map::new());
    for (name, value) in named {
        let value = match value.as_str() {
            "none" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        match name.strip_prefix("limits.") {
            Some(limit) => limits.insert(limit.to_owned(), value),
            None => all.insert(name.clone(), value),
        };
    }
    if !limits.is_empty() {
        all.insert("limits".to_owned(), Value::Object(limits));
    }
    Value::Object(all)
}

fn line(tenant: &Value) -> String {
    let open = if tenant.get("open") == Some(&Value::Bool(false)) { "closed" } else { "open" };
    format!("{}  {}  {open}\n", words::text(tenant, "id"), words::text(tenant, "created"))
}
