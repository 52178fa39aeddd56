use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::show;
use crate::app;
use crate::config::Overrides;

/// Copy the store to a new file, as of one moment, also while a service runs
///
/// Keys can be checked only with the folder `secrets` of the data folder; keep it apart from the copy.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence backup --to ringfence-2026-11-21.db")]
pub(super) struct BackupArgs {
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &BackupArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let bytes = app::back_up(host, &args.to)?;
    let told = json!({"file": args.to, "bytes": bytes}).to_string();
    let words = format!("{}: {}\n", args.to.display(), crate::model::show_bytes(bytes));
    show::print(&if args.json { told + "\n" } else { words })?;
    Ok(ExitCode::SUCCESS)
}
