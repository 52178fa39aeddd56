use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::audit_proof::Proof;
use super::audit_source::Source;
use super::exit::Mistake;
use super::server::ServerFlags;
use super::{audit_events, audit_key, audit_proof, audit_report, audit_verify, audit_witness};
use crate::audit::Reader;
use crate::audit::note::VerifyingKey;
use crate::config::{self, Overrides};

/// Read, check and prove the audit log: of this machine, where the service need not run, or with --server of another
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence audit verify --public-key audit.pub --from-checkpoint kept.checkpoint
  ringfence audit list --principal alice --since 2026-11-21T00:00:00Z
  ringfence audit tail --server https://host:7070 --decision denied
  ringfence audit report --since 2026-11-01T00:00:00Z --format html --out november.html
  ringfence audit proof event 4711 > 4711.tlog-proof
  ringfence audit export --format ocsf --from 4711
  ringfence audit prune --key audit.key --keep-days 90
  ringfence audit rotate-key --key audit.key > audit.pub")]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    action: Action,
    /// Folder of the log [default: `audit` in the data folder]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    Verify(audit_verify::VerifyArgs),
    Checkpoint(audit_proof::CheckpointArgs),
    #[command(subcommand)]
    Proof(Proof),
    #[command(subcommand)]
    Witness(audit_witness::Action),
    List(audit_events::ListArgs),
    Tail(audit_events::TailArgs),
    Report(audit_report::ReportArgs),
    Export(audit_events::ExportArgs),
    Prune(audit_events::PruneArgs),
    RotateKey(audit_key::RotateArgs),
}

pub(super) fn run(args: &AuditArgs, host: &Overrides, server: &ServerFlags) -> anyhow::Result<ExitCode> {
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => config::data_dir(host)?.join("audit"),
    };
    let reader = Reader::new(&dir);
    let there = || Source::of(args.dir.as_deref(), &reader, host, server);
    match &args.action {
        Action::Checkpoint(checkpoint) => asked(there()?, async |log| audit_proof::checkpoint(checkpoint, &log).await),
        Action::Proof(Proof::Check { proof, record, public_key }) => {
            server.none()?;
            audit_proof::check(proof, record, public_key, args.json)?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Proof(proof) => asked(there()?, async |log| audit_proof::run(proof, &log).await),
        Action::List(list) => asked(there()?, async |log| audit_events::list(list, &log, args.json).await),
        Action::Tail(tail) => asked(there()?, async |log| audit_events::tail(tail, &log, args.json).await),
        Action::Export(export) => asked(there()?, async |log| audit_events::export(export, &log).await),
        _ => {
            server.none()?;
            here(args, &reader, &dir)
        }
    }
}

fn asked(log: Source, ask: impl AsyncFnOnce(Source) -> anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    super::block_on(ask(log))??;
    Ok(ExitCode::SUCCESS)
}

/// What needs the folder itself.
fn here(args: &AuditArgs, reader: &Reader, dir: &Path) -> anyhow::Result<ExitCode> {
    match &args.action {
        Action::Verify(verify) => audit_verify::run(verify, dir, args.json),
        Action::Witness(action) => audit_witness::run(action, args.json),
        Action::Report(report) => audit_report::run(report, dir, args.json),
        Action::Prune(prune) => audit_events::prune(prune, reader, dir, args.json),
        Action::RotateKey(rotate) => audit_key::rotate(rotate, reader, dir, args.json),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// A file of a person's, whole; `-` is standard input.
pub(super) fn text_of(file: &Path) -> anyhow::Result<String> {
    let failed = |reason| Mistake::File { file: file.display().to_string(), reason };
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin().lock())
    } else {
        std::fs::read_to_string(file)
    };
    Ok(text.map_err(failed)?)
}

/// Keys that were given as they are or as files that hold one a line.
pub(super) fn keys_of(given: &[String]) -> anyhow::Result<Vec<VerifyingKey>> {
    let mut keys = Vec::new();
    for given in given {
        let text = if given.contains('+') { given.clone() } else { text_of(Path::new(given))? };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            keys.push(line.trim().parse::<VerifyingKey>()?);
        }
    }
    Ok(keys)
}
