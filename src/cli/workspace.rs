use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Mistake;
use super::show;
use crate::app::{self, Shelf};
use crate::config::Overrides;
use crate::model::show_bytes;
use crate::workspace::{BadName, Destination, Intake, Node, Source, WorkspaceName, shown};

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
    #[command(after_help = "Example:\n  ringfence workspace create site --from ./site")]
    Create {
        name: WorkspaceName,
        /// A folder, a tar (gzipped or not), a zip, or one file; an empty workspace without it
        #[arg(long, value_name = "PATH")]
        from: Option<PathBuf>,
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

pub(super) fn run(args: &WorkspaceArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let shelf = app::workspaces(host)?;
    let text = match &args.action {
        Action::Create { name, from, with_secrets, allow_credentials } => {
            let source = from.clone().map_or(Source::Empty, Source::Path);
            let intake = Intake { with_secrets: *with_secrets, allow_credentials: *allow_credentials };
            create(&shelf, name, &source, intake, args.json)?
        }
        Action::List => list(&shelf, args.json)?,
        Action::Show { name } => show_one(&shelf, name, args.json)?,
        Action::Export { name, to } => {
            let to = Destination::of(to)?;
            let record = shelf.export(name, &to)?;
            if args.json {
                json!(record).to_string() + "\n"
            } else {
                format!("{} files, {}\n", record.files, show_bytes(record.bytes))
            }
        }
        Action::Delete { name } => {
            shelf.delete(name)?;
            if args.json { json!({"deleted": name}).to_string() + "\n" } else { format!("{name} is gone\n") }
        }
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn create(shelf: &Shelf, name: &WorkspaceName, from: &Source, how: Intake, json: bool) -> anyhow::Result<String> {
    let (record, left_out, found) = shelf.create(name, &app::owner(), from, how)?;
    if json {
        return Ok(json!({"workspace": record, "left_out": left_out, "credentials": found}).to_string() + "\n");
    }
    let mut lines = vec![format!("{name}: {} files, {}", record.files, show_bytes(record.bytes))];
    lines.extend(left_out.iter().map(|left| format!("left out  {}  ({})", shown(&left.path), left.because)));
    let like =
        found.iter().map(|found| format!("taken as told  {}:{}  ({})", shown(&found.path), found.line, found.what));
    lines.extend(like);
    Ok(lines.join("\n") + "\n")
}

fn list(shelf: &Shelf, json: bool) -> anyhow::Result<String> {
    let (workspaces, drafts) = (shelf.list()?, shelf.drafts()?);
    if json {
        return Ok(serde_json::to_string_pretty(&json!({"workspaces": workspaces, "drafts": drafts}))? + "\n");
    }
    let mut lines = Vec::new();
    for record in &workspaces {
        lines.push(format!("{}  {} files, {}", record.name, record.files, show_bytes(record.bytes)));
        let own = drafts.iter().filter(|draft| draft.workspace.as_ref() == Some(&record.name));
        lines.extend(own.map(|draft| {
            let old = if draft.base == record.tree { "" } else { "  (the workspace moved on since)" };
            format!("  {}{old}", draft.id)
        }));
    }
    if lines.is_empty() {
        lines.push("no workspaces; make one with: ringfence workspace create NAME --from FOLDER".to_owned());
    }
    Ok(lines.join("\n") + "\n")
}

fn show_one(shelf: &Shelf, name: &WorkspaceName, json: bool) -> anyhow::Result<String> {
    let (record, tree) = shelf.get(name)?;
    if json {
        let entries: Vec<_> = tree.iter().map(|(path, node)| json!({"path": path, "node": node})).collect();
        return Ok(serde_json::to_string_pretty(&json!({"workspace": record, "entries": entries}))? + "\n");
    }
    let mut lines = vec![format!("{name}  {}", record.tree)];
    lines.extend(tree.iter().map(|(path, node)| match node {
        Node::Folder => format!("{}/", shown(path)),
        Node::Link { target } => format!("{} → {}", shown(path), shown(target)),
        Node::File { bytes, executable, .. } => {
            format!("{}  {}{}", shown(path), show_bytes(*bytes), if *executable { "  executable" } else { "" })
        }
    }));
    Ok(lines.join("\n") + "\n")
}

/// `NAME`, or `NAME::GUEST` for another place than `/workspace`.
pub(super) fn parse_place<Name: FromStr<Err = BadName>>(text: &str) -> Result<(Name, String), String> {
    let (name, guest) = text.split_once("::").unwrap_or((text, "/workspace"));
    if guest.is_empty() {
        return Err("write NAME, or NAME::GUEST".into());
    }
    Ok((name.parse().map_err(|error: BadName| error.to_string())?, super::mounts::guest_name(guest)))
}

/// The one draft there is, where none was named.
pub(super) fn draft_of(
    shelf: &Shelf,
    given: Option<&crate::workspace::DraftId>,
) -> anyhow::Result<crate::workspace::DraftId> {
    if let Some(id) = given {
        return Ok(id.clone());
    }
    match shelf.drafts()?.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(Mistake::Draft("there is no draft; a run with --workspace makes one".into()).into()),
        many => {
            let names: Vec<&str> = many.iter().map(|draft| draft.id.as_str()).collect();
            Err(Mistake::Draft(format!("there are several drafts; name one of {}", names.join(", "))).into())
        }
    }
}
