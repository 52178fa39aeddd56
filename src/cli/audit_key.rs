use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::exit::Mistake;
use super::show;
use crate::audit::disk::RealDisk;
use crate::audit::{LogSettings, Reader, rotate_signing_key};

/// Make a new key that signs the log in the place of the old one; both sign the handing over. The service must not run
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  ringfence audit rotate-key --key ~/.local/share/ringfence/secrets/audit

The key that is printed is the public half. Who checks the log with the old one is led to it by the checkpoint that both
have signed; give it to those who begin to check later.")]
pub(super) struct RotateArgs {
    /// The file of the secret key that signs the log; it then holds the new one
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub(super) fn rotate(args: &RotateArgs, reader: &Reader, dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    // Where there is no key, none is made: it would not be the one of this log.
    let failed = |reason| Mistake::File { file: args.key.display().to_string(), reason };
    args.key.metadata().map_err(failed)?;
    let settings = LogSettings::new(&reader.checkpoint()?.checkpoint().origin);
    let rotated = rotate_signing_key(&args.key, Box::new(RealDisk::open(dir)?), &settings)?;
    let size = rotated.signed.checkpoint().size;
    let text = if json {
        let old: Vec<_> = rotated.old.iter().map(ToString::to_string).collect();
        json!({"key": rotated.new.to_string(), "old": old, "signed_by_all": size}).to_string()
    } else {
        rotated.new.to_string()
    };
    show::print(&(text + "\n"))?;
    Ok(ExitCode::SUCCESS)
}
