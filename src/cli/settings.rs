use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Mistake;
use super::serve::ServiceFlags;
use super::show;
use crate::app;
use crate::config::{Overrides, Settings};

/// Look at the settings of the service
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence config show
  ringfence config check --config ringfence.toml
  RINGFENCE_HTTP_BODY_BYTES=2MiB ringfence config show --set http.listen=127.0.0.1:0")]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether a service could start with the settings and the files that they name, and what it would refuse
    #[command(after_help = "Example:\n  ringfence config check --config ringfence.toml")]
    Check(ServiceFlags),
    /// Show what would be used: the file, under the environment, under the flags
    #[command(after_help = "Example:\n  ringfence config show --config ringfence.toml")]
    Show(ServiceFlags),
}

pub(super) fn run(args: &ConfigArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let (flags, shown) = match &args.action {
        Action::Check(flags) => (flags, false),
        Action::Show(flags) => (flags, true),
    };
    let settings: Settings = flags.load(host)?;
    if !shown {
        app::check(&settings).map_err(|error| Mistake::Setting(format!("{error:#}")))?;
    }
    let text = match (shown, args.json) {
        (true, true) => serde_json::to_string_pretty(&settings)? + "\n",
        (true, false) => settings.text(),
        (false, true) => json!({"ok": true}).to_string() + "\n",
        (false, false) => "the settings can be used\n".to_owned(),
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
