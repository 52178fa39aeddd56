use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::draft::{Work, Worked};
use super::exit::{self, Mistake};
use super::limits::LimitFlags;
use super::mounts::MountFlags;
use super::run::{Printer, environment, finish, interrupted, until};
use super::server::{ServerFlags, no_host_flags};
use super::tools::{self, ToolFlag};
use super::{exec_there, program, show, workspace};
use crate::app;
use crate::config::Overrides;
use crate::engine::{Build, EngineError, Entry, RunRequest, Snippet, Stdin};
use crate::model::{Answer, Grants, Mode, Outcome, Report};
use crate::runtimes::{Runtime, RuntimeName, Shelf};
use crate::workspace::WorkspaceName;

/// Run a snippet of Python, JavaScript or another language that a runtime is there for, in a fence
///
/// Prints what the snippet prints, and exits with 1 if it failed, or with the code that it chose.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence exec python 'print(1 + 1)'
  ringfence exec python '-7 // 2' --value
  ringfence exec python --file report.py --dir ./data::/workspace:ro -- --year 2026
  echo 'console.log(2 ** 10)' | ringfence exec javascript
  ringfence exec python 'sum(prices)' --var prices='[1, 2, 3]' --value
  ringfence exec python 'open(\"/workspace/.env\")' --workspace site --fs-preset agent-safe
  ringfence exec python 'from ringfence import tools; print(tools.add(a=1, b=2))' --tool add=./sum.wasm#add
  ringfence exec python 'while True: pass' --deadline-ms 200 --json
  ringfence exec python 'print(1)' --server https://fence.example.org")]
pub(super) struct ExecArgs {
    /// The runtime: `ringfence runtime list` names them
    pub(super) runtime: RuntimeName,
    /// The code; without it and without --file it is read from standard input. It may begin with `-`, where it is not
    /// one word as an option is
    #[arg(value_parser = code, allow_hyphen_values = true)]
    pub(super) code: Option<String>,
    /// Read the code from a file
    #[arg(long, value_name = "FILE", conflicts_with = "code")]
    pub(super) file: Option<PathBuf>,
    /// Arguments of the snippet
    #[arg(last = true)]
    pub(super) args: Vec<String>,
    /// Set a variable before the code runs; VALUE is JSON
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(super) var: Vec<Variable>,
    /// Print the value of the last expression after what the snippet prints
    #[arg(long)]
    pub(super) value: bool,
    /// Let the snippet read our standard input, as it comes
    #[arg(long, help_heading = "Grants")]
    pub(super) stdin: bool,
    /// Work on a draft of a workspace, at /workspace or at GUEST; see `ringfence diff`, `apply` and `discard`
    #[arg(long, value_name = "NAME[::GUEST]", value_parser = workspace::parse_place::<WorkspaceName>, help_heading = "Grants")]
    pub(super) workspace: Option<(WorkspaceName, String)>,
    #[command(flatten)]
    pub(super) mounts: MountFlags,
    /// Set a variable of the environment, which is empty otherwise; NAME alone takes the value it has here
    #[arg(long, value_name = "NAME[=VALUE]", help_heading = "Grants")]
    pub(super) env: Vec<String>,
    /// Let the code call an exported function of a program, by NAME; with --server the program may be a digest
    #[arg(long, value_name = "NAME=PROGRAM#FUNCTION", value_parser = tools::parse, conflicts_with = "deterministic", help_heading = "Grants")]
    pub(super) tool: Vec<ToolFlag>,
    #[command(flatten)]
    pub(super) limits: LimitFlags,
    /// Give each run the same world: seeded randomness, stepped clocks
    #[arg(long)]
    pub(super) deterministic: bool,
    /// The seed of --deterministic
    #[arg(long, value_name = "N", default_value_t = 0, requires = "deterministic")]
    pub(super) seed: u64,
    /// Print the whole outcome as JSON when the snippet is over, instead of its output as it comes
    #[arg(long)]
    pub(super) json: bool,
}

/// The most bytes of each form of a value.
pub(super) const VALUE_BYTES: u32 = 256 << 10;

/// Code, and no option that was written wrong: that must not be run as code.
pub(super) fn code(text: &str) -> Result<String, String> {
    let word = text.trim_start_matches('-');
    let name = word.split_once('=').map_or(word, |(name, _)| name);
    let is_option = word.len() < text.len()
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_option {
        return Err(format!(
            "there is no option `{text}`; if it is code, write it in brackets, `({text})`, or give a --file"
        ));
    }
    Ok(text.to_owned())
}

/// A name and its JSON as it was written: a tree would make another number of a large one.
pub(super) type Variable = (String, Box<RawValue>);

pub(super) fn variable(text: &str) -> Result<Variable, String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, with VALUE as JSON")?;
    let value = serde_json::from_str(value).map_err(|error| format!("the value of {name} is not JSON: {error}"))?;
    Ok((name.to_owned(), value))
}

impl ExecArgs {
    pub(super) fn shown(&self) -> Shown {
        Shown { json: self.json, value: self.value }
    }

    pub(super) fn snippet(&self, most: u64) -> anyhow::Result<Snippet> {
        if self.stdin && self.code.is_none() && self.file.is_none() {
            return Err(Mistake::StdinTwice.into());
        }
        snippet(self.code.as_deref(), self.file.as_deref(), &self.var, most)
    }
}

/// The code that is given, that of a file, or what standard input has.
pub(super) fn snippet(
    code: Option<&str>,
    file: Option<&Path>,
    given: &[Variable],
    most: u64,
) -> anyhow::Result<Snippet> {
    let (code, filename) = match (code, file) {
        (Some(code), _) => (code.to_owned(), String::new()),
        (None, Some(file)) => {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            (text(program::read(file, most)?)?, name)
        }
        (None, None) => {
            let mut bytes = Vec::new();
            let from = |reason| Mistake::File { file: "-".into(), reason };
            std::io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(from)?;
            (text(bytes)?, String::new())
        }
    };
    Ok(Snippet { code, filename, variables: variables(given)?, value_bytes: VALUE_BYTES })
}

/// All of them as one object. Of two with one name the later holds.
pub(super) fn variables(given: &[Variable]) -> serde_json::Result<String> {
    let all: BTreeMap<&str, &RawValue> = given.iter().map(|(name, value)| (name.as_str(), &**value)).collect();
    if all.is_empty() { Ok(String::new()) } else { serde_json::to_string(&all) }
}

pub(super) fn text(bytes: Vec<u8>) -> anyhow::Result<String> {
    let wrong = |_| std::io::Error::new(std::io::ErrorKind::InvalidData, "the code is no text in UTF-8");
    let file = "the code".to_owned();
    Ok(String::from_utf8(bytes).map_err(wrong).map_err(|reason| Mistake::File { file, reason })?)
}

pub(super) fn run(args: &ExecArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    if let Some(client) = to.named()? {
        no_host_flags(host)?;
        return exec_there::run(args, &client);
    }
    let limits = args.limits.limits().map_err(EngineError::from)?;
    let mode = if args.deterministic { Mode::Deterministic { seed: args.seed } } else { Mode::Ordinary };
    let shelf = app::runtimes(host)?;
    let runtime = shelf.find(&args.runtime)?;
    // Each call of a tool is a run beside this one.
    let engine = app::engine(host, 1 + u32::from(!args.tool.is_empty()))?;
    // One byte more than a run takes, so that what is too long is told so.
    let snippet = args.snippet(limits.args_bytes.saturating_add(1))?;
    let grants = Grants { args: args.args.clone(), env: environment(&args.env)?, clocks: true, randomness: true };
    let draft = match &args.workspace {
        Some((name, guest)) => Some(Work::start(name, guest, host)?),
        None => None,
    };
    let cancel = CancellationToken::new();
    let mut request = RunRequest::new(Entry::Snippet(snippet), limits, grants);
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
        let bytes = kept(shelf, runtime).await?;
        let program = tokio::select! {
            loaded = program::load(&engine, bytes, build) => loaded?,
            _ = &mut stop => return Ok(None),
        };
        if !args.tool.is_empty() {
            let tools = tokio::select! {
                loaded = tools::Here::load(&engine, &args.tool, request.limits.deadline_ms) => loaded?,
                _ = &mut stop => return Ok(None),
            };
            request.tools = Some(Arc::new(tools));
        }
        anyhow::Ok(Some(until(stop, &cancel, engine.run(&program, request)).await?))
    })??;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    let Some(report) = report else {
        show::complain("cancelled before the runtime was compiled", None);
        return Ok(ExitCode::from(exit::of(&Outcome::Cancelled)));
    };
    finished(args.shown(), &report, draft.map(Work::end).as_ref(), Map::new())
}

/// What of a snippet is printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) json: bool,
    pub(super) value: bool,
}

/// Tells how it ended; `more` is what else JSON says of it.
pub(super) fn finished(
    shown: Shown,
    report: &Report,
    worked: Option<&Worked>,
    more: Map<String, Value>,
) -> anyhow::Result<ExitCode> {
    if let Outcome::Answered { answer, .. } = &report.outcome {
        tell(shown, &serde_json::from_str(answer.text())?)?;
    }
    finish(shown.json, report, worked, more)
}

pub(super) async fn kept(shelf: Shelf, runtime: Runtime) -> anyhow::Result<Vec<u8>> {
    Ok(tokio::task::spawn_blocking(move || shelf.bytes(&runtime)).await??)
}

fn tell(shown: Shown, answer: &Answer) -> anyhow::Result<()> {
    if shown.json {
        return Ok(());
    }
    if let Some(error) = &answer.error {
        show::explain(&error.traceback)?;
    }
    match &answer.value {
        Some(value) if shown.value => Ok(show::print(&format!("{}\n", value.text))?),
        _ => Ok(()),
    }
}
