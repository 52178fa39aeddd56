use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::chronicle::{By, EndOnRecord, Unkept};
use super::error::SandboxError;
use super::hall::Hall;
use super::ledger::LedgerError;
use super::live::Live;
use super::record::{Failure, RetryRecord, RunRecord, RunState};
use super::replayable::Replayable;
use super::work::Planned;
use crate::model::Outcome;

/// How often it is tried to write down how a run ended; twice as long after each time.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// How often then, for a run of which there is a beginning already.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Sees to it that a run that began ends for everybody, whatever happens to the task that runs it.
pub(super) struct Ending {
    hall: Hall,
    live: Arc<Live>,
    /// What is told if this ends in no other way: whoever watches must not wait for ever.
    lost: Option<RunRecord>,
    /// Its beginning is written down.
    apart: bool,
}

impl Ending {
    /// From here on it can be ended with all others; by whoever asks for it, it is found when it began.
    pub(super) fn watching(hall: &Hall, run: &RunRecord, apart: bool) -> Result<Self, SandboxError> {
        let live = Live::of(run, &hall.end_for(&run.tenant)?);
        hall.watch(&live, run);
        Ok(Self { hall: hall.clone(), live, lost: Some(run.clone()), apart })
    }

    pub(super) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Its start is on record: it can be found, watched and cancelled.
    pub(super) fn began(&self) {
        self.live.found.store(true, Ordering::Release);
    }

    /// It was refused after all, and nobody has heard of it.
    pub(super) fn never_began(mut self) {
        self.lost = None;
        self.hall.unwatch(&self.live);
    }

    /// Its start is not on record, so it does not begin.
    pub(super) fn refused(mut self, run: RunRecord, error: &SandboxError) {
        let failed = failed(run, error, self.hall.now());
        self.over(&Arc::new(failed), false);
    }

    pub(super) async fn whole(
        mut self,
        mut run: RunRecord,
        by: By,
        planned: Planned,
        retry: Option<RetryRecord>,
    ) -> Result<Arc<RunRecord>, SandboxError> {
        let replayable = planned.replayable.clone();
        let done = self.hall.work(planned, Some(Arc::clone(&self.live)), self.live.cancel.clone()).await;
        run.state = RunState::Ended;
        run.ended = Some(self.hall.now());
        let mut untold = run.clone();
        let refused = match done {
            Ok(report) => {
                run.failure = self.taken(&report.outcome);
                run.report = Some(report);
                run.order = self.live.order();
                None
            }
            Err(error) => {
                run = failed(run, &error, self.hall.now());
                Some(error)
            }
        };
        // What became of it is told to nobody where that cannot be proven.
        let ended = self.hall.inner().chronicle.ended(&run, &by);
        if let Err(unkept) = ended.await {
            let error = SandboxError::from(unkept);
            let failed = failed(run, &error, self.hall.now());
            self.over(&Arc::new(failed), false);
            return Err(error);
        }
        // It is written down before anybody hears of it; who brought what cannot be run may try again.
        let run = Arc::new(run);
        self.live.read_from(&run);
        let (retry, replayable) = if refused.is_none() { (retry, replayable) } else { (None, None) };
        let kept = self.keep(&run, retry, replayable).await;
        tracing::Span::current().record("outcome", run.outcome().unwrap_or("failed"));
        tracing::debug!("ended");
        if let Err(error) = kept {
            let error = SandboxError::from(error);
            tracing::error!("the end of a run is not written down: {error}");
            let message = "it ended, and that could not be written down".to_owned();
            untold.failure = Some(Failure { code: error.code().to_owned(), message });
            self.over(&Arc::new(untold), false);
            return Err(error);
        }
        self.over(&run, true);
        match refused {
            Some(error) => Err(error),
            None => Ok(run),
        }
    }

    /// Why one that nobody cancelled is cancelled.
    fn taken(&self, outcome: &Outcome) -> Option<Failure> {
        let why = self.live.ended_since.get().filter(|_| *outcome == Outcome::Cancelled)?;
        let error = SandboxError::from(Unkept(why.clone()));
        Some(Failure { code: error.code().to_owned(), message: error.to_string() })
    }

    /// Writes it down; again where the store could not for now, since this is the only one who knows.
    async fn keep(
        &self,
        run: &Arc<RunRecord>,
        retry: Option<RetryRecord>,
        replayable: Option<Arc<Replayable>>,
    ) -> Result<(), LedgerError> {
        let put = || self.hall.inner().ledger.put_run(Arc::clone(run), retry.clone(), replayable.clone());
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match put().await {
                Ok(()) => return Ok(()),
                Err(error @ LedgerError::Never(_)) => return Err(error),
                Err(error) => tracing::warn!(run = %run.id, "the end of a run could not be written down: {error}"),
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        loop {
            let error = match put().await {
                // It stands there as one that goes on, and others wait for how it ends.
                Err(error) if self.apart && !matches!(error, LedgerError::Never(_)) => error,
                done => return done,
            };
            tokio::select! {
                () = tokio::time::sleep(LAST_WAIT) => {}
                () = self.hall.inner().cancel.cancelled() => return Err(error),
            }
        }
    }

    fn over(&mut self, run: &Arc<RunRecord>, kept: bool) {
        self.lost = None;
        if let Some(hear) = self.hall.inner().on_end.get() {
            hear(run);
        }
        self.live.end(run, kept);
        self.hall.unwatch(&self.live);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(run) = self.lost.take() {
            let run = lost(run, self.hall.now());
            // Nobody can wait for it here.
            drop(self.hall.inner().chronicle.lost(&run));
            self.over(&Arc::new(run), false);
        }
    }
}

/// As a run that came to nothing.
pub(super) fn failed(mut run: RunRecord, error: &SandboxError, now: u64) -> RunRecord {
    run.state = RunState::Ended;
    run.ended = Some(now);
    run.report = None;
    run.failure = Some(Failure { code: error.code().to_owned(), message: error.to_string() });
    run
}

/// As a run of which nobody knows how it would have ended, since the service went down meanwhile.
pub(super) fn lost(mut run: RunRecord, now: u64) -> RunRecord {
    run.state = RunState::Ended;
    run.ended = Some(now);
    run.failure = Some(Failure {
        code: "service_stopped".to_owned(),
        message: "the service went down while this ran; nothing is known of its end".to_owned(),
    });
    run
}

/// As a run whose end is on record and nowhere else, since the service went down before it was written down. What it
/// returned and wrote is gone.
pub(super) fn unkept(mut run: RunRecord, end: EndOnRecord) -> RunRecord {
    let EndOnRecord { record, outcome, failure, milliseconds } = end;
    run.state = RunState::Ended;
    run.ended = Some(run.created.saturating_add(milliseconds));
    let message = format!(
        "it ended as `{outcome}`, and the service went down before the rest of that was written down; record {record} of the audit log tells of it"
    );
    run.failure = Some(Failure { code: failure.unwrap_or_else(|| "answer_lost".to_owned()), message });
    run
}
