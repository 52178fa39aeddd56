use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::component::{pages, pretty};
use super::exit::Mistake;
use super::limits::LimitFlags;
use super::mounts::MountFlags;
use super::run::RunArgs;
use super::sandbox_files::FilesArgs;
use super::server::ServerFlags;
use super::{draft, run, run_there, sandbox_files, show, words, workspace};
use crate::client::{Call, Client, ClientError};
use crate::fs_policy::Rules;
use crate::model::SandboxId;
use crate::workspace::{DraftId, WorkspaceName};

/// Places on a server that live across runs: their files are a draft of a workspace, or begin as none
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence sandbox create --workspace site --fs-preset development --ttl-seconds 7200
  ringfence sandbox run sbx_… agent.wasm -- tidy
  ringfence sandbox files put sbx_… notes.md --from ./notes.md
  ringfence sandbox diff sbx_…
  ringfence sandbox apply sbx_… src
  ringfence sandbox destroy sbx_…")]
pub(super) struct SandboxArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make one
    #[command(after_help = "Example:\n  ringfence sandbox create --workspace site --label team=red")]
    Create(Box<CreateArgs>),
    /// List those that you may see
    List {
        /// Only those with this label
        #[arg(long, value_name = "NAME=VALUE")]
        label: Option<String>,
    },
    /// Show its state, rules and limits
    Show {
        id: SandboxId,
    },
    /// Run a program in it, as `ringfence run` does
    #[command(after_help = "Example:\n  ringfence sandbox run sbx_… agent.wasm -- tidy")]
    Run {
        id: SandboxId,
        #[command(flatten)]
        run: Box<RunArgs>,
    },
    Files(FilesArgs),
    /// Give it more time, from now on
    Extend {
        id: SandboxId,
        #[arg(long, value_name = "N")]
        ttl_seconds: u64,
    },
    /// End what runs in it; its files stay
    Stop {
        id: SandboxId,
    },
    /// Destroy it with its files
    Destroy {
        id: SandboxId,
    },
    /// Show what differs from the workspace
    Diff {
        id: SandboxId,
        /// Only which paths, not the lines
        #[arg(long)]
        stat: bool,
    },
    /// Make changes count in the workspace: all, or the paths that are named
    Apply {
        id: SandboxId,
        paths: Vec<String>,
    },
    /// Throw away what was done: its files are again what they were
    Discard {
        id: SandboxId,
    },
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// Begin with the files of a workspace, at /workspace or at GUEST
    #[arg(long, value_name = "NAME[::GUEST]", value_parser = workspace::parse_place::<WorkspaceName>, help_heading = "Grants")]
    workspace: Option<(WorkspaceName, String)>,
    #[command(flatten)]
    mounts: MountFlags,
    /// Set a variable for all runs in it; NAME alone takes the value it has here
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "Grants")]
    env: Vec<String>,
    /// Take away the clocks, and with them sleeping
    #[arg(long, help_heading = "Grants")]
    no_clocks: bool,
    /// Take away randomness
    #[arg(long, help_heading = "Grants")]
    no_randomness: bool,
    #[command(flatten)]
    limits: LimitFlags,
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// How long it lives, where nobody extends it
    #[arg(long, value_name = "N", default_value_t = 3_600)]
    ttl_seconds: u64,
}

pub(super) fn run(args: &SandboxArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    if let Action::Run { id, run } = &args.action {
        return run_there::run(run, &to.any()?, &run_there::Place::sandbox(id.clone(), run)?);
    }
    let client = to.any()?;
    if let Action::Files(files) = &args.action {
        return sandbox_files::run(files, &client, args.json);
    }
    let text = super::block_on(done(&args.action, &client, args.json))??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn done(action: &Action, client: &Client, json: bool) -> anyhow::Result<String> {
    let post = async |id: &SandboxId, verb: &str, body: Value| {
        client.json(Call::post(&["v1", "sandboxes", id.as_str(), verb]), Some(&body)).await
    };
    let shown = |sandbox: Value| if json { pretty(&sandbox) } else { Ok(line(&sandbox)) };
    Ok(match action {
        Action::Create(args) => {
            let made = create(client, &body(args)?).await?;
            let cut = words::list(&made, "cut");
            if !json && !cut.is_empty() {
                show::complain(&words::cuts(cut), None);
            }
            shown(made)?
        }
        Action::List { label } => {
            let filter: Vec<_> = label.iter().map(|label| ("label", label.as_str())).collect();
            let all = pages(client, &["v1", "sandboxes"], "sandboxes", &filter, u64::MAX).await?;
            if json { pretty(&json!({"sandboxes": all}))? } else { all.iter().map(line).collect() }
        }
        Action::Show { id } => {
            let sandbox = get(client, id).await?;
            if json { pretty(&sandbox)? } else { words::fields(&sandbox) }
        }
        Action::Extend { id, ttl_seconds } => shown(post(id, "extend", json!({"ttl_seconds": ttl_seconds})).await?)?,
        Action::Stop { id } => shown(post(id, "stop", json!({})).await?)?,
        Action::Destroy { id } => {
            destroy(client, id).await?;
            if json { json!({"destroyed": id}).to_string() + "\n" } else { format!("{id} is gone\n") }
        }
        Action::Diff { id, stat } => draft::told(id.as_str(), &changes(client, id, !stat).await?, json)?,
        Action::Apply { id, paths } => {
            let told = apply(client, id, paths).await?;
            if json { told.to_string() + "\n" } else { words::applied(&told, id.as_str()) }
        }
        Action::Discard { id } => {
            post(id, "discard", json!({})).await?;
            let told = json!({"discarded": id}).to_string() + "\n";
            if json { told } else { format!("{id}: its files are again what they were\n") }
        }
        Action::Run { .. } | Action::Files(_) => String::new(),
    })
}

fn body(args: &CreateArgs) -> anyhow::Result<Value> {
    let guest = args.workspace.as_ref().map_or("/workspace", |(_, guest)| guest);
    let rules = args.mounts.rules_there(guest)?;
    let mut labels = BTreeMap::new();
    for text in &args.label {
        let pair = text.split_once('=').ok_or_else(|| Mistake::Setting(format!("--label {text}: write NAME=VALUE")))?;
        labels.insert(pair.0, pair.1);
    }
    let mut body = place(args.workspace.as_ref().map(|(name, _)| name), guest, &rules);
    let env: BTreeMap<String, String> = run::environment(&args.env)?.into_iter().collect();
    let more = json!({
        "limits": args.limits.asked(false), "env": env, "labels": labels, "ttl_seconds": args.ttl_seconds,
        "clocks": args.no_clocks.then_some(false), "randomness": args.no_randomness.then_some(false),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    Ok(body)
}

/// Files and the rules for them, as a server is asked for them.
pub(super) fn place(workspace: Option<&WorkspaceName>, guest: &str, rules: &Rules) -> Value {
    let each: Vec<String> = rules.rules.iter().map(ToString::to_string).collect();
    let preset = rules.preset.map(|preset| preset.as_str());
    json!({"workspace": workspace.map(WorkspaceName::as_str), "at": guest, "preset": preset, "rules": each})
}

fn line(sandbox: &Value) -> String {
    let said = |name: &str| words::text(sandbox, name);
    let workspace = if said("workspace").is_empty() { "-" } else { said("workspace") };
    let labels = words::labels(sandbox);
    format!("{}  {}  {workspace}  until {}  {labels}", said("id"), said("state"), said("expires")).trim_end().to_owned()
        + "\n"
}

pub(super) async fn create(client: &Client, body: &Value) -> Result<Value, ClientError> {
    client.json(Call::post(&["v1", "sandboxes"]), Some(body)).await
}

pub(super) async fn get(client: &Client, id: &SandboxId) -> Result<Value, ClientError> {
    client.json(Call::get(&["v1", "sandboxes", id.as_str()]), None).await
}

pub(super) async fn destroy(client: &Client, id: &SandboxId) -> Result<(), ClientError> {
    client.json(Call::delete(&["v1", "sandboxes", id.as_str()]), None).await.map(drop)
}

/// What differs from the workspace, with the lines or without.
pub(super) async fn changes(client: &Client, id: &SandboxId, lines: bool) -> Result<Vec<Value>, ClientError> {
    let mut told = client.json(Call::get(&["v1", "sandboxes", id.as_str(), "diff"]), None).await?;
    let Some(Value::Array(mut changes)) = told.get_mut("changes").map(Value::take) else { return Ok(Vec::new()) };
    if !lines {
        for fields in changes.iter_mut().filter_map(Value::as_object_mut) {
            fields.remove("diff");
            fields.remove("truncated");
        }
    }
    Ok(changes)
}

/// As it is told of a draft here. What a run left only to be looked at is gone when all of it counts.
pub(super) async fn apply(client: &Client, id: &SandboxId, paths: &[String]) -> anyhow::Result<Value> {
    let sandbox = get(client, id).await?;
    let call = ["v1", "sandboxes", id.as_str(), "apply"];
    let applied = client.json(Call::post(&call), Some(&json!({"paths": paths}))).await?;
    let field = |name: &str| applied.get(name).cloned().unwrap_or_default();
    if words::number(&applied, "left") == 0 && is_of_a_run(&sandbox) {
        destroy(client, id).await?;
    }
    let workspace = json!({"name": sandbox.get("workspace"), "tree": field("tree")});
    Ok(json!({"workspace": workspace, "changes": field("changes"), "left": field("left")}))
}

/// Throws away what was done; whether the sandbox went with it.
pub(super) async fn discard(client: &Client, id: &SandboxId) -> Result<bool, ClientError> {
    if is_of_a_run(&get(client, id).await?) {
        return destroy(client, id).await.map(|()| true);
    }
    client.json(Call::post(&["v1", "sandboxes", id.as_str(), "discard"]), Some(&json!({}))).await.map(|_| false)
}

/// The label of sandboxes that `ringfence run --workspace` makes.
pub(super) const MADE_BY: (&str, &str) = ("made-by", "ringfence-run");

fn is_of_a_run(sandbox: &Value) -> bool {
    sandbox.get("labels").is_some_and(|labels| words::text(labels, MADE_BY.0) == MADE_BY.1)
}

/// The one that is named, or the one there is.
pub(super) async fn chosen(client: &Client, given: Option<&DraftId>) -> anyhow::Result<SandboxId> {
    if let Some(draft) = given {
        let what = format!("`{draft}` is no sandbox, and drafts of a server lie in sandboxes: write sbx_…");
        return draft.as_str().parse().map_err(|_| Mistake::Draft(what).into());
    }
    let all = pages(client, &["v1", "sandboxes"], "sandboxes", &[], u64::MAX).await?;
    let ids: Vec<&str> = all
        .iter()
        .filter(|sandbox| sandbox.get("workspace").is_some())
        .map(|sandbox| words::text(sandbox, "id"))
        .collect();
    match ids.as_slice() {
        [one] => Ok(one.parse()?),
        [] => Err(Mistake::Draft("there is no sandbox of a workspace; a run with --workspace makes one".into()).into()),
        many => Err(Mistake::Draft(format!("there are several sandboxes; name one of {}", many.join(", "))).into()),
    }
}
