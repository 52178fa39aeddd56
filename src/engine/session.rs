use std::sync::Arc;

use super::error::{CallError, EngineError};
use super::fence::Fence;
use super::open::Open;
use super::program::Program;
use super::run::{self, Entry, RunRequest};
use crate::model::{Mode, Report};

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
}

impl Session {
    pub fn new(program: Arc<Program>) -> Result<Self, CallError> {
        if program.is_runtime() { Ok(Self { program, open: None }) } else { Err(CallError::NoRuntime) }
    }

    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Whether there is an interpreter, with what was done in it.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Lets go of it: the next call finds a fresh one.
    pub fn close(&mut self) {
        self.open = None;
    }

    pub(super) async fn call(
        &mut self,
        fence: &Fence,
        request: RunRequest,
        disk_reserve_bytes: u64,
    ) -> Result<Report, EngineError> {
        // What is called again cannot be made to repeat from one request alone.
        if !matches!((&request.entry, request.mode), (Entry::Snippet(_), Mode::Ordinary)) {
            return Err(CallError::NoRuntime.into());
        }
        run::turn(fence, &self.program, &mut self.open, request, disk_reserve_bytes).await
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("program", &self.program).field("open", &self.is_open()).finish()
    }
}
