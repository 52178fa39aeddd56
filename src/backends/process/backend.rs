use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use super::super::backend::{Backend, BackendName, Pending, Program, Run};
use super::super::checks::{check_input, check_places, check_words, never_started, required};
use super::super::claims::Standing;
use super::super::copies::Folder;
use super::super::error::BackendError;
use super::super::streams::{Hit, Kept, feed};
use super::keeper::Keeper;
use super::order::{Bounds, Ended, Fence, How, Order, Told, send};
use super::settings::ProcessSettings;
use super::streams::{Streams, collect};
use super::{claims, outcome};
use crate::engine::{Mount, Stdin};
use crate::model::{Captured, Limits, Outcome, Preset, Report, Stream, Usage};

/// A supervisor holds the deadline. If it does not answer so long after it, it is taken for dead.
const PATIENCE: Duration = Duration::from_secs(60);

/// Native commands, each in a fence that the kernel builds.
pub struct Process {
    settings: ProcessSettings,
    keeper: Keeper,
    found: OnceCell<Result<Fence, String>>,
}

impl Process {
    pub fn new(settings: ProcessSettings) -> Self {
        Self { keeper: Keeper::new(settings.worker.clone()), settings, found: OnceCell::new() }
    }

    /// Builds a fence with nothing in it: what that takes is what the machine has to give.
    async fn probe(&self) -> Result<Fence, String> {
        let limits = Preset::Small.limits();
        let order = self.order(Vec::new(), Vec::new(), &[], &limits).map_err(|error| error.to_string())?;
        let over = |error: std::io::Error| error.to_string();
        let (streams, theirs) = Streams::new().map_err(over)?;
        let mut control = Control::new(self.keeper.supervisor(theirs).map_err(over)?, &order).await.map_err(over)?;
        drop(streams);
        match control.hear().await.map_err(over)? {
            Some(Told::Built(fence)) => Ok(fence),
            Some(Told::Failed(failure)) => Err(failure.message),
            Some(Told::Ended(_)) | None => Err("what builds fences ended before it answered".to_owned()),
        }
    }

    fn order(
        &self,
        command: Vec<String>,
        env: Vec<(String, String)>,
        mounts: &[Mount],
        limits: &Limits,
    ) -> Result<Order, BackendError> {
        let claimed = self.found.get().and_then(|found| found.as_ref().ok());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let seconds = limits.deadline_ms.div_ceil(1_000).saturating_add(1);
        let bounds = Bounds {
            deadline_ms: limits.deadline_ms,
            cpu_seconds: seconds.saturating_mul(u64::try_from(cores).unwrap_or(1)),
            memory_bytes: limits.memory_bytes,
            stack_bytes: limits.stack_bytes,
            processes: self.settings.processes,
            open_files: limits.open_files,
            written_bytes: limits.written_bytes,
            files_created: limits.files_created,
            copied_bytes: self.settings.copied_bytes,
            copied_files: self.settings.copied_files,
            reserve_bytes: self.settings.disk_reserve_bytes,
        };
        check_places(mounts)?;
        let folder = mounts.first().map_or("/tmp", |mount| mount.guest.as_str()).to_owned();
        Ok(Order {
            command,
            env,
            folder,
            system: self.settings.system.clone(),
            mounts: Folder::of(mounts),
            bounds,
            controllers: claimed.map(|fence| fence.controllers),
        })
    }

    async fn fenced(&self, run: Run) -> Result<Report, BackendError> {
        let start = Instant::now();
        let limits = run.limits.clone();
        limits.check()?;
        let Program::Command(program) = &run.program else {
            return Err(BackendError::WrongProgram {
                backend: BackendName::Process,
                runs: "commands of the machine, not WebAssembly; write the command after `--`",
            });
        };
        self.standing().await.check(&required(&run), &run.chosen)?;
        if let Err(hit) = check_input(program, &run, &limits) {
            return Ok(never_started(hit, start));
        }
        let mut command = vec![program.clone()];
        command.extend(run.grants.args.iter().cloned());
        check_words(&command, &run.grants.env)?;
        let order = self.order(command, run.grants.env.clone(), &run.mounts, &limits)?;
        // Workspaces that lend their files keep them as long as the run goes on.
        let _lent: Vec<Mount> = run.mounts;
        let failed = |error: std::io::Error| BackendError::Internal(error.to_string());
        let (streams, theirs) = Streams::new().map_err(failed)?;
        let control = self.keeper.supervisor(theirs).map_err(failed)?;
        let control = Control::new(control, &order).await.map_err(failed)?;
        let cancel = run.cancel.unwrap_or_default();
        let held = Duration::from_millis(limits.deadline_ms).saturating_add(PATIENCE);
        let going = converse(control, streams, run.stdin, run.listener, &limits, &cancel);
        match tokio::time::timeout(held, going).await {
            Ok(report) => report,
            Err(_) => Err(BackendError::Internal("the supervisor of the command did not answer".to_owned())),
        }
    }
}

impl Backend for Process {
    fn name(&self) -> BackendName {
        BackendName::Process
    }

    fn standing(&self) -> Pending<'_, Standing> {
        Box::pin(async {
            match self.found.get_or_init(|| self.probe()).await {
                Ok(fence) => Standing::of(BackendName::Process, claims::of(fence, &self.settings)),
                Err(reason) => Standing::missing(BackendName::Process, reason.clone()),
            }
        })
    }

    fn run(&self, run: Run) -> Pending<'_, Result<Report, BackendError>> {
        Box::pin(self.fenced(run))
    }
}

/// The line to a supervisor. When it is dropped, the run is over.
struct Control {
    reads: OwnedReadHalf,
    writes: OwnedWriteHalf,
}

impl Control {
    async fn new(stream: std::os::unix::net::UnixStream, order: &Order) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (reads, mut writes) = UnixStream::from_std(stream)?.into_split();
        let mut text = Vec::new();
        send(&mut text, order)?;
        writes.write_all(&text).await?;
        Ok(Self { reads, writes })
    }

    async fn hear(&mut self) -> std::io::Result<Option<Told>> {
        hear(&mut self.reads).await
    }
}

/// As `order::receive`, for one that waits with others. What a supervisor says is its own words, and short.
async fn hear<T: DeserializeOwned>(from: &mut OwnedReadHalf) -> std::io::Result<Option<T>> {
    let length = match from.read_u32_le().await {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        length => length?,
    };
    let mut text = Vec::new();
    from.take(length.into()).read_to_end(&mut text).await?;
    Ok(Some(serde_json::from_slice(&text)?))
}

/// Everything of one run that is under way at once, until all of it is over.
async fn converse(
    control: Control,
    streams: Streams,
    stdin: Stdin,
    listener: Option<std::sync::Arc<dyn crate::engine::OutputListener>>,
    limits: &Limits,
    cancel: &CancellationToken,
) -> Result<Report, BackendError> {
    let Control { mut reads, mut writes } = control;
    let hit: Mutex<Option<Hit>> = Mutex::new(None);
    let (stop, over) = (Notify::new(), Notify::new());
    let reached = |found: Hit| {
        hit.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(found);
        stop.notify_one();
    };
    let mut taken = 0;
    let feeding = async {
        tokio::select! {
            fed = feed(streams.stdin, stdin, limits, &mut taken) => if let Err(found) = fed { reached(found) },
            () = over.notified() => {}
        }
    };
    let ending = async {
        let ended = until_told(&mut reads, &mut writes, &stop, cancel).await;
        over.notify_one();
        ended
    };
    let stdout = collect(streams.stdout, Kept::new(Stream::Stdout, limits, listener.clone()), reached);
    let stderr = collect(streams.stderr, Kept::new(Stream::Stderr, limits, listener), reached);
    let ((told, cancelled), stdout, stderr, ()) = tokio::join!(ending, stdout, stderr, feeding);
    let ended = match told.map_err(|error| BackendError::Internal(error.to_string()))? {
        Some(Told::Ended(ended)) => ended,
        Some(Told::Failed(failure)) => return Err(failure.told(BackendName::Process)),
        Some(Told::Built(_)) | None => {
            return Err(BackendError::Internal("the supervisor of the command is gone".to_owned()));
        }
    };
    let hit = hit.into_inner().unwrap_or_else(PoisonError::into_inner);
    let outcome = match (hit, cancelled && ended.how == How::Stopped) {
        (Some(Hit { name, value, used }), _) => Outcome::LimitExceeded { limit: name, value, used },
        (None, true) => Outcome::Cancelled,
        (None, false) => outcome::of(&ended, limits),
    };
    Ok(report(outcome, ended, taken, stdout, stderr))
}

/// Waits for the supervisor's last word, and asks for it when a limit is reached or the caller wants the end; whether it
/// was the caller comes with it.
async fn until_told(
    reads: &mut OwnedReadHalf,
    writes: &mut OwnedWriteHalf,
    stop: &Notify,
    cancel: &CancellationToken,
) -> (std::io::Result<Option<Told>>, bool) {
    let (mut asked, mut cancelled) = (false, false);
    // One wait for all of it: what was read of a word must not be lost when something else happens meanwhile.
    let mut last = std::pin::pin!(async {
        loop {
            match hear::<Told>(reads).await {
                Ok(Some(Told::Built(_))) => {}
                other => return other,
            }
        }
    });
    loop {
        tokio::select! {
            told = &mut last => return (told, cancelled),
            () = stop.notified(), if !asked => {}
            () = cancel.cancelled(), if !asked => cancelled = true,
        }
        asked = true;
        // One that has ended already does not listen.
        let _ = writes.write_all(b"s").await;
    }
}

fn report(outcome: Outcome, ended: Ended, taken: u64, stdout: Captured, stderr: Captured) -> Report {
    let written = u64::try_from(stdout.bytes.len().saturating_add(stderr.bytes.len())).unwrap_or(u64::MAX);
    let usage = Usage {
        wall_us: ended.wall_us,
        cpu_us: ended.cpu_us,
        peak_memory_bytes: ended.peak_memory_bytes,
        bytes_in: taken.saturating_add(ended.copied_in),
        bytes_out: written.saturating_add(ended.copied_back),
        files_created: ended.files_created,
        ..Usage::default()
    };
    Report { outcome, usage, stdout, stderr, denials: ended.denials }
}
