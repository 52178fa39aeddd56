use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::audit_verify::Against;
use super::show;
use crate::audit::{Filter, LogTime, Survey, survey};

/// Tell a person what was done: who ran what, denials, limits, changes of policies and keys, refused logins, alerts, starts
/// and stops, and whether the log holds
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence audit report --since 2026-11-01T00:00:00Z --until 2026-12-01T00:00:00Z
  ringfence audit report --tenant acme --format html --out november.html --public-key audit.pub
  ringfence audit report --live --json | jq .tables.changes.rows

The whole log is checked first, as `ringfence audit verify` does. Where it does not hold, the report says so and where, is
written all the same, and the exit code is that of `verify`. Logins that are refused, and the service itself, have no
tenant: with --tenant they are left out.")]
pub(super) struct ReportArgs {
    /// From this time on
    #[arg(long, value_name = "TIME")]
    since: Option<LogTime>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<LogTime>,
    /// What was done by this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// What was done by this principal
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// How many rows each table has at most
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=Survey::MOST_ROWS as u64))]
    rows: usize,
    #[arg(long, value_enum, default_value_t = FormatName::Markdown)]
    format: FormatName,
    /// Where to write it [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    against: Against,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Markdown,
    /// One file without scripts that needs no other
    Html,
    /// As with --json
    Json,
}

pub(super) fn run(args: &ReportArgs, dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let options = args.against.options()?;
    let filter = Filter {
        since: args.since.clone(),
        until: args.until.clone(),
        tenant: args.tenant.clone(),
        principal: args.principal.clone(),
        ..Filter::default()
    };
    let mut told = Survey::new(filter, args.rows);
    let verified = survey(dir, &options, &mut told);
    let fault = verified.fault.clone();
    let page = told.page(verified, &LogTime::from(jiff::Timestamp::now()));
    let text = match args.format {
        FormatName::Json => page.json().to_string() + "\n",
        _ if json => page.json().to_string() + "\n",
        FormatName::Markdown => page.markdown(),
        FormatName::Html => page.html(),
    };
    match &args.out {
        Some(file) => std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?,
        None => show::print(&text)?,
    }
    fault.map_or(Ok(ExitCode::SUCCESS), |fault| Err(fault.into()))
}
