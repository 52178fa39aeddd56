use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::error::{CallError, EngineError};
use super::fence::Fence;
use super::open::Open;
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
        let done = run::turn(fence, &self.program, &mut self.open, request, disk_reserve_bytes, None).await;
        // What is written down is not used up by a call that did not come to it.
        if !matches!(&done, Ok(report) if !is_unbegun(report)) {
            self.from = from;
        }
        done
    }

    /// The state that its next call finds, for others to go on from: nothing of one in which nothing was done. It goes on from
    /// that state itself, in a fresh instance, since what the old one held of the host it has let go of. Where the state cannot
    /// be saved it goes on as it is; if it does not come to rest, it is closed.
    ///
    /// To come to rest is work of the guest, which may run code of a stranger's: it has a fuel, a time and nothing to write.
    pub(super) async fn save(
        &mut self,
        fence: &Fence,
        mut limits: Limits,
        cancel: CancellationToken,
    ) -> Result<(Result<Option<Arc<Saved>>, Unsaved>, u64), EngineError> {
        let Some(mut open) = self.open.take() else { return Ok((Ok(self.from.clone()), 0)) };
        (limits.written_bytes, limits.files_created, limits.tool_calls) = (0, 0, 0);
        limits.deadline_ms = limits.deadline_ms.min(REST_MS);
        let most = limits.memory_bytes;
        let start = Instant::now();
        let deadline = start + Duration::from_millis(limits.deadline_ms);
        let given = limits.clone();
        open.renew(RunRequest::new(Entry::Command { name: String::new() }, limits, Grants::clocks_and_randomness()))?;
        let mut keep = Keep { whole: false, limit: most, saved: None };
        let mut watch = Watch::new(start, deadline, Some(cancel));
        drop(watch.over(open.settled(&self.program, fence, &mut keep)).await);
        let spent = open.usage(&given, start.elapsed(), watch.cpu).fuel;
        // What it wrote and was denied meanwhile is of no call.
        drop(open.told());
        let saved = match keep.saved {
            Some(Ok(saved)) => {
                self.from = Some(Arc::new(saved));
                Ok(self.from.clone())
            }
            Some(Err(reason)) => {
                self.open = Some(open);
                Err(reason)
            }
            None => Err(Unsaved::Refused("the interpreter did not come to rest, and is gone".to_owned())),
        };
        Ok((saved, spent))
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
