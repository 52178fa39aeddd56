use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::draft::Work;
use super::exec::{self, VALUE_BYTES};
use super::limits::LimitFlags;
use super::mounts::MountFlags;
use super::run::{Printer, environment, finish, interrupted, until};
use super::{exit, program, runtime, show, workspace};
use crate::app;
use crate::config::Overrides;
use crate::engine::{Build, EngineError, Entry, OutputListener, RunRequest, Snapshot, Snippet};
use crate::model::{Answer, Grants, Mode, Outcome, Report, Stream};
use crate::runtimes::{Runtime, RuntimeName};
use crate::workspace::WorkspaceName;

/// Runtimes that begin after a set-up: what it imported and made is there at once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence snapshot create --from python --name reports --setup setup.py
  ringfence snapshot create --from python --name prices --setup load.py --dir ./data::/workspace:ro
  ringfence exec reports 'table.describe()'
  ringfence runtime list
  ringfence runtime remove reports")]
pub(super) struct SnapshotArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Box<CreateArgs>),
}

/// Run code once in a runtime, and keep what it leaves behind as a runtime of its own
///
/// What the set-up prints goes to standard error. Files are there for the set-up alone: what is still open at its end, a
/// snapshot cannot keep.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence snapshot create --from python --name reports --setup setup.py
  ringfence snapshot create --from javascript --name rules --setup rules.js --limits large --json")]
struct CreateArgs {
    /// The runtime to begin with, which may be a snapshot itself
    #[arg(long, value_name = "RUNTIME")]
    from: RuntimeName,
    /// What the snapshot is to be called
    #[arg(long)]
    name: RuntimeName,
    /// The code, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    setup: PathBuf,
    /// Arguments of the set-up
    #[arg(last = true)]
    args: Vec<String>,
    /// Set a variable before the set-up runs; VALUE is JSON
    #[arg(long, value_name = "NAME=VALUE", value_parser = exec::variable)]
    var: Vec<exec::Variable>,
    /// Let the set-up work on a copy of a workspace, at /workspace or at GUEST; it is thrown away
    #[arg(long, value_name = "NAME[::GUEST]", value_parser = workspace::parse_place::<WorkspaceName>, help_heading = "Grants")]
    workspace: Option<(WorkspaceName, String)>,
    #[command(flatten)]
    mounts: MountFlags,
    /// Set a variable of the environment for the set-up; NAME alone takes the value it has here
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "Grants")]
    env: Vec<String>,
    #[command(flatten)]
    limits: LimitFlags,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

/// What the set-up prints is not what was asked for.
struct Aside(Printer);

impl OutputListener for Aside {
    fn output(&self, _: Stream, bytes: &[u8]) {
        self.0.output(Stream::Stderr, bytes.to_vec());
    }
}

pub(super) fn run(args: &SnapshotArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Create(args) => create(args, host),
    }
}

fn create(args: &CreateArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let shelf = app::runtimes(host)?;
    shelf.has_place(&args.name)?;
    let from = shelf.find(&args.from)?;
    let engine = app::engine(host, 1)?;
    let draft = match &args.workspace {
        // Dropped without being ended, it is thrown away.
        Some((name, guest)) => Some(Work::start(name, guest, host)?),
        None => None,
    };
    let mut request = request(args)?;
    request.mounts = args.mounts.mounts(draft.as_ref().and_then(Work::place))?;
    let cancel = CancellationToken::new();
    request.cancel = Some(cancel.clone());
    let writer = (!args.json).then(|| {
        let (printer, writer) = Printer::start();
        request.listener = Some(Arc::new(Aside(printer)));
        writer
    });
    let build = Build::of(&request.limits, Mode::Ordinary);
    let made = super::block_on(async {
        let bytes = bytes::Bytes::from(exec::kept(shelf.clone(), from).await?);
        let program = program::load(&engine, bytes.clone(), build).await?;
        anyhow::Ok(until(interrupted(), &cancel, engine.snapshot(&program, bytes, request)).await?)
    })??;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    let Snapshot { report, component } = made;
    let Some(component) = component.transpose()? else { return failed(args, &report) };
    // Ready before it is there: the first snippet finds it so.
    super::block_on(runtime::compiled(&engine, component.clone()))??;
    let kept = shelf.add(&args.name, &component, Some(args.from.clone()))?;
    told(args, &kept, &report)
}

fn request(args: &CreateArgs) -> anyhow::Result<RunRequest> {
    let limits = args.limits.limits().map_err(EngineError::from)?;
    let filename = args.setup.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let code = exec::text(program::read(&args.setup, limits.args_bytes)?)?;
    let variables = exec::variables(&args.var)?;
    let snippet = Snippet { code, filename, variables, value_bytes: VALUE_BYTES };
    let grants = Grants { args: args.args.clone(), env: environment(&args.env)?, clocks: true, randomness: true };
    Ok(RunRequest::new(Entry::Snippet(snippet), limits, grants))
}

fn told(args: &CreateArgs, kept: &Runtime, report: &Report) -> anyhow::Result<ExitCode> {
    if args.json {
        let more = Map::from_iter([("runtime".to_owned(), serde_json::to_value(kept)?)]);
        return finish(true, report, None, more);
    }
    if let Some(line) = show::denials(&report.denials) {
        show::complain(&line, None);
    }
    runtime::tell(kept, false)?;
    Ok(ExitCode::SUCCESS)
}

/// The set-up did not come to its end, or not well: there is nothing that anybody would want to begin with.
fn failed(args: &CreateArgs, report: &Report) -> anyhow::Result<ExitCode> {
    if let (Outcome::Answered { code, answer }, false) = (&report.outcome, args.json) {
        let answer: Answer = serde_json::from_str(answer.text())?;
        match &answer.error {
            Some(error) => show::explain(&error.traceback)?,
            None => {
                show::complain(&format!("the set-up exited with {code}: no snapshot was made"), Some("setup_ended"))
            }
        }
    }
    let code = finish(args.json, report, None, Map::from_iter([("runtime".to_owned(), Value::Null)]))?;
    if exit::of(&report.outcome) != 0 {
        return Ok(code);
    }
    show::complain("the set-up ended the interpreter: there is nothing to begin with", Some("setup_ended"));
    Ok(ExitCode::from(exit::REFUSED))
}
