use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::hall::locked;
use crate::model::TenantId;

/// Threads on which tenants may wait for the disk at a time, of the 512 of the process; the rest is for ourselves.
const ALL: usize = 448;
/// The most of one tenant, whatever is free.
const OWN: usize = 64;
/// What a tenant may have as long as any is free.
const LEAST: usize = 4;
/// How long one is waited for where too few are free, and how often it is looked: whose turn it is depends on what all
/// others have at that moment.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(20);

/// Threads that all tenants share. One has at most half as many as are free: whoever comes finds some, however many are
/// held up by their disks, and the more tenants have work, the fewer each has. One that has `OWN` waits for its own.
pub(super) struct Threads(Mutex<Taken>);

struct Taken {
    free: usize,
    of: HashMap<TenantId, Own>,
}

struct Own {
    turns: Arc<Semaphore>,
    taken: usize,
}

/// One thread of a tenant's, until it is dropped.
pub(super) struct Turn {
    all: Arc<Threads>,
    tenant: TenantId,
    _own: OwnedSemaphorePermit,
}

impl Default for Threads {
    fn default() -> Self {
        Self(Mutex::new(Taken { free: ALL, of: HashMap::new() }))
    }
}

impl Taken {
    fn of(&mut self, tenant: &TenantId) -> &mut Own {
        let own = || Own { turns: Arc::new(Semaphore::new(OWN)), taken: 0 };
        self.of.entry(tenant.clone()).or_insert_with(own)
    }
}

impl Threads {
    /// Nothing where too few were free for too long.
    pub(super) async fn turn(self: &Arc<Self>, tenant: &TenantId) -> Option<Turn> {
        let turns = Arc::clone(&locked(&self.0).of(tenant).turns);
        let own = turns.acquire_owned().await.ok()?;
        let end = Instant::now() + PATIENCE;
        while !self.take(tenant) {
            if Instant::now() >= end {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
        Some(Turn { all: Arc::clone(self), tenant: tenant.clone(), _own: own })
    }

    fn take(&self, tenant: &TenantId) -> bool {
        let mut all = locked(&self.0);
        let free = all.free;
        let own = all.of(tenant);
        if free == 0 || own.taken >= LEAST.max(free / 2) {
            return false;
        }
        own.taken += 1;
        all.free -= 1;
        true
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = locked(&self.all.0);
        all.free += 1;
        all.of(&self.tenant).taken -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_finds_some_and_a_few_that_are_alone_have_all_that_one_may() {
        let threads = Threads::default();
        let tenant = |n: usize| format!("t{n}").parse().unwrap();
        let got: Vec<usize> = (0..13).map(|n| (0..OWN).filter(|_| threads.take(&tenant(n))).count()).collect();
        assert_eq!(got.iter().take(5).copied().collect::<Vec<_>>(), [OWN; 5], "{got:?}");
        assert!(got.iter().all(|own| *own >= LEAST) && got.is_sorted_by(|one, next| one >= next), "{got:?}");
        assert!(got.iter().sum::<usize>() <= ALL);
    }
}
