use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::super::state::RunState;

/// What a look at the stepped clock adds to it.
const STEP_NS: u64 = 1_000;
/// The first moment of the stepped wall clock: 2020-01-01.
const STEPPED_EPOCH_S: u64 = 1_577_836_800;

/// Which time a run lives in.
pub(in super::super) enum Clocks {
    NotGranted,
    Real { start: Instant },
    Stepped(Arc<Mutex<Stepped>>),
}

/// Time that passes only when the guest looks at it, or sleeps.
#[derive(Default)]
pub(in super::super) struct Stepped {
    now_ns: u64,
    /// Deadlines of the timers in the wait that is under way.
    waiting: Vec<u64>,
}

impl Clocks {
    pub(in super::super) fn real() -> Self {
        Clocks::Real { start: Instant::now() }
    }

    pub(in super::super) fn stepped() -> Self {
        Clocks::Stepped(Arc::default())
    }

    /// A new wait begins: what the last one waited for is of no concern.
    pub(super) fn begin_wait(&self) {
        if let Clocks::Stepped(stepped) = self {
            stepped.lock().unwrap_or_else(PoisonError::into_inner).waiting.clear();
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl RunState {
    fn monotonic_ns(&mut self) -> wasmtime::Result<u64> {
        match &self.clocks {
            Clocks::NotGranted => Err(self.deny_for_good("wasi:clocks/monotonic-clock", "clocks")),
            Clocks::Real { start } => Ok(nanos(start.elapsed())),
            Clocks::Stepped(stepped) => {
                let mut stepped = stepped.lock().unwrap_or_else(PoisonError::into_inner);
                stepped.now_ns = stepped.now_ns.saturating_add(STEP_NS);
                Ok(stepped.now_ns)
            }
        }
    }

    fn timer(&mut self, delay_ns: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = match &self.clocks {
            Clocks::NotGranted => return Err(self.deny_for_good("wasi:clocks/monotonic-clock", "clocks")),
            Clocks::Real { .. } if delay_ns == 0 => Timer::Past { yielded: false },
            Clocks::Real { .. } => match tokio::time::Instant::now().checked_add(Duration::from_nanos(delay_ns)) {
                Some(at) => Timer::At(at),
                None => Timer::Never,
            },
            Clocks::Stepped(stepped) => {
                let now_ns = stepped.lock().unwrap_or_else(PoisonError::into_inner).now_ns;
                let at_ns = now_ns.saturating_add(delay_ns);
                Timer::Stepped { clock: Arc::clone(stepped), at_ns }
            }
        };
        let timer = self.table.push(timer)?;
        subscribe(&mut self.table, timer)
    }
}

impl wall_clock::Host for RunState {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let since = match &self.clocks {
            Clocks::NotGranted => return Err(self.deny_for_good("wasi:clocks/wall-clock", "clocks")),
            // A clock before 1970 reads as 1970.
            Clocks::Real { .. } => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Clocks::Stepped(_) => Duration::from_secs(STEPPED_EPOCH_S) + Duration::from_nanos(self.monotonic_ns()?),
        };
        Ok(wall_clock::Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let nanoseconds = u32::try_from(monotonic_clock::Host::resolution(self)?)?;
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds })
    }
}

impl monotonic_clock::Host for RunState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.monotonic_ns()
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        match &self.clocks {
            Clocks::NotGranted => Err(self.deny_for_good("wasi:clocks/monotonic-clock", "clocks")),
            Clocks::Real { .. } | Clocks::Stepped(_) => Ok(STEP_NS),
        }
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.monotonic_ns()?;
        self.timer(when.saturating_sub(now))
    }

    fn subscribe_duration(&mut self, delay: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(delay)
    }
}

enum Timer {
    /// Ready, but only after others had their turn: a guest that polls in a loop must not starve the reactor.
    Past {
        yielded: bool,
    },
    At(tokio::time::Instant),
    Never,
    Stepped {
        clock: Arc<Mutex<Stepped>>,
        at_ns: u64,
    },
}

#[async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        match self {
            Timer::Past { yielded: true } => {}
            Timer::Past { yielded } => {
                *yielded = true;
                tokio::task::yield_now().await;
            }
            Timer::At(at) => tokio::time::sleep_until(*at).await,
            Timer::Never => std::future::pending().await,
            Timer::Stepped { clock, at_ns } => {
                let mut registered = false;
                std::future::poll_fn(|cx| {
                    let mut clock = clock.lock().unwrap_or_else(PoisonError::into_inner);
                    if clock.now_ns >= *at_ns {
                        return Poll::Ready(());
                    }
                    // In the first round every timer of one poll says what it waits for; in the next the
                    // earliest moves the clock. So sleeping costs no time and the order is always the same.
                    if registered && clock.waiting.iter().all(|other| other >= at_ns) {
                        clock.now_ns = *at_ns;
                        return Poll::Ready(());
                    }
                    if !registered {
                        registered = true;
                        clock.waiting.push(*at_ns);
                    }
                    cx.waker().wake_by_ref();
                    Poll::Pending
                })
                .await;
            }
        }
    }
}
