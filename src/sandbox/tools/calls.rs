use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::chronicle::By;
use super::super::error::SandboxError;
use crate::engine::ToolFailure;
use crate::model::{CallId, Json};

/// A call that waits for its answer, as it is told to whoever watches the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Asking {
    pub call: CallId,
    pub tool: String,
    /// As it was checked, written anew.
    pub input: Json,
}

/// What whoever asked for the run answers.
#[derive(Debug)]
pub struct Answered {
    pub answer: Result<Json, ToolFailure>,
    /// Who did, and in which request.
    pub by: Box<By>,
}

/// The call of a run that waits. An instance makes one at a time: there is never another.
#[derive(Debug, Default)]
pub(in super::super) struct Calls(Mutex<Option<Waiting>>);

#[derive(Debug)]
struct Waiting {
    asking: Arc<Asking>,
    answer: oneshot::Sender<Answered>,
    most: u64,
}

/// One that waits, until this is dropped.
pub(super) struct Open<'a> {
    calls: &'a Calls,
    call: CallId,
    pub(super) answer: oneshot::Receiver<Answered>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut waiting = self.calls.waiting();
        if waiting.as_ref().is_some_and(|waiting| waiting.asking.call == self.call) {
            *waiting = None;
        }
    }
}

impl Calls {
    fn waiting(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call wait for an answer of at most so many bytes; nothing where one waits already.
    pub(super) fn open(&self, asking: Asking, most: u64) -> Option<Open<'_>> {
        let mut waiting = self.waiting();
        if waiting.is_some() {
            return None;
        }
        let (tell, answer) = oneshot::channel();
        let call = asking.call.clone();
        *waiting = Some(Waiting { asking: Arc::new(asking), answer: tell, most });
        Some(Open { calls: self, call, answer })
    }

    /// What waits, where it is another than the one that was seen.
    pub(in super::super) fn after(&self, seen: Option<&CallId>) -> Option<Arc<Asking>> {
        let waiting = self.waiting();
        waiting.as_ref().map(|waiting| &waiting.asking).filter(|asking| seen != Some(&asking.call)).cloned()
    }

    /// Answers a call. One that was answered with too much waits on.
    pub(in super::super) fn answer(&self, call: &CallId, answered: Answered) -> Result<(), SandboxError> {
        let mut waiting = self.waiting();
        let open = waiting.as_ref().filter(|waiting| waiting.asking.call == *call);
        let limit = open.map(|open| open.most).ok_or_else(|| SandboxError::NoCall(call.clone()))?;
        let bytes = match &answered.answer {
            Ok(value) => value.text().len(),
            Err(failure) => failure.code.len() + failure.message.len(),
        };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        if bytes > limit {
            return Err(SandboxError::AnswerTooLarge { bytes, limit });
        }
        let answer = waiting.take().map(|waiting| waiting.answer.send(answered));
        // Whoever waited is gone: the run is about to end.
        answer.and_then(Result::ok).ok_or_else(|| SandboxError::NoCall(call.clone()))
    }
}
