use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::audit::{keys_of, text_of};
use super::audit_source::Source;
use super::exit::Mistake;
use super::show;
use crate::audit::note::{InclusionProof, Signature};

/// Show the newest checkpoint, or keep cosignatures with the one that they are of
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence audit checkpoint > kept.checkpoint")]
pub(super) struct CheckpointArgs {
    /// Lines of witnesses to be kept with the newest checkpoint
    #[arg(long, value_name = "FILE", conflicts_with = "new")]
    add: Option<PathBuf>,
    /// Of all that is recorded now; only a server that runs can make one
    #[arg(long)]
    new: bool,
}

/// Prove that a record is in the log, or that the log has only grown; such proofs can be checked without it
#[derive(Debug, Subcommand)]
pub(super) enum Proof {
    /// That a record is in the log (c2sp.org/tlog-proof)
    #[command(after_help = "Example:\n  ringfence audit proof event 4711 > 4711.tlog-proof")]
    Event { record: u64 },
    /// That the log has only grown since it had so many records; what a witness is asked with
    #[command(after_help = "Example:\n  ringfence audit proof growth 1000 | ringfence audit witness sign …")]
    Growth { size: u64 },
    /// Check the proof of a record
    #[command(
        after_help = "Example:\n  ringfence audit proof check 4711.tlog-proof --record 4711.json --public-key audit.pub"
    )]
    Check {
        proof: PathBuf,
        /// The file with the record, one line as it stands in the log
        #[arg(long, value_name = "FILE")]
        record: PathBuf,
        /// Who may have signed: a key, or a file of keys
        #[arg(long, value_name = "KEY", required = true)]
        public_key: Vec<String>,
    },
}

pub(super) async fn checkpoint(args: &CheckpointArgs, log: &Source) -> anyhow::Result<()> {
    let text = match (&args.add, log) {
        (None, Source::Here(_)) if args.new => {
            let what = "--new: the service makes checkpoints; add --server URL".to_owned();
            return Err(Mistake::Server(what).into());
        }
        (None, log) => log.checkpoint(args.new).await?,
        (Some(_), Source::There(_)) => {
            let what = "--add: cosignatures are kept in the folder of the log; leave --server out".to_owned();
            return Err(Mistake::NoEqual(what).into());
        }
        (Some(file), Source::Here(reader)) => {
            let mut checkpoint = reader.checkpoint()?;
            let lines: Vec<Signature> = text_of(file)?.lines().map(str::parse).collect::<Result<_, _>>()?;
            checkpoint.add(lines);
            reader.add_cosignatures(&checkpoint)?;
            checkpoint.to_string()
        }
    };
    Ok(show::print(&text)?)
}

pub(super) async fn run(proof: &Proof, log: &Source) -> anyhow::Result<()> {
    let text = match proof {
        Proof::Event { record } => log.inclusion(*record).await?,
        Proof::Growth { size } => log.growth(*size).await?,
        Proof::Check { .. } => String::new(),
    };
    Ok(show::print(&text)?)
}

/// Needs no log, here or elsewhere.
pub(super) fn check(proof: &Path, record: &Path, public_key: &[String], json: bool) -> anyhow::Result<()> {
    let proof: InclusionProof = text_of(proof)?.parse()?;
    let record = text_of(record)?;
    proof.checkpoint.signed_by(&keys_of(public_key)?)?;
    if !proof.shows(record.strip_suffix('\n').unwrap_or(&record).as_bytes()) {
        return Err(Mistake::Proof.into());
    }
    let of = proof.checkpoint.checkpoint();
    let text = if json {
        json!({"origin": of.origin, "record": proof.index, "size": of.size}).to_string() + "\n"
    } else {
        format!("it is record {} of {}, which had {} records then\n", proof.index, of.origin, of.size)
    };
    Ok(show::print(&text)?)
}
