use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

use super::error::SandboxError;
use super::hall::{Hall, covers, covers_in, now};
use super::ledger::RunFilter;
use super::live::{Events, Live};
use super::plan::RunAsk;
use super::record::{Failure, RetryRecord, RunRecord, RunState};
use super::retry::{Again, Held, RetryKey};
use super::work::Planned;
use crate::authz::{Action, Permit};
use crate::model::{Caller, Digest, RunId, SandboxId, TenantId};

/// A run that is at work.
pub struct Started {
    live: Arc<Live>,
    record: RunRecord,
    task: tokio::task::JoinHandle<Result<Arc<RunRecord>, SandboxError>>,
    /// Ends the run if whoever started it goes away.
    guard: DropGuard,
}

impl Started {
    /// Waits for its end. If the waiting is given up, the run is cancelled.
    pub async fn end(self) -> Result<Arc<RunRecord>, SandboxError> {
        let _guard = self.guard;
        self.task.await.map_err(|error| SandboxError::Internal(error.to_string()))?
    }

    /// Watches it, for as long as somebody does.
    pub fn watch(self) -> (Events, DropGuard) {
        (Events { live: self.live, after: 0 }, self.guard)
    }

    /// As it is written down.
    pub fn record(&self) -> RunRecord {
        self.record.clone()
    }

    /// Leaves it alone; it can be asked for by its id.
    pub fn leave(self) -> RunId {
        self.guard.disarm();
        self.live.id.clone()
    }
}

/// What became of a request for a run.
pub enum Asked {
    /// It was done before, and this is the answer of then.
    Before(Box<RunRecord>),
    Now(Box<Started>),
}

/// How a run is asked for.
#[derive(Debug, Default)]
pub struct Manner {
    pub retry: Option<RetryKey>,
    /// It is written down before it begins, so that it can be asked for meanwhile.
    pub apart: bool,
    pub sandbox: Option<SandboxId>,
}

impl Hall {
    /// Starts a run. What can be refused is refused before this returns.
    pub async fn run(
        &self,
        permit: &Permit,
        caller: &Caller,
        ask: RunAsk,
        manner: Manner,
    ) -> Result<Asked, SandboxError> {
        self.open()?;
        let place = match &manner.sandbox {
            Some(id) => {
                covers(permit, Action::SandboxesRun, &caller.tenant, id.as_str())?;
                Some(self.enter(&caller.tenant, id).await?)
            }
            None => {
                covers_in(permit, Action::RunsCreate)?;
                None
            }
        };
        let held = match manner.retry.map(|key| self.again(caller, key)).transpose()? {
            Some(Again::Done(before)) => return Ok(Asked::Before(before)),
            Some(Again::New(held)) => Some(held),
            None => None,
        };
        let new = self.new_run(caller, &ask, manner.sandbox);
        let planned = self.plan(&caller.tenant, ask, place).await?;
        let started = self.begin(new, planned, held, manner.apart).await?;
        Ok(Asked::Now(Box::new(started)))
    }

    fn new_run(&self, caller: &Caller, ask: &RunAsk, sandbox: Option<SandboxId>) -> RunRecord {
        RunRecord {
            id: RunId::random(),
            tenant: caller.tenant.clone(),
            owner: caller.principal.clone(),
            component: Digest::from_bytes([0; 32]),
            sandbox,
            state: RunState::Running,
            labels: ask.labels.clone(),
            created: now(),
            ended: None,
            report: None,
            failure: None,
            cut: Vec::new(),
            order: Vec::new(),
        }
    }

    async fn begin(
        &self,
        mut run: RunRecord,
        planned: Planned,
        held: Option<Held>,
        apart: bool,
    ) -> Result<Started, SandboxError> {
        run.component = planned.digest;
        run.cut.clone_from(&planned.cut);
        let retry = held.as_ref().map(|held| held.record(&run.id, run.created));
        if apart {
            self.inner().ledger.put_run(run.clone(), retry.clone()).await?;
        }
        let cancel = CancellationToken::new();
        let live = Live::new(run.id.clone(), run.sandbox.clone(), cancel.clone());
        self.watch(&live);
        let ending = Ending { hall: self.clone(), live: Arc::clone(&live), lost: Some(run.clone()) };
        let record = run.clone();
        let span = tracing::info_span!(
            "run", id = %run.id, tenant = %run.tenant, owner = %run.owner, component = %run.component,
            outcome = tracing::field::Empty
        );
        let work = async move {
            let _held = held;
            ending.whole(run, planned, retry).await
        };
        let task = tokio::spawn(work.instrument(span));
        Ok(Started { live, record, task, guard: cancel.drop_guard() })
    }

    /// One that the tenant has, for whoever is then asked whether he may see it.
    pub fn known_run(&self, tenant: &TenantId, id: &RunId) -> Result<Option<RunRecord>, SandboxError> {
        Ok(self.inner().ledger.run(tenant, id)?)
    }

    /// Newest first.
    pub fn runs(
        &self,
        tenant: &TenantId,
        filter: &RunFilter,
        before: Option<&RunId>,
        most: u32,
    ) -> Result<Vec<RunRecord>, SandboxError> {
        Ok(self.inner().ledger.runs(tenant, filter, before, most)?)
    }

    /// What happens in a run, or happened, after an event that was seen.
    pub fn events(&self, permit: &Permit, run: RunRecord, after: u64) -> Result<Events, SandboxError> {
        covers(permit, Action::RunsRead, &run.tenant, run.id.as_str())?;
        let live = self.watched(&run.id).unwrap_or_else(|| Live::ended(run));
        Ok(Events { live, after })
    }

    /// Asks for the end of a run. One that is over stays as it is.
    pub fn cancel(&self, permit: &Permit, run: &RunRecord) -> Result<(), SandboxError> {
        covers(permit, Action::RunsCancel, &run.tenant, run.id.as_str())?;
        if let Some(live) = self.watched(&run.id) {
            live.cancel.cancel();
        }
        Ok(())
    }
}

/// Sees to it that a run that began ends for everybody, whatever happens to the task that runs it.
struct Ending {
    hall: Hall,
    live: Arc<Live>,
    /// What is told if this ends in no other way: whoever watches must not wait for ever.
    lost: Option<RunRecord>,
}

impl Ending {
    async fn whole(
        mut self,
        mut run: RunRecord,
        planned: Planned,
        retry: Option<RetryRecord>,
    ) -> Result<Arc<RunRecord>, SandboxError> {
        let tenant = run.tenant.clone();
        let done = self.hall.work(&tenant, planned, Some(Arc::clone(&self.live)), self.live.cancel.clone()).await;
        run.state = RunState::Ended;
        run.ended = Some(now());
        let refused = match done {
            Ok(report) => {
                run.report = Some(report);
                run.order = self.live.order();
                None
            }
            Err(error) => {
                run.failure = Some(Failure { code: error.code().to_owned(), message: error.to_string() });
                Some(error)
            }
        };
        // It is written down before anybody hears of it; who brought what cannot be run may try again.
        let kept = self.hall.inner().ledger.put_run(run.clone(), retry.filter(|_| refused.is_none())).await;
        let run = Arc::new(run);
        tracing::Span::current().record("outcome", run.outcome().unwrap_or("failed"));
        tracing::debug!("ended");
        self.over(&run);
        kept?;
        match refused {
            Some(error) => Err(error),
            None => Ok(run),
        }
    }

    fn over(&mut self, run: &Arc<RunRecord>) {
        self.lost = None;
        self.live.end(Arc::clone(run));
        self.hall.unwatch(&self.live);
        self.hall.inner().one_less.notify_waiters();
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(run) = self.lost.take() {
            self.over(&Arc::new(lost(run)));
        }
    }
}

/// As a run of which nobody knows how it would have ended, since the service went down meanwhile.
pub(super) fn lost(mut run: RunRecord) -> RunRecord {
    run.state = RunState::Ended;
    run.ended = Some(now());
    run.failure = Some(Failure {
        code: "service_stopped".to_owned(),
        message: "the service went down while this ran; nothing is known of its end".to_owned(),
    });
    run
}
