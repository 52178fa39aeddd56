use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::serve::SettingsFlags;
use super::show;
use crate::app;
use crate::config::Overrides;
use crate::model::show_bytes;

/// Copy the store to a new file, as of one moment, also while a service runs
///
/// Keys can be checked only with the folder `secrets` of the data folder; keep it apart from the copy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence backup --to ringfence-2026-11-21.db
  ringfence backup --config ringfence.toml --to /mnt/copies/ringfence.db")]
pub(super) struct BackupArgs {
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &BackupArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let (data, bytes) = app::back_up(&args.settings.load(&[], host)?, &args.to)?;
    let told = json!({"data_dir": data, "file": args.to, "bytes": bytes}).to_string();
    let words = format!("{}: {} of {}\n", args.to.display(), show_bytes(bytes), data.display());
    show::print(&if args.json { told + "\n" } else { words })?;
    Ok(ExitCode::SUCCESS)
}
