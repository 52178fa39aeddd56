use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use super::directory::{Directory, DirectoryError};

/// For so long what the directory said of its version is taken without asking.
const TRUSTED_MS: u64 = 200;
/// And for so long while somebody else is asking. With a slow directory behind it, a revoked key has had its last use
/// well within a second.
const WAITING_MS: u64 = 600;
const NEVER: u64 = u64::MAX;

/// What a warm credential was checked against. It is good as long as this is what holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    version: u64,
    epoch: u64,
}

pub(super) struct Versions {
    version: AtomicU64,
    /// Moved by `forget_all`: what changed here is known here before anything is asked.
    epoch: AtomicU64,
    /// The tick at which the version was asked for.
    known_at: AtomicU64,
    asking: Mutex<()>,
}

impl Versions {
    pub(super) fn new() -> Self {
        Self {
            version: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            known_at: AtomicU64::new(NEVER),
            asking: Mutex::new(()),
        }
    }

    pub(super) fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// To be taken before anything is looked up: then a change in between makes the stamp stale, not the answer.
    pub(super) fn stamp(&self, directory: &impl Directory, tick: u64) -> Result<Stamp, DirectoryError> {
        if self.is_younger(TRUSTED_MS, tick) {
            return Ok(self.current());
        }
        // One asks at a time, so that an answer that was long under way cannot replace a newer one.
        let _asking = match self.asking.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) if self.is_younger(WAITING_MS, tick) => return Ok(self.current()),
            Err(_) => self.asking.lock().unwrap_or_else(PoisonError::into_inner),
        };
        if !self.is_younger(TRUSTED_MS, tick) {
            self.version.store(directory.version()?, Ordering::Release);
            self.known_at.store(tick, Ordering::Release);
        }
        Ok(self.current())
    }

    fn is_younger(&self, age_ms: u64, tick: u64) -> bool {
        let known_at = self.known_at.load(Ordering::Acquire);
        known_at != NEVER && tick.saturating_sub(known_at) < age_ms
    }

    fn current(&self) -> Stamp {
        Stamp { version: self.version.load(Ordering::Acquire), epoch: self.epoch.load(Ordering::Acquire) }
    }
}
