use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::component::{pages, pretty};
use super::server::ServerFlags;
use super::{show, words};
use crate::client::Call;
use crate::model::{KeyId, PrincipalId};

/// Keys of a server: make, list and revoke them
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence key create --name ci --scope runs:* --scope components:create --ttl-seconds 86400
  ringfence key list
  ringfence key revoke key_…")]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key; it is shown now and never again
    #[command(after_help = "Example:\n  ringfence key create --name ci --principal builder > key")]
    Create {
        #[arg(long)]
        name: String,
        /// Whom it is for; yourself, where nobody is named
        #[arg(long)]
        principal: Option<PrincipalId>,
        /// What it is cut down to: an action (runs:create), runs:*, or *
        #[arg(long, value_name = "ACTION")]
        scope: Vec<String>,
        /// How long it is good; without it until it is revoked
        #[arg(long, value_name = "N")]
        ttl_seconds: Option<u64>,
    },
    /// List those that you may see
    List,
    /// End one, at once
    Revoke { id: KeyId },
}

pub(super) fn run(args: &KeyArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    const KEYS: &[&str] = &["v1", "keys"];
    let text = super::block_on(async {
        Ok::<_, anyhow::Error>(match &args.action {
            Action::Create { name, principal, scope, ttl_seconds } => {
                let scopes = (!scope.is_empty()).then_some(scope);
                let body = json!({"name": name, "principal": principal, "scopes": scopes, "ttl_seconds": ttl_seconds});
                let made = client.json(Call::post(KEYS), Some(&body)).await?;
                // The key alone, so that it can go into a file.
                if args.json { pretty(&made)? } else { format!("{}\n", words::text(&made, "secret")) }
            }
            Action::List => {
                let all = pages(&client, KEYS, "keys", &[], u64::MAX).await?;
                if args.json { pretty(&json!({"keys": all}))? } else { all.iter().map(line).collect() }
            }
            Action::Revoke { id } => {
                client.json(Call::delete(&["v1", "keys", id.as_str()]), None).await?;
                let gone = json!({"revoked": id}).to_string() + "\n";
                if args.json { gone } else { format!("{id} is revoked\n") }
            }
        })
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(key: &Value) -> String {
    let said = |name: &str| words::text(key, name).to_owned();
    let state = match (key.get("revoked"), key.get("expires").and_then(Value::as_str)) {
        (Some(Value::String(when)), _) => format!("revoked {when}"),
        (_, Some(when)) => format!("until {when}"),
        _ => "good".to_owned(),
    };
    format!("{}  {}  {}  {}  {state}\n", said("id"), said("prefix"), said("principal"), said("name"))
}
