use std::collections::BTreeMap;
use std::io::Read as _;
use std::pin::Pin;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::component::Named;
use super::draft::{Unseen, Worked};
use super::exit::{self, Mistake};
use super::run::{Printer, RunArgs, environment, finish, interrupted};
use super::{run_fenced, sandbox, show, words};
use crate::backends::BackendName;
use crate::client::{Call, Client, ClientError, Event, Events, Problem};
use crate::fs_policy::Rules;
use crate::model::Stream;
use crate::model::{Json, LimitName, Outcome, Report, RunId, SandboxId};
use crate::workspace::WorkspaceName;

/// How long a server may take to write down that a run was ended, and how often it is asked.
const TOLD: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);
/// How long a draft waits to be looked at, besides the time of the run.
const DRAFT_SECONDS: u64 = 3_600;

/// The files that a run on a server works on.
pub(super) enum Place {
    None,
    /// A new sandbox with a draft of a workspace.
    Workspace {
        name: WorkspaceName,
        guest: String,
        rules: Rules,
    },
    /// A sandbox that is there; where its files are must be where they were expected, if that was said.
    Sandbox {
        id: SandboxId,
        guest: Option<String>,
    },
}

impl Place {
    pub(super) fn of(args: &RunArgs) -> anyhow::Result<Self> {
        if let Some((name, guest)) = &args.workspace {
            let rules = args.mounts.rules_there(guest)?;
            return Ok(Place::Workspace { name: name.clone(), guest: guest.clone(), rules });
        }
        if let Some((id, guest)) = &args.draft {
            args.mounts.nothing_there("a sandbox has the rules that it was made with; leave it out")?;
            let what = format!("--draft {id}: drafts of a server lie in sandboxes; write sbx_…");
            let id = id.as_str().parse().map_err(|_| Mistake::Draft(what))?;
            return Ok(Place::Sandbox { id, guest: (guest != "/workspace").then(|| guest.clone()) });
        }
        args.mounts.nothing_there("rules need files to hold for; add --workspace NAME")?;
        Ok(Place::None)
    }

    /// For a run in a sandbox that was named as such.
    pub(super) fn sandbox(id: SandboxId, args: &RunArgs) -> anyhow::Result<Self> {
        if args.workspace.is_some() || args.draft.is_some() {
            let what = "--workspace and --draft: the files are those of the sandbox; leave them out";
            return Err(Mistake::Draft(what.to_owned()).into());
        }
        args.mounts.nothing_there("a sandbox has the rules that it was made with; leave it out")?;
        Ok(Place::Sandbox { id, guest: None })
    }
}

/// What became of it.
pub(super) enum Ended {
    Report {
        report: Box<Report>,
        run: Value,
    },
    /// A person took it back before the server had begun, or did not wait for its end.
    Left,
}

pub(super) fn run(args: &RunArgs, client: &Client, place: &Place) -> anyhow::Result<ExitCode> {
    let limits = args.limits.limits().map_err(crate::engine::EngineError::from)?;
    if args.settings.is_given() {
        let what = "--set and --config choose fences of this machine; a server has settings of its own";
        return Err(Mistake::NoEqual(what.to_owned()).into());
    }
    let program = asked(args)?;
    let body = body(args, program.as_ref(), matches!(place, Place::Sandbox { .. }), limits.get(LimitName::StdinBytes))?;
    let (printer, writer) = if args.json { (None, None) } else { Some(Printed::start()).unzip() };
    let done = super::block_on(async {
        let mut stop = Box::pin(interrupted());
        let seconds = limits.get(LimitName::DeadlineMs) / 1_000 + DRAFT_SECONDS;
        let (sandbox, made) = tokio::select! {
            entered = entered(client, place, &body, seconds) => entered?,
            () = &mut stop => return Ok((Ended::Left, None)),
        };
        let started = async {
            let events = started(client, program.as_ref(), sandbox.as_ref(), &body).await?;
            Ok::<_, anyhow::Error>(Some(events))
        };
        let ended = tokio::select! {
            events = started => match events {
                Ok(Some(events)) => heard(client, events, printer, &mut stop, interrupted).await,
                Ok(None) => Ok(Ended::Left),
                Err(error) => Err(error),
            },
            // Whoever goes away while it is asked for has asked for nothing.
            () = &mut stop => Ok(Ended::Left),
        };
        stop.as_mut().set(interrupted());
        let worked = match sandbox {
            Some(id) => tokio::select! {
                worked = left(client, &id, made, matches!(ended, Ok(Ended::Report { .. }))) => worked,
                () = &mut stop => None,
            },
            None => None,
        };
        Ok::<_, anyhow::Error>((ended?, worked))
    })?;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    let (ended, worked) = done?;
    match ended {
        Ended::Report { report, run } => {
            let cut = words::list(&run, "cut");
            if !cut.is_empty() && !args.json {
                show::complain(&words::cuts(cut), None);
            }
            finish(args.json, &report, worked.as_ref(), more(&run))
        }
        Ended::Left => {
            show::complain("cancelled before its end was known", None);
            Ok(ExitCode::from(exit::of(&Outcome::Cancelled)))
        }
    }
}

/// The program; none of ours, where a backend is to run a command of its machine.
fn asked(args: &RunArgs) -> anyhow::Result<Option<Named>> {
    if let Some(name) = args.backend.filter(|name| *name != BackendName::Wasm) {
        run_fenced::only_a_command(name, args)?;
        return if args.command_args.is_empty() { Err(run_fenced::no_command(name).into()) } else { Ok(None) };
    }
    let file = args.file()?;
    if args.stdin && file.as_os_str() == "-" {
        return Err(Mistake::StdinTwice.into());
    }
    Ok(Some(Named::of(file)?))
}

fn body(args: &RunArgs, program: Option<&Named>, sandbox: bool, stdin_bytes: u64) -> anyhow::Result<Value> {
    let env: BTreeMap<String, String> = environment(&args.env)?.into_iter().collect();
    let mut body = json!({"env": env, "limits": args.limits.asked(sandbox)});
    let mut set = |name: &str, value: Value| body.as_object_mut().map(|fields| fields.insert(name.to_owned(), value));
    if let Some(program) = program {
        set("component", json!(program.digest()));
    }
    if let Some(backend) = args.backend {
        set("backend", json!(backend));
    }
    if !args.require.is_empty() {
        set("require", json!(args.require));
    }
    match &args.call {
        Some(function) => {
            set("function", json!(function));
            set("args", args.args.clone().unwrap_or_else(|| json!([])));
        }
        None => {
            set("command", json!(args.command_args));
        }
    }
    if args.no_clocks {
        set("clocks", json!(false));
    }
    if args.no_randomness {
        set("randomness", json!(false));
    }
    if args.deterministic {
        set("deterministic", json!({"seed": args.seed}));
    }
    if args.stdin {
        set("stdin_base64", stdin(stdin_bytes)?);
    }
    Ok(body)
}

/// What standard input has, as a server is given it.
pub(super) fn stdin(most: u64) -> anyhow::Result<Value> {
    let mut input = Vec::new();
    let failed = |reason| Mistake::File { file: "standard input".to_owned(), reason };
    // One more than the limit: that it is too much is for the server to say.
    std::io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut input).map_err(failed)?;
    Ok(json!(STANDARD.encode(&input)))
}

/// The sandbox that it runs in, and whether it was made for it.
async fn entered(
    client: &Client,
    place: &Place,
    run: &Value,
    ttl_seconds: u64,
) -> anyhow::Result<(Option<SandboxId>, bool)> {
    match place {
        Place::None => Ok((None, false)),
        Place::Workspace { name, guest, rules } => {
            let mut body = sandbox::place(Some(name), guest, rules);
            if let Some(fields) = body.as_object_mut() {
                fields.insert("limits".to_owned(), run.get("limits").cloned().unwrap_or_default());
                fields.insert("labels".to_owned(), json!({sandbox::MADE_BY.0: sandbox::MADE_BY.1}));
                fields.insert("ttl_seconds".to_owned(), json!(ttl_seconds));
            }
            let made = sandbox::create(client, &body).await?;
            Ok((Some(words::text(&made, "id").parse()?), true))
        }
        Place::Sandbox { id, guest } => {
            if let Some(guest) = guest {
                let there = sandbox::get(client, id).await?;
                let at = words::text(&there, "at");
                if at != guest {
                    return Err(Mistake::Draft(format!("the files of {id} are at {at}, not at {guest}")).into());
                }
            }
            Ok((Some(id.clone()), false))
        }
    }
}

/// Asks for the run, and submits the program where the server does not know it.
async fn started(
    client: &Client,
    program: Option<&Named>,
    sandbox: Option<&SandboxId>,
    body: &Value,
) -> anyhow::Result<Events> {
    let steps = match sandbox {
        Some(id) => vec!["v1", "sandboxes", id.as_str(), "runs"],
        None => vec!["v1", "runs"],
    };
    match (client.events(Call::post(&steps), body).await, program) {
        (Err(error), Some(program)) if error.is_problem("no_component") => {
            program.submit(client).await?;
            Ok(client.events(Call::post(&steps), body).await?)
        }
        (events, _) => Ok(events?),
    }
}

/// Hears a run to its end, and ends it when a person says so. The second time nothing is waited for.
pub(super) async fn heard<Stop: Future<Output = ()>>(
    client: &Client,
    mut events: Events,
    mut printer: Option<Printed>,
    stop: &mut Pin<Box<Stop>>,
    again: impl Fn() -> Stop,
) -> anyhow::Result<Ended> {
    let mut id: Option<RunId> = None;
    let (mut ended, mut written) = (None, [Vec::new(), Vec::new()]);
    loop {
        let event = tokio::select! {
            event = events.next() => event?,
            () = &mut *stop => {
                // Going away is what ends it, also where it is written down nowhere yet.
                drop(events);
                let Some(id) = id else { return Ok(Ended::Left) };
                stop.as_mut().set(again());
                return tokio::select! {
                    told = told(client, &id) => recorded(client, told, printer),
                    () = &mut *stop => Ok(Ended::Left),
                };
            }
        };
        let Some(Event { name, data, text }) = event else {
            return ended.ok_or_else(|| {
                let reason = "the connection ended before the run did".to_owned();
                ClientError::Unreachable { server: client.server().to_string(), reason }.into()
            });
        };
        match name.as_str() {
            "started" => id = words::text(&data, "id").parse().ok(),
            "stdout" | "stderr" => {
                let stream = if name == "stdout" { Stream::Stdout } else { Stream::Stderr };
                match (&mut printer, &mut written, stream) {
                    (Some(printer), _, _) => printer.output(stream, piece(&data)),
                    (None, [stdout, _], Stream::Stdout) => stdout.append(&mut piece(&data)),
                    (None, [_, stderr], Stream::Stderr) => stderr.append(&mut piece(&data)),
                }
            }
            "result" => {
                let mut report = report(client, &data)?;
                as_it_was_sent(&mut report, &text)?;
                [report.stdout.bytes, report.stderr.bytes] = std::mem::take(&mut written);
                let mut run = data;
                // Of the event, not of the run.
                run.as_object_mut().map(|run| run.remove("seq"));
                ended = Some(Ended::Report { report: Box::new(report), run });
            }
            "error" => return Err(failure(&data).into()),
            _ => {}
        }
    }
}

/// What the server writes down of a run that was taken back, where it does so soon.
async fn told(client: &Client, id: &RunId) -> Option<Value> {
    let steps = ["v1", "runs", id.as_str()];
    let ended = async {
        loop {
            match client.json(Call::get(&steps), None).await {
                Ok(run) if words::text(&run, "state") == "ended" => return run,
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    };
    tokio::time::timeout(TOLD, ended).await.ok()
}

fn recorded(client: &Client, run: Option<Value>, printer: Option<Printed>) -> anyhow::Result<Ended> {
    let Some(run) = run.filter(|run| run.get("outcome").is_some()) else { return Ok(Ended::Left) };
    let report = report(client, &run)?;
    if let Some(mut printer) = printer {
        printer.rest(Stream::Stdout, &report.stdout.bytes);
        printer.rest(Stream::Stderr, &report.stderr.bytes);
    }
    Ok(Ended::Report { report: Box::new(report), run })
}

/// Output as it comes, and how much of it there was.
pub(super) struct Printed {
    printer: Printer,
    stdout: usize,
    stderr: usize,
}

impl Printed {
    pub(super) fn start() -> (Self, JoinHandle<()>) {
        let (printer, writer) = Printer::start();
        (Self { printer, stdout: 0, stderr: 0 }, writer)
    }

    fn output(&mut self, stream: Stream, bytes: Vec<u8>) {
        *self.count(stream) += bytes.len();
        self.printer.output(stream, bytes);
    }

    /// What was written and did not come.
    fn rest(&mut self, stream: Stream, whole: &[u8]) {
        let rest = whole.get(*self.count(stream)..).unwrap_or_default().to_vec();
        self.output(stream, rest);
    }

    fn count(&mut self, stream: Stream) -> &mut usize {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

fn piece(data: &Value) -> Vec<u8> {
    match data.get("text").and_then(Value::as_str) {
        Some(text) => text.as_bytes().to_vec(),
        None => STANDARD.decode(words::text(data, "base64")).unwrap_or_default(),
    }
}

/// The report as it would be here, out of what the server says of a run.
fn report(client: &Client, run: &Value) -> Result<Report, ClientError> {
    let field = |name: &str, otherwise: Value| run.get(name).cloned().unwrap_or(otherwise);
    // At the end of a stream it is not told again what was written.
    let stream = |name: &str| {
        let mut told = field(name, json!({"truncated": false}));
        if let Some(told) = told.as_object_mut().filter(|told| !told.contains_key("base64")) {
            told.entry("text").or_insert_with(|| json!(""));
        }
        told
    };
    let report = json!({
        "outcome": field("outcome", Value::Null), "usage": field("usage", Value::Null),
        "stdout": stream("stdout"), "stderr": stream("stderr"), "denials": field("denials", json!([])),
    });
    serde_json::from_value(report).map_err(|error| ClientError::Strange {
        server: client.server().to_string(),
        what: format!("a result that is none ({error})"),
    })
}

/// An answer keeps all digits of its numbers, which are a guest's.
fn as_it_was_sent(report: &mut Report, text: &str) -> serde_json::Result<()> {
    #[derive(serde::Deserialize)]
    struct Told {
        outcome: HowItEnded,
    }
    #[derive(serde::Deserialize)]
    struct HowItEnded {
        answer: Option<Box<RawValue>>,
    }
    if let Outcome::Answered { answer, .. } = &mut report.outcome
        && let Some(raw) = serde_json::from_str::<Told>(text)?.outcome.answer
    {
        *answer = Json::of(raw);
    }
    Ok(())
}

/// Codes of the server's own trouble; all others are of what was asked for.
const ITS_OWN: [&str; 9] = [
    "busy",
    "internal",
    "store_unavailable",
    "service_stopped",
    "stopping",
    "engine_unavailable",
    "compiler_unavailable",
    "cache_unusable",
    "write_back_failed",
];

/// Why it was not run at all.
fn failure(run: &Value) -> ClientError {
    let failure = run.get("failure").unwrap_or(&Value::Null);
    let code = words::text(failure, "code").to_owned();
    let status = if code.is_empty() || ITS_OWN.contains(&code.as_str()) { 500 } else { 422 };
    ClientError::Problem(Problem {
        status,
        code,
        detail: words::text(failure, "message").to_owned(),
        ..Problem::default()
    })
}

/// What is left in a sandbox when the run is over. One that was made for the run goes, where nothing changed in it.
async fn left(client: &Client, id: &SandboxId, made: bool, ran: bool) -> Option<Worked> {
    let changes = sandbox::changes(client, id, false).await;
    let nothing = changes.as_ref().is_ok_and(Vec::is_empty);
    if made && (nothing || !ran) {
        // Its time is over in an hour, if this is not heard.
        let _ = sandbox::destroy(client, id).await;
        return None;
    }
    let changes = changes.map_err(|error| Unseen { code: error.code().to_owned(), message: error.to_string() });
    Some(Worked { id: id.to_string(), changes })
}

/// What only a server says of a run.
pub(super) fn more(run: &Value) -> Map<String, Value> {
    let named = |(to, from): (&str, &str)| Some((to.to_owned(), run.get(from)?.clone()));
    let same = ["backend", "component", "fence", "sandbox", "session", "cut"].map(|name| (name, name));
    [("run", "id")].into_iter().chain(same).filter_map(named).collect()
}
