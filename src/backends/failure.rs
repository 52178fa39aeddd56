use serde::{Deserialize, Serialize};

use super::backend::BackendName;
use super::error::BackendError;

/// Why nothing was run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    pub why: Why,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The machine does not give what the fence is made of.
    Fence,
    /// The command is not there, or cannot be executed.
    Command,
    /// A folder cannot be given under its rules.
    Folder,
    /// What was written could not be brought back to a folder.
    WriteBack,
}

impl Failure {
    pub(super) fn new(why: Why, what: &str, error: impl std::fmt::Display) -> Self {
        Self { why, message: format!("{what}: {error}") }
    }

    /// For what the fence is made of.
    pub(super) fn fence<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self::new(Why::Fence, what, error)
    }

    pub(super) fn told(self, backend: BackendName) -> BackendError {
        let Self { why, message } = self;
        match why {
            Why::Fence => BackendError::Unavailable { backend, reason: message },
            Why::Command => BackendError::Command(message),
            Why::Folder => BackendError::Folder(message),
            Why::WriteBack => BackendError::WriteBack(message),
        }
    }
}
