use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::family::Family;
use super::server::ServerFlags;
use super::show;

/// Tokens of a server: good for minutes, and for no more than you may
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence token create --scope runs:create --ttl-seconds 300 > token
  ringfence token revoke ID")]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make one for yourself; it is shown now and never again (--json tells the id to revoke it by)
    #[command(after_help = "Example:\n  ringfence token create --scope 'runs:*' --json | jq -r .id")]
    Create {
        /// What it is good for: an action (runs:create), runs:*, or *
        #[arg(long, value_name = "ACTION", required = true)]
        scope: Vec<String>,
        #[arg(long, value_name = "N")]
        ttl_seconds: Option<u64>,
    },
    /// End one, and those that were made with it, at once
    Revoke { id: String },
}

pub(super) fn run(args: &TokenArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let all = Family { client: &client, name: "tokens", json: args.json };
    let text = super::block_on(async {
        match &args.action {
            Action::Create { scope, ttl_seconds } => {
                all.made(&json!({"scopes": scope, "ttl_seconds": ttl_seconds}), "token").await
            }
            Action::Revoke { id } => all.end(id, "revoked").await,
        }
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
