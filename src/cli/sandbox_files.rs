use std::io::{IsTerminal as _, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::component::joined;
use super::exit::Mistake;
use super::{component, show, words};
use crate::client::{Call, Client};
use crate::model::{SandboxId, show_bytes};
use crate::workspace::{Destination, receive, shown};

/// The files of a sandbox, from outside; paths begin at their root
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence sandbox files list sbx_… src
  ringfence sandbox files get sbx_… src/main.rs > main.rs
  ringfence sandbox files put sbx_… src/main.rs --from ./main.rs
  ringfence sandbox files download sbx_… --to ./copy
  ringfence sandbox files upload sbx_… --from ./more.tar")]
pub(super) struct FilesArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say what is at a path, and of a folder what is in it
    List {
        id: SandboxId,
        #[arg(default_value = "")]
        path: String,
    },
    /// Write a file to standard output
    Get { id: SandboxId, path: String },
    /// Write a file into the sandbox, with the folders on the way to it
    Put {
        id: SandboxId,
        path: String,
        /// `-` for standard input
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
    /// Remove a file, or a folder with all that is in it
    Remove { id: SandboxId, path: String },
    /// Write a folder of the sandbox to a new folder here, or to a new file that ends in .tar, .tar.gz or .zip
    Download {
        id: SandboxId,
        #[arg(default_value = "")]
        path: String,
        #[arg(long, value_name = "PATH")]
        to: PathBuf,
    },
    /// Unpack a tar or a zip into a folder of the sandbox
    Upload {
        id: SandboxId,
        #[arg(default_value = "")]
        path: String,
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
    },
}

/// What comes from standard input is held in memory.
const MOST_PUT: u64 = 1 << 30;

pub(super) fn run(args: &FilesArgs, client: &Client, json: bool) -> anyhow::Result<ExitCode> {
    let told = super::block_on(done(&args.action, client))??;
    let text = match (&args.action, json) {
        (Action::Get { .. }, _) => return Ok(ExitCode::SUCCESS),
        (Action::List { .. }, true) => component::pretty(&told)?,
        (Action::List { .. }, false) => listed(&told),
        (_, true) => told.to_string() + "\n",
        (_, false) => String::new(),
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn done(action: &Action, client: &Client) -> anyhow::Result<Value> {
    Ok(match action {
        Action::List { id, path } => joined(client, &at(id, "entries"), "entries", &[("path", path)], u64::MAX).await?,
        Action::Get { id, path } => {
            let (steps, query) = (at(id, "files"), [("path", path.as_str())]);
            let call = Call::get(&steps).with(&query);
            if std::io::stdout().is_terminal() {
                // A guest may have written it: nothing in it is obeyed.
                let mut bytes = Vec::new();
                client.fetch(call, &mut bytes).await??;
                std::io::stdout().write_all(show::harmless(&bytes).as_bytes())?;
            } else {
                client.fetch(call, tokio::io::stdout()).await??;
            }
            Value::Null
        }
        Action::Put { id, path, from } => {
            let (steps, query) = (at(id, "files"), [("path", path.as_str())]);
            let call = Call::put(&steps).with(&query);
            if from == Path::new("-") {
                client.send(call, BYTES, input()?.into()).await?;
            } else {
                client.send_file(call, BYTES, from).await?;
            }
            json!({"written": path})
        }
        Action::Remove { id, path } => {
            client.json(Call::delete(&at(id, "files")).with(&[("path", path)]), None).await?;
            json!({"removed": path})
        }
        Action::Download { id, path, to } => {
            let to = Destination::of(to)?;
            let format = if matches!(to, Destination::Zip(_)) { "zip" } else { "tar" };
            let (steps, query) = (at(id, "archive"), [("path", path.as_str()), ("format", format)]);
            fetched(client, Call::get(&steps).with(&query), &to).await?;
            json!({"downloaded": path})
        }
        Action::Upload { id, path, from } => {
            let steps = at(id, "archive");
            client.send_file(Call::put(&steps).with(&[("path", path)]), BYTES, from).await?;
            json!({"uploaded": path})
        }
    })
}

const BYTES: &str = "application/octet-stream";

fn at<'a>(id: &'a SandboxId, what: &'a str) -> [&'a str; 4] {
    ["v1", "sandboxes", id.as_str(), what]
}

/// An archive of a server, written to where a person wants it: whole, or not at all.
pub(super) async fn fetched(client: &Client, call: Call<'_>, to: &Destination) -> anyhow::Result<()> {
    let mut archive = tempfile::tempfile()?;
    client.fetch(call, tokio::fs::File::from_std(archive.try_clone()?)).await??;
    archive.rewind()?;
    Ok(receive(&mut archive, to)?)
}

fn input() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed = |reason| Mistake::File { file: "standard input".to_owned(), reason };
    std::io::stdin().lock().take(MOST_PUT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_PUT {
        return Err(failed(std::io::ErrorKind::FileTooLarge.into()).into());
    }
    Ok(bytes)
}

fn listed(told: &Value) -> String {
    let line = |path: &str, entry: &Value| {
        let path = shown(path);
        match words::text(entry, "kind") {
            "folder" => format!("{path}/\n"),
            "file" => format!("{path}  {}\n", show_bytes(words::number(entry, "bytes"))),
            kind => format!("{path}  {kind}\n"),
        }
    };
    let all = words::list(told, "entries");
    match told.get("entry") {
        Some(entry) if words::text(entry, "kind") != "folder" => line(words::text(entry, "path"), entry),
        entry => {
            let folder = entry.map(|entry| words::text(entry, "path")).filter(|path| !path.is_empty());
            let within = folder.map_or_else(String::new, |folder| format!("{folder}/"));
            all.iter().map(|entry| line(&(within.clone() + words::text(entry, "name")), entry)).collect()
        }
    }
}
