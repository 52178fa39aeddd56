use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use super::record::RunRecord;
use crate::engine::{OutputListener, Stream};
use crate::model::{RunId, SandboxId, TenantId};

/// Turns between the two streams that are kept apart; of a guest that takes more, the rest is told at its end.
const TURNS: usize = 20_000;
/// The most that one event carries.
const PIECE: usize = 16 << 10;

/// Something that happened in a run. The numbers grow, and whoever gives the last that he saw gets what came after.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub number: u64,
    pub what: Happened,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    Started(RunId),
    Output {
        stream: Stream,
        bytes: Vec<u8>,
    },
    /// It ended, or was not run at all; the record says which.
    Over(Arc<RunRecord>),
    /// Nothing comes after this.
    Done(RunId),
}

/// What a run has written so far: both streams and how they took turns. As large as its limits let it be. When it has
/// ended, its report has the streams, and they are not kept twice; what is read is the same, now or long after.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// Bytes of standard output (even places) and of standard error (odd ones), in turns.
    pub(super) order: Vec<u32>,
}

impl Written {
    fn add(&mut self, stream: Stream, bytes: &[u8]) {
        let place = match stream {
            Stream::Stdout => {
                self.stdout.extend_from_slice(bytes);
                0
            }
            Stream::Stderr => {
                self.stderr.extend_from_slice(bytes);
                1
            }
        };
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        match self.order.len() {
            0 if place == 1 => self.order.extend([0, length]),
            0 => self.order.push(length),
            turns if (turns - 1) % 2 == place => {
                if let Some(last) = self.order.last_mut() {
                    *last = last.saturating_add(length);
                }
            }
            // Told when the run is over.
            turns if turns >= TURNS => {}
            _ => self.order.push(length),
        }
    }

    /// Puts what had no turn at the end.
    fn finish(&mut self) {
        let told = |side: usize| self.order.iter().skip(side).step_by(2).map(|length| *length as usize).sum::<usize>();
        let left = [self.stdout.len().saturating_sub(told(0)), self.stderr.len().saturating_sub(told(1))];
        if left == [0, 0] {
            return;
        }
        for _ in 0..2 {
            let side = self.order.len() % 2;
            let length = left.get(side).copied().unwrap_or(0);
            self.order.push(u32::try_from(length).unwrap_or(u32::MAX));
        }
    }

    /// The next piece of output after so many bytes of it.
    fn after<'a>(&'a self, done: u64, ended: Option<&'a RunRecord>) -> Option<(Stream, &'a [u8])> {
        let [stdout, stderr] = match ended.and_then(|run| run.report.as_ref()) {
            Some(report) => [&report.stdout.bytes, &report.stderr.bytes],
            None => [&self.stdout, &self.stderr],
        };
        let (mut before, mut ends) = (0u64, [0usize; 2]);
        for (turn, length) in self.order.iter().enumerate() {
            let (stream, all, side) = match turn % 2 {
                0 => (Stream::Stdout, stdout, 0),
                _ => (Stream::Stderr, stderr, 1),
            };
            let begin = ends.get(side).copied().unwrap_or(0);
            let end = begin.saturating_add(*length as usize).min(all.len());
            if let Some(own) = ends.get_mut(side) {
                *own = end;
            }
            let after = before + u64::from(*length);
            if after > done {
                let skip = usize::try_from(done.saturating_sub(before)).unwrap_or(usize::MAX);
                let piece = all.get(begin.saturating_add(skip)..end).unwrap_or_default();
                let last = turn + 1 == self.order.len();
                return cut(piece, last && ended.is_none()).map(|piece| (stream, piece));
            }
            before = after;
        }
        None
    }

    fn total(&self) -> u64 {
        self.order.iter().map(|length| u64::from(*length)).sum()
    }
}

/// A piece that is not too long and, where more may come, does not end in the middle of a character.
fn cut(piece: &[u8], more: bool) -> Option<&[u8]> {
    let long = piece.len() > PIECE;
    let piece = piece.get(..PIECE.min(piece.len())).unwrap_or(piece);
    if !more && !long {
        return (!piece.is_empty()).then_some(piece);
    }
    match std::str::from_utf8(piece) {
        Err(error) if error.error_len().is_none() => match piece.get(..error.valid_up_to()) {
            Some([]) | None => None,
            whole => whole,
        },
        _ => (!piece.is_empty()).then_some(piece),
    }
}

/// A run that can be watched.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: RunId,
    pub(super) tenant: TenantId,
    pub(super) sandbox: Option<SandboxId>,
    state: Mutex<State>,
    news: Notify,
    /// How its end is told, once somebody asked for that.
    told: OnceCell<Arc<str>>,
    pub(super) cancel: CancellationToken,
}

/// What there is after an event.
enum Look {
    Event(Event),
    Later,
    Never,
}

#[derive(Debug, Default)]
struct State {
    written: Written,
    /// Nothing more is written when this is here.
    ended: Option<Arc<RunRecord>>,
    /// It is told.
    over: bool,
}

impl Live {
    pub(super) fn new(id: RunId, tenant: TenantId, sandbox: Option<SandboxId>, cancel: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            id,
            tenant,
            sandbox,
            state: Mutex::default(),
            news: Notify::new(),
            told: OnceCell::new(),
            cancel,
        })
    }

    /// As a run that is over and was read from the ledger.
    pub(super) fn ended(record: RunRecord) -> Arc<Self> {
        let written = Written { order: record.order.clone(), ..Written::default() };
        let live = Self::of(&record, &CancellationToken::new());
        *live.state() = State { written, ended: Some(Arc::new(record)), over: true };
        live
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In which order the output came; to be asked when no more comes.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut state = self.state();
        state.written.finish();
        state.written.order.clone()
    }

    /// It has ended: what it wrote is read from its report, and is not kept here any more. Its end is not told yet.
    pub(super) fn read_from(&self, record: &Arc<RunRecord>) {
        let mut state = self.state();
        state.written.finish();
        if record.report.is_some() {
            (state.written.stdout, state.written.stderr) = (Vec::new(), Vec::new());
        }
        state.ended = Some(Arc::clone(record));
    }

    pub(super) fn end(&self, record: &Arc<RunRecord>) {
        self.read_from(record);
        self.state().over = true;
        self.news.notify_waiters();
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.state().written.total()
    }

    /// In one look: an end that comes between two would be missed.
    fn look(&self, after: u64) -> Look {
        const FIRST: u64 = 1;
        if after < FIRST {
            return Look::Event(Event { number: FIRST, what: Happened::Started(self.id.clone()) });
        }
        let state = self.state();
        let done = after - FIRST;
        if let Some((stream, bytes)) = state.written.after(done, state.ended.as_deref()) {
            let number = after + u64::try_from(bytes.len()).unwrap_or(0);
            return Look::Event(Event { number, what: Happened::Output { stream, bytes: bytes.to_vec() } });
        }
        let last = FIRST + state.written.total() + 1;
        let Some(record) = state.ended.clone().filter(|_| state.over) else { return Look::Later };
        match after {
            after if after < last => Look::Event(Event { number: last, what: Happened::Over(record) }),
            after if after == last => Look::Event(Event { number: last + 1, what: Happened::Done(self.id.clone()) }),
            _ => Look::Never,
        }
    }
}

impl OutputListener for Live {
    fn output(&self, stream: Stream, bytes: &[u8]) {
        self.state().written.add(stream, bytes);
        self.news.notify_waiters();
    }
}

/// What happens in a run, one thing after the other. Whoever reads slowly is waited for by nobody: the output is kept
/// once, however many read it.
pub struct Events {
    pub(super) live: Arc<Live>,
    pub(super) after: u64,
}

impl Events {
    /// Those of a run that is over, from the first on.
    pub fn of(run: RunRecord) -> Self {
        Self { live: Live::ended(run), after: 0 }
    }

    /// How the end is told to whoever watches: made once, on a thread that may take its time, and shared.
    pub async fn told(&self, make: impl FnOnce() -> String + Send + 'static) -> Arc<str> {
        let made = async || {
            let made = tokio::task::spawn_blocking(make).await;
            made.map_or_else(|_| Arc::from("null"), Arc::from)
        };
        Arc::clone(self.live.told.get_or_init(made).await)
    }

    /// `None` after the last.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let news = self.live.news.notified();
            tokio::pin!(news);
            // From here on nothing is missed, even if it happens before the wait.
            news.as_mut().enable();
            match self.live.look(self.after) {
                Look::Event(event) => {
                    self.after = event.number;
                    return Some(event);
                }
                Look::Later => news.await,
                Look::Never => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn live() -> Arc<Live> {
        Live::new(RunId::random(), "t".parse().unwrap(), None, CancellationToken::new())
    }

    fn all(live: &Live, after: u64) -> Vec<(u64, String)> {
        let mut events = Vec::new();
        let mut at = after;
        while let Look::Event(event) = live.look(at) {
            at = event.number;
            let text = match event.what {
                Happened::Started(_) => "started".to_owned(),
                Happened::Output { stream, bytes } => format!("{stream:?} {}", String::from_utf8_lossy(&bytes)),
                Happened::Over(_) => "over".to_owned(),
                Happened::Done(_) => "done".to_owned(),
            };
            events.push((event.number, text));
        }
        events
    }

    #[tokio::test]
    async fn an_end_is_written_once_for_all_who_watch_and_not_on_the_thread_that_serves_them() {
        let live = live();
        let watching = [0, 1].map(|after| Events { live: Arc::clone(&live), after });
        let here = std::thread::current().id();
        let (told, made) = (watching.iter(), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
        let told = told.map(|events| {
            let made = Arc::clone(&made);
            events.told(move || {
                assert_ne!(std::thread::current().id(), here);
                format!("{}", made.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
            })
        });
        let told = futures_util::future::join_all(told).await;
        assert_eq!(told, [Arc::from("0"), Arc::from("0")]);
        assert!(Arc::ptr_eq(&told[0], &told[1]));
    }

    #[test]
    fn output_comes_in_its_order_and_from_any_place_on() {
        let live = live();
        live.output(Stream::Stderr, b"a");
        live.output(Stream::Stdout, b"bc");
        live.output(Stream::Stdout, b"d");
        live.output(Stream::Stderr, "é".as_bytes());
        let texts = ["started", "Stderr a", "Stdout bcd", "Stderr é"];
        assert_eq!(all(&live, 0).iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), texts);
        assert_eq!(all(&live, 2), [(5, "Stdout bcd".to_owned()), (7, "Stderr é".to_owned())]);
        assert_eq!(all(&live, 4), [(5, "Stdout d".to_owned()), (7, "Stderr é".to_owned())]);
        assert_eq!(all(&live, 7), []);
    }

    #[test]
    fn a_character_is_not_cut_while_more_may_come() {
        let live = live();
        live.output(Stream::Stdout, &"é".as_bytes()[..1]);
        assert_eq!(all(&live, 1), []);
        live.output(Stream::Stdout, &"é".as_bytes()[1..]);
        assert_eq!(all(&live, 1), [(3, "Stdout é".to_owned())]);
        live.output(Stream::Stdout, b"\xff\xc3");
        assert_eq!(all(&live, 3).len(), 1, "what is no text at all does not wait");
    }

    #[test]
    fn very_many_turns_are_bounded_and_lose_no_byte() {
        let live = live();
        for _ in 0..TURNS {
            live.output(Stream::Stdout, b"o");
            live.output(Stream::Stderr, b"e");
        }
        assert!(live.bytes() < 2 * TURNS as u64, "some wait for the end");
        assert_eq!(live.order().len(), TURNS + 2);
        assert_eq!(live.bytes(), 2 * TURNS as u64);
        let bytes: usize = all(&live, 1).iter().map(|(_, text)| text.len() - "Stdout ".len()).sum();
        assert_eq!(bytes, 2 * TURNS);
    }

    #[test]
    fn an_end_is_told_whenever_it_comes() {
        let record = RunRecord {
            id: RunId::random(),
            tenant: "t".parse().unwrap(),
            owner: "p".parse().unwrap(),
            component: crate::model::Digest::from_bytes([0; 32]),
            sandbox: None,
            state: super::super::record::RunState::Ended,
            labels: crate::model::Labels::new(),
            created: 0,
            ended: Some(0),
            report: None,
            failure: None,
            cut: Vec::new(),
            order: Vec::new(),
        };
        let record = Arc::new(record);
        for _ in 0..500 {
            let live = live();
            std::thread::scope(|scope| {
                scope.spawn(|| live.end(&record));
                let (mut events, mut last) = (Events { live: Arc::clone(&live), after: 0 }, None);
                // Asked again and again, and not only when there is news.
                loop {
                    match events.next().now_or_never() {
                        None => {}
                        Some(None) => break,
                        Some(Some(event)) => last = Some(event.what),
                    }
                }
                assert!(matches!(last, Some(Happened::Done(_))), "{last:?}");
            });
        }
    }
}
