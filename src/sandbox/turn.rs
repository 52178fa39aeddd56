use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::error::SandboxError;
use super::hall::Hall;
use super::quota::Taken;
use super::sessions::{Kept, Ways};
use crate::engine::{EngineError, Program, RunPlace, RunRequest, Saved, Session, Unsaved};
use crate::model::{Limits, Report, RunId};
use crate::workspace::Entered;

/// What a session holds, for the one call that is at work in it.
#[derive(Debug)]
pub(super) struct Interpreter(Option<Held>);

#[derive(Debug)]
struct Held {
    session: Session,
    /// Its files are neither applied nor thrown away while it may have some of them open.
    entered: Entered,
    _place: Taken,
}

/// What is left of a session that has ended; its files are let go of where this is dropped.
pub(super) struct Left(Option<Held>);

impl Interpreter {
    pub(super) fn new(session: Session, entered: Entered, place: Taken) -> Self {
        Self(Some(Held { session, entered, _place: place }))
    }

    /// The next call finds a fresh one.
    pub(super) fn close(&mut self) {
        if let Some(held) = &mut self.0 {
            held.session.close();
        }
    }

    pub(super) fn end(&mut self) -> Left {
        Left(self.0.take())
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if let Some(Held { session, entered, .. }) = self.0.take() {
            drop(session);
            entered.leave();
        }
    }
}

/// One call in a session, which has it alone until this is dropped.
pub(super) struct Turn {
    hall: Hall,
    kept: Arc<Kept>,
    /// Nothing, where its state is saved.
    run: Option<RunId>,
    ways: Ways,
    interpreter: OwnedMutexGuard<Interpreter>,
    /// Before this call.
    had_state: bool,
    /// What became of it, once that is known.
    done: Option<(String, u64)>,
    /// The guest was at work.
    began: bool,
}

impl Turn {
    pub(super) fn begin(hall: Hall, kept: Arc<Kept>, run: Option<RunId>) -> Result<Self, SandboxError> {
        // Only who holds it says what becomes of the session. It may also be restarted, or ended.
        let busy = |_| SandboxError::SessionBusy(kept.id.clone());
        let interpreter = Arc::clone(&kept.interpreter).try_lock_owned().map_err(busy)?;
        if interpreter.0.is_none() {
            return Err(SandboxError::NoSession(kept.id.clone()));
        }
        let ways = kept.begins(run.clone(), hall.now())?;
        let had_state = interpreter.0.as_ref().is_some_and(|held| held.session.has_state());
        Ok(Self { hall, kept, run, ways, interpreter, had_state, done: None, began: false })
    }

    pub(super) fn interrupt(&self) -> CancellationToken {
        self.ways.interrupt.clone()
    }

    pub(super) fn entered(&self) -> Option<&Entered> {
        self.interpreter.0.as_ref().map(|held| &held.entered)
    }

    pub(super) fn program(&self) -> Result<&Arc<Program>, SandboxError> {
        let held = self.interpreter.0.as_ref().ok_or_else(|| SandboxError::NoSession(self.kept.id.clone()))?;
        Ok(held.session.program())
    }

    /// The state of the interpreter, for others to go on from, and the fuel that this took.
    pub(super) async fn save(
        &mut self,
        limits: Limits,
    ) -> Result<(Result<Option<Arc<Saved>>, Unsaved>, u64), SandboxError> {
        let place = self.hall.engine().place()?;
        let gone = || SandboxError::NoSession(self.kept.id.clone());
        let session = &mut self.interpreter.0.as_mut().ok_or_else(gone)?.session;
        let (engine, end) = (self.hall.engine(), &self.ways.end);
        let saving = engine.save(place, session, limits, end.clone());
        tokio::pin!(saving);
        let saved = tokio::select! {
            biased;
            saved = &mut saving => saved,
            // With all runs, when the service stops.
            () = self.hall.inner().cancel.cancelled() => {
                end.cancel();
                saving.await
            }
        };
        Ok(saved?)
    }

    /// Calls into the interpreter. `cancel` is what ends it from outside.
    pub(super) async fn call(
        &mut self,
        place: RunPlace,
        request: RunRequest,
        cancel: &CancellationToken,
    ) -> Result<Report, EngineError> {
        let gone = || EngineError::Internal("the session is gone".into());
        let session = &mut self.interpreter.0.as_mut().ok_or_else(gone)?.session;
        let calling = self.hall.engine().call(place, session, request);
        tokio::pin!(calling);
        let done = tokio::select! {
            biased;
            done = &mut calling => done,
            () = self.ways.end.cancelled() => {
                cancel.cancel();
                calling.await
            }
        };
        if let Ok(report) = &done {
            // What was too much to be given is no call of the guest.
            self.began = report.usage.fuel > 0;
            self.done = Some((report.outcome.kind().to_owned(), report.usage.peak_memory_bytes));
        }
        done
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let is_open = self.interpreter.0.as_ref().is_some_and(|held| held.session.has_state());
        let gone = !is_open && (self.had_state || self.began);
        let (outcome, memory) = self.done.take().unzip();
        let ended = gone.then(|| outcome.unwrap_or_else(|| "failed".to_owned()));
        let memory = memory.filter(|_| self.began && !gone);
        self.kept.ends(self.run.take(), ended.as_deref(), memory, self.hall.now());
    }
}
