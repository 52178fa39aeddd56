use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::show;
use crate::app;
use crate::config::Overrides;
use crate::model::show_bytes;

/// Look at or empty the cache of compiled code
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ringfence cache list\n  ringfence cache clear")]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// Show what is kept, the most recently used first
    List,
    /// Drop all compiled code
    Clear,
}

pub(super) fn run(args: &CacheArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let cache = app::code_cache(host)?;
    let text = match args.action {
        Action::List => {
            let entries = cache.list()?;
            if args.json {
                serde_json::to_string_pretty(&entries)? + "\n"
            } else {
                entries
                    .iter()
                    .map(|entry| format!("{}  {:>9}  {:?}\n", entry.digest, show_bytes(entry.bytes), entry.flavour))
                    .collect()
            }
        }
        Action::Clear => {
            let dropped = cache.clear()?;
            if args.json {
                format!("{}\n", json!({"dropped": dropped}))
            } else {
                format!("{dropped} programs dropped\n")
            }
        }
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
