use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::show;
use crate::app;
use crate::backends::{BackendName, Standing};
use crate::config::Overrides;

/// Show what programs can be fenced with on this machine, and what each fence holds
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence backends
  ringfence backends process
  ringfence backends --json")]
pub(super) struct BackendsArgs {
    /// Only this one
    name: Option<BackendName>,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &BackendsArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let names = BackendName::ALL.into_iter().filter(|name| args.name.is_none_or(|only| only == *name));
    let standings = super::block_on(async {
        let mut standings = Vec::new();
        for name in names {
            standings.push(app::backend(name, host)?.standing().await);
        }
        Ok::<_, anyhow::Error>(standings)
    })??;
    let text = if args.json {
        serde_json::to_string_pretty(&standings)? + "\n"
    } else {
        standings.iter().map(told).collect::<Vec<_>>().join("\n")
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn told(standing: &Standing) -> String {
    let mut out = match &standing.reason {
        None => format!("{}: available\n", standing.backend),
        Some(reason) => format!("{}: not available: {reason}\n", standing.backend),
    };
    for claim in &standing.claims {
        let _ = writeln!(out, "  {:<15} {:<7} {}", claim.name, claim.holds.as_str(), claim.how);
    }
    out
}
