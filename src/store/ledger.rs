use std::sync::Arc;

use bytes::Bytes;

use super::components::{Found, Known};
use super::history::History;
use super::lane::{Lasting, StepError};
use super::open::Store;
use super::{components, mark, runs, sandboxes};
use crate::model::{Digest, Json, PrincipalId, RunId, SandboxId, Stream, TenantId, Weight};
use crate::sandbox::{
    AskRoom, ComponentRecord, Ledger, LedgerError, Much, NoRoom, Replayable, RetryRecord, RunFilter, RunPage,
    RunRecord, RunSummary, SandboxChange, SandboxFilter, SandboxRecord, Step, Unchanged,
};

impl From<StepError> for LedgerError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Behind => LedgerError::Behind,
            StepError::Failed(reason) => LedgerError::Failed(reason),
            StepError::Never(reason) => LedgerError::Never(reason),
        }
    }
}

fn failed(error: rusqlite::Error) -> LedgerError {
    LedgerError::Failed(error.to_string())
}

/// Does something with the disk, on a thread that may wait for it.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, LedgerError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| LedgerError::Failed(error.to_string()))?;
    done.map_err(|error| LedgerError::Failed(error.to_string()))
}

impl Store {
    fn later<T: Send + 'static>(
        &self,
        lasting: Lasting,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Step<'_, T> {
        Box::pin(async move { Ok(self.step(lasting, work).await?) })
    }
}

/// Runs outlive the process that ran them; what people made outlives a power cut as well.
impl Ledger for Store {
    fn keep_component(&self, component: ComponentRecord, described: Json, content: Bytes) -> Step<'_, bool> {
        let folder = self.contents();
        Box::pin(async move {
            let (digest, mut known) = (component.digest, Known::Trusted);
            loop {
                let (place, content) = (folder.clone(), content.clone());
                let prepared = apart(move || components::prepare(&place, digest, &content, known)).await?;
                let (folder, component, described) = (folder.clone(), component.clone(), described.clone());
                let kept = self.step(Lasting::Power, move |connection| {
                    // The bytes come with the row, and go with the last of them, in steps of one thread.
                    let kept = components::place(&folder, digest, prepared);
                    match kept.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))? {
                        true => components::add(connection, &component, &described).map(Some),
                        false => Ok(None),
                    }
                });
                match kept.await? {
                    Some(new) => return Ok(new),
                    None => known = Known::Replaced,
                }
            }
        })
    }

    fn content(&self, digest: Digest) -> Step<'_, Option<Bytes>> {
        let folder = self.contents();
        Box::pin(async move {
            match apart(move || components::read(&folder, digest)).await? {
                Found::Whole(content) => Ok(Some(content)),
                Found::Damaged => Err(LedgerError::Damaged(digest)),
                Found::Nothing => Ok(None),
            }
        })
    }

    fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<ComponentRecord>, LedgerError> {
        self.reader(|connection| components::one_of(connection, tenant, digest)).map_err(failed)
    }

    fn described(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Json>, LedgerError> {
        self.reader(|connection| components::described(connection, tenant, digest)).map_err(failed)
    }

    fn components(
        &self,
        tenant: &TenantId,
        after: Option<Digest>,
        most: u32,
    ) -> Result<Vec<ComponentRecord>, LedgerError> {
        self.reader(|connection| components::all_of(connection, tenant, after, most)).map_err(failed)
    }

    fn components_weight(&self, tenant: &TenantId) -> Result<Weight, LedgerError> {
        self.reader(|connection| components::weight(connection, tenant)).map_err(failed)
    }

    fn remove_component(&self, tenant: &TenantId, digest: Digest) -> Step<'_, bool> {
        let (tenant, folder) = (tenant.clone(), self.contents());
        Box::pin(async move {
            let remove = move |connection: &rusqlite::Connection| components::remove(connection, &tenant, digest);
            // Only when it is sure that the row is gone, and that none has come since.
            let then = move |connection: &rusqlite::Connection, removed: &bool| {
                if *removed {
                    components::remove_orphan(connection, &folder, digest);
                }
            };
            Ok(self.step_and(Lasting::Power, remove, then).await?)
        })
    }

    fn sweep_contents(&self) -> Step<'_, ()> {
        let folder = self.contents();
        self.later(Lasting::Process, move |connection| components::sweep(connection, &folder))
    }

    fn put_run(
        &self,
        run: Arc<RunRecord>,
        retry: Option<RetryRecord>,
        replayable: Option<Arc<Replayable>>,
    ) -> Step<'_, ()> {
        let history = self.history();
        self.later(Lasting::Process, move |connection| {
            runs::put(connection, &run, retry.as_ref(), replayable.as_deref())?;
            history.trim(connection, &run)
        })
    }

    fn run(
        &self,
        tenant: &TenantId,
        id: &RunId,
        much: Much,
        room: AskRoom<'_>,
    ) -> Result<Option<RunRecord>, LedgerError> {
        let found = self.reader(|connection| runs::one_of(connection, tenant, id, much, room)).map_err(failed)?;
        found.transpose().map_err(|NoRoom| LedgerError::NoRoom)
    }

    fn written(
        &self,
        tenant: &TenantId,
        id: &RunId,
        from: (Stream, u64),
        most: u64,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        self.reader(|connection| runs::written(connection, tenant, id, from, most)).map_err(failed)
    }

    fn summary(&self, tenant: &TenantId, id: &RunId) -> Result<Option<RunSummary>, LedgerError> {
        self.reader(|connection| runs::summary_of(connection, tenant, id)).map_err(failed)
    }

    fn runs(
        &self,
        tenant: &TenantId,
        filter: &RunFilter,
        before: Option<&RunId>,
        most: u32,
    ) -> Result<RunPage, LedgerError> {
        self.reader(|connection| runs::all_of(connection, tenant, filter, before, most)).map_err(failed)
    }

    fn open_runs(&self) -> Result<Vec<RunRecord>, LedgerError> {
        self.reader(runs::open).map_err(failed)
    }

    fn retry(&self, tenant: &TenantId, principal: &PrincipalId, key: &str) -> Result<Option<RetryRecord>, LedgerError> {
        self.reader(|connection| runs::retry(connection, tenant, principal, key)).map_err(failed)
    }

    fn bound_history(&self, bytes: u64, runs: u64) {
        self.keep_history(History { bytes, runs });
    }

    fn forget(&self, runs_before: u64, retries_before: u64) -> Step<'_, bool> {
        self.later(Lasting::Process, move |connection| runs::forget(connection, runs_before, retries_before))
    }

    fn add_sandbox(&self, sandbox: SandboxRecord) -> Step<'_, ()> {
        // What is made next outlives a power cut, and with it all that was written before.
        self.later(Lasting::Process, move |connection| sandboxes::add(connection, &sandbox))
    }

    fn change_sandbox(
        &self,
        tenant: &TenantId,
        id: &SandboxId,
        change: SandboxChange,
        now: u64,
    ) -> Step<'_, Result<SandboxRecord, Unchanged>> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.later(Lasting::Power, move |connection| sandboxes::changed(connection, &tenant, &id, change, now))
    }

    fn sandbox(&self, tenant: &TenantId, id: &SandboxId) -> Result<Option<SandboxRecord>, LedgerError> {
        self.reader(|connection| sandboxes::one_of(connection, tenant, id)).map_err(failed)
    }

    fn sandboxes(
        &self,
        tenant: &TenantId,
        filter: &SandboxFilter,
        now: u64,
        after: Option<&SandboxId>,
        most: u32,
    ) -> Result<Vec<SandboxRecord>, LedgerError> {
        self.reader(|connection| sandboxes::all_of(connection, tenant, filter, now, after, most)).map_err(failed)
    }

    fn expired(&self, now: u64, after: Option<&SandboxRecord>, most: u32) -> Result<Vec<SandboxRecord>, LedgerError> {
        self.reader(|connection| sandboxes::expired(connection, now, after, most)).map_err(failed)
    }

    fn half_made(&self) -> Result<Vec<SandboxRecord>, LedgerError> {
        self.reader(sandboxes::half_made).map_err(failed)
    }

    fn remove_sandbox(&self, id: &SandboxId) -> Step<'_, ()> {
        let id = id.clone();
        self.later(Lasting::Power, move |connection| sandboxes::remove(connection, &id))
    }

    fn newest_time(&self) -> Result<u64, LedgerError> {
        self.reader(mark::newest_time).map_err(failed)
    }

    fn reached(&self, now: u64) -> Step<'_, ()> {
        self.later(Lasting::Process, move |connection| mark::reached(connection, now))
    }

    fn sandbox_counts(&self) -> Result<Vec<(TenantId, u64)>, LedgerError> {
        self.reader(sandboxes::counts).map_err(failed)
    }
}
