use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::serve::SettingsFlags;
use super::show;
use crate::app;
use crate::config::Overrides;
use crate::model::show_bytes;

/// Copy the data folder to a new one, also while a service runs; a service can be started on the copy
///
/// Everything but `secrets`, without which no key can be checked: keep a copy of that apart.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence backup --to /mnt/copies/2026-11-21
  ringfence backup --config ringfence.toml --to copy
  cp -a SAFE/secrets copy/ && ringfence serve --data-dir copy")]
pub(super) struct BackupArgs {
    /// A folder that is not there yet
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &BackupArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let done = app::back_up(&args.settings.load(&[], host)?, &args.to)?;
    let app::BackedUp { data, files, bytes, missing, left_out } = done;
    if args.json {
        let told = json!({"data_dir": data, "folder": args.to, "files": files, "bytes": bytes, "missing": missing, "left_out": left_out});
        show::print(&format!("{told}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let to = args.to.display();
    let mut words = format!("{to}: the store and {files} files ({}) of {}\n", show_bytes(bytes), data.display());
    for what in missing {
        words.push_str(&format!("missing before it was copied: {what}\n"));
    }
    if left_out > 0 {
        words.push_str(&format!("left out: {left_out} that are too deep, or neither file, folder nor link\n"));
    }
    show::print(&words)?;
    Ok(ExitCode::SUCCESS)
}
