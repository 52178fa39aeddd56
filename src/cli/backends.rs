use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::exit::Mistake;
use super::serve::SettingsFlags;
use super::server::{ServerFlags, no_host_flags};
use super::{show, words};
use crate::app;
use crate::backends::BackendName;
use crate::client::{Call, Client};
use crate::config::Overrides;

/// Show what programs can be fenced with on this machine or by a server, and what each fence holds
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence backends
  ringfence backends process
  ringfence backends --server https://fence.example.org
  ringfence backends docker --set backends.docker.image=debian:stable
  ringfence backends --json")]
pub(super) struct BackendsArgs {
    /// Only this one
    name: Option<BackendName>,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

/// Settings that mean something to what fences programs.
pub(super) const BACKENDS: &str = "backends.";

pub(super) fn run(args: &BackendsArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let standings = match to.named()? {
        Some(client) => {
            no_host_flags(host)?;
            if args.settings.is_given() {
                let what = "--set and --config choose fences of this machine; a server has settings of its own";
                return Err(Mistake::NoEqual(what.to_owned()).into());
            }
            there(args, &client)?
        }
        None => here(args, host)?,
    };
    let text = if args.json {
        serde_json::to_string_pretty(&standings)? + "\n"
    } else {
        standings.iter().map(told).collect::<Vec<_>>().join("\n")
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Those that the server offers; one that it does not is an error, as one that is not known.
fn there(args: &BackendsArgs, client: &Client) -> anyhow::Result<Vec<Value>> {
    let answer = super::block_on(client.json(Call::get(&["v1", "backends"]), None))??;
    let offered = words::list(&answer, "backends");
    let Some(name) = args.name else { return Ok(offered.to_vec()) };
    let found: Vec<Value> =
        offered.iter().filter(|one| words::text(one, "backend") == name.as_str()).cloned().collect();
    if found.is_empty() {
        let names: Vec<&str> = offered.iter().map(|one| words::text(one, "backend")).collect();
        let what = format!("{} does not offer the backend {name}; it offers {}", client.server(), names.join(", "));
        return Err(Mistake::NotThere(what).into());
    }
    Ok(found)
}

fn here(args: &BackendsArgs, host: &Overrides) -> anyhow::Result<Vec<Value>> {
    let host = &args.settings.only(BACKENDS, host)?;
    let names = BackendName::ALL.into_iter().filter(|name| args.name.is_none_or(|only| only == *name));
    let standings = super::block_on(async {
        let mut standings = Vec::new();
        for name in names {
            standings.push(serde_json::to_value(app::backend(name, host)?.standing().await)?);
        }
        Ok::<_, anyhow::Error>(standings)
    })??;
    Ok(standings)
}

fn told(standing: &Value) -> String {
    let said = |of: &Value, name: &str| show::harmless(words::text(of, name).as_bytes());
    let name = said(standing, "backend");
    let mut out = match standing.get("reason") {
        None => format!("{name}: available\n"),
        Some(_) => format!("{name}: not available: {}\n", said(standing, "reason")),
    };
    for claim in words::list(standing, "claims") {
        let _ = writeln!(out, "  {:<15} {:<7} {}", said(claim, "name"), said(claim, "holds"), said(claim, "how"));
    }
    out
}
