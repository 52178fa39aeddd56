use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;

use super::chronicle::OnRecord;
use super::ending::{lost, unkept};
use super::error::SandboxError;
use super::hall::{Hall, locked};
use super::record::{SandboxChange, SandboxRecord};
use super::state::SandboxState;
use crate::model::SandboxId;

/// Taken from the ledger at a time.
const MOST: u32 = 500;
/// Ended at a time: they share the commits.
const AT_ONCE: usize = 16;
/// What could not be cleared is tried again later and later, but at least so often.
const RETRY: Duration = Duration::from_secs(600);
/// How long the end of what was cancelled is waited for.
const HANGS: Duration = Duration::from_secs(5);

/// Sandboxes that could not be cleared.
#[derive(Debug, Default)]
pub(super) struct Stuck {
    /// How often it was tried, and when it is tried again.
    tried: HashMap<SandboxId, (u32, Instant)>,
    /// Those that are written down as being made, and that nobody makes any more: no look into the ledger tells them from
    /// those that somebody makes.
    given_up: HashMap<SandboxId, SandboxRecord>,
    /// Those of which it is written down already that their time is over.
    told: HashSet<SandboxId>,
}

impl Stuck {
    fn is_due(&self, id: &SandboxId) -> bool {
        self.tried.get(id).is_none_or(|(_, again)| *again <= Instant::now())
    }

    pub(super) fn give_up(&mut self, made: SandboxRecord) {
        self.given_up.insert(made.id.clone(), made);
    }

    fn failed(&mut self, id: SandboxId, rest: Duration) -> (u32, Duration) {
        let known = self.tried.entry(id).or_insert((0, Instant::now()));
        let wait = rest.saturating_mul(2u32.saturating_pow(known.0)).min(RETRY);
        *known = (known.0.saturating_add(1), Instant::now() + wait);
        (known.0, wait)
    }

    fn freed(&mut self, id: &SandboxId) {
        self.tried.remove(id);
        self.given_up.remove(id);
        self.told.remove(id);
    }
}

impl Hall {
    /// What must be done before the first request: what the last process left is brought to an end.
    pub async fn begin_service(&self) -> Result<(), SandboxError> {
        let ledger = &self.inner().ledger;
        self.inner().clock.not_before(ledger.newest_time()?);
        for half in ledger.half_made()? {
            self.change(&half.tenant, &half.id, SandboxChange::GivenUp).await?;
        }
        ledger.bound_history(self.inner().settings.history_bytes, self.inner().settings.history_runs);
        ledger.sweep_contents().await?;
        for (tenant, sandboxes) in ledger.sandbox_counts()? {
            self.inner().quota.found(&tenant, sandboxes);
            locked(&self.inner().untidy).insert(tenant);
        }
        // What is kept is counted meanwhile: a tenant whose turn has not come keeps nothing more until then.
        let hall = self.clone();
        tokio::spawn(async move { hall.count_tenants().await });
        self.sweep().await
    }

    /// Counts what each tenant keeps: all of it where that is not known yet, else what may have changed.
    async fn count_tenants(&self) {
        let tenants = match self.inner().ledger.sandbox_counts() {
            Ok(tenants) => tenants,
            Err(error) => return tracing::warn!("what tenants keep could not be counted: {error}"),
        };
        for (tenant, _) in tenants {
            if !self.is_open() {
                return;
            }
            if !self.inner().storage.of(&tenant).is_known() {
                let _ = self.count_all(&tenant).await;
                continue;
            }
            let (hall, of) = (self.clone(), tenant.clone());
            match tokio::task::spawn_blocking(move || hall.count_again(&of)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%tenant, "what the tenant keeps could not be counted again: {error}"),
                Err(error) => tracing::error!(%tenant, "counting what the tenant keeps failed: {error}"),
            }
        }
    }

    /// Ends what has expired, now. What cannot be ended keeps nothing else from it.
    pub async fn sweep(&self) -> Result<(), SandboxError> {
        let given_up: Vec<_> = locked(&self.inner().stuck).given_up.values().cloned().collect();
        self.sweep_each(given_up).await;
        let mut last: Option<SandboxRecord> = None;
        loop {
            let expired = self.inner().ledger.expired(self.now(), last.as_ref(), MOST)?;
            let all = expired.len();
            last = expired.last().cloned();
            self.sweep_each(expired).await;
            if all < MOST as usize {
                break;
            }
        }
        self.end_idle_sessions().await;
        self.tidy().await;
        self.write_time(false).await?;
        self.write_off().await?;
        let second = 1_000;
        let settings = &self.inner().settings;
        let before = |seconds: u64| self.now().saturating_sub(seconds.saturating_mul(second));
        // An answer that is forgotten cannot be given again.
        let (runs, retries) = (settings.history_seconds, settings.retry_seconds.min(settings.history_seconds));
        while self.inner().ledger.forget(before(runs), before(retries)).await? {}
        Ok(())
    }

    /// A service that starts later, by a clock that is set back, finds how late it was.
    async fn write_time(&self, last: bool) -> Result<(), SandboxError> {
        match self.inner().clock.to_write(last) {
            Some(now) => Ok(self.inner().ledger.reached(now).await?),
            None => Ok(()),
        }
    }

    async fn sweep_each(&self, sandboxes: Vec<SandboxRecord>) {
        let each = sandboxes.into_iter().map(|sandbox| self.sweep_one(sandbox));
        futures_util::stream::iter(each).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    async fn sweep_one(&self, sandbox: SandboxRecord) {
        if !locked(&self.inner().stuck).is_due(&sandbox.id) {
            return;
        }
        let id = sandbox.id.clone();
        let done = match self.end(sandbox).await {
            Ok(_) => Ok(()),
            // Somebody extended it, or ended it, meanwhile.
            Err(SandboxError::NoSandbox(_)) => Ok(()),
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => locked(&self.inner().stuck).freed(&id),
            Err(error) => self.try_again(&id, &error),
        }
    }

    pub(super) fn try_again(&self, id: &SandboxId, error: &SandboxError) {
        let rest = Duration::from_secs(self.inner().settings.sweep_seconds);
        let (times, wait) = locked(&self.inner().stuck).failed(id.clone(), rest);
        tracing::warn!(sandbox = %id, times, "a sandbox whose time is over is not cleared, and is tried again in {} s: {error}", wait.as_secs());
    }

    async fn end(&self, sandbox: SandboxRecord) -> Result<bool, SandboxError> {
        let gone = match sandbox.state {
            SandboxState::Gone => sandbox,
            // It never had a place that could be given back.
            SandboxState::Making => self.change(&sandbox.tenant, &sandbox.id, SandboxChange::GivenUp).await?,
            _ => {
                self.tell_expired(&sandbox).await?;
                self.take_away(&sandbox.tenant, &sandbox.id, SandboxChange::Expire).await?
            }
        };
        self.clear(&gone).await
    }

    /// Once, however often it is tried.
    async fn tell_expired(&self, sandbox: &SandboxRecord) -> Result<(), SandboxError> {
        if !locked(&self.inner().stuck).told.contains(&sandbox.id) {
            self.inner().chronicle.expired(sandbox, self.now()).await?;
            locked(&self.inner().stuck).told.insert(sandbox.id.clone());
        }
        Ok(())
    }

    /// How many sandboxes whose time is over could not be cleared so far.
    pub fn stuck(&self) -> u64 {
        u64::try_from(locked(&self.inner().stuck).tried.len()).unwrap_or(u64::MAX)
    }

    /// Removes contents that only what is gone held.
    async fn tidy(&self) {
        let tenants = std::mem::take(&mut *locked(&self.inner().untidy));
        for tenant in tenants {
            let tidied = self.on_shelf_at_once(&tenant, |shelf| shelf.remove_unheld()).await;
            if let Err(error) = &tidied {
                tracing::warn!(%tenant, "what nobody holds any more was not all removed: {error}");
            }
            if !matches!(tidied, Ok(true)) {
                locked(&self.inner().untidy).insert(tenant);
            }
        }
    }

    /// Runs that are written down as running and on which nobody works: those that the last process left, and those whose
    /// end could not be written down. How one ended is on record before it is written down here.
    async fn write_off(&self) -> Result<(), SandboxError> {
        // In this order: whoever ends in between has written that down, and what has ended stays as it ended.
        let ledger = Arc::clone(&self.inner().ledger);
        let open = tokio::task::spawn_blocking(move || ledger.open_runs()).await;
        let open = open.map_err(|error| SandboxError::Internal(error.to_string()))??;
        let left: Vec<_> = open.into_iter().filter(|run| !self.is_at_work(&run.id)).collect();
        if left.is_empty() {
            return Ok(());
        }
        let chronicle = &self.inner().chronicle;
        let mut ends = match chronicle.ends(left.iter().map(|run| run.id.clone()).collect()).await {
            Ok(ends) => ends,
            // Neither is said of them that they were lost, since that may be untrue, nor does anything else wait for it.
            Err(error) => {
                tracing::warn!(runs = left.len(), "how runs ended cannot be read, and is tried again: {error}");
                return Ok(());
            }
        };
        for run in left {
            let run = match ends.remove(&run.id) {
                Some(OnRecord::Ended(end)) => unkept(run, end),
                Some(OnRecord::Lost) => lost(run, self.now()),
                None => {
                    let run = lost(run, self.now());
                    chronicle.lost(&run).await?;
                    run
                }
            };
            self.inner().ledger.put_run(Arc::new(run), None, None).await?;
        }
        Ok(())
    }

    /// Sweeps again and again, until the service stops.
    pub async fn keep_sweeping(self) {
        tokio::join!(self.every_sweep(), self.every_measure());
    }

    async fn every_sweep(&self) {
        while self.rested().await {
            let hall = self.clone();
            // Apart, so that a sweep that panics is not the last one.
            if let Err(error) = self.to_its_end(async move { hall.sweep().await }).await {
                tracing::warn!("what has expired could not be swept: {error}");
            }
        }
    }

    /// Beside the sweeps, since it may take longer than what has expired may wait.
    async fn every_measure(&self) {
        while self.rested().await {
            self.count_tenants().await;
        }
    }

    /// Waits until it is time to sweep again. False if the service stops.
    async fn rested(&self) -> bool {
        tokio::time::sleep(Duration::from_secs(self.inner().settings.sweep_seconds)).await;
        self.is_open()
    }

    /// Takes no new work, gives what is at work a grace time, then cancels what runs and waits until it is written down.
    pub async fn stop_service(&self) {
        self.close();
        let tasks = &self.inner().tasks;
        tasks.close();
        let grace = Duration::from_millis(self.inner().settings.grace_ms);
        if tokio::time::timeout(grace, tasks.wait()).await.is_err() {
            self.inner().cancel.cancel();
            // A cancelled run ends within a beat; its record takes a moment. This bound is for what hangs.
            if tokio::time::timeout(HANGS, tasks.wait()).await.is_err() {
                tracing::warn!("{} things are not at their end and are given up", tasks.len());
            }
        }
        self.end_all_sessions();
        if let Err(error) = self.write_time(true).await {
            tracing::warn!("what time it is could not be written down: {error}");
        }
    }

    /// Ends all that runs in a sandbox.
    pub(super) fn cancel_in(&self, id: &SandboxId) {
        for live in self.all_live().into_iter().filter(|live| live.sandbox.as_ref() == Some(id)) {
            Arc::clone(&live).cancel.cancel();
        }
        self.end_sessions_in(id);
    }
}
