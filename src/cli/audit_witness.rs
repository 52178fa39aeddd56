use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use serde_json::json;

use super::audit::{keys_of, text_of};
use super::exit::Mistake;
use super::show;
use crate::audit::Witness;
use crate::audit::note::{KeyKind, SigningKey};

/// Be a witness for a log on another machine: sign its checkpoints as long as it only grows
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make the key of a witness; its public half is printed
    #[command(after_help = "Example:\n  ringfence audit witness key witness.example/w1 --to witness.key > witness.pub")]
    Key {
        /// The name that it signs under: a host and a word
        name: String,
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
    /// Look at a checkpoint with its proof from standard input; keep it and print the cosignature
    #[command(after_help = "\
Example:
  ringfence audit proof growth 1000 | \\
    ssh witness ringfence audit witness sign --key witness.key --log audit.pub --state seen/")]
    Sign {
        /// The file of the witness's secret key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// A key of a log that is watched, or a file of keys
        #[arg(long, value_name = "KEY", required = true)]
        log: Vec<String>,
        /// The folder where the newest checkpoint of each log is kept
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
    },
}

pub(super) fn run(action: &Action, json: bool) -> anyhow::Result<ExitCode> {
    let text = match action {
        Action::Key { name, to } => {
            let key = SigningKey::generate(name, KeyKind::Witness)?;
            let failed = |reason| Mistake::File { file: to.display().to_string(), reason };
            let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
            file.and_then(|mut file| file.write_all(key.to_text().as_bytes())).map_err(failed)?;
            format!("{}\n", key.public())
        }
        Action::Sign { key, log, state } => {
            let key = SigningKey::from_text(&text_of(key)?)?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
            let request = text_of("-".as_ref())?;
            let line = Witness::open(state, key, keys_of(log)?)?.add(&request, now)?;
            if json { json!({"cosignature": line.trim_end()}).to_string() + "\n" } else { line }
        }
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
