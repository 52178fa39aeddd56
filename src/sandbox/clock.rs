use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often the time is written down.
const WRITTEN: Duration = Duration::from_secs(60);

/// Where a clock reads: the clock on the wall, as the time since 1970, which may be set; and one that only goes on.
pub trait Hands: Send + Sync {
    fn wall(&self) -> Duration;
    fn steady(&self) -> Duration;
}

/// Those of this machine.
pub struct Machine(Instant);

impl Default for Machine {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Hands for Machine {
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    fn steady(&self) -> Duration {
        self.0.elapsed()
    }
}

/// What time it is for all that expires: never earlier than it was, whatever the clock on the wall is set to, or what has
/// expired would be good again. What is newest is written down now and then, and a service begins no earlier than that.
pub(super) struct Clock {
    hands: Box<dyn Hands>,
    state: Mutex<State>,
}

struct State {
    /// The newest time that the wall showed, and what the steady clock was then.
    newest: Duration,
    at: Duration,
    written: Duration,
}

impl Clock {
    pub(super) fn new(hands: Box<dyn Hands>) -> Self {
        let (newest, at) = (hands.wall(), hands.steady());
        Self { hands, state: Mutex::new(State { newest, at, written: Duration::ZERO }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, state: &mut State) -> Duration {
        let (wall, steady) = (self.hands.wall(), self.hands.steady());
        let gone_on = state.newest.saturating_add(steady.saturating_sub(state.at));
        if wall > gone_on {
            (state.newest, state.at) = (wall, steady);
        }
        gone_on.max(wall)
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        millis(self.read(&mut self.state()))
    }

    /// It is no earlier than this.
    pub(super) fn not_before(&self, known: u64) {
        let mut state = self.state();
        let known = Duration::from_millis(known);
        let now = self.read(&mut state);
        if known.saturating_sub(now) >= WRITTEN {
            let behind = known.saturating_sub(now).as_secs();
            tracing::warn!(
                behind,
                "the clock of this machine is seconds behind the newest time that is known here, which counts"
            );
        }
        if now < known {
            (state.newest, state.at) = (known, self.hands.steady());
        }
    }

    /// What is to be written down, when it is time to, or whenever it is the last chance.
    pub(super) fn to_write(&self, last: bool) -> Option<u64> {
        let mut state = self.state();
        let now = self.read(&mut state);
        let due = last || now.saturating_sub(state.written) >= WRITTEN;
        due.then(|| {
            state.written = now;
            millis(now)
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    #[derive(Default)]
    struct Set {
        wall: AtomicU64,
        steady: AtomicU64,
    }

    impl Hands for Arc<Set> {
        fn wall(&self) -> Duration {
            Duration::from_millis(self.wall.load(Relaxed))
        }

        fn steady(&self) -> Duration {
            Duration::from_millis(self.steady.load(Relaxed))
        }
    }

    #[test]
    fn a14_a_clock_that_is_set_back_makes_nothing_good_again() {
        let hands = Arc::new(Set::default());
        hands.wall.store(1_000_000, Relaxed);
        let clock = Clock::new(Box::new(Arc::clone(&hands)));
        hands.steady.store(60_000, Relaxed);
        hands.wall.store(1_060_000, Relaxed);
        assert_eq!(clock.now(), 1_060_000);
        hands.wall.store(7, Relaxed);
        assert_eq!(clock.now(), 1_060_000, "set back while we are at work");
        for step in 1..=10_000 {
            hands.steady.store(60_000 + step, Relaxed);
            assert_eq!(clock.now(), 1_060_000 + step, "and it goes on, however often it is asked");
        }
        hands.wall.store(9_000_000, Relaxed);
        assert_eq!(clock.now(), 9_000_000, "set on, it is followed");
        hands.wall.store(1_000_000, Relaxed);
        assert_eq!(clock.now(), 9_000_000, "and not back again");
    }

    #[test]
    fn a14_it_begins_no_earlier_than_what_was_written_down() {
        let hands = Arc::new(Set::default());
        hands.wall.store(1_000, Relaxed);
        let clock = Clock::new(Box::new(Arc::clone(&hands)));
        clock.not_before(500_000);
        assert_eq!(clock.now(), 500_000);
        clock.not_before(400_000);
        hands.steady.store(30_000, Relaxed);
        assert_eq!(clock.to_write(false), Some(530_000), "at first");
        hands.steady.store(89_999, Relaxed);
        assert_eq!(clock.to_write(false), None);
        assert_eq!(clock.to_write(true), Some(589_999), "the last chance");
        hands.steady.store(150_000, Relaxed);
        assert_eq!(clock.to_write(false), Some(650_000), "once a minute");
    }
}
