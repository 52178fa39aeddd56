use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::audit::{keys_of, text_of};
use super::show;
use crate::audit::note::SignedCheckpoint;
use crate::audit::{VerifyOptions, VerifyReport, verify};

/// Check the whole log: each record, the order, the tree, each checkpoint; say the first thing that is wrong
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringfence audit verify --public-key audit.pub --from-checkpoint kept.checkpoint

Keep a checkpoint somewhere else: without it, a log that was cut at its end or put back to an older state looks whole.")]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    against: Against,
}

// What the log is held against. (No help text: it would take the place of that of the command.)
#[derive(Debug, Args)]
pub(super) struct Against {
    /// A checkpoint that was kept elsewhere; may be given more than once
    #[arg(long, value_name = "FILE")]
    from_checkpoint: Vec<PathBuf>,
    /// Who may have signed: a key, or a file of keys; without it the keys beside the log are taken
    #[arg(long, value_name = "KEY")]
    public_key: Vec<String>,
    /// The name that the log must have
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// A witness: its key, or a file of keys
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// How many of the witnesses must have signed one checkpoint [default: one, if a witness is named]
    #[arg(long, value_name = "N")]
    cosignatures: Option<usize>,
    /// The service is running: an unfinished last line is no fault
    #[arg(long)]
    live: bool,
}

impl Against {
    pub(super) fn options(&self) -> anyhow::Result<VerifyOptions> {
        let from = self.from_checkpoint.iter().map(|file| Ok(text_of(file)?.parse::<SignedCheckpoint>()?));
        let witnesses = keys_of(&self.witness)?;
        Ok(VerifyOptions {
            keys: keys_of(&self.public_key)?,
            origin: self.origin.clone(),
            from: from.collect::<anyhow::Result<_>>()?,
            cosignatures: self.cosignatures.unwrap_or(usize::from(!witnesses.is_empty())),
            witnesses,
            live: self.live,
        })
    }
}

pub(super) fn run(args: &VerifyArgs, dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let report = verify(dir, &args.against.options()?);
    show::print(&if json { report.json().to_string() + "\n" } else { as_words(&report) })?;
    match report.fault {
        Some(fault) => Err(fault.into()),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn as_words(report: &VerifyReport) -> String {
    let mut lines = match report.origin.as_str() {
        // Nothing was found that could be a log; what is wrong is told.
        "" => return String::new(),
        origin => vec![format!("{origin}: {} records checked", report.records)],
    };
    if report.fault.is_none() {
        if report.first > 0 {
            lines.push(format!("records before {} were pruned; their hashes were checked", report.first));
        }
        lines.push(format!("{} checkpoints hold; the first {} records are signed", report.checkpoints, report.signed));
        lines.extend(report.cosigned.map(|size| format!("witnesses have signed the first {size}")));
        lines.push("whole".to_owned());
        if report.keys_from_folder {
            lines.push("the keys were those beside the log: this does not show whose log it is".to_owned());
        }
    }
    lines.join("\n") + "\n"
}
