use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::component::{joined, pages};
use super::sandbox_files::fetched;
use super::server::{ServerFlags, no_host_flags};
use super::{show, words};
use crate::app::{self, Shelf};
use crate::client::{Call, Client};
use crate::config::{self, Overrides};
use crate::workspace::{BadName, Destination, Intake, Source, WorkspaceError, WorkspaceName};

/// Keep trees of files for runs to work on: made from a folder, a tar, a zip or a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence workspace create site --from ./site
  ringfence run agent.wasm --workspace site --fs-preset development
  ringfence workspace show site
  ringfence workspace export site --to site.tar
  ringfence workspace delete site")]
pub(super) struct WorkspaceArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a workspace; what .gitignore, .sandboxignore or a secret's name leaves out is said
    #[command(
        after_help = "Example:\n  ringfence workspace create site --from ./site\n  ringfence workspace create two --from a.py --from b.csv"
    )]
    Create {
        name: WorkspaceName,
        /// A folder, a tar (gzipped or not), a zip, or a file; several files, each as it is; an empty workspace without it
        #[arg(long, value_name = "PATH")]
        from: Vec<PathBuf>,
        /// Take files whose names say that they hold secrets
        #[arg(long)]
        with_secrets: bool,
        /// Take files whose content looks like a credential
        #[arg(long)]
        allow_credentials: bool,
    },
    /// Show all workspaces and the drafts of them
    List,
    /// Show what a workspace holds
    #[command(after_help = "Example:\n  ringfence workspace show site --json")]
    Show { name: WorkspaceName },
    /// Write a workspace to a new folder, or to a new file that ends in .tar, .tar.gz or .zip
    #[command(after_help = "Example:\n  ringfence workspace export site --to ./copy")]
    Export {
        name: WorkspaceName,
        #[arg(long, value_name = "PATH")]
        to: PathBuf,
    },
    /// Remove a workspace; its drafts must be gone
    #[command(after_help = "Example:\n  ringfence workspace delete site")]
    Delete { name: WorkspaceName },
}

pub(super) fn run(args: &WorkspaceArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let told = match to.named()? {
        Some(client) => {
            no_host_flags(host)?;
            super::block_on(there(&args.action, &client))??
        }
        None => here(&args.action, &app::workspaces(host)?)?,
    };
    let text = match (&args.action, args.json) {
        (Action::List | Action::Show { .. }, true) => serde_json::to_string_pretty(&told)? + "\n",
        (_, true) => told.to_string() + "\n",
        (Action::Create { .. }, false) => words::made_workspace(&told),
        (Action::List, false) => words::workspaces(&told),
        (Action::Show { .. }, false) => words::workspace(&told),
        (Action::Export { .. }, false) => words::exported(&told),
        (Action::Delete { name }, false) => format!("{name} is gone\n"),
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What was done, as it is told in JSON.
fn here(action: &Action, shelf: &Shelf) -> anyhow::Result<Value> {
    Ok(match action {
        Action::Create { name, from, with_secrets, allow_credentials } => {
            let intake = Intake { with_secrets: *with_secrets, allow_credentials: *allow_credentials };
            let source = Source::of(from.clone());
            let (record, left_out, found) = shelf.create(name, &app::owner(), &source, intake)?;
            json!({"workspace": record, "left_out": words::left(&left_out), "credentials": found})
        }
        Action::List => json!({"workspaces": shelf.list()?, "drafts": shelf.drafts()?}),
        Action::Show { name } => {
            let (record, tree) = shelf.get(name)?;
            let entries: Vec<_> = tree.iter().map(|(path, node)| json!({"path": path, "node": node})).collect();
            json!({"workspace": record, "entries": entries})
        }
        Action::Export { name, to } => json!(shelf.export(name, &Destination::of(to)?)?),
        Action::Delete { name } => {
            shelf.delete(name, None)?;
            json!({"deleted": name})
        }
    })
}

/// The same, done by a server.
async fn there(action: &Action, client: &Client) -> anyhow::Result<Value> {
    Ok(match action {
        Action::Create { name, from, with_secrets, allow_credentials } => {
            let intake = Intake { with_secrets: *with_secrets, allow_credentials: *allow_credentials };
            create_there(client, name, from, intake).await?
        }
        Action::List => {
            let mut all = pages(client, &["v1", "workspaces"], "workspaces", &[], u64::MAX).await?;
            all.iter_mut().for_each(in_seconds);
            // What a run left there to be looked at lies in sandboxes.
            let sandboxes = pages(client, &["v1", "sandboxes"], "sandboxes", &[], u64::MAX).await?;
            let drafts = sandboxes.iter().filter(|sandbox| sandbox.get("workspace").is_some()).map(|sandbox| {
                let said = |name: &str| words::text(sandbox, name);
                let mut draft = json!({"id": said("id"), "workspace": said("workspace"), "created": said("created")});
                in_seconds(&mut draft);
                draft
            });
            json!({"workspaces": all, "drafts": drafts.collect::<Vec<_>>()})
        }
        Action::Show { name } => {
            let steps = ["v1", "workspaces", name.as_str()];
            let mut told = joined(client, &steps, "entries", &[], u64::MAX).await?;
            told.get_mut("workspace").map(in_seconds);
            told
        }
        Action::Export { name, to } => {
            let to = Destination::of(to)?;
            let steps = ["v1", "workspaces", name.as_str()];
            let mut told = client.json(Call::get(&steps), None).await?;
            let format = if matches!(to, Destination::Zip(_)) { "zip" } else { "tar" };
            let archive = ["v1", "workspaces", name.as_str(), "archive"];
            fetched(client, Call::get(&archive).with(&[("format", format)]), &to).await?;
            let mut record = told.get_mut("workspace").map(Value::take).unwrap_or_default();
            in_seconds(&mut record);
            record
        }
        Action::Delete { name } => {
            client.json(Call::delete(&["v1", "workspaces", name.as_str()]), None).await?;
            json!({"deleted": name})
        }
    })
}

/// What goes to a server is chosen here, by the rules that hold here: a secret that is left out never leaves this machine.
async fn create_there(
    client: &Client,
    name: &WorkspaceName,
    from: &[PathBuf],
    intake: Intake,
) -> anyhow::Result<Value> {
    let flag = |is: bool| if is { "true" } else { "false" };
    let query = [("with_secrets", flag(intake.with_secrets)), ("allow_credentials", flag(intake.allow_credentials))];
    let steps = ["v1", "workspaces", name.as_str()];
    let call = Call::put(&steps).with(&query);
    let mut made = match from {
        [] => client.send(call, TAR, bytes::Bytes::new()).await?.1,
        from => {
            from.iter().try_for_each(|path| apart_from_own_data(path))?;
            let aside = tempfile::Builder::new().prefix("ringfence-upload-").tempdir()?;
            let shelf =
                app::workspaces(&Overrides { data_dir: Some(aside.path().join("data")), ..Overrides::default() })?;
            let (_, left_out, _) = shelf.create(name, &app::owner(), &Source::of(from.to_vec()), intake)?;
            let archive = aside.path().join("archive.tar");
            shelf.export(name, &Destination::Tar(archive.clone()))?;
            let mut made = client.send_file(call, TAR, &archive).await?;
            if let Some(Value::Array(all)) = made.get_mut("left_out") {
                all.splice(..0, words::left(&left_out));
            }
            made
        }
    };
    made.get_mut("workspace").map(in_seconds);
    Ok(made)
}

const TAR: &str = "application/x-tar";

/// The folder of what is kept here holds keys and the work of others.
fn apart_from_own_data(from: &Path) -> anyhow::Result<()> {
    let (Ok(from), Ok(data)) = (from.canonicalize(), config::data_dir(&Overrides::default())?.canonicalize()) else {
        return Ok(());
    };
    if data.starts_with(&from) || from.starts_with(&data) {
        let path = from.display().to_string();
        return Err(WorkspaceError::Special { path, kind: "where ringfence keeps its own data" }.into());
    }
    Ok(())
}

/// Times as they are told here: seconds since 1970.
fn in_seconds(record: &mut Value) {
    for name in ["created", "changed"] {
        let time = record.get(name).and_then(Value::as_str).and_then(|text| text.parse::<jiff::Timestamp>().ok());
        if let (Some(time), Some(field)) = (time, record.get_mut(name)) {
            *field = json!(time.as_second());
        }
    }
}

/// `NAME`, or `NAME::GUEST` for another place than `/workspace`.
pub(super) fn parse_place<Name: FromStr<Err = BadName>>(text: &str) -> Result<(Name, String), String> {
    let (name, guest) = text.split_once("::").unwrap_or((text, "/workspace"));
    if guest.is_empty() {
        return Err("write NAME, or NAME::GUEST".into());
    }
    Ok((name.parse().map_err(|error: BadName| error.to_string())?, super::mounts::guest_name(guest)))
}
