use std::future::Future as _;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::settings::HttpSettings;

/// A connection whose reader must take what he is given at a least rate, or it is cut: an answer is in memory until he has
/// it, and one byte now and then would hold it for hours.
pub(super) struct Paced<T> {
    stream: T,
    tally: Tally,
    /// When it is looked next, while we wait.
    alarm: Pin<Box<Sleep>>,
}

impl<T> Paced<T> {
    pub(super) fn new(stream: T, http: &HttpSettings) -> Self {
        let tally = Tally::new(http);
        Self { stream, alarm: Box::pin(sleep(tally.patience)), tally }
    }

    /// He does not take it now.
    fn waits(&mut self, cx: &mut Context<'_>) -> Result<()> {
        loop {
            let next = self.tally.waits(Instant::now())?;
            if self.alarm.deadline() != next {
                self.alarm.as_mut().reset(next);
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
        }
    }

    fn told<R>(&mut self, cx: &mut Context<'_>, done: Poll<Result<R>>, bytes: impl Fn(&R) -> usize) -> Poll<Result<R>> {
        match done {
            Poll::Pending => match self.waits(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
            Poll::Ready(Ok(done)) => Poll::Ready(self.tally.took(Instant::now(), bytes(&done)).map(|()| done)),
            failed => failed,
        }
    }
}

/// How long a reader kept us waiting, and what he took. Only the time counts in which there is something that he does not
/// take, so whoever is sent nothing is not cut for it.
struct Tally {
    patience: Duration,
    /// What must be taken in that time.
    least: u64,
    waited: Duration,
    taken: u64,
    since: Option<Instant>,
}

impl Tally {
    fn new(http: &HttpSettings) -> Self {
        // With any rate, something has to be taken.
        let least = (http.write_least_bytes.saturating_mul(http.write_ms) / 1_000).max(1);
        let patience = Duration::from_millis(http.write_ms);
        Self { patience, least, waited: Duration::ZERO, taken: 0, since: None }
    }

    /// Nothing is taken now; when it is to be looked again if that stays so.
    fn waits(&mut self, now: Instant) -> Result<Instant> {
        let since = *self.since.get_or_insert(now);
        let left = self.patience.saturating_sub(self.waited);
        if now.saturating_duration_since(since) < left {
            return Ok(since + left);
        }
        self.look()?;
        self.since = Some(now);
        Ok(now + self.patience)
    }

    fn took(&mut self, now: Instant, bytes: usize) -> Result<()> {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
        // What is taken before anybody waited is no credit for later.
        if !self.waited.is_zero() {
            self.taken = self.taken.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
        if self.waited >= self.patience { self.look() } else { Ok(()) }
    }

    fn look(&mut self) -> Result<()> {
        if self.taken < self.least {
            return Err(Error::new(ErrorKind::TimedOut, "the reader takes too little"));
        }
        (self.taken, self.waited) = (0, Duration::ZERO);
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.told(cx, done, |taken| *taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.told(cx, done, |taken| *taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        self.told(cx, done, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.told(cx, done, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader who takes so much each second, and in between nothing, for two minutes: whether he is cut.
    fn is_cut(each_second: usize) -> bool {
        let http = HttpSettings { write_ms: 10_000, write_least_bytes: 100, ..HttpSettings::default() };
        let (mut tally, began) = (Tally::new(&http), Instant::now());
        (0..120u64).any(|second| {
            let at = |millis: u64| began + Duration::from_millis(second * 1_000 + millis);
            tally.waits(at(1)).is_err()
                || (each_second > 0 && tally.took(at(999), each_second).is_err())
                || tally.waits(at(999)).is_err()
        })
    }

    #[test]
    fn a09_who_drips_is_cut_and_who_reads_slowly_is_not() {
        assert!(is_cut(0));
        assert!(is_cut(1));
        assert!(is_cut(80));
        assert!(!is_cut(120));
    }

    #[test]
    fn whoever_is_sent_little_has_all_the_time() {
        let (mut tally, began) = (Tally::new(&HttpSettings::default()), Instant::now());
        for minute in 0..100 {
            tally.took(began + Duration::from_secs(60 * minute), 1).unwrap();
        }
    }

    #[test]
    fn it_is_looked_when_the_patience_is_over() {
        let (mut tally, began) = (Tally::new(&HttpSettings::default()), Instant::now());
        let end = began + Duration::from_secs(30);
        assert_eq!(tally.waits(began).unwrap(), end);
        assert_eq!(tally.waits(began + Duration::from_secs(7)).unwrap(), end);
        tally.took(began + Duration::from_secs(10), 1 << 20).unwrap();
        let again = began + Duration::from_secs(100);
        assert_eq!(tally.waits(again).unwrap(), again + Duration::from_secs(20), "what he waited before counts");
        let next = again + Duration::from_secs(20);
        assert_eq!(tally.waits(next).unwrap(), next + Duration::from_secs(30), "he took enough");
        assert!(tally.waits(next + Duration::from_secs(30)).is_err());
    }
}
