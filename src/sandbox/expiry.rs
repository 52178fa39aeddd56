use std::sync::Arc;
use std::time::Duration;

use super::error::SandboxError;
use super::hall::{Hall, now};
use super::runs::lost;
use super::state::SandboxState;

/// Taken from the ledger at a time.
const MOST: u32 = 500;

impl Hall {
    /// What must be done before the first request: what the last process left is brought to an end.
    pub async fn begin_service(&self) -> Result<(), SandboxError> {
        let ledger = &self.inner().ledger;
        for run in ledger.open_runs()? {
            ledger.put_run(lost(run), None).await?;
        }
        ledger.bound_history(self.inner().settings.history_bytes, self.inner().settings.history_runs);
        ledger.sweep_contents().await?;
        for (tenant, sandboxes) in ledger.sandbox_counts()? {
            self.inner().quota.found(&tenant, sandboxes);
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

    /// Ends what has expired, now.
    pub async fn sweep(&self) -> Result<(), SandboxError> {
        loop {
            let expired = self.inner().ledger.expired(now(), MOST)?;
            let all = expired.len();
            for sandbox in expired {
                let id = sandbox.id.clone();
                let counts = sandbox.state != SandboxState::Gone;
                if let Err(error) = self.end_sandbox(sandbox, counts).await {
                    tracing::warn!(sandbox = %id, "a sandbox whose time is over could not be cleared: {error}");
                }
            }
            if all < MOST as usize {
                break;
            }
        }
        let second = 1_000;
        let (runs, retries) = (self.inner().settings.history_seconds, self.inner().settings.retry_seconds);
        let before = |seconds: u64| now().saturating_sub(seconds.saturating_mul(second));
        while self.inner().ledger.forget(before(runs), before(retries)).await? {}
        Ok(())
    }

    /// Sweeps again and again, until the service stops.
    pub async fn keep_sweeping(self) {
        let mut rest = 0;
        while self.is_open() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            rest += 1;
            if rest < self.inner().settings.sweep_seconds {
                continue;
            }
            rest = 0;
            if let Err(error) = self.sweep().await {
                tracing::warn!("what has expired could not be swept: {error}");
            }
            self.count_tenants().await;
        }
    }

    /// Takes no new work, gives what runs a grace time, then cancels it and waits until it is written down.
    pub async fn stop_service(&self) {
        self.close();
        let grace = Duration::from_millis(self.inner().settings.grace_ms);
        if tokio::time::timeout(grace, self.idle()).await.is_err() {
            for live in self.all_live() {
                live.cancel.cancel();
            }
            // A cancelled run ends within a beat; its record takes a moment. This bound is for what hangs.
            let _ = tokio::time::timeout(Duration::from_secs(5), self.idle()).await;
        }
    }

    async fn idle(&self) {
        loop {
            let one_less = self.inner().one_less.notified();
            tokio::pin!(one_less);
            one_less.as_mut().enable();
            if self.all_live().is_empty() {
                return;
            }
            one_less.await;
        }
    }

    /// Ends all that runs in a sandbox.
    pub(super) fn cancel_in(&self, id: &crate::model::SandboxId) {
        for live in self.all_live().into_iter().filter(|live| live.sandbox.as_ref() == Some(id)) {
            Arc::clone(&live).cancel.cancel();
        }
    }
}
