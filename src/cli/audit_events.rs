use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::audit::text_of;
use super::audit_source::{Source, matches, query};
use super::show;
use crate::audit::disk::RealDisk;
use crate::audit::forward::Position;
use crate::audit::note::SigningKey;
use crate::audit::{Filter, Format, Log, LogSettings, LogTime, Reader, Record};

/// Which events; what is not said is not asked.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// From this record on
    #[arg(long, value_name = "RECORD")]
    from: Option<u64>,
    /// From this time on
    #[arg(long, value_name = "TIME")]
    since: Option<LogTime>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<LogTime>,
    /// What happened: sandbox_created, command_executed, permission_denied, …
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// What was to be done: runs:create, …
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// The id of what it was done to
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    #[arg(long, value_enum)]
    decision: Option<Decision>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Decision {
    Allowed,
    Denied,
}

impl FilterArgs {
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        query(self.filter())
    }

    pub(super) fn filter(&self) -> Filter {
        Filter {
            since: self.since.clone(),
            until: self.until.clone(),
            event: self.event.clone(),
            tenant: self.tenant.clone(),
            principal: self.principal.clone(),
            action: self.action.clone(),
            resource_id: self.resource.clone(),
            allowed: self.decision.map(|decision| decision == Decision::Allowed),
            ..Filter::default()
        }
    }
}

/// Show events
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence audit list --decision denied --since 2026-11-21T00:00:00Z")]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

pub(super) async fn list(args: &ListArgs, log: &Source, json: bool) -> anyhow::Result<()> {
    let (mut from, mut left) = (args.filter.from.unwrap_or(0), args.limit);
    while left > 0 {
        let found = log.page(&args.filter, from, left).await?;
        let text = found.lines.iter().map(|line| shown(line, json)).collect::<anyhow::Result<String>>()?;
        show::print(&text)?;
        left = left.saturating_sub(found.lines.len());
        match found.next {
            Some(next) if next > from => from = next,
            _ => break,
        }
    }
    Ok(())
}

/// Show events as they come, until you end it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence audit tail --decision denied")]
pub(super) struct TailArgs {
    #[command(flatten)]
    filter: FilterArgs,
}

pub(super) async fn tail(args: &TailArgs, log: &Source, json: bool) -> anyhow::Result<()> {
    let filter = args.filter.filter();
    let mut tail = log.tail(args.filter.from).await?;
    loop {
        let line = tail.next().await?;
        if matches(&filter, &line)? {
            show::print(&shown(&line, json)?)?;
        }
    }
}

fn shown(line: &str, json: bool) -> anyhow::Result<String> {
    let text = if json { line.to_owned() } else { in_words(&Record::parse(line.as_bytes())?) };
    Ok(text + "\n")
}

fn in_words(record: &Record<'_>) -> String {
    let mut words = vec![record.seq.to_string(), record.time.to_owned(), record.event.to_owned()];
    let who = [record.tenant, record.principal].into_iter().flatten().map(|text| text.text());
    words.push(who.collect::<Vec<_>>().join("/"));
    words.extend(record.action.map(|action| action.text()));
    words.extend(
        record.resource_kind.zip(record.resource_id).map(|(kind, id)| format!("{} {}", kind.text(), id.text())),
    );
    words.extend(record.allowed.map(|allowed| if allowed { "allowed" } else { "denied" }.to_owned()));
    words.extend(record.reason.map(|reason| reason.text()));
    words.retain(|word| !word.is_empty());
    words.join("  ")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// The lines as they are in the log
    Json,
    Ocsf,
    Cef,
}

/// Write events for another tool, one a line
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence audit export --format cef --from 4711")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    filter: FilterArgs,
    #[arg(long, value_enum, default_value_t = FormatName::Json)]
    format: FormatName,
}

pub(super) async fn export(args: &ExportArgs, log: &Source) -> anyhow::Result<()> {
    let format = match args.format {
        FormatName::Json => Format::Json,
        FormatName::Ocsf => Format::Ocsf,
        FormatName::Cef => Format::Cef,
    };
    let mut from = args.filter.from.unwrap_or(0);
    loop {
        let found = log.page(&args.filter, from, usize::MAX).await?;
        let lines: Vec<String> = found.lines.iter().map(|line| format.write(line)).collect::<Result<_, _>>()?;
        show::print(&lines.iter().flat_map(|line| [line, "\n"]).collect::<String>())?;
        match found.next {
            Some(next) if next > from => from = next,
            _ => return Ok(()),
        }
    }
}

/// Take old records away, whole segments at a time; their hashes stay, and the log says so. The service must not run
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence audit prune --key audit.key --keep-days 90")]
pub(super) struct PruneArgs {
    /// The file of the secret key that signs the log
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// How long records are kept
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    keep_days: u32,
    /// Also what a target of forwarding has not got yet
    #[arg(long)]
    unforwarded: bool,
}

pub(super) fn prune(args: &PruneArgs, reader: &Reader, dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let keep = jiff::SignedDuration::from_hours(i64::from(args.keep_days) * 24);
    let mut before = reader.kept_since(&LogTime::from(jiff::Timestamp::now().checked_sub(keep)?))?;
    let waiting = if args.unforwarded { None } else { Position::least(reader)? };
    if let Some((name, next)) = waiting.filter(|(_, next)| *next < before) {
        let how =
            format!("--unforwarded takes them away, and forward/{name} is in the way of a target that is no more");
        show::complain(&format!("records from {next} on stay for {name}, which has not got them: {how}"), None);
        before = next;
    }
    let keys = text_of(&args.key)?.lines().map(SigningKey::from_text).collect::<Result<Vec<_>, _>>()?;
    let settings = LogSettings::new(&reader.checkpoint()?.checkpoint().origin);
    let (log, _) = Log::open(Box::new(RealDisk::open(dir)?), &settings, keys)?;
    let first = log.prune(before).wait()?;
    log.close().wait()?;
    let words = format!("the log begins at record {first}\n");
    show::print(&if json { json!({"first": first}).to_string() + "\n" } else { words })?;
    Ok(ExitCode::SUCCESS)
}
