use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wasmtime::component::Val;

use super::error::{CallError, EngineError};
use super::fence::Fence;
use super::grants::fs::Mount;
use super::grants::input::{self, Stdin};
use super::grants::tools::Tools;
use super::meter::LimitHit;
use super::open::{Open, micros};
use super::outcome::{self, Ended};
use super::program::{Function, Program};
use super::saved::Saved;
use super::snapshot::Keep;
use super::snippet::{self, Snippet};
use super::values::{self, Unread, Unwritten};
use super::watch::{Watch, thread_time};
use crate::model::{Grants, Json, LimitName, Limits, Mode, Outcome, Report, Room, Stream, Usage};

/// JSON up to this length is read where the run is; a fraction of a millisecond.
const SHORT_JSON: usize = 64 << 10;
/// Turns of writing a result before it goes elsewhere; the same.
const SHORT_TURNS: usize = 8;

/// What of the program is run.
#[derive(Debug, Clone)]
pub enum Entry {
    /// `wasi:cli/run`, with the granted arguments after the name given here.
    Command { name: String },
    /// An exported function, with JSON arguments: an array in order or an object by name.
    Call { function: String, args: Value },
    /// Code in the language of a program that is a runtime.
    Snippet(Snippet),
}

/// Everything that one run is given.
pub struct RunRequest {
    pub entry: Entry,
    pub limits: Limits,
    pub grants: Grants,
    /// Folders, each under a name of the guest's and with rules of its own.
    pub mounts: Vec<Mount>,
    pub mode: Mode,
    pub stdin: Stdin,
    /// Told of output as it comes.
    pub listener: Option<Arc<dyn OutputListener>>,
    /// Ends the run when its caller has gone away.
    pub cancel: Option<CancellationToken>,
    /// Asks a language runtime to end its snippet by itself, as an interrupt of the keyboard does; it may not hear it.
    pub interrupt: Option<CancellationToken>,
    /// What a runtime may call.
    pub tools: Option<Arc<dyn Tools>>,
    /// Asked before anything is written or made in a mount, besides the run's own limits.
    pub room: Option<Arc<dyn Room>>,
    /// Where a snippet goes on from, where it is not to begin afresh.
    pub state: Option<Arc<Saved>>,
    /// Whether the instance goes with this run: no session calls it again, and nothing of it is kept. The engine says so.
    pub last: bool,
    /// Whether a runtime is made of what this run leaves behind. The engine says so.
    pub set_up: bool,
}

impl RunRequest {
    /// A run with no grants but those given, no input, and nobody who listens.
    pub fn new(entry: Entry, limits: Limits, grants: Grants) -> Self {
        Self {
            entry,
            limits,
            grants,
            mounts: Vec::new(),
            mode: Mode::Ordinary,
            stdin: Stdin::Empty,
            listener: None,
            cancel: None,
            interrupt: None,
            tools: None,
            room: None,
            state: None,
            last: false,
            set_up: false,
        }
    }
}

/// Hears what a guest writes while it writes it. It is called on the guest's thread and must not block; what it
/// hears in all is bounded by `stdout_bytes` and `stderr_bytes`.
pub trait OutputListener: Send + Sync {
    fn output(&self, stream: Stream, bytes: &[u8]);
}

impl<F: Fn(Stream, &[u8]) + Send + Sync> OutputListener for F {
    fn output(&self, stream: Stream, bytes: &[u8]) {
        self(stream, bytes);
    }
}

/// Runs once, in a fresh instance, and returns when nothing of it is left, but for the state that is to be kept of a snippet.
pub(super) async fn run(
    fence: &Fence,
    program: &Program,
    mut request: RunRequest,
    disk_reserve_bytes: u64,
    keep: Option<&mut Keep>,
) -> Result<Report, EngineError> {
    request.last = keep.is_none();
    request.set_up = keep.as_ref().is_some_and(|keep| keep.whole);
    turn(fence, program, &mut None, request, disk_reserve_bytes, keep).await
}

/// Calls what is to be called, in the instance that is open or in a fresh one. Only one that has answered whole is left open.
pub(super) async fn turn(
    fence: &Fence,
    program: &Program,
    kept: &mut Option<Open>,
    mut request: RunRequest,
    disk_reserve_bytes: u64,
    keep: Option<&mut Keep>,
) -> Result<Report, EngineError> {
    let start = Instant::now();
    let limits = request.limits.clone();
    limits.check()?;
    let state = request.state.take();
    if let Some(saved) = &state {
        saved.check(program)?;
    }
    // Another engine's program would run without the heart that holds its deadline.
    let ours = wasmtime::Engine::same(program.pre.engine(), &fence.engine);
    if !ours || !program.build().fits(&limits, request.mode) {
        return Err(CallError::OtherBuild.into());
    }
    let deadline = start + Duration::from_millis(limits.deadline_ms);
    if let Err(hit) = check_input(&limits, &request.grants, &request.entry, &request.stdin) {
        return Ok(never_started(hit, start));
    }
    let is_command = matches!(request.entry, Entry::Command { .. });
    let is_snippet = matches!(request.entry, Entry::Snippet(_));
    let mut calls = Vec::new();
    for (function, args) in wanted(program, &mut request, kept.is_none())? {
        match read_arguments(function, args, limits.hostcall_bytes).await? {
            Ok(params) => calls.push((function, params)),
            Err(hit) => return Ok(never_started(hit, start)),
        }
    }
    let Some((function, _)) = calls.last() else {
        return Err(EngineError::Internal("nothing is to be called".into()));
    };
    let function = *function;
    if let (Mode::Deterministic { .. }, Stdin::Live(_)) = (request.mode, &request.stdin) {
        // When input comes would be seen; so it is all there before the run begins.
        let Stdin::Live(live) = std::mem::take(&mut request.stdin) else { return Ok(late(&limits, start)) };
        request.stdin = match input::whole(live, limits.stdin_bytes, deadline).await {
            Ok(Some(bytes)) => Stdin::Bytes(bytes),
            Ok(None) => return Ok(late(&limits, start)),
            Err(hit) => return Ok(never_started(hit, start)),
        };
    }

    let cancel = request.cancel.take();
    // Whoever gives up waiting, or fails from here on, leaves nothing half called behind.
    let mut open = match kept.take() {
        Some(mut open) => open.renew(request).map(|()| open)?,
        None => Open::fresh(fence, request, disk_reserve_bytes)?,
    };
    let mut watch = Watch::new(start, deadline, cancel);
    let end = watch.over(open.call(program, &calls, state.as_deref())).await;

    let mut outcome = match outcome::of(end, &open.store, is_command)? {
        Ended::Is(outcome) => outcome,
        Ended::Returned(value) => {
            let before = thread_time();
            let (outcome, elsewhere) = returned(function, value, &limits, start).await?;
            watch.cpu += thread_time().saturating_sub(before).saturating_add(elsewhere);
            match outcome {
                Outcome::Returned { value } if is_snippet => snippet::answered(&value)
                    .map_err(|error| EngineError::Internal(format!("the runtime gave no answer: {error}")))?,
                outcome => outcome,
            }
        }
    };
    if let (Some(keep), Outcome::Answered { code: 0, .. }) = (keep, &outcome) {
        let end = watch.over(open.settled(program, fence, keep)).await;
        if let (Ended::Is(other), false) = (outcome::of(end, &open.store, false)?, keep.saved.is_some()) {
            outcome = other;
        }
    }
    let usage = open.usage(&limits, start.elapsed(), watch.cpu);
    let (stdout, stderr, denials) = open.told();
    // One that was ended in the middle of a call cannot be called again.
    *kept = matches!(outcome, Outcome::Answered { .. }).then_some(open);
    Ok(Report { outcome, usage, stdout, stderr, denials })
}

/// What is called, in order, and with what. A fresh runtime is told first what it starts with.
fn wanted<'a>(
    program: &'a Program,
    request: &mut RunRequest,
    fresh: bool,
) -> Result<Vec<(&'a Function, Value)>, EngineError> {
    Ok(match &mut request.entry {
        Entry::Command { .. } => vec![(program.command()?, Value::Array(Vec::new()))],
        Entry::Call { function, args } => vec![(program.function(function)?, args.take())],
        Entry::Snippet(snippet) => {
            let execute = (program.runtime(snippet::EXECUTE)?, snippet.arguments(&request.grants.args));
            let folder = request.mounts.first().map_or("", |mount| mount.guest.as_str());
            let begin = || snippet::begin(&request.grants.env, folder);
            let prepare = fresh.then(|| Ok::<_, CallError>((program.runtime(snippet::PREPARE)?, begin())));
            prepare.transpose()?.into_iter().chain([execute]).collect()
        }
    })
}

/// Arguments that are long are read on a thread of their own, so that others keep their turns.
async fn read_arguments(
    function: &Function,
    args: Value,
    limit: u64,
) -> Result<Result<Vec<Val>, LimitHit>, EngineError> {
    let read = if json_length(&args, SHORT_JSON) <= SHORT_JSON {
        values::arguments(&function.params, &args, limit)
    } else {
        let params = function.params.clone();
        blocking(move || values::arguments(&params, &args, limit)).await?
    };
    match read {
        Ok(params) => Ok(Ok(params)),
        Err(Unread::Limit(hit)) => Ok(Err(hit)),
        Err(Unread::Wrong(error)) => Err(error.into()),
    }
}

/// Writes down what a function returned: at once if that is little, else on a thread of its own, and no longer than
/// the deadline allows. With the processor time that was spent elsewhere.
async fn returned(
    function: &Function,
    value: Option<Val>,
    limits: &Limits,
    start: Instant,
) -> Result<(Outcome, Duration), EngineError> {
    let (Some(ty), Some(value)) = (&function.result, value) else {
        return Ok((Outcome::Returned { value: Value::Null.into() }, Duration::ZERO));
    };
    let of = |written| match written {
        Ok(value) => Outcome::Returned { value },
        Err(Unwritten::Limit(hit)) => outcome::limit(hit),
        Err(Unwritten::Unfinished) => outcome::deadline(limits, start.elapsed()),
    };
    let mut turns = SHORT_TURNS;
    let mut short = || {
        turns -= 1;
        turns > 0
    };
    match values::result(ty, &value, limits.result_bytes, &mut short) {
        Err(Unwritten::Unfinished) => {}
        written => return Ok((of(written.map(Json::from)), Duration::ZERO)),
    }
    let deadline = start + Duration::from_millis(limits.deadline_ms);
    let (ty, most) = (ty.clone(), limits.result_bytes);
    let (written, spent) = blocking(move || {
        let before = thread_time();
        let written = values::result(&ty, &value, most, &mut || Instant::now() < deadline).map(Json::from);
        (written, thread_time().saturating_sub(before))
    })
    .await?;
    Ok((of(written), spent))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| EngineError::Internal(error.to_string()))
}

/// Input is given whole before the run, so that what is too large is known before anything starts.
fn check_input(limits: &Limits, grants: &Grants, entry: &Entry, stdin: &Stdin) -> Result<(), LimitHit> {
    let over = |name: LimitName, used: usize| {
        let (value, used) = (limits.get(name), u64::try_from(used).unwrap_or(u64::MAX));
        if used > value { Err(LimitHit { name, value, used }) } else { Ok(()) }
    };
    let args = match entry {
        Entry::Command { name } => name.len() + grants.args.iter().map(|arg| arg.len() + 1).sum::<usize>(),
        Entry::Call { args, .. } => json_length(args, usize::try_from(limits.args_bytes).unwrap_or(usize::MAX)),
        Entry::Snippet(snippet) => snippet.len() + grants.args.iter().map(|arg| arg.len() + 1).sum::<usize>(),
    };
    over(LimitName::ArgsBytes, args)?;
    over(LimitName::EnvBytes, grants.env.iter().map(|(name, value)| name.len() + value.len() + 2).sum())?;
    match stdin {
        Stdin::Bytes(bytes) => over(LimitName::StdinBytes, bytes.len()),
        Stdin::Empty | Stdin::Live(_) => Ok(()),
    }
}

/// The length of a value as JSON text, found without writing it anywhere, and not counted far beyond `most`.
fn json_length(value: &Value, most: usize) -> usize {
    struct Counter {
        bytes: usize,
        most: usize,
    }
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.bytes += bytes.len();
            if self.bytes > self.most {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter { bytes: 0, most };
    // It fails only by being too long, which the count tells as well.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.bytes
}

fn never_started(hit: LimitHit, start: Instant) -> Report {
    Report { outcome: outcome::limit(hit), ..never_started_at(start) }
}

fn never_started_at(start: Instant) -> Report {
    Report {
        outcome: Outcome::Cancelled,
        usage: Usage { wall_us: micros(start.elapsed()), ..Usage::default() },
        stdout: Default::default(),
        stderr: Default::default(),
        denials: Vec::new(),
    }
}

/// Its time was over before it began.
fn late(limits: &Limits, start: Instant) -> Report {
    Report { outcome: outcome::deadline(limits, start.elapsed()), ..never_started_at(start) }
}
