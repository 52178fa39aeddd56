use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::record::RunRecord;
use super::tools::{Asking, Calls};
use crate::engine::OutputListener;
use crate::model::{RunId, SandboxId, Stream, TenantId};

/// Turns between the two streams that are kept apart; of a guest that takes more, the rest is told at its end.
const TURNS: usize = 20_000;
/// The most that one event carries.
const PIECE: usize = 16 << 10;

/// The number of the first event.
const FIRST: u64 = 1;
/// One that every reader of JSON takes as it is, and the next one as well.
const UNKNOWN: u64 = (1 << 53) - 2;

/// Something that happened in a run. The numbers grow, and whoever gives the last that he saw gets what came after.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub number: u64,
    pub what: Happened,
}

impl Event {
    pub(super) fn output(after: u64, stream: Stream, bytes: Vec<u8>) -> Self {
        let number = after.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        Self { number, what: Happened::Output { stream, bytes } }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    Started(RunId),
    Output {
        stream: Stream,
        bytes: Vec<u8>,
    },
    /// It calls a tool that whoever asked for it answers. The number is that of the event before: it is told to each who
    /// watches for as long as it waits, and never again.
    Call(Arc<Asking>),
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

    /// Where the output goes on after so many bytes of it, looked for from the turn on in which the reader was.
    fn after(&self, done: u64, seen: &mut Seen) -> Option<Place> {
        if seen.before > done {
            *seen = Seen::default();
        }
        while let Some(length) = self.order.get(seen.turn).copied().map(u64::from) {
            let (stream, [own, other]) = match seen.turn % 2 {
                0 => (Stream::Stdout, seen.ends),
                _ => (Stream::Stderr, seen.ends),
            };
            #[cfg(test)]
            LOOKED_AT.with(|looked| looked.set(looked.get() + 1));
            if seen.before + length > done {
                let (from, left) = (own + (done - seen.before), seen.before + length - done);
                return Some(Place { stream, from, left, last: seen.turn + 1 == self.order.len() });
            }
            // The last turn may still grow.
            if seen.turn + 1 == self.order.len() {
                return None;
            }
            *seen = Seen { turn: seen.turn + 1, before: seen.before + length, ends: [other, own + length] };
        }
        None
    }

    /// The next piece of it, where it is here.
    fn piece<'a>(&'a self, place: &Place, ended: Option<&'a RunRecord>) -> Option<&'a [u8]> {
        let report = ended.and_then(|run| run.report.as_ref());
        let all = match place.stream {
            Stream::Stdout => report.map_or(&self.stdout, |report| &report.stdout.bytes),
            Stream::Stderr => report.map_or(&self.stderr, |report| &report.stderr.bytes),
        };
        let from = usize::try_from(place.from).ok()?;
        let left = usize::try_from(place.left).unwrap_or(usize::MAX);
        let rest = all.get(from..).unwrap_or_default();
        place.cut(rest.get(..left.min(rest.len())).unwrap_or(rest), ended.is_some())
    }

    fn total(&self) -> u64 {
        self.order.iter().map(|length| u64::from(*length)).sum()
    }
}

/// How far a reader has come: the turn in which he is, so that nobody looks through all turns for each event, while the
/// guest waits to write one more.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    turn: usize,
    /// Bytes before this turn; and of them those of the stream whose turn it is, and those of the other one.
    before: u64,
    ends: [u64; 2],
}

#[cfg(test)]
thread_local! {
    /// Turns that were looked at.
    static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A stream whose turn it is, from where on, and how much it wrote in this turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) stream: Stream,
    pub(super) from: u64,
    left: u64,
    last: bool,
}

impl Place {
    /// How much of it one event may have.
    pub(super) fn most(&self) -> u64 {
        self.left.min(PIECE as u64)
    }

    /// A piece that is not too long and, where more may come, does not end in the middle of a character.
    pub(super) fn cut<'a>(&self, piece: &'a [u8], ended: bool) -> Option<&'a [u8]> {
        let long = self.left > PIECE as u64;
        let piece = piece.get(..PIECE.min(piece.len())).unwrap_or(piece);
        if !long && (ended || !self.last) {
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
}

/// A run that can be watched.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: RunId,
    pub(super) tenant: TenantId,
    pub(super) sandbox: Option<SandboxId>,
    state: Mutex<State>,
    pub(super) news: Notify,
    /// The call of a tool that waits for an answer.
    pub(super) calls: Calls,
    pub(super) cancel: CancellationToken,
    /// Why we ended it, where nobody asked for that.
    pub(super) ended_since: OnceLock<String>,
    /// Its start is on record, so whoever looks for it finds it.
    pub(super) found: AtomicBool,
}

/// What there is after an event.
pub(super) enum Look {
    Event(Event),
    /// Output that is to be read from the ledger.
    There(Place),
    /// All is to be read from the ledger.
    Gone,
    Later,
    Never,
}

#[derive(Debug, Default)]
struct State {
    written: Written,
    /// Nothing more is written when this is here.
    ended: Option<Arc<RunRecord>>,
    at: At,
}

/// Where the run is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Its end is not told yet.
    #[default]
    Work,
    /// It is over and all of it is here.
    Hand,
    /// It is over, and what it wrote is in the ledger.
    Head,
    /// It is over and all of it is in the ledger.
    Ledger,
}

impl State {
    /// The number of its end. Where nothing is known of what it wrote, some of which was told meanwhile, it comes after all
    /// that may have been.
    fn last(&self, record: &RunRecord) -> u64 {
        if record.report.is_some() { FIRST + self.written.total() + 1 } else { UNKNOWN }
    }
}

impl Live {
    pub(super) fn new(id: RunId, tenant: TenantId, sandbox: Option<SandboxId>, cancel: CancellationToken) -> Arc<Self> {
        let (ended_since, found) = (OnceLock::new(), AtomicBool::new(false));
        let (state, news, calls) = (Mutex::default(), Notify::new(), Calls::default());
        Arc::new(Self { id, tenant, sandbox, state, news, calls, cancel, ended_since, found })
    }

    /// Ends it for a reason of ours.
    pub(super) fn end_since(&self, why: &str) {
        let _ = self.ended_since.set(why.to_owned());
        self.cancel.cancel();
    }

    /// Whether it is one of a tenant that can be found.
    pub(super) fn is_of(&self, tenant: &TenantId) -> bool {
        self.tenant == *tenant && self.found.load(Ordering::Acquire)
    }

    /// As a run that is over, of which all but what it wrote was read from the ledger.
    pub(super) fn ended(record: RunRecord) -> Arc<Self> {
        let written = Written { order: record.order.clone(), ..Written::default() };
        let live = Self::of(&record, &CancellationToken::new());
        let report = record.report.as_ref();
        // What it wrote is with the rest where it was written down before that had a place of its own.
        let is_whole = report.is_some_and(|report| !report.stdout.bytes.is_empty() || !report.stderr.bytes.is_empty());
        let at = if is_whole { At::Hand } else { At::Head };
        *live.state() = State { written, ended: Some(Arc::new(record)), at };
        live
    }

    /// The number of the last event of one that is over.
    pub(super) fn last(&self) -> Option<u64> {
        let state = self.state();
        state.ended.as_deref().map(|record| state.last(record) + 1)
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

    /// Its end is told. Whoever reads slowly keeps nothing large here that is in the ledger.
    pub(super) fn end(&self, record: &Arc<RunRecord>, kept: bool) {
        self.read_from(record);
        let mut state = self.state();
        if kept && record.is_large() {
            *state = State { at: At::Ledger, ..State::default() };
        } else {
            state.at = At::Hand;
        }
        drop(state);
        self.news.notify_waiters();
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.state().written.total()
    }

    /// In one look: an end that comes between two would be missed.
    pub(super) fn look(&self, after: u64, seen: &mut Seen) -> Look {
        if after < FIRST {
            return Look::Event(Event { number: FIRST, what: Happened::Started(self.id.clone()) });
        }
        let state = self.state();
        if state.at == At::Ledger {
            return Look::Gone;
        }
        if let Some(place) = state.written.after(after - FIRST, seen) {
            if state.at == At::Head {
                return Look::There(place);
            }
            if let Some(bytes) = state.written.piece(&place, state.ended.as_deref()) {
                return Look::Event(Event::output(after, place.stream, bytes.to_vec()));
            }
        }
        let Some(record) = state.ended.clone().filter(|_| state.at != At::Work) else { return Look::Later };
        let last = state.last(&record);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Arc<Live> {
        Live::new(RunId::random(), "t".parse().unwrap(), None, CancellationToken::new())
    }

    fn all(live: &Live, after: u64) -> Vec<(u64, String)> {
        let mut events = Vec::new();
        let (mut at, mut seen) = (after, Seen::default());
        while let Look::Event(event) = live.look(at, &mut seen) {
            at = event.number;
            let text = match event.what {
                Happened::Started(_) => "started".to_owned(),
                Happened::Output { stream, bytes } => format!("{stream:?} {}", String::from_utf8_lossy(&bytes)),
                Happened::Call(_) => "call".to_owned(),
                Happened::Over(_) => "over".to_owned(),
                Happened::Done(_) => "done".to_owned(),
            };
            events.push((event.number, text));
        }
        events
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
        LOOKED_AT.set(0);
        let bytes: usize = all(&live, 1).iter().map(|(_, text)| text.len() - "Stdout ".len()).sum();
        assert_eq!(bytes, 2 * TURNS);
        assert!(LOOKED_AT.get() < 4 * TURNS, "nobody begins at the start for each event: {}", LOOKED_AT.get());
    }

    #[test]
    fn an_end_is_told_whenever_it_comes() {
        let record = RunRecord {
            id: RunId::random(),
            tenant: "t".parse().unwrap(),
            owner: "p".parse().unwrap(),
            backend: crate::backends::BackendName::Wasm,
            component: Some(crate::model::Digest::from_bytes([0; 32])),
            command: None,
            fence: None,
            sandbox: None,
            session: None,
            state: super::super::record::RunState::Ended,
            labels: crate::model::Labels::new(),
            created: 0,
            ended: Some(0),
            report: None,
            failure: None,
            cut: Vec::new(),
            given: None,
            order: Vec::new(),
        };
        let record = Arc::new(record);
        for _ in 0..500 {
            let live = live();
            std::thread::scope(|scope| {
                scope.spawn(|| live.end(&record, true));
                let (mut at, mut last, mut seen) = (0, None, Seen::default());
                // Asked again and again, and not only when there is news.
                loop {
                    match live.look(at, &mut seen) {
                        Look::Event(event) => (at, last) = (event.number, Some(event.what)),
                        Look::Never => break,
                        _ => {}
                    }
                }
                assert!(matches!(last, Some(Happened::Done(_))), "{last:?}");
            });
        }
    }
}
