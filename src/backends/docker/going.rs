use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::query_parameters::{AttachContainerOptions, EventsOptions, StatsOptions};
use futures_util::{Stream, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::error::BackendError;
use super::super::streams::{Hit, Kept, feed};
use super::container::Container;
use super::engine::said;
use super::outcome::End;
use super::room::{Looker, Size};
use crate::engine::{OutputListener, Stdin};
use crate::model::{Captured, Limits, Stream as Name};

/// How long an engine may take to end what was killed, and to hand over what it had written.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long word of memory may be on its way when a command was killed by nobody of ours.
const WORD: Duration = Duration::from_millis(500);
/// Between two questions about what is spent: soon at first, then less often.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
const SIGKILL: i64 = 128 + 9;

/// What is given to a command while it runs.
pub(super) struct Given<'a> {
    pub(super) stdin: Stdin,
    pub(super) listener: Option<Arc<dyn OutputListener>>,
    pub(super) limits: &'a Limits,
    pub(super) cancel: &'a CancellationToken,
    pub(super) deadline: Instant,
    /// How large its folders are is looked at, and how large they were.
    pub(super) looks: Option<(Arc<Looker>, Size)>,
}

/// How it went.
pub(super) struct Gone {
    pub(super) end: End,
    pub(super) code: i64,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
    pub(super) taken: u64,
    pub(super) spent: Spent,
}

/// As far as the engine told while the command ran.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    pub(super) cpu_us: u64,
    pub(super) peak_bytes: u64,
}

/// The streams of a container that has not begun yet, so that nothing of them is missed.
pub(super) async fn attach(container: &Container, input: bool) -> Result<AttachContainerResults, BackendError> {
    let options =
        AttachContainerOptions { stream: true, stdin: input, stdout: true, stderr: true, ..Default::default() };
    let attached = container.api.attach_container(&container.name, Some(options)).await;
    attached.map_err(|error| BackendError::Internal(said(&error)))
}

/// A limit of a stream, once it is reached.
#[derive(Default)]
struct Reached {
    first: Mutex<Option<Hit>>,
    told: Notify,
}

impl Reached {
    fn tell(&self, hit: Hit) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(hit);
        self.told.notify_one();
    }

    fn hit(&self) -> Option<Hit> {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything of one run that is under way at once, from the start of the command until nothing of it is alive.
pub(super) async fn go(
    container: &Container,
    streams: AttachContainerResults,
    given: Given<'_>,
) -> Result<Gone, BackendError> {
    let Given { stdin, listener, limits, cancel, deadline, looks } = given;
    let AttachContainerResults { output, mut input } = streams;
    let (reached, spent) = (Reached::default(), Mutex::new(Spent::default()));
    let mut kept = [Name::Stdout, Name::Stderr].map(|name| Kept::new(name, limits, listener.clone()));
    let mut taken = 0;
    let no_input = matches!(stdin, Stdin::Empty);
    let end = {
        let mut hearing = pin!(hear(output, &mut kept, &reached));
        let mut feeding = pin!(async {
            if let Err(hit) = feed(&mut input, stdin, limits, &mut taken).await {
                reached.tell(hit);
            }
            // Without any there is nothing to be closed: the line is for what comes.
            if !no_input {
                let _ = input.shutdown().await;
            }
        });
        let mut ending = pin!(first_end(container, &reached, looks, limits, deadline, cancel));
        let mut asking = pin!(ask(container, &spent));
        let (mut heard, mut fed) = (false, false);
        let end = loop {
            tokio::select! {
                end = &mut ending => break end?,
                () = &mut hearing, if !heard => heard = true,
                () = &mut feeding, if !fed => fed = true,
                () = &mut asking => {}
            }
        };
        let rest = async {
            if !heard {
                hearing.await;
            }
        };
        let over = async { tokio::join!(put_to_end(container, end, &spent), rest).0 };
        timeout(PATIENCE, over).await.map_err(|_| stuck())??;
        end
    };
    let (end, code) = told(container, end).await?;
    // A limit that was reached with the last that it wrote counts as well.
    let end = reached.hit().map_or(end, End::Limit);
    let [stdout, stderr] = kept.map(Kept::end);
    let spent = spent.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Gone { end, code, stdout, stderr, taken, spent })
}

async fn first_end(
    container: &Container,
    reached: &Reached,
    looks: Option<(Arc<Looker>, Size)>,
    limits: &Limits,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Result<End, BackendError> {
    tokio::select! {
        biased;
        ended = container.ended() => ended.map(|()| End::Itself),
        () = memory(container) => Ok(End::Memory),
        () = reached.told.notified() => Ok(reached.hit().map_or(End::Itself, End::Limit)),
        hit = too_large(looks, limits) => Ok(End::Limit(hit)),
        () = sleep_until(deadline.into()) => Ok(End::Deadline),
        () = cancel.cancelled() => Ok(End::Cancelled),
    }
}

/// Kills what has not ended by itself, and waits until nothing of it is alive.
async fn put_to_end(container: &Container, end: End, spent: &Mutex<Spent>) -> Result<(), BackendError> {
    if matches!(end, End::Itself) {
        return Ok(());
    }
    // What it has spent is told by nobody afterwards.
    let _ = timeout(WORD, ask_once(container, spent)).await;
    container.kill().await;
    container.ended().await
}

/// What the engine says of the end: its code, and whether there was no memory.
async fn told(container: &Container, end: End) -> Result<(End, i64), BackendError> {
    let state = container.state().await?;
    let code = state.exit_code.unwrap_or_default();
    // Whatever the command made of that: one that is over at once ends as one that goes on.
    let no_room = match end {
        End::Itself if state.oom_killed == Some(true) => true,
        End::Itself if code == SIGKILL => timeout(WORD, memory(container)).await.is_ok(),
        _ => false,
    };
    Ok((if no_room { End::Memory } else { end }, code))
}

fn stuck() -> BackendError {
    BackendError::Internal("the engine did not end the command that it was to kill".to_owned())
}

/// Keeps what is written until nobody can write any more.
async fn hear(
    mut output: impl Stream<Item = Result<LogOutput, Error>> + Unpin,
    kept: &mut [Kept; 2],
    reached: &Reached,
) {
    let [stdout, stderr] = kept;
    while let Some(Ok(part)) = output.next().await {
        let hit = match part {
            LogOutput::StdOut { message } => stdout.take(&message),
            LogOutput::StdErr { message } => stderr.take(&message),
            LogOutput::StdIn { .. } | LogOutput::Console { .. } => None,
        };
        hit.into_iter().for_each(|hit| reached.tell(hit));
    }
}

/// Ends when the engine says that the container wanted more memory than it may have.
async fn memory(container: &Container) {
    // It keeps what it said in the last moments.
    let since =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs().saturating_sub(2);
    let only = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let filters = HashMap::from([only("type", "container"), only("event", "oom"), only("container", &container.name)]);
    let options = EventsOptions { since: Some(since.to_string()), until: None, filters: Some(filters) };
    let mut events = pin!(container.api.events(Some(options)));
    if let Some(Ok(_)) = events.next().await {
        return;
    }
    std::future::pending().await
}

async fn too_large(looks: Option<(Arc<Looker>, Size)>, limits: &Limits) -> Hit {
    match looks {
        Some((looker, size)) => looker.watch(size, limits.clone()).await,
        None => std::future::pending().await,
    }
}

/// Asks now and then what is spent, for as long as this is polled.
async fn ask(container: &Container, spent: &Mutex<Spent>) {
    let mut pause = FIRST;
    loop {
        sleep(pause).await;
        ask_once(container, spent).await;
        pause = (pause * 2).min(LONGEST);
    }
}

async fn ask_once(container: &Container, spent: &Mutex<Spent>) {
    let options = StatsOptions { stream: false, one_shot: true };
    let mut told = pin!(container.api.stats(&container.name, Some(options)));
    let Some(Ok(told)) = told.next().await else { return };
    let cpu = told.cpu_stats.and_then(|cpu| cpu.cpu_usage?.total_usage).unwrap_or(0);
    let memory = told.memory_stats.unwrap_or_default();
    // Some engines know the highest, others what it is now.
    let memory = memory.max_usage.or(memory.usage).unwrap_or(0);
    let mut spent = spent.lock().unwrap_or_else(PoisonError::into_inner);
    spent.cpu_us = spent.cpu_us.max(cpu / 1_000);
    spent.peak_bytes = spent.peak_bytes.max(memory);
}
