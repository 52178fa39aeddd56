//! Who was wrong how often. A window begins with a failure and ends `window_s` later, whatever comes in between.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::KeyPrefix;
use super::settings::GuessLimits;

/// An IPv4 address, or the /64 of an IPv6 address: whoever has one address of it has them all.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Source {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Source::V4(address.octets()),
            IpAddr::V6(address) => Source::V6(address.octets().first_chunk().copied().unwrap_or_default()),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Window {
    began: u64,
    failures: u32,
}

/// Two maps: failures are counted in the young one, and when that is full or a window old it becomes the old one and
/// the old one is forgotten. So memory has a bound, and those go first whose last failure is the longest ago.
struct Table<K> {
    young: HashMap<K, Window>,
    old: HashMap<K, Window>,
    born: u64,
}

impl<K: Hash + Eq + Copy> Table<K> {
    fn new() -> Mutex<Self> {
        Mutex::new(Self { young: HashMap::new(), old: HashMap::new(), born: 0 })
    }

    fn window(&self, key: &K, tick: u64, window_ms: u64) -> Window {
        let found = self.young.get(key).or_else(|| self.old.get(key)).copied().unwrap_or_default();
        if tick.saturating_sub(found.began) < window_ms { found } else { Window::default() }
    }

    fn failed(&mut self, key: K, tick: u64, window_ms: u64, room: usize) {
        let mut window = self.window(&key, tick, window_ms);
        if window.failures == 0 {
            window.began = tick;
        }
        window.failures = window.failures.saturating_add(1);
        let full = self.young.len() >= room && !self.young.contains_key(&key);
        if full || tick.saturating_sub(self.born) >= window_ms {
            self.old = std::mem::take(&mut self.young);
            self.born = tick;
        }
        self.young.insert(key, window);
    }
}

/// What the limits are for: they bound what guessing costs us and how loud it is in the log. They do not keep keys
/// safe; 256 random bits do that. So where a limit could shut out the owner of a good key, the owner wins:
///
/// - A credential that was good a moment ago is not asked for here at all (see `Authenticator`).
/// - Guesses at one prefix close it only to sources that have been wrong themselves within the window. A source
///   without a failure has its try: an attacker from elsewhere cannot lock the owner out, and many attackers have one
///   guess each where they would have had `failures_per_source`.
/// - When the tables are full they forget, and refuse nobody: otherwise a flood from many sources would close the door
///   for all.
/// - What could not be checked because an issuer does not answer, or has not told the key that signed, is counted by
///   itself, and as often: it says nothing about the keys and other tokens that come from the same source.
/// - A success wipes nothing out: whoever has one good key would have endless guesses at others.
pub(super) struct Guesses {
    limits: GuessLimits,
    sources: Mutex<Table<Source>>,
    prefixes: Mutex<Table<KeyPrefix>>,
    unanswered: Mutex<Table<Source>>,
}

impl Guesses {
    pub(super) fn new(limits: GuessLimits) -> Self {
        Self { limits, sources: Table::new(), prefixes: Table::new(), unanswered: Table::new() }
    }

    /// Seconds to wait, if this source has to.
    pub(super) fn wait_s(&self, address: IpAddr, prefix: Option<KeyPrefix>, tick: u64) -> Option<u64> {
        if self.is_exempt(address) {
            return None;
        }
        let own = lock(&self.sources).window(&Source::of(address), tick, self.window_ms());
        if own.failures >= self.limits.failures_per_source {
            return Some(self.left_s(own, tick));
        }
        if own.failures == 0 {
            return None;
        }
        let at_prefix = lock(&self.prefixes).window(&prefix?, tick, self.window_ms());
        (at_prefix.failures >= self.limits.failures_per_prefix).then(|| self.left_s(at_prefix, tick))
    }

    pub(super) fn failed(&self, address: IpAddr, prefix: Option<KeyPrefix>, tick: u64) {
        let (window_ms, room) = (self.window_ms(), self.room());
        if !self.is_exempt(address) {
            lock(&self.sources).failed(Source::of(address), tick, window_ms, room);
        }
        if let Some(prefix) = prefix {
            lock(&self.prefixes).failed(prefix, tick, window_ms, room);
        }
    }

    /// One more that could not be checked. Seconds to wait, if there were as many as there may be failures.
    pub(super) fn unanswered(&self, address: IpAddr, tick: u64) -> Option<u64> {
        if self.is_exempt(address) {
            return None;
        }
        let (source, window_ms) = (Source::of(address), self.window_ms());
        let mut table = lock(&self.unanswered);
        let so_far = table.window(&source, tick, window_ms);
        if so_far.failures >= self.limits.failures_per_source {
            return Some(self.left_s(so_far, tick));
        }
        table.failed(source, tick, window_ms, self.room());
        None
    }

    /// Sources and prefixes that are remembered.
    pub(super) fn tracked(&self) -> (usize, usize) {
        let (sources, prefixes) = (lock(&self.sources), lock(&self.prefixes));
        (sources.young.len() + sources.old.len(), prefixes.young.len() + prefixes.old.len())
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.limits.never_limited.iter().any(|net| net.contains(&address))
    }

    fn window_ms(&self) -> u64 {
        u64::from(self.limits.window_s) * 1_000
    }

    /// For each of the two maps of a table.
    fn room(&self) -> usize {
        usize::try_from(self.limits.tracked / 2).unwrap_or(usize::MAX)
    }

    fn left_s(&self, window: Window, tick: u64) -> u64 {
        let end = window.began.saturating_add(self.window_ms());
        end.saturating_sub(tick).div_ceil(1_000).max(1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done in there, so what a panic elsewhere left behind is still good.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
