use std::ffi::OsString;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::backends::BACKENDS;
use super::draft::{Unseen, Work, Worked};
use super::exit::{self, Mistake};
use super::limits::LimitFlags;
use super::mounts::MountFlags;
use super::serve::SettingsFlags;
use super::server::{ServerFlags, no_host_flags};
use super::{program, run_fenced, run_there, show, words, workspace};
use crate::app;
use crate::backends::{Backend as _, BackendName, Wasm};
use crate::config::Overrides;
use crate::engine::{Build, Entry, RunRequest, Stdin};
use crate::model::{Grants, Mode, Outcome, Report, Stream};
use crate::workspace::{DraftId, WorkspaceName};

/// Run a program in a fence: as a command, or one exported function with --call
///
/// It gets its arguments, clocks and randomness. Everything else it gets only if a flag says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence run hello.wasm -- world
  ringfence run calc.wasm --call add --args '[2, 3]'
  ringfence run indexer.wasm --dir ./src::/src:ro --dir ./out::/out --memory-bytes 64MiB
  ringfence run agent.wasm --dir .::/repo --fs-preset agent-safe --fs '/src/**:write'
  ringfence run agent.wasm --workspace site --fs-preset development
  ringfence run agent.wasm --limits small --deadline-ms 500 --json
  echo 'some text' | ringfence run filter.wasm --stdin
  ringfence run simulation.wasm --deterministic --seed 7
  ringfence run --backend process --dir ./src::/src:ro -- /usr/bin/wc -l /src/main.rs
  ringfence run --backend docker --set backends.docker.image=debian:stable -- cat /etc/debian_version
  ringfence run agent.wasm --server https://fence.example.org --workspace site")]
pub(super) struct RunArgs {
    /// A component, a preview-1 module, or the text of either; `-` for standard input; on a server also a digest
    #[arg(required_unless_present = "backend")]
    pub(super) file: Option<PathBuf>,
    /// Arguments of the command; with --backend process or docker the command itself and its arguments
    #[arg(last = true)]
    pub(super) command_args: Vec<String>,
    /// What fences it: wasm; process for a command of the machine, docker for one of an image; see `ringfence backends`
    #[arg(long, value_name = "NAME", help_heading = "Fence")]
    pub(super) backend: Option<BackendName>,
    #[command(flatten, next_help_heading = "Fence")]
    pub(super) settings: SettingsFlags,
    /// Run nothing unless this limit or rule is held for the whole run; may be given again
    #[arg(long, value_name = "NAME", help_heading = "Fence")]
    pub(super) require: Vec<String>,
    /// Call this exported function instead of running a command
    #[arg(long, value_name = "NAME", conflicts_with = "command_args")]
    pub(super) call: Option<String>,
    /// Arguments of the function: a JSON array in order, or an object by name
    #[arg(long, value_name = "JSON", requires = "call", value_parser = parse_json)]
    pub(super) args: Option<Value>,
    /// Work on a draft of a workspace, at /workspace or at GUEST; see `ringfence diff`, `apply` and `discard`
    #[arg(long, value_name = "NAME[::GUEST]", value_parser = workspace::parse_place::<WorkspaceName>, help_heading = "Grants")]
    pub(super) workspace: Option<(WorkspaceName, String)>,
    /// Go on in a draft that an earlier run left, at /workspace or at GUEST
    #[arg(long, value_name = "ID[::GUEST]", value_parser = workspace::parse_place::<DraftId>, conflicts_with = "workspace", help_heading = "Grants")]
    pub(super) draft: Option<(DraftId, String)>,
    #[command(flatten)]
    pub(super) mounts: MountFlags,
    /// Set a variable of the environment, which is empty otherwise; NAME alone takes the value it has here
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "Grants")]
    pub(super) env: Vec<String>,
    /// Let the guest read our standard input, as it comes
    #[arg(long, help_heading = "Grants")]
    pub(super) stdin: bool,
    /// Take away the clocks, and with them sleeping
    #[arg(long, help_heading = "Grants")]
    pub(super) no_clocks: bool,
    /// Take away randomness
    #[arg(long, help_heading = "Grants")]
    pub(super) no_randomness: bool,
    #[command(flatten)]
    pub(super) limits: LimitFlags,
    /// Give each run the same world: seeded randomness, stepped clocks, canonical NaNs
    #[arg(long)]
    pub(super) deterministic: bool,
    /// The seed of --deterministic
    #[arg(long, value_name = "N", default_value_t = 0, requires = "deterministic")]
    pub(super) seed: u64,
    /// Print the whole outcome as JSON when the run is over, instead of its output as it comes
    #[arg(long)]
    pub(super) json: bool,
}

impl RunArgs {
    /// The program, where it is one of WebAssembly.
    pub(super) fn file(&self) -> Result<&Path, Mistake> {
        self.file
            .as_deref()
            .ok_or_else(|| Mistake::NoEqual("--backend wasm runs WebAssembly: name its file".to_owned()))
    }
}

fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

pub(super) fn environment(given: &[String]) -> Result<Vec<(String, String)>, Mistake> {
    let pair = |text: &String| match text.split_once('=') {
        Some(("", _)) => Err(Mistake::EnvName(text.clone())),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => match crate::config::variable(text) {
            Some(value) => Ok((text.clone(), value)),
            None => Err(Mistake::EnvUnset(text.clone())),
        },
    };
    given.iter().map(pair).collect()
}

pub(super) fn run(args: &RunArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    if let Some(client) = to.named()? {
        no_host_flags(host)?;
        return run_there::run(args, &client, &run_there::Place::of(args)?);
    }
    let host = &args.settings.only(BACKENDS, host)?;
    match args.backend {
        Some(name @ (BackendName::Process | BackendName::Docker)) => return run_fenced::run(name, args, host),
        Some(BackendName::Wasm) | None => run_fenced::no_settings(BackendName::Wasm, args)?,
    }
    let limits = args.limits.limits().map_err(crate::engine::EngineError::from)?;
    let file = args.file()?;
    if args.stdin && file.as_os_str() == "-" {
        return Err(Mistake::StdinTwice.into());
    }
    let mode = if args.deterministic { Mode::Deterministic { seed: args.seed } } else { Mode::Ordinary };
    let grants = Grants {
        args: args.command_args.clone(),
        env: environment(&args.env)?,
        clocks: !args.no_clocks,
        randomness: !args.no_randomness,
    };
    let engine = app::engine(host, 1)?;
    super::block_on(Wasm::new(engine.clone()).standing())?.check(&args.require, &[])?;
    let bytes = program::read(file, engine.settings().module_bytes)?;
    let entry = match &args.call {
        Some(function) => {
            Entry::Call { function: function.clone(), args: args.args.clone().unwrap_or(Value::Array(Vec::new())) }
        }
        None => Entry::Command { name: program_name(file.file_name().map(OsString::from)) },
    };
    let draft = match (&args.workspace, &args.draft) {
        (Some((name, guest)), _) => Some(Work::start(name, guest, host)?),
        (None, Some((id, guest))) => Some(Work::go_on(id, guest, host)?),
        (None, None) => None,
    };
    let cancel = CancellationToken::new();
    let mut request = RunRequest::new(entry, limits, grants);
    request.mode = mode;
    request.mounts = args.mounts.mounts(draft.as_ref().and_then(Work::place))?;
    request.cancel = Some(cancel.clone());
    if args.stdin {
        request.stdin = Stdin::Live(Box::new(tokio::io::stdin()));
    }
    let writer = (!args.json).then(|| {
        let (printer, writer) = Printer::start();
        request.listener = Some(Arc::new(printer));
        writer
    });
    let report = super::block_on(async {
        let mut stop = tokio::spawn(interrupted());
        let build = Build::of(&request.limits, mode);
        let program = tokio::select! {
            loaded = program::load(&engine, bytes, build) => loaded?,
            // What compiles is ended with the future that waits for it.
            _ = &mut stop => return Ok(None),
        };
        until(stop, &cancel, engine.run(&program, request)).await.map(Some)
    })??;
    // The listener went with the request, so the writer ends when all is written.
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    match report {
        Some(report) => finish(args.json, &report, draft.map(Work::end).as_ref(), Map::new()),
        None => {
            show::complain("cancelled before the program was compiled", None);
            Ok(ExitCode::from(exit::of(&Outcome::Cancelled)))
        }
    }
}

/// What runs, which is told to end when a person asks for that.
pub(super) async fn until<T>(stop: impl Future, cancel: &CancellationToken, running: impl Future<Output = T>) -> T {
    let mut running = std::pin::pin!(running);
    tokio::select! {
        done = &mut running => return done,
        _ = stop => cancel.cancel(),
    }
    running.await
}

fn program_name(file: Option<OsString>) -> String {
    file.map_or_else(|| "program".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Ends when a person or a supervisor asks for the end; never, where that cannot be heard. It is listened for from the
/// moment of the call.
pub(super) fn interrupted() -> impl Future<Output = ()> + Send + 'static {
    let listen = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = listen else { return std::future::pending().await };
        tokio::select! {
            Some(()) = terminate.recv() => {}
            Some(()) = interrupt.recv() => {}
            else => std::future::pending().await,
        }
    }
}

/// As the guest wrote it, where it answered: a tree would make other numbers of large ones.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// Tells how a run ended; `more` is what else JSON says of it.
pub(super) fn finish(
    as_json: bool,
    report: &Report,
    worked: Option<&Worked>,
    mut more: Map<String, Value>,
) -> anyhow::Result<ExitCode> {
    // A draft that cannot be looked through must not take the report with it.
    let worked = worked.filter(|worked| worked.changes.as_ref().map_or(true, |changes| !changes.is_empty()));
    if as_json {
        if let Some(Worked { id, changes }) = worked {
            let draft = match changes {
                Ok(changes) => json!({"id": id, "changes": changes}),
                Err(Unseen { code, message }) => json!({"id": id, "error": {"code": code, "message": message}}),
            };
            more.insert("draft".into(), draft);
        }
        show::print(&format!("{}\n", serde_json::to_string_pretty(&Told { report, more })?))?;
    } else {
        if let Outcome::Returned { value } = &report.outcome {
            show::print(&format!("{value}\n"))?;
        }
        // How it ended, or what it was denied and lived on without: one line.
        if let Some(line) = show::end(report).or_else(|| show::denials(&report.denials)) {
            show::complain(&line, None);
        }
        match worked {
            Some(Worked { id, changes: Ok(changes) }) => {
                let what = words::summary(changes);
                show::complain(&format!("{id}: {what}; see `ringfence diff {id}`, then apply or discard it"), None);
            }
            Some(Worked { id, changes: Err(Unseen { code, message }) }) => {
                show::complain(&format!("{id} is kept, but cannot be looked through: {message}"), Some(code));
            }
            None => {}
        }
    }
    Ok(ExitCode::from(exit::of(&report.outcome)))
}

/// Carries output from the guest's thread to the one that writes: a slow terminal must not hold up the run. What
/// can be under way is bounded by the limits of the streams.
pub(super) struct Printer(Sender<(Stream, Vec<u8>)>);

impl Printer {
    /// The thread ends when all is written, after this is gone.
    pub(super) fn start() -> (Self, JoinHandle<()>) {
        let (printer, heard) = channel();
        (Self(printer), std::thread::spawn(move || print(&heard)))
    }

    pub(super) fn output(&self, stream: Stream, bytes: Vec<u8>) {
        // Nobody reads any more: the run goes on, its output is in the report.
        let _ = self.0.send((stream, bytes));
    }
}

impl crate::engine::OutputListener for Printer {
    fn output(&self, stream: Stream, bytes: &[u8]) {
        self.output(stream, bytes.to_vec());
    }
}

fn print(heard: &Receiver<(Stream, Vec<u8>)>) {
    fn write(mut to: impl Write, terminal: bool, bytes: &[u8]) -> std::io::Result<()> {
        if terminal {
            to.write_all(show::harmless(bytes).as_bytes())?;
        } else {
            to.write_all(bytes)?;
        }
        to.flush()
    }
    for (stream, bytes) in heard {
        let written = match stream {
            Stream::Stdout => write(std::io::stdout().lock(), std::io::stdout().is_terminal(), &bytes),
            Stream::Stderr => write(std::io::stderr().lock(), std::io::stderr().is_terminal(), &bytes),
        };
        if written.is_err() {
            return;
        }
    }
}
