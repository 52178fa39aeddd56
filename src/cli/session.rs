use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::component::{Named, pages, pretty};
use super::exec::{Shown, Variable, snippet, variable};
use super::limits::LimitFlags;
use super::server::ServerFlags;
use super::tools::{self, ToolFlag};
use super::{exec_there, sandbox, show, words};
use crate::client::{Call, Client};
use crate::engine::EngineError;
use crate::model::{Preset, SandboxId, SessionId};
use crate::runtimes::RuntimeName;

/// Interpreters on a server that keep what is done in them from call to call, as a notebook does
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence session create python
  ringfence session run ses_… 'import math; r = 2'
  ringfence session run ses_… 'math.pi * r ** 2' --value
  ringfence session interrupt ses_…
  ringfence session restart ses_…
  ringfence session delete ses_…")]
pub(super) struct SessionArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make one, in a sandbox that is there or in a new one
    #[command(
        after_help = "Examples:\n  ringfence session create python\n  ringfence session create javascript --sandbox sbx_…"
    )]
    Create {
        /// The runtime
        runtime: RuntimeName,
        /// The sandbox whose files, environment and limits it has; without it one is made, which goes when its time is over
        #[arg(long, value_name = "SANDBOX")]
        sandbox: Option<SandboxId>,
        /// How long a new sandbox lives
        #[arg(long, value_name = "N", default_value_t = 3_600, conflicts_with = "sandbox")]
        ttl_seconds: u64,
    },
    /// List those that you may see
    List {
        /// Only those of this sandbox
        #[arg(long, value_name = "SANDBOX")]
        sandbox: Option<SandboxId>,
    },
    /// Show its state
    Show {
        id: SessionId,
    },
    Run(Box<RunArgs>),
    /// Interrupt what runs in it, as the keyboard does
    Interrupt {
        id: SessionId,
    },
    /// Give it a fresh interpreter; what runs in it ends
    Restart {
        id: SessionId,
    },
    /// Copy what was done in it into new ones, which go separate ways from there
    #[command(after_help = "Example:\n  ringfence session fork ses_… --count 3")]
    Fork {
        id: SessionId,
        #[arg(long, value_name = "N", default_value_t = 1)]
        count: u32,
    },
    /// End it; its files stay in its sandbox
    Delete {
        id: SessionId,
    },
}

/// Run code in a session
///
/// Prints what the code prints, and exits with 1 if it failed, or with the code that it chose.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence session run ses_… 'x = 1'
  ringfence session run ses_… --file step.py --var n=3 --value
  echo 'print(x)' | ringfence session run ses_…")]
struct RunArgs {
    id: SessionId,
    /// The code; without it and without --file it is read from standard input
    #[arg(value_parser = super::exec::code, allow_hyphen_values = true)]
    code: Option<String>,
    /// Read the code from a file
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    file: Option<PathBuf>,
    /// Arguments of the code
    #[arg(last = true)]
    args: Vec<String>,
    /// Set a variable before the code runs; VALUE is JSON
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    var: Vec<Variable>,
    /// Print the value of the last expression after what the code prints
    #[arg(long)]
    value: bool,
    /// Let the code call a function of a component, as `tools.NAME`
    #[arg(long, value_name = "NAME=PROGRAM#FUNCTION", value_parser = tools::parse, help_heading = "Grants")]
    tool: Vec<ToolFlag>,
    #[command(flatten)]
    limits: LimitFlags,
}

pub(super) fn run(args: &SessionArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    if let Action::Run(call) = &args.action {
        return called(call, &client, args.json);
    }
    let text = super::block_on(done(&args.action, &client, args.json))??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn called(args: &RunArgs, client: &Client, json: bool) -> anyhow::Result<ExitCode> {
    let limits = args.limits.limits().map_err(EngineError::from)?;
    // One byte more than it takes, so that what is too long is told so.
    let snippet = snippet(args.code.as_deref(), args.file.as_deref(), &args.var, limits.args_bytes.saturating_add(1))?;
    let tools = args.tool.iter().map(|tool| Named::of(&tool.program)).collect::<Result<Vec<_>, _>>()?;
    let limits = args.limits.asked(true);
    let body = json!({"args": args.args, "limits": limits, "tools": exec_there::asked(&args.tool, &tools)});
    let body = exec_there::written(body, &snippet)?;
    let path = ["v1", "sessions", args.id.as_str(), "execute"];
    exec_there::told(client, &path, (&body, &tools), Shown { json, value: args.value })
}

async fn done(action: &Action, client: &Client, json: bool) -> anyhow::Result<String> {
    let shown = |session: &Value| if json { pretty(session) } else { Ok(line(session)) };
    let post = async |id: &SessionId, verb: &str| {
        client.json(Call::post(&["v1", "sessions", id.as_str(), verb]), Some(&json!({}))).await
    };
    Ok(match action {
        Action::Create { runtime, sandbox, ttl_seconds } => {
            shown(&create(client, runtime, sandbox.as_ref(), *ttl_seconds).await?)?
        }
        Action::List { sandbox } => {
            let filter: Vec<_> = sandbox.iter().map(|id| ("sandbox", id.as_str())).collect();
            let all = pages(client, &["v1", "sessions"], "sessions", &filter, u64::MAX).await?;
            if json { pretty(&json!({"sessions": all}))? } else { all.iter().map(line).collect() }
        }
        Action::Show { id } => {
            let session = client.json(Call::get(&["v1", "sessions", id.as_str()]), None).await?;
            if json { pretty(&session)? } else { words::fields(&session) }
        }
        Action::Interrupt { id } => shown(&post(id, "interrupt").await?)?,
        Action::Restart { id } => shown(&post(id, "restart").await?)?,
        Action::Fork { id, count } => {
            let body = json!({"count": count});
            let made = client.json(Call::post(&["v1", "sessions", id.as_str(), "fork"]), Some(&body)).await?;
            if json { pretty(&made)? } else { words::list(&made, "sessions").iter().map(line).collect() }
        }
        Action::Delete { id } => {
            client.json(Call::delete(&["v1", "sessions", id.as_str()]), None).await?;
            if json { json!({"deleted": id}).to_string() + "\n" } else { format!("{id} is gone\n") }
        }
        Action::Run(_) => String::new(),
    })
}

async fn create(
    client: &Client,
    runtime: &RuntimeName,
    given: Option<&SandboxId>,
    ttl_seconds: u64,
) -> anyhow::Result<Value> {
    let own = match given {
        Some(_) => None,
        None => {
            // An interpreter is no small program.
            let limits = json!({"preset": Preset::Medium.as_str()});
            Some(sandbox::create(client, &json!({"limits": limits, "ttl_seconds": ttl_seconds})).await?)
        }
    };
    let id = own.as_ref().map_or_else(|| given.map_or("", SandboxId::as_str), |own| words::text(own, "id"));
    let body = json!({"language": runtime.to_string(), "sandbox": id});
    let made = client.json(Call::post(&["v1", "sessions"]), Some(&body)).await;
    // A sandbox that was made for nothing goes at once.
    if made.is_err()
        && own.is_some()
        && let Ok(id) = id.parse()
    {
        sandbox::destroy(client, &id).await?;
    }
    Ok(made?)
}

fn line(session: &Value) -> String {
    let said = |name: &str| words::text(session, name);
    let calls = words::number(session, "calls");
    format!("{}  {}  {}  {calls} calls  {}\n", said("id"), said("language"), said("state"), said("sandbox"))
}
