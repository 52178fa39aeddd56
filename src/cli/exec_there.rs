use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::component::Named;
use super::exec::{ExecArgs, Shown, finished};
use super::exit;
use super::run::{environment, interrupted};
use super::run_there::{Ended, Printed, heard, more, stdin};
use super::tools::ToolFlag;
use super::{sandbox, show, words};
use crate::client::{Call, Client, Events};
use crate::engine::{EngineError, Snippet};
use crate::model::Outcome;

const EXECUTE: &[&str] = &["v1", "execute"];

/// The same on a server: with its runtimes, and with files of one of its workspaces, which are thrown away at the end.
pub(super) fn run(args: &ExecArgs, client: &Client) -> anyhow::Result<ExitCode> {
    let limits = args.limits.limits().map_err(EngineError::from)?;
    let tools = args.tool.iter().map(|tool| Named::of(&tool.program)).collect::<Result<Vec<_>, _>>()?;
    let body = body(args, &tools, args.snippet(limits.args_bytes.saturating_add(1))?, limits.stdin_bytes)?;
    told(client, EXECUTE, (&body, &tools), args.shown())
}

/// Asks for it and prints what it prints, as it comes.
pub(super) fn told(
    client: &Client,
    path: &[&str],
    (body, tools): (&Asked, &[Named]),
    shown: Shown,
) -> anyhow::Result<ExitCode> {
    let (printer, writer) = if shown.json { (None, None) } else { Some(Printed::start()).unzip() };
    let ended = super::block_on(async {
        let mut stop = Box::pin(interrupted());
        let events = tokio::select! {
            events = started(client, path, tools, body) => events?,
            () = &mut stop => return Ok(Ended::Left),
        };
        heard(client, events, printer, &mut stop, interrupted).await
    })?;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    match ended? {
        Ended::Report { report, run } => {
            let cut = words::list(&run, "cut");
            if !cut.is_empty() && !shown.json {
                show::complain(&words::cuts(cut), None);
            }
            finished(shown, &report, None, more(&run))
        }
        Ended::Left => {
            show::complain("cancelled before its end was known", None);
            Ok(ExitCode::from(exit::of(&Outcome::Cancelled)))
        }
    }
}

/// Asks for it, and submits the programs of its tools where the server does not know one.
async fn started(client: &Client, path: &[&str], tools: &[Named], body: &Asked) -> anyhow::Result<Events> {
    match client.events(Call::post(path), body).await {
        Err(error) if error.is_problem("no_component") => {
            for tool in tools.iter().filter(|tool| matches!(tool, Named::File { .. })) {
                tool.submit(client).await?;
            }
            Ok(client.events(Call::post(path), body).await?)
        }
        events => Ok(events?),
    }
}

fn body(args: &ExecArgs, tools: &[Named], snippet: Snippet, stdin_bytes: u64) -> anyhow::Result<Asked> {
    let mut body = match &args.workspace {
        Some((name, guest)) => sandbox::place(Some(name), guest, &args.mounts.rules_there(guest)?),
        None => {
            args.mounts.nothing_there("rules need files to hold for; add --workspace NAME")?;
            json!({})
        }
    };
    let env: BTreeMap<String, String> = environment(&args.env)?.into_iter().collect();
    let mut set = |name: &str, value: Value| body.as_object_mut().map(|fields| fields.insert(name.to_owned(), value));
    set("language", json!(args.runtime));
    set("args", json!(args.args));
    set("env", json!(env));
    set("limits", args.limits.asked(false));
    if !tools.is_empty() {
        set("tools", asked(&args.tool, tools));
    }
    if args.deterministic {
        set("deterministic", json!({"seed": args.seed}));
    }
    if args.stdin {
        set("stdin_base64", stdin(stdin_bytes)?);
    }
    Ok(written(body, &snippet)?)
}

/// Tools as a server is asked for them.
pub(super) fn asked(flags: &[ToolFlag], named: &[Named]) -> Value {
    let tool = |(tool, named): (&ToolFlag, &Named)| json!({"name": tool.name.as_str(), "component": named.digest(), "function": tool.function});
    flags.iter().zip(named).map(tool).collect()
}

/// What a server is asked to run.
#[derive(Serialize)]
pub(super) struct Asked {
    #[serde(flatten)]
    fields: Value,
    /// As they were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Box<RawValue>>,
}

/// Code with its name and variables, beside what else is asked.
pub(super) fn written(mut fields: Value, snippet: &Snippet) -> serde_json::Result<Asked> {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("code".to_owned(), json!(snippet.code));
        if !snippet.filename.is_empty() {
            fields.insert("filename".to_owned(), json!(snippet.filename));
        }
    }
    let is_given = !snippet.variables.is_empty();
    let variables = is_given.then(|| RawValue::from_string(snippet.variables.clone())).transpose()?;
    Ok(Asked { fields, variables })
}
