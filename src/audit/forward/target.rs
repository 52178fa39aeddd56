use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::settings::ForwardSettings;

/// How it stands with a target: shared by who sends, who lets old segments go, and who is asked.
#[derive(Debug)]
pub struct Target {
    pub name: String,
    /// How much longer what it has not got is kept.
    pub keep_days: u64,
    patience: Duration,
    /// The first record that it has not got for certain.
    next: AtomicU64,
    failing: Mutex<Option<Failing>>,
}

#[derive(Debug)]
struct Failing {
    since: Instant,
    told: bool,
}

impl Target {
    pub fn new(settings: &ForwardSettings, next: u64) -> Self {
        Self {
            name: settings.name.clone(),
            keep_days: settings.keep_days,
            patience: Duration::from_secs(settings.patience_s),
            next: AtomicU64::new(next),
            failing: Mutex::default(),
        }
    }

    pub fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    pub fn took(&self, next: u64) {
        self.next.store(next, Ordering::Release);
    }

    /// It took nothing. Whether that is to be told now: once, when it has been so for long.
    pub fn failed(&self) -> bool {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = failing.get_or_insert_with(|| Failing { since: Instant::now(), told: false });
        let tell = !failing.told && failing.since.elapsed() >= self.patience;
        failing.told |= tell;
        tell
    }

    /// It took something. Whether it had been told that it does not.
    pub fn well(&self) -> bool {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).take().is_some_and(|failing| failing.told)
    }

    /// It has taken nothing for long.
    pub fn is_late(&self) -> bool {
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.as_ref().is_some_and(|failing| failing.since.elapsed() >= self.patience)
    }
}
