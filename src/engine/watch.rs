use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wasmtime::component::Val;

use super::outcome::End;

/// What ends a run from outside, and the time it spends on processors.
pub(super) struct Watch {
    start: Instant,
    deadline: Instant,
    cancel: Option<CancellationToken>,
    pub(super) cpu: Duration,
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
    pub(super) fn new(start: Instant, deadline: Instant, cancel: Option<CancellationToken>) -> Self {
        Self { start, deadline, cancel, cpu: Duration::ZERO, long_turns: false }
    }

    /// Polls the guest until it ends or must. A guest that computes comes back here at each beat, one that waits
    /// is not polled at all: then the timer or the caller wakes us. No thread is held while it waits.
    pub(super) async fn over(&mut self, guest: impl Future<Output = wasmtime::Result<Option<Val>>>) -> End {
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

pub(super) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
