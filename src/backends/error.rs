use super::backend::BackendName;
use crate::engine::EngineError;
use crate::model::LimitsError;

/// Why a backend did not run something. What a guest does is never here: that is an outcome.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackendError {
    #[error("the backend {backend} cannot be used here: {reason}")]
    Unavailable { backend: BackendName, reason: String },
    #[error("the backend {backend} does not hold {name} as it is asked for: {how}")]
    NotEnforced { name: &'static str, backend: BackendName, how: String },
    #[error("nothing is called `{name}` that could be required; there are {}", .known.join(", "))]
    UnknownRequirement { name: String, known: Vec<&'static str> },
    #[error("the backend {backend} runs {runs}")]
    WrongProgram { backend: BackendName, runs: &'static str },
    #[error("the command cannot be started: {0}")]
    Command(String),
    #[error("a folder cannot be given to the command: {0}")]
    Folder(String),
    #[error("the run is over, but what it wrote could not be brought back: {0}")]
    WriteBack(String),
    #[error(transparent)]
    Limits(#[from] LimitsError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A fault of ours. It costs one run.
    #[error("the host failed while running this command: {0}")]
    Internal(String),
}

impl BackendError {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        match self {
            BackendError::Unavailable { .. } => "backend_unavailable",
            BackendError::NotEnforced { .. } => "not_enforced",
            BackendError::UnknownRequirement { .. } => "unknown_requirement",
            BackendError::WrongProgram { .. } => "wrong_program",
            BackendError::Command(_) => "command_unavailable",
            BackendError::Folder(_) => "dir_unavailable",
            BackendError::WriteBack(_) => "write_back_failed",
            BackendError::Limits(_) => "bad_limits",
            BackendError::Engine(error) => error.code(),
            BackendError::Internal(_) => "internal",
        }
    }

    /// Whether the caller can mend it, by another command, other folders, limits or requirements.
    pub const fn is_callers(&self) -> bool {
        match self {
            BackendError::WriteBack(_) | BackendError::Internal(_) => false,
            BackendError::Engine(error) => error.is_callers(),
            _ => true,
        }
    }
}
