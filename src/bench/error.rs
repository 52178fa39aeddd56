use std::path::PathBuf;

use crate::backends::BackendError;
use crate::engine::EngineError;

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(
        "the programs that are measured are not in {folder}: {missing} is missing; make them with `make guests`, or name their folder with --guests"
    )]
    NoPrograms { folder: String, missing: String },
    #[error(
        "{work} came to {found} in the fence {fence}, and to {expected} in {first}: what differs is not compared; the programs of --guests are broken, or the fence is"
    )]
    WrongAnswer { work: String, fence: &'static str, found: String, first: &'static str, expected: String },
    #[error("{what} did not work in the fence {fence}: {why}")]
    Failed { what: String, fence: &'static str, why: String },
    #[error("{0}")]
    Machine(String),
    #[error("--html {}: {reason}", file.display())]
    Page { file: PathBuf, reason: std::io::Error },
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl BenchError {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        match self {
            BenchError::NoPrograms { .. } => "no_programs",
            BenchError::WrongAnswer { .. } => "wrong_answer",
            BenchError::Failed { .. } => "bench_failed",
            BenchError::Machine(_) => "internal",
            BenchError::Page { .. } => "unwritable_file",
            BenchError::Backend(error) => error.code(),
            BenchError::Engine(error) => error.code(),
        }
    }

    /// Whether the caller can mend it, by other flags or programs.
    pub const fn is_callers(&self) -> bool {
        match self {
            BenchError::NoPrograms { .. } | BenchError::WrongAnswer { .. } | BenchError::Page { .. } => true,
            BenchError::Failed { .. } | BenchError::Machine(_) => false,
            BenchError::Backend(error) => error.is_callers(),
            BenchError::Engine(error) => error.is_callers(),
        }
    }

    pub(super) fn machine(error: impl std::fmt::Display) -> Self {
        BenchError::Machine(error.to_string())
    }
}
