use super::chronicle::Unkept;
use super::ledger::LedgerError;
use super::quota::QuotaError;
use super::state::IllegalMove;
use crate::backends::{BackendError, BackendName};
use crate::engine::{EngineError, Unsaved};
use crate::model::{CallId, LimitName, LimitsError, RunId, SandboxId, SessionId, show_bytes};
use crate::runtimes::RuntimeError;
use crate::workspace::WorkspaceError;

/// Why something was not done. What a guest did is never here: that is an outcome.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("there is no component {0}; submit it first")]
    NoComponent(String),
    #[error("there is no run {0}")]
    NoRun(RunId),
    #[error("the run has no call {0} that waits; it was answered, it was taken back, or it never was")]
    NoCall(CallId),
    #[error("the run {0} is over, and nothing of it waits for an answer")]
    RunOver(RunId),
    #[error("the answer has {}, but the run takes at most {}; answer with less, or with an error", show_bytes(*bytes), show_bytes(*limit))]
    AnswerTooLarge { bytes: u64, limit: u64 },
    #[error("there is no sandbox {0}; it was destroyed, its time was over, or it never was")]
    NoSandbox(SandboxId),
    #[error("there is no session {0}; it was deleted, nobody called it for too long, or the service was started anew")]
    NoSession(SessionId),
    #[error("the session {0} is at work; wait for that, or interrupt it")]
    SessionBusy(SessionId),
    #[error("the interpreter of the session {0} is gone since a run in it ended as `{1}`; restart the session")]
    SessionEnded(SessionId, String),
    #[error(transparent)]
    Unsaved(#[from] Unsaved),
    #[error("the sandbox has sessions, which may have its files open; delete them first")]
    HasSessions,
    #[error(transparent)]
    State(#[from] IllegalMove),
    #[error(transparent)]
    Quota(#[from] QuotaError),
    #[error("{name} is {}, which is below the least, {}", name.show(*asked), name.show(*least))]
    TooLittle { name: LimitName, asked: u64, least: u64 },
    #[error("this service does not offer the backend {name}; it offers {} (backends.allowed)", offered.join(", "))]
    NotOffered { name: BackendName, offered: Vec<&'static str> },
    /// What fences a run refused it, or could not run it; the field is what was asked for and cannot be had.
    #[error("{error}")]
    Backend { field: Option<String>, error: BackendError },
    #[error("{field}: {message}")]
    Invalid { field: &'static str, message: String },
    #[error("the Idempotency-Key `{0}` was used for another request; take a new key for a new request")]
    KeyReused(String),
    #[error("the request with the Idempotency-Key `{0}` is still at work; try again later")]
    KeyInUse(String),
    #[error("the component is {}, but at most {} are taken", show_bytes(*bytes), show_bytes(*limit))]
    TooLarge { bytes: u64, limit: u64 },
    #[error("the service is stopping and takes no new work")]
    Stopping,
    #[error("so much waits for the disk that there is no turn for more of the tenant; try again later")]
    Crowded,
    #[error("the tenant is closed: nothing runs in it")]
    Closed,
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Unkept(#[from] Unkept),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A fault of ours: the call was made with a permit for something else.
    #[error("the permit is for something else")]
    Permit,
    /// A fault of ours that costs this request.
    #[error("the service failed: {0}")]
    Internal(String),
}

/// What kind of trouble it is, which each surface says in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The caller asked for what makes no sense.
    Invalid,
    NotFound,
    /// Whoever runs the service does not offer it.
    Forbidden,
    /// It does not fit what is there now.
    Conflict,
    /// It was there, and its contents are lost until somebody puts them back.
    Lost,
    TooLarge,
    /// The caller has had enough, for now.
    TooMany,
    /// We cannot, for now.
    Unavailable,
    /// The host fails us: its disk, its descriptors, its processes.
    Failing,
    Internal,
}

impl From<LimitsError> for SandboxError {
    fn from(error: LimitsError) -> Self {
        SandboxError::Engine(error.into())
    }
}

impl SandboxError {
    /// A word that stays the same from version to version.
    pub fn code(&self) -> &'static str {
        match self {
            SandboxError::NoComponent(_) => "no_component",
            SandboxError::NoRun(_) => "no_run",
            SandboxError::NoSandbox(_) => "no_sandbox",
            SandboxError::NoSession(_) => "no_session",
            SandboxError::SessionBusy(_) => "session_busy",
            SandboxError::SessionEnded(..) => "session_ended",
            SandboxError::Unsaved(error) => error.code(),
            SandboxError::HasSessions => "has_sessions",
            SandboxError::NoCall(_) => "no_call",
            SandboxError::RunOver(_) => "run_over",
            SandboxError::AnswerTooLarge { .. } => "too_large",
            SandboxError::State(_) => "wrong_state",
            SandboxError::Quota(error) => error.code(),
            SandboxError::TooLittle { .. } => "bad_limits",
            SandboxError::NotOffered { .. } => "backend_not_allowed",
            SandboxError::Backend { error, .. } => error.code(),
            SandboxError::Invalid { .. } => "invalid",
            SandboxError::KeyReused(_) => "idempotency_mismatch",
            SandboxError::KeyInUse(_) => "idempotency_in_use",
            SandboxError::TooLarge { .. } => "too_large",
            SandboxError::Stopping => "stopping",
            SandboxError::Crowded => "busy",
            SandboxError::Closed => "tenant_closed",
            SandboxError::Engine(error) => error.code(),
            SandboxError::Workspace(error) => error.code(),
            SandboxError::Runtime(error) => error.code(),
            SandboxError::Unkept(_) => "audit_unavailable",
            SandboxError::Ledger(LedgerError::Damaged(_)) => "component_damaged",
            SandboxError::Ledger(LedgerError::Never(_)) => "store_failed",
            SandboxError::Ledger(LedgerError::NoRoom) => "too_many_bytes",
            SandboxError::Ledger(_) => "store_unavailable",
            SandboxError::Permit | SandboxError::Internal(_) => "internal",
        }
    }

    pub fn sort(&self) -> Sort {
        match self {
            SandboxError::NoComponent(_)
            | SandboxError::NoRun(_)
            | SandboxError::NoSandbox(_)
            | SandboxError::NoSession(_)
            | SandboxError::NoCall(_) => Sort::NotFound,
            SandboxError::State(_)
            | SandboxError::SessionBusy(_)
            | SandboxError::SessionEnded(..)
            | SandboxError::Unsaved(_)
            | SandboxError::HasSessions
            | SandboxError::RunOver(_)
            | SandboxError::KeyInUse(_)
            | SandboxError::Closed
            | SandboxError::Ledger(LedgerError::Damaged(_)) => Sort::Conflict,
            SandboxError::Quota(QuotaError::Uncounted) => Sort::Unavailable,
            SandboxError::Quota(_) | SandboxError::Ledger(LedgerError::NoRoom) => Sort::TooMany,
            SandboxError::NotOffered { .. } => Sort::Forbidden,
            SandboxError::Backend { error, .. } => of_backend(error),
            SandboxError::TooLittle { .. } | SandboxError::KeyReused(_) | SandboxError::Invalid { .. } => Sort::Invalid,
            SandboxError::TooLarge { .. } | SandboxError::AnswerTooLarge { .. } => Sort::TooLarge,
            SandboxError::Stopping | SandboxError::Crowded | SandboxError::Ledger(LedgerError::Behind) => {
                Sort::Unavailable
            }
            SandboxError::Engine(EngineError::Busy(_) | EngineError::CompilerBusy(_)) => Sort::Unavailable,
            // The folders of sandboxes are ours.
            SandboxError::Engine(EngineError::Dir { .. }) => Sort::Failing,
            SandboxError::Engine(error) if error.is_callers() => Sort::Invalid,
            SandboxError::Workspace(error) => of_workspace(error),
            SandboxError::Runtime(error) if error.is_callers() => Sort::Invalid,
            SandboxError::Runtime(_) => Sort::Failing,
            SandboxError::Unkept(_)
            | SandboxError::Ledger(LedgerError::Failed(_))
            | SandboxError::Engine(EngineError::Worker(_) | EngineError::Cache { .. }) => Sort::Failing,
            SandboxError::Ledger(LedgerError::Never(_))
            | SandboxError::Engine(_)
            | SandboxError::Permit
            | SandboxError::Internal(_) => Sort::Internal,
        }
    }

    /// When it is worth to try again, in seconds.
    pub fn retry_after(&self) -> Option<u64> {
        match (self, self.sort()) {
            (SandboxError::Quota(error), _) => error.retry_after(),
            (SandboxError::Ledger(LedgerError::NoRoom), _) => Some(1),
            (SandboxError::Workspace(WorkspaceError::TooManyLists | WorkspaceError::Changed { .. }), _) => Some(1),
            (_, Sort::Failing) => Some(5),
            (_, Sort::Unavailable) | (SandboxError::KeyInUse(_) | SandboxError::SessionBusy(_), _) => Some(1),
            _ => None,
        }
    }
}

fn of_backend(error: &BackendError) -> Sort {
    match error {
        BackendError::Unavailable { .. } => Sort::Conflict,
        BackendError::WriteBack(_) => Sort::Failing,
        error if error.is_callers() => Sort::Invalid,
        _ => Sort::Internal,
    }
}

fn of_workspace(error: &WorkspaceError) -> Sort {
    match error {
        WorkspaceError::NoWorkspace(_) | WorkspaceError::NoDraft(_) | WorkspaceError::NoFile(_) => Sort::NotFound,
        WorkspaceError::Taken(_)
        | WorkspaceError::InUse(_)
        | WorkspaceError::HasDrafts(..)
        | WorkspaceError::Moved { .. }
        | WorkspaceError::Occupied(_)
        | WorkspaceError::Changed { .. } => Sort::Conflict,
        WorkspaceError::TooManyLists => Sort::TooMany,
        WorkspaceError::ListTooLong { .. } => Sort::TooLarge,
        WorkspaceError::DraftMissing(_) | WorkspaceError::Damaged { .. } | WorkspaceError::DamagedTree(_) => Sort::Lost,
        WorkspaceError::Io { .. } | WorkspaceError::NoSpace { .. } | WorkspaceError::Catalog(_) => Sort::Failing,
        _ => Sort::Invalid,
    }
}
