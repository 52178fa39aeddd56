use serde::Serialize;

use super::backend::BackendName;
use super::error::BackendError;
use crate::model::LimitName;

/// Whether something is held of a run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    Yes,
    /// Something of it is: `how` says what. Whoever requires it does not get that.
    Partly,
    No,
}

impl Holds {
    pub const fn as_str(self) -> &'static str {
        match self {
            Holds::Yes => "yes",
            Holds::Partly => "partly",
            Holds::No => "no",
        }
    }
}

/// A limit or a rule, and what a backend makes of it here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    pub name: &'static str,
    pub holds: Holds,
    /// By what it is held, or why it is not.
    pub how: String,
}

impl Claim {
    pub(super) fn new(name: &'static str, holds: Holds, how: impl Into<String>) -> Self {
        Self { name, holds, how: how.into() }
    }
}

/// What a backend is worth on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub backend: BackendName,
    pub available: bool,
    /// Why it is not available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Empty where it is not available.
    pub claims: Vec<Claim>,
}

impl Standing {
    pub(super) fn of(backend: BackendName, claims: Vec<Claim>) -> Self {
        Self { backend, available: true, reason: None, claims }
    }

    pub(super) fn missing(backend: BackendName, reason: String) -> Self {
        Self { backend, available: false, reason: Some(reason), claims: Vec::new() }
    }

    /// Refuses by name, before anything runs: the backend itself, what is required of it and not held in full, and what
    /// was chosen and is not held at all.
    pub fn check(&self, required: &[String], chosen: &[LimitName]) -> Result<(), BackendError> {
        if let Some(reason) = &self.reason {
            return Err(BackendError::Unavailable { backend: self.backend, reason: reason.clone() });
        }
        for name in required {
            self.has(name, &[Holds::Yes])?;
        }
        for limit in chosen {
            self.has(limit.as_str(), &[Holds::Yes, Holds::Partly])?;
        }
        Ok(())
    }

    fn has(&self, name: &str, enough: &[Holds]) -> Result<(), BackendError> {
        let Some(claim) = self.claims.iter().find(|claim| claim.name == name) else {
            let known = self.claims.iter().map(|claim| claim.name).collect();
            return Err(BackendError::UnknownRequirement { name: name.to_owned(), known });
        };
        if enough.contains(&claim.holds) {
            return Ok(());
        }
        Err(BackendError::NotEnforced { name: claim.name, backend: self.backend, how: claim.how.clone() })
    }
}
