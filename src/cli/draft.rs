use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{show, workspace};
use crate::app::{self, Shelf};
use crate::config::Overrides;
use crate::engine::CopyOnWrite;
use crate::workspace::{Change, ChangeKind, Changes, DraftId, Entered, Node, WorkspaceError, WorkspaceName, shown};

/// Show what a run did to a workspace: what was added, changed and removed, and how
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ringfence diff\n  ringfence diff draft-0123456789 --stat")]
pub(super) struct DiffArgs {
    /// The draft that the run worked in; not needed where there is only one
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

pub(super) fn diff(args: &DiffArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let shelf = app::workspaces(host)?;
    let draft = workspace::draft_of(&shelf, args.draft.as_ref())?;
    let changes = shelf.diff(&draft, !args.stat)?;
    let text = if args.json {
        serde_json::to_string_pretty(&json!({"draft": draft, "changes": changes}))? + "\n"
    } else {
        in_words(&changes)
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn apply(args: &ApplyArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let shelf = app::workspaces(host)?;
    let applied = shelf.apply(&args.draft, &args.paths)?;
    let text = if args.json {
        json!({"workspace": applied.workspace, "changes": applied.changes, "left": applied.left}).to_string() + "\n"
    } else {
        let mut text = format!("{}: {}\n", applied.workspace.name, summary(&applied.changes));
        if applied.left > 0 {
            let _ = writeln!(text, "{} more in {} still", applied.left, args.draft);
        }
        text
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn discard(args: &DiscardArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    app::workspaces(host)?.discard(&args.draft)?;
    let gone = json!({"discarded": args.draft}).to_string();
    show::print(&if args.json { gone + "\n" } else { format!("{} is gone\n", args.draft) })?;
    Ok(ExitCode::SUCCESS)
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
        let changes = self.shelf.diff(&self.id, false);
        self.keep |= changes.as_ref().map_or(true, |changes| !changes.is_empty());
        Worked { id: self.id.clone(), changes }
    }
}

/// A draft after the run.
pub(super) struct Worked {
    pub(super) id: DraftId,
    pub(super) changes: Result<Changes, WorkspaceError>,
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

/// How much of each kind.
pub(super) fn summary(changes: &Changes) -> String {
    let count = |kind, word| (changes.count(kind), word);
    let all = [
        count(ChangeKind::Added, "added"),
        count(ChangeKind::Changed, "changed"),
        count(ChangeKind::Removed, "removed"),
    ];
    let said: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if said.is_empty() { "nothing changed".to_owned() } else { said.join(", ") }
}

fn in_words(changes: &Changes) -> String {
    let mut text = format!("{}\n", summary(changes));
    for change in &changes.0 {
        let letter = match change.change {
            ChangeKind::Added => 'A',
            ChangeKind::Changed => 'M',
            ChangeKind::Removed => 'D',
        };
        let _ = writeln!(text, "{letter} {}{}", shown(&change.path), about(change));
    }
    for diff in changes.0.iter().filter_map(|change| change.diff.as_ref()) {
        text.push('\n');
        text.push_str(diff);
    }
    text
}

/// What lines alone would not show.
fn about(change: &Change) -> String {
    match (&change.before, &change.after) {
        (_, Some(Node::Folder)) | (Some(Node::Folder), None) => "/".to_owned(),
        (_, Some(Node::Link { target })) => format!(" → {}", shown(target)),
        (Some(Node::File { bytes: before, .. }), Some(Node::File { bytes: after, .. })) => {
            format!("  ({before} → {after} bytes)")
        }
        (None, Some(Node::File { bytes, .. })) | (Some(Node::File { bytes, .. }), None) => format!("  ({bytes} bytes)"),
        _ => String::new(),
    }
}
