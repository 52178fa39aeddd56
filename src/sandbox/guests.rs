use std::future::{Future, poll_fn};
use std::sync::OnceLock;
use std::task::Poll;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

/// Threads for guests that take their time. What computes gives way once in a beat only: on the thread that speaks to
/// callers a few such guests would hold up everybody. Most runs are over within their first beat, and are spared the way
/// there and back.
#[derive(Default)]
pub(super) struct Guests(OnceLock<Runtime>);

impl Guests {
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let mut work = Box::pin(work);
        if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
            return Ok(done);
        }
        let Some(threads) = self.threads() else { return Ok(work.await) };
        // Whoever gives up waiting ends it.
        let there = AbortOnDropHandle::new(threads.spawn(work.in_current_span()));
        there.await
    }

    /// Made when they are first asked for; where that failed, the next who asks tries again.
    pub(super) fn threads(&self) -> Option<&Runtime> {
        if self.0.get().is_none()
            && let Err(second) = self.0.set(made()?)
        {
            second.shutdown_background();
        }
        self.0.get()
    }
}

/// On a thread that may fall over this: a runtime that gets none at all panics.
fn made() -> Option<Runtime> {
    let make = || Builder::new_multi_thread().thread_name("guests").enable_all().build();
    let made = std::thread::Builder::new()
        .spawn(make)
        .and_then(|making| making.join().unwrap_or_else(|_| Err(std::io::Error::other("the host gives no threads"))));
    made.inspect_err(|error| tracing::error!("guests have no threads of their own and hold up others: {error}")).ok()
}

impl Drop for Guests {
    fn drop(&mut self) {
        // Nobody waits for what is left; waiting here would hold up the thread that lets go.
        if let Some(threads) = self.0.take() {
            threads.shutdown_background();
        }
    }
}
