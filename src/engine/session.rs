use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wasmtime::PoolConcurrencyLimitError;

use super::error::{CallError, EngineError};
use super::fence::Fence;
use super::open::Open;
use super::outcome::{self, Ended};
use super::program::Program;
use super::run::{self, Entry, RunRequest};
use super::saved::{Saved, Unsaved};
use super::snapshot::Keep;
use super::watch::Watch;
use crate::model::{Grants, Limits, Mode, Outcome, Report};

/// How long an interpreter may take to come to rest.
const REST_MS: u64 = 2_000;

/// One interpreter over several calls, as a notebook has it: the same instance of a runtime, called again. It is opened by
/// its first call, with what that grants and mounts; each call has limits, input and listeners of its own.
///
/// ```text
/// closed ──call──▶ open ──call that answers──▶ open
///    ▲               └──any other end──▶ closed: nothing of it is left
/// ```
///
/// At rest it holds the pages that it has written, its open files, and a place in the pool of instances; no thread, no
/// stack, and no place among the runs.
pub struct Session {
    program: Arc<Program>,
    open: Option<Open>,
    /// Where its first call goes on from.
    from: Option<Arc<Saved>>,
}

impl Session {
    pub fn new(program: Arc<Program>) -> Result<Self, CallError> {
        if program.is_runtime() { Ok(Self { program, open: None, from: None }) } else { Err(CallError::NoRuntime) }
    }

    /// One that goes on from the state of another, or begins as that did.
    pub fn from(program: Arc<Program>, state: Option<Arc<Saved>>) -> Result<Self, CallError> {
        if let Some(saved) = &state {
            saved.check(&program)?;
        }
        Ok(Self { from: state, ..Self::new(program)? })
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Whether anything was done in it that the next call finds.
    pub fn has_state(&self) -> bool {
        self.open.is_some() || self.from.is_some()
    }

    /// Lets go of it: the next call finds a fresh one.
    pub fn close(&mut self) {
        (self.open, self.from) = (None, None);
    }

    pub(super) async fn call(
        &mut self,
        fence: &Fence,
        mut request: RunRequest,
        disk_reserve_bytes: u64,
    ) -> Result<Report, EngineError> {
        // What is called again cannot be made to repeat from one request alone.
        if !matches!((&request.entry, request.mode), (Entry::Snippet(_), Mode::Ordinary)) {
            return Err(CallError::NoRuntime.into());
        }
        let from = if self.open.is_none() { self.from.take() } else { None };
        request.state.clone_from(&from);
        request.last = false;
        request.set_up = false;
        let done = run::turn(fence, &self.program, &mut self.open, request, disk_reserve_bytes, None).await;
        // What is written down is not used up by a call that did not come to it.
        if !matches!(&done, Ok(report) if !is_unbegun(report)) {
            self.from = from;
        }
        done
    }

    /// The state that its next call finds, for others to go on from, and the fuel that this took: nothing of one in which
    /// nothing was done.
    ///
    /// To come to rest is work of the guest, which lets go of what it needs and may run code of a stranger's. So it is done by a
    /// copy, which has a fuel, a time and no files; the session itself goes on as it is, whatever becomes of that.
    pub(super) async fn save(
        &mut self,
        fence: &Fence,
        mut limits: Limits,
        cancel: CancellationToken,
    ) -> Result<(Result<Option<Arc<Saved>>, Unsaved>, u64), EngineError> {
        let Some(open) = &self.open else { return Ok((Ok(self.from.clone()), 0)) };
        (limits.written_bytes, limits.files_created, limits.tool_calls) = (0, 0, 0);
        limits.deadline_ms = limits.deadline_ms.min(REST_MS);
        // What there may be no room for comes first.
        let program = &self.program;
        let (mut copy, mut fresh) = (
            Open::untouched(fence, program, &limits, open.grants()).await.map_err(unmade)?,
            Open::untouched(fence, program, &limits, Grants::default()).await.map_err(unmade)?,
        );
        let mut keep = Keep { whole: false, limit: limits.memory_bytes, saved: None };
        let as_it_is = match self.as_it_is(&mut fresh, keep.limit).await? {
            Ok(as_it_is) => as_it_is,
            Err(reason) => return Ok((Err(reason), 0)),
        };
        let start = Instant::now();
        let mut watch = Watch::new(start, start + Duration::from_millis(limits.deadline_ms), Some(cancel));
        let end = watch.over(copy.rested(&self.program, as_it_is, &mut fresh, &mut keep)).await;
        let spent = copy.usage(&limits, start.elapsed(), watch.cpu).fuel;
        let saved = match (keep.saved, outcome::of(end, &copy.store, false)?) {
            (Some(saved), _) => saved.map(|saved| Some(Arc::new(saved))),
            (None, Ended::Is(outcome)) => Err(Unsaved::Restless(outcome.kind())),
            (None, Ended::Returned(_)) => return Err(EngineError::Internal("nothing was saved".into())),
        };
        Ok((saved, spent))
    }

    /// What differs from a fresh instance. One that could not be read whole is not called again.
    async fn as_it_is(&mut self, fresh: &mut Open, limit: u64) -> Result<Result<Saved, Unsaved>, EngineError> {
        let gone = || EngineError::Internal("the session is gone".into());
        let mut open = self.open.take().ok_or_else(gone)?;
        let copied = open.copied(&self.program, fresh, limit).await;
        let copied = copied.map_err(|reason| EngineError::Internal(format!("a session cannot be read: {reason:#}")))?;
        self.open = Some(open);
        Ok(copied)
    }
}

fn unmade(reason: wasmtime::Error) -> EngineError {
    match reason.downcast_ref::<PoolConcurrencyLimitError>() {
        Some(_) => EngineError::Busy(0),
        None => EngineError::Internal(format!("an instance could not be made: {reason:#}")),
    }
}

/// Whether what was given was too much, and the guest was not called at all.
pub(super) fn is_unbegun(report: &Report) -> bool {
    matches!(report.outcome, Outcome::LimitExceeded { .. }) && report.usage.fuel == 0
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("program", &self.program).field("state", &self.has_state()).finish()
    }
}
