use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Ceilings, TenantId, show_bytes};

/// A ceiling of the tenant that is reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    #[error("the tenant has {0} runs at work, which is the most it may have; try again later")]
    ConcurrentRuns(u64),
    #[error(
        "the tenant has started {most} runs in this minute, which is the most it may; try again in {retry_after} s"
    )]
    RunsPerMinute { most: u64, retry_after: u64 },
    #[error(
        "the tenant has spent the {most} units of fuel that it has for a minute, or its runs at work may still spend them; try again in {retry_after} s"
    )]
    FuelPerMinute { most: u64, retry_after: u64 },
    #[error("the tenant has {0} sandboxes, which is the most it may have; destroy one first")]
    LiveSandboxes(u64),
    #[error("the tenant has {0} sessions, which is the most it may have; delete one first")]
    LiveSessions(u64),
    #[error("the service has {0} sessions, which is the most that it takes; try again later")]
    AllSessions(u32),
    #[error("the tenant may keep {}, and this would be more; delete something first", show_bytes(*.0))]
    Storage(u64),
    #[error("the tenant may keep {0} files, folders and links, and this would be more; delete something first")]
    StorageFiles(u64),
    #[error("the archives that the tenant is fetching take {} on the disk, which is the most; try again later", show_bytes(*.0))]
    Lent(u64),
    #[error("what the tenant keeps is being counted since the service started; try again later")]
    Uncounted,
}

impl QuotaError {
    pub const fn code(&self) -> &'static str {
        match self {
            QuotaError::ConcurrentRuns(_) => "too_many_runs",
            QuotaError::RunsPerMinute { .. } => "too_many_runs_a_minute",
            QuotaError::FuelPerMinute { .. } => "too_much_fuel_a_minute",
            QuotaError::LiveSandboxes(_) => "too_many_sandboxes",
            QuotaError::LiveSessions(_) => "too_many_sessions",
            QuotaError::AllSessions(_) => "too_many_sessions_in_all",
            QuotaError::Storage(_) => "storage_full",
            QuotaError::StorageFiles(_) => "too_many_files",
            QuotaError::Lent(_) => "too_many_downloads",
            QuotaError::Uncounted => "storage_uncounted",
        }
    }

    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            QuotaError::ConcurrentRuns(_) | QuotaError::Lent(_) | QuotaError::Uncounted => Some(1),
            QuotaError::RunsPerMinute { retry_after, .. } | QuotaError::FuelPerMinute { retry_after, .. } => {
                Some(*retry_after)
            }
            // When somebody removes something, or the next time that what has expired is swept.
            QuotaError::LiveSandboxes(_)
            | QuotaError::LiveSessions(_)
            | QuotaError::AllSessions(_)
            | QuotaError::Storage(_)
            | QuotaError::StorageFiles(_) => Some(30),
        }
    }
}

/// What each tenant has of what is counted. One lock for a tenant, held for a few instructions: what is asked and what is
/// taken are one step, so that no race gets more.
#[derive(Debug, Default)]
pub struct Quota(Mutex<HashMap<TenantId, Arc<Mutex<Counts>>>>);

#[derive(Debug, Default)]
struct Counts {
    running: u64,
    minute: u64,
    runs: u64,
    /// What the runs that ended in this minute have spent.
    fuel: u64,
    /// What the runs at work may spend, in whichever minute.
    promised: u64,
    sandboxes: u64,
    sessions: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counts {
    fn turn(&mut self, now_ms: u64) -> u64 {
        let minute = now_ms / 60_000;
        if minute != self.minute {
            (self.minute, self.runs, self.fuel) = (minute, 0, 0);
        }
        60 - now_ms / 1_000 % 60
    }
}

impl Quota {
    fn of(&self, tenant: &TenantId) -> Arc<Mutex<Counts>> {
        let mut all = locked(&self.0);
        match all.get(tenant) {
            Some(counts) => Arc::clone(counts),
            None => Arc::clone(all.entry(tenant.clone()).or_default()),
        }
    }

    /// What was there before this process.
    pub fn found(&self, tenant: &TenantId, sandboxes: u64) {
        locked(&self.of(tenant)).sandboxes = sandboxes;
    }

    /// A place for one run, until it is dropped, and as much of the fuel that it asks for as is left.
    pub fn run(&self, tenant: &TenantId, most: &Ceilings, fuel: u64, now_ms: u64) -> Result<Running, QuotaError> {
        let shared = self.of(tenant);
        let fuel = {
            let mut counts = locked(&shared);
            let retry_after = counts.turn(now_ms);
            if counts.running >= most.concurrent_runs {
                return Err(QuotaError::ConcurrentRuns(most.concurrent_runs));
            }
            if counts.runs >= most.runs_per_minute {
                return Err(QuotaError::RunsPerMinute { most: most.runs_per_minute, retry_after });
            }
            let unspent = most.fuel_per_minute.saturating_sub(counts.fuel);
            let given = fuel.min(unspent.saturating_sub(counts.promised));
            if given == 0 {
                // What is promised may come back at any moment.
                let retry_after = if unspent == 0 { retry_after } else { 1 };
                return Err(QuotaError::FuelPerMinute { most: most.fuel_per_minute, retry_after });
            }
            counts.running += 1;
            counts.runs += 1;
            counts.promised = counts.promised.saturating_add(given);
            given
        };
        Ok(Running { counts: shared, fuel, spent: 0 })
    }

    /// A place for one sandbox. It is given back by [`Quota::sandbox_gone`], or by dropping it before it is kept.
    pub fn sandbox(&self, tenant: &TenantId, most: &Ceilings) -> Result<Taken, QuotaError> {
        let shared = self.of(tenant);
        {
            let mut counts = locked(&shared);
            if counts.sandboxes >= most.live_sandboxes {
                return Err(QuotaError::LiveSandboxes(most.live_sandboxes));
            }
            counts.sandboxes += 1;
        }
        Ok(Taken { counts: Some(shared), what: |counts| &mut counts.sandboxes })
    }

    /// A place for one session, until it is dropped; `in_all` for all tenants.
    pub fn session(&self, tenant: &TenantId, most: &Ceilings, in_all: u32) -> Result<Taken, QuotaError> {
        // Nobody else takes one meanwhile.
        let mut all = locked(&self.0);
        let shared = Arc::clone(all.entry(tenant.clone()).or_default());
        if all.values().map(|counts| locked(counts).sessions).sum::<u64>() >= u64::from(in_all) {
            return Err(QuotaError::AllSessions(in_all));
        }
        {
            let mut counts = locked(&shared);
            if counts.sessions >= most.live_sessions {
                return Err(QuotaError::LiveSessions(most.live_sessions));
            }
            counts.sessions += 1;
        }
        Ok(Taken { counts: Some(shared), what: |counts| &mut counts.sessions })
    }

    pub fn sandbox_gone(&self, tenant: &TenantId) {
        let counts = self.of(tenant);
        let mut counts = locked(&counts);
        counts.sandboxes = counts.sandboxes.saturating_sub(1);
    }

    /// How many runs are at work, of all tenants.
    pub fn running(&self) -> u64 {
        locked(&self.0).values().map(|counts| locked(counts).running).sum()
    }
}

/// A place that is given back unless it is kept.
#[derive(Debug)]
pub struct Taken {
    counts: Option<Arc<Mutex<Counts>>>,
    what: fn(&mut Counts) -> &mut u64,
}

impl Taken {
    pub fn keep(mut self) {
        self.counts = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(counts) = &self.counts {
            let mut counts = locked(counts);
            let taken = (self.what)(&mut counts);
            *taken = taken.saturating_sub(1);
        }
    }
}

/// A run at work.
#[derive(Debug)]
pub struct Running {
    counts: Arc<Mutex<Counts>>,
    fuel: u64,
    /// What counts when this is dropped.
    spent: u64,
}

impl Running {
    /// What it may spend.
    pub const fn fuel(&self) -> u64 {
        self.fuel
    }

    /// From here on it spends: all, unless it is said otherwise.
    pub const fn begins(&mut self) {
        self.spent = self.fuel;
    }

    /// It is over, and this is what it spent, which nothing had held to what was promised.
    pub fn ends_with(mut self, spent: u64, now_ms: u64) {
        locked(&self.counts).turn(now_ms);
        self.spent = spent;
    }

    /// It is over, and this is what it spent.
    pub fn ends(mut self, spent: u64, now_ms: u64) {
        locked(&self.counts).turn(now_ms);
        self.spent = spent.min(self.fuel);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        counts.running = counts.running.saturating_sub(1);
        counts.promised = counts.promised.saturating_sub(self.fuel);
        counts.fuel = counts.fuel.saturating_add(self.spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a06_a_thousand_at_once_get_no_more_than_the_ceiling() {
        let (quota, tenant) = (Quota::default(), "t".parse().unwrap());
        let most = Ceilings { live_sandboxes: 10, concurrent_runs: 10, ..Ceilings::ordinary() };
        let given = std::sync::atomic::AtomicU64::new(0);
        let running = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..125 {
                        if let Ok(taken) = quota.sandbox(&tenant, &most) {
                            taken.keep();
                            given.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                        running.lock().unwrap().extend(quota.run(&tenant, &most, 1, 0));
                    }
                });
            }
        });
        assert_eq!(given.into_inner(), 10);
        assert_eq!(running.lock().unwrap().len(), 10);
        assert_eq!(quota.running(), 10);
        running.lock().unwrap().clear();
        assert!(quota.run(&tenant, &most, 1, 0).is_ok());
        quota.sandbox_gone(&tenant);
        assert!(quota.sandbox(&tenant, &most).is_ok());
    }

    #[test]
    fn a_minute_ends() {
        let (quota, tenant) = (Quota::default(), "t".parse().unwrap());
        let most = Ceilings { runs_per_minute: 2, fuel_per_minute: 100, ..Ceilings::ordinary() };
        quota.run(&tenant, &most, 100, 1_000).unwrap().ends(99, 1_000);
        quota.run(&tenant, &most, 100, 2_000).unwrap().ends(1, 2_000);
        let refused = quota.run(&tenant, &most, 100, 3_000).unwrap_err();
        assert_eq!(refused, QuotaError::RunsPerMinute { most: 2, retry_after: 57 });
        quota.run(&tenant, &most, 100, 60_000).unwrap().ends(100, 60_000);
        let refused = quota.run(&tenant, &most, 100, 61_000).unwrap_err();
        assert_eq!((refused.code(), refused.retry_after()), ("too_much_fuel_a_minute", Some(59)));
    }

    #[test]
    fn a06_runs_at_once_get_no_more_fuel_than_the_minute_has() {
        let (quota, tenant) = (Quota::default(), "t".parse().unwrap());
        let most = Ceilings { fuel_per_minute: 1_000, ..Ceilings::ordinary() };
        let running = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    let given = quota.run(&tenant, &most, 300, 0);
                    running.lock().unwrap().extend(given);
                });
            }
        });
        let mut running = running.into_inner().unwrap();
        running.sort_by_key(Running::fuel);
        assert_eq!(running.iter().map(Running::fuel).collect::<Vec<_>>(), [100, 300, 300, 300]);
        // The next minute is not theirs twice.
        let refused = quota.run(&tenant, &most, 1, 60_000).unwrap_err();
        assert_eq!((refused.code(), refused.retry_after()), ("too_much_fuel_a_minute", Some(1)));
        // One ends, one never began, and of one nobody knows what it spent.
        running.pop().unwrap().ends(50, 60_000);
        drop(running.pop());
        let mut unknown = running.pop().unwrap();
        unknown.begins();
        drop(unknown);
        assert_eq!(quota.run(&tenant, &most, 1_000, 60_000).unwrap().fuel(), 1_000 - 100 - 50 - 300);
        drop(running);
        assert_eq!(quota.run(&tenant, &most, 1_000, 60_000).unwrap().fuel(), 1_000 - 50 - 300);
        assert_eq!(quota.run(&tenant, &most, 2_000, 120_000).unwrap().fuel(), 1_000);
    }
}
