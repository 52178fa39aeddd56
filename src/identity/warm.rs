use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;

use super::directory::Directory;
use super::error::Refusal;
use super::versions::Stamp;
use crate::model::{Caller, Credential};

/// A key's last use is told this often.
const TOUCH_S: u64 = 60;

/// A credential that was good, and what that was checked against.
pub(super) struct Known {
    /// As first seen; most come from one address, and get this very one.
    pub(super) caller: Arc<Caller>,
    pub(super) stamp: Stamp,
    /// The tick at which it must be checked anew even if nothing has changed: the keys of issuers are not in the
    /// directory's version.
    pub(super) recheck_at: u64,
    /// When the use of the key was last told.
    pub(super) touched: AtomicU64,
}

impl Known {
    pub(super) fn is_fresh(&self, stamp: Stamp, tick: u64) -> bool {
        self.stamp == stamp && tick < self.recheck_at
    }

    /// Time passes also for what is warm, so expiry is asked at each use.
    pub(super) fn admit(&self, directory: &impl Directory, at: IpAddr, now: u64) -> Result<Arc<Caller>, Refusal> {
        if self.caller.expires.is_some_and(|expires| now >= expires) {
            return Err(Refusal::Expired);
        }
        if let Credential::Key(id) = &self.caller.credential {
            let last = self.touched.load(Ordering::Relaxed);
            let due = now >= last.saturating_add(TOUCH_S);
            if due && self.touched.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                directory.touched(id, now);
            }
        }
        if self.caller.address == at {
            return Ok(Arc::clone(&self.caller));
        }
        Ok(Arc::new(Caller { address: at, ..Caller::clone(&self.caller) }))
    }
}

/// Credentials that were good lately, by their keyed hash: what is in memory here cannot be used as a credential.
pub(super) struct Warm(Cache<[u8; 32], Arc<Known>>);

impl Warm {
    pub(super) fn new(room: u32) -> Self {
        Self(Cache::new(u64::from(room)))
    }

    pub(super) fn get(&self, hash: &[u8; 32]) -> Option<Arc<Known>> {
        self.0.get(hash)
    }

    pub(super) fn put(&self, hash: [u8; 32], known: Arc<Known>) {
        self.0.insert(hash, known);
    }

    pub(super) fn drop_one(&self, hash: &[u8; 32]) {
        self.0.invalidate(hash);
    }

    pub(super) fn len(&self) -> u64 {
        self.0.run_pending_tasks();
        self.0.entry_count()
    }
}
