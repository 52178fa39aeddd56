use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wasmtime::component::{ResourceTable, Val};
use wasmtime::{CallHook, Store, StoreContextMut, Trap};
use wasmtime_wasi::sockets::WasiSocketsCtx;

use super::error::{CallError, EngineError};
use super::fence::{Build, Fence};
use super::grants::clocks::Clocks;
use super::grants::fs::{Files, Mount};
use super::grants::input::{self, Input, Stdin};
use super::grants::output::Sink;
use super::grants::random::Randomness;
use super::grants::tools::Tools;
use super::meter::{LimitHit, Meter};
use super::outcome::{self, End, Ended};
use super::program::{Function, Program};
use super::snippet::{self, Snippet};
use super::state::RunState;
use super::values::{self, Unread, Unwritten};
use crate::model::{Grants, Json, LimitName, Limits, Mode, Outcome, Report, Room, Stream, Usage};

/// How much fuel a run that is ended by its deadline or its caller may have used and not told: about a millisecond of it.
pub const FUEL_TOLD: u64 = 10_000_000;

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

/// Runs once, in a fresh instance, and returns when nothing of it is left.
pub(super) async fn run(
    fence: &Fence,
    program: &Program,
    request: RunRequest,
    disk_reserve_bytes: u64,
) -> Result<Report, EngineError> {
    let start = Instant::now();
    let RunRequest { entry, limits, grants, mounts, mode, stdin, listener, cancel, interrupt, tools, room } = request;
    limits.check()?;
    // Another engine's program would run without the heart that holds its deadline.
    let ours = wasmtime::Engine::same(program.pre.engine(), &fence.engine);
    if !ours || program.build() != Build::of(&limits, mode) {
        return Err(CallError::OtherBuild.into());
    }
    let deadline = start + Duration::from_millis(limits.deadline_ms);
    if let Err(hit) = check_input(&limits, &grants, &entry, &stdin) {
        return Ok(never_started(hit, start));
    }
    let is_command = matches!(entry, Entry::Command { .. });
    let is_snippet = matches!(entry, Entry::Snippet(_));
    let mut calls = Vec::new();
    let mut args = Vec::new();
    let wanted = match entry {
        Entry::Command { name } => {
            args = std::iter::once(name).chain(grants.args.iter().cloned()).collect();
            calls.push((program.command()?, Vec::new()));
            Vec::new()
        }
        Entry::Call { function, args } => vec![(program.function(&function)?, args)],
        Entry::Snippet(snippet) => {
            let folder = mounts.first().map_or("", |mount| mount.guest.as_str());
            let begin = snippet::begin(&grants.env, folder);
            vec![
                (program.runtime(snippet::PREPARE)?, begin),
                (program.runtime(snippet::EXECUTE)?, snippet.arguments(grants.args.clone())),
            ]
        }
    };
    for (function, args) in wanted {
        match read_arguments(function, args, limits.hostcall_bytes).await? {
            Ok(params) => calls.push((function, params)),
            Err(hit) => return Ok(never_started(hit, start)),
        }
    }
    let Some((function, _)) = calls.last() else {
        return Err(EngineError::Internal("nothing is to be called".into()));
    };
    let function = *function;
    let deterministic = matches!(mode, Mode::Deterministic { .. });
    let stdin = match stdin {
        // When input comes would be seen; so it is all there before the run begins.
        Stdin::Live(live) if deterministic => match input::whole(live, limits.stdin_bytes, deadline).await {
            Ok(Some(bytes)) => Stdin::Bytes(bytes),
            Ok(None) => return Ok(late(&limits, start)),
            Err(hit) => return Ok(never_started(hit, start)),
        },
        other => other,
    };

    let files = Files::open(&mounts, deterministic, disk_reserve_bytes)?;
    let stdout = Sink::new(Stream::Stdout, limits.stdout_bytes, listener.clone());
    let stderr = Sink::new(Stream::Stderr, limits.stderr_bytes, listener);
    let mut table = ResourceTable::new();
    table.set_max_capacity(usize::try_from(limits.resources).unwrap_or(usize::MAX));
    let state = RunState {
        table,
        denials: Vec::new(),
        args,
        meter: Meter::new(limits.clone(), files.disk(), room),
        files,
        env: grants.env,
        stdin: Input::new(stdin),
        stdout: Arc::clone(&stdout),
        stderr: Arc::clone(&stderr),
        clocks: match (grants.clocks, deterministic) {
            (false, _) => Clocks::NotGranted,
            (true, false) => Clocks::real(),
            (true, true) => Clocks::stepped(),
        },
        randomness: match (grants.randomness, mode) {
            (false, _) => Randomness::NotGranted,
            (true, Mode::Ordinary) => Randomness::System,
            (true, Mode::Deterministic { seed }) => Randomness::seeded(seed),
        },
        sockets: WasiSocketsCtx::default(),
        interrupt,
        tools,
    };
    let mut store = fenced_store(fence, state, &limits).map_err(|reason| EngineError::Start(reason.to_string()))?;

    let mut watch = Watch { start, deadline, cancel, cpu: Duration::ZERO, long_turns: false };
    let end = watch.over(execute(&mut store, program, &calls)).await;

    let outcome = match outcome::of(end, &store, is_command)? {
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
    let usage = usage(&store, &limits, start.elapsed(), watch.cpu);
    let denials = std::mem::take(&mut store.data_mut().denials);
    drop(store);
    Ok(Report { outcome, usage, stdout: stdout.take(), stderr: stderr.take(), denials })
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

fn fenced_store(fence: &Fence, state: RunState, limits: &Limits) -> wasmtime::Result<Store<RunState>> {
    let mut store = Store::new(&fence.engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_fuel(limits.fuel)?;
    // Code that is running keeps its count to itself: here it writes it down, so that a run which is ended from
    // outside can say what it used.
    store.fuel_async_yield_interval(Some(FUEL_TOLD))?;
    // Each beat of the heart hands the thread back, so that the deadline is looked at and others get their turn.
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX));
    store.set_max_component_handles(usize::try_from(limits.resources).unwrap_or(usize::MAX));
    store.call_hook(charge);
    Ok(store)
}

/// Takes what a call to the host cost from the guest's fuel, when that very call returns.
///
/// In between the host may call back into the guest to ask for memory, and a beat of the heart may interrupt it there:
/// that is a call to the host as well, and then running code holds a count of its own that must not be overwritten.
/// So calls are told apart by their depth.
fn charge(mut store: StoreContextMut<'_, RunState>, hook: CallHook) -> wasmtime::Result<()> {
    let due = match hook {
        CallHook::CallingHost => {
            store.data_mut().meter.enter();
            return Ok(());
        }
        CallHook::ReturningFromHost => store.data_mut().meter.leave(),
        CallHook::CallingWasm | CallHook::ReturningFromWasm => return Ok(()),
    };
    if due == 0 {
        return Ok(());
    }
    match store.get_fuel()?.checked_sub(due) {
        Some(left) => store.set_fuel(left),
        None => {
            store.set_fuel(0)?;
            Err(Trap::OutOfFuel.into())
        }
    }
}

async fn execute(
    store: &mut Store<RunState>,
    program: &Program,
    calls: &[(&Function, Vec<Val>)],
) -> wasmtime::Result<Option<Val>> {
    let instance = program.pre.instantiate_async(&mut *store).await?;
    let mut last = None;
    for (function, params) in calls {
        let target = instance
            .get_func(&mut *store, function.index)
            .ok_or_else(|| wasmtime::format_err!("an exported function is gone from its own instance"))?;
        let mut results = [Val::Bool(false)];
        let results = if function.result.is_some() { &mut results[..] } else { &mut [] };
        target.call_async(&mut *store, params, results).await?;
        last = results.first_mut().map(|value| std::mem::replace(value, Val::Bool(false)));
    }
    Ok(last)
}

/// What ends a run from outside, and the time it spends on processors.
struct Watch {
    start: Instant,
    deadline: Instant,
    cancel: Option<CancellationToken>,
    cpu: Duration,
    /// The last turn was long, so the next is expected to be.
    long_turns: bool,
}

/// Beyond this a turn may have been interrupted by others, and only the kernel knows for how long.
const LONG_TURN: Duration = Duration::from_micros(100);

/// Measures a turn on the processor. To ask the kernel costs as much as a short turn does; for those the wall clock is
/// as good, since who is not interrupted was on the processor all the while.
enum Stopwatch {
    Wall(Instant),
    Thread(Duration),
}

impl Stopwatch {
    fn start(long: bool) -> Self {
        if long { Stopwatch::Thread(thread_time()) } else { Stopwatch::Wall(Instant::now()) }
    }

    fn stop(self) -> Duration {
        match self {
            Stopwatch::Wall(start) => start.elapsed(),
            Stopwatch::Thread(start) => thread_time().saturating_sub(start),
        }
    }
}

impl Watch {
    /// Polls the guest until it ends or must. A guest that computes comes back here at each beat, one that waits
    /// is not polled at all: then the timer or the caller wakes us. No thread is held while it waits.
    async fn over(&mut self, guest: impl Future<Output = wasmtime::Result<Option<Val>>>) -> End {
        let mut guest = pin!(guest);
        let mut timer: Pin<&mut Option<tokio::time::Sleep>> = pin!(None);
        let mut cancelled = pin!(self.cancel.clone().map(CancellationToken::cancelled_owned));
        std::future::poll_fn(|cx: &mut Context<'_>| {
            let watch = Stopwatch::start(self.long_turns);
            let polled = catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(cx)));
            let took = watch.stop();
            self.cpu += took;
            self.long_turns = took > LONG_TURN;
            match polled {
                Ok(Poll::Ready(result)) => return Poll::Ready(End::Own(result)),
                Ok(Poll::Pending) => {}
                Err(panic) => return Poll::Ready(End::Panic(panic_text(&*panic))),
            }
            if Instant::now() >= self.deadline {
                return Poll::Ready(End::Deadline(self.start.elapsed()));
            }
            if let Some(cancelled) = cancelled.as_mut().as_pin_mut()
                && cancelled.poll(cx).is_ready()
            {
                return Poll::Ready(End::Cancelled);
            }
            if timer.is_none() {
                timer.set(Some(tokio::time::sleep_until(self.deadline.into())));
            }
            if let Some(timer) = timer.as_mut().as_pin_mut()
                && timer.poll(cx).is_ready()
            {
                return Poll::Ready(End::Deadline(self.start.elapsed()));
            }
            Poll::Pending
        })
        .await
    }
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
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

fn usage(store: &Store<RunState>, limits: &Limits, wall: Duration, cpu: Duration) -> Usage {
    let state = store.data();
    let traffic = state.meter.traffic();
    Usage {
        fuel: limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0)),
        wall_us: micros(wall),
        cpu_us: micros(cpu),
        peak_memory_bytes: state.meter.memory_peak(),
        host_calls: state.meter.host_calls(),
        bytes_in: traffic.read().saturating_add(state.stdin.taken()),
        bytes_out: traffic.written().saturating_add(state.stdout.len()).saturating_add(state.stderr.len()),
        files_created: state.meter.files_created(),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
