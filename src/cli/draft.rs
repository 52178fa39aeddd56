use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::exit::Mistake;
use super::server::{ServerFlags, no_host_flags};
use super::{sandbox, show, words};
use crate::app::{self, Shelf};
use crate::config::Overrides;
use crate::engine::CopyOnWrite;
use crate::workspace::{Changes, DraftId, Entered, WorkspaceName};

/// Show what a run did to a workspace: what was added, changed and removed, and how
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ringfence diff\n  ringfence diff draft-0123456789 --stat")]
pub(super) struct DiffArgs {
    /// The draft that the run worked in, on a server the sandbox; not needed where there is only one
    draft: Option<DraftId>,
    /// Only which paths, not the lines
    #[arg(long)]
    stat: bool,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

/// Make what a run did count: all of it, or the paths that are named
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ringfence apply draft-0123456789\n  ringfence apply draft-0123456789 src/main.rs docs"
)]
pub(super) struct ApplyArgs {
    draft: DraftId,
    /// Paths in the workspace, with all that is below them
    paths: Vec<String>,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

/// Throw away what a run did
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence discard draft-0123456789")]
pub(super) struct DiscardArgs {
    draft: DraftId,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn diff(args: &DiffArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let (id, changes) = match to.named()? {
        Some(client) => {
            no_host_flags(host)?;
            super::block_on(async {
                let id = sandbox::chosen(&client, args.draft.as_ref()).await?;
                let changes = sandbox::changes(&client, &id, !args.stat).await?;
                Ok::<_, anyhow::Error>((id.to_string(), changes))
            })??
        }
        None => {
            let shelf = app::workspaces(host)?;
            let draft = draft_of(&shelf, args.draft.as_ref())?;
            (draft.to_string(), in_json(&shelf.diff(&draft, !args.stat)?))
        }
    };
    show::print(&told(&id, &changes, args.json)?)?;
    Ok(ExitCode::SUCCESS)
}

/// What changed, in words or in JSON.
pub(super) fn told(id: &str, changes: &[Value], json: bool) -> anyhow::Result<String> {
    if json {
        let mut told = json!({"draft": id, "changes": changes});
        if changes.iter().any(|change| change.get("truncated").is_some())
            && let Some(told) = told.as_object_mut()
        {
            told.insert("truncated".to_owned(), true.into());
        }
        return Ok(serde_json::to_string_pretty(&told)? + "\n");
    }
    Ok(words::diff(changes))
}

pub(super) fn apply(args: &ApplyArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let told = match to.named()? {
        Some(client) => {
            no_host_flags(host)?;
            super::block_on(async {
                let id = sandbox::chosen(&client, Some(&args.draft)).await?;
                sandbox::apply(&client, &id, &args.paths).await
            })??
        }
        None => {
            let applied = app::workspaces(host)?.apply(&args.draft, &args.paths)?;
            json!({"workspace": applied.workspace, "changes": applied.changes, "left": applied.left})
        }
    };
    let text = if args.json { told.to_string() + "\n" } else { words::applied(&told, args.draft.as_str()) };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// On a server the draft is a sandbox. One that a run made goes; one that a person made begins anew.
pub(super) fn discard(args: &DiscardArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let is_gone = match to.named()? {
        Some(client) => {
            no_host_flags(host)?;
            super::block_on(async {
                let id = sandbox::chosen(&client, Some(&args.draft)).await?;
                Ok::<_, anyhow::Error>(sandbox::discard(&client, &id).await?)
            })??
        }
        None => app::workspaces(host)?.discard(&args.draft).map(|()| true)?,
    };
    let what = if is_gone { "is gone" } else { "is again what it was" };
    let told = json!({"discarded": args.draft}).to_string();
    show::print(&if args.json { told + "\n" } else { format!("{} {what}\n", args.draft) })?;
    Ok(ExitCode::SUCCESS)
}

fn in_json(changes: &Changes) -> Vec<Value> {
    changes.0.iter().map(|change| json!(change)).collect()
}

/// The one draft there is, where none was named.
fn draft_of(shelf: &Shelf, given: Option<&DraftId>) -> anyhow::Result<DraftId> {
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

/// The draft that a run works on. A new one that is dropped before its end, or in which nothing changed, is thrown
/// away; one that was there before stays.
pub(super) struct Work {
    shelf: Shelf,
    entered: Option<Entered>,
    id: DraftId,
    guest: String,
    keep: bool,
}

impl Work {
    pub(super) fn start(name: &WorkspaceName, guest: &str, host: &Overrides) -> anyhow::Result<Self> {
        let shelf = app::workspaces(host)?;
        let id = shelf.start(name)?.id;
        Self::enter(shelf, id, guest, false)
    }

    pub(super) fn go_on(id: &DraftId, guest: &str, host: &Overrides) -> anyhow::Result<Self> {
        Self::enter(app::workspaces(host)?, id.clone(), guest, true)
    }

    fn enter(shelf: Shelf, id: DraftId, guest: &str, keep: bool) -> anyhow::Result<Self> {
        let entered = Some(shelf.enter(&id)?);
        Ok(Self { shelf, entered, id, guest: guest.to_owned(), keep })
    }

    /// The draft as a folder for a guest.
    pub(super) fn place(&self) -> Option<(PathBuf, String, CopyOnWrite)> {
        let Entered { folder, copies, held, .. } = self.entered.as_ref()?;
        Some((folder.clone(), self.guest.clone(), CopyOnWrite { copies: copies.clone(), held: held.clone() }))
    }

    /// What differs from the workspace, if something does. What cannot be looked through is kept.
    pub(super) fn end(mut self) -> Worked {
        if let Some(entered) = self.entered.take() {
            entered.leave();
        }
        let changes = self.shelf.diff(&self.id, false).map(|changes| in_json(&changes));
        self.keep |= changes.as_ref().map_or(true, |changes| !changes.is_empty());
        let changes = changes.map_err(|error| Unseen { code: error.code().to_owned(), message: error.to_string() });
        Worked { id: self.id.to_string(), changes }
    }
}

/// A draft after the run.
pub(super) struct Worked {
    pub(super) id: String,
    pub(super) changes: Result<Vec<Value>, Unseen>,
}

/// Why it could not be looked through.
pub(super) struct Unseen {
    pub(super) code: String,
    pub(super) message: String,
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(entered) = self.entered.take() {
            entered.leave();
        }
        if !self.keep {
            // Nothing is in it that anybody would miss.
            let _ = self.shelf.discard(&self.id);
        }
    }
}
