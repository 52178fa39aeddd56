use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

/// How long a guest may go on where it was begun, a turn of a beat at a time. A fresh interpreter or a call in a session is
/// over by then, and to go to another thread and back costs a tenth of a millisecond and what the first one's caches hold.
const STAY: Duration = Duration::from_millis(4);

/// Threads for guests that take their time. What computes gives way once in a beat only: on the thread that speaks to
/// callers a few such guests would hold up everybody. Most runs are over within their first beat, and are spared the way
/// there and back; of the others one at a time is, while it is short.
#[derive(Default)]
pub(super) struct Guests {
    threads: OnceLock<Runtime>,
    /// Held by the one that stays.
    here: Mutex<()>,
}

impl Guests {
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        let mut work = Box::pin(work);
        if let Some(done) = self.begun(work.as_mut(), STAY).await {
            return Ok(done);
        }
        let Some(threads) = self.threads() else { return Ok(work.await) };
        // Whoever gives up waiting ends it.
        let there = AbortOnDropHandle::new(threads.spawn(work.in_current_span()));
        there.await
    }

    /// What is over soon; nothing of what is to go on elsewhere. Others get their turn after each beat.
    async fn begun<T>(&self, mut work: Pin<&mut impl Future<Output = T>>, most: Duration) -> Option<T> {
        let mut stay = None;
        let mut until = pin!(None);
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            if stay.is_none() {
                stay = self.here.try_lock().ok();
                until.set(stay.as_ref().map(|_| tokio::time::sleep(most)));
            }
            match until.as_mut().as_pin_mut() {
                Some(until) => until.poll(context).map(|()| None),
                None => Poll::Ready(None),
            }
        })
        .await
    }

    /// Made when they are first asked for; where that failed, the next who asks tries again.
    pub(super) fn threads(&self) -> Option<&Runtime> {
        if self.threads.get().is_none()
            && let Err(second) = self.threads.set(made()?)
        {
            second.shutdown_background();
        }
        self.threads.get()
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
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::{ThreadId, current};

    use tokio::task::yield_now;

    use super::*;

    /// Where it was at each of its turns, of which it takes so many, or as many as it takes to get away from here.
    async fn turns(most: Option<u32>) -> Vec<ThreadId> {
        let mut at = vec![current().id()];
        while most.map_or(at.last() == at.first(), |most| at.len() < most as usize) {
            yield_now().await;
            at.push(current().id());
        }
        at
    }

    #[tokio::test]
    async fn a_guest_of_a_few_turns_ends_where_it_began() {
        let guests = Guests::default();
        for _ in 0..3 {
            let at = guests.begun(pin!(turns(Some(3))), Duration::from_secs(600)).await;
            assert_eq!(at.unwrap(), [current().id(); 3]);
        }
    }

    #[tokio::test]
    async fn a_guest_that_goes_on_leaves_the_thread_of_the_callers() {
        let at = Guests::default().run(turns(None)).await.unwrap();
        assert_ne!(at.last(), Some(&current().id()));
    }

    #[tokio::test]
    async fn all_but_the_one_that_stays_leave_after_their_first_turn() {
        let guests = Guests::default();
        let _one = guests.here.lock().await;
        for _ in 0..3 {
            let at = guests.run(turns(None)).await.unwrap();
            assert_eq!(at.iter().filter(|id| **id == current().id()).count(), 1);
        }
    }
}
