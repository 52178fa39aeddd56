use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plan::Cut;
use super::state::SandboxState;
use crate::fs_policy::Rules;
use crate::model::{Digest, Labels, Limits, PrincipalId, Report, RunId, SandboxId, TenantId};
use crate::workspace::{DraftId, WorkspaceName};

/// A program that a tenant has submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentRecord {
    pub tenant: TenantId,
    pub digest: Digest,
    pub owner: PrincipalId,
    pub bytes: u64,
    pub labels: Labels,
    /// What it exports and imports, as the engine described it.
    pub description: Value,
    /// Milliseconds since 1970, here and in all records.
    pub created: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Running,
    Ended,
}

impl RunState {
    pub const fn as_str(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Ended => "ended",
        }
    }
}

/// Why a run has no report: it was refused or the host could not run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

/// One execution.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    pub id: RunId,
    pub tenant: TenantId,
    pub owner: PrincipalId,
    pub component: Digest,
    pub sandbox: Option<SandboxId>,
    pub state: RunState,
    pub labels: Labels,
    pub created: u64,
    pub ended: Option<u64>,
    pub report: Option<Report>,
    pub failure: Option<Failure>,
    /// What was asked for and not given.
    pub cut: Vec<Cut>,
    /// In which order output came: how many bytes of standard output (even places) and of standard error (odd ones),
    /// one after the other.
    pub order: Vec<u32>,
}

impl RunRecord {
    /// One word for how it ended, to filter by.
    pub fn outcome(&self) -> Option<&str> {
        match (&self.report, &self.failure) {
            (Some(report), _) => Some(report.outcome.kind()),
            (None, Some(_)) => Some("failed"),
            (None, None) => None,
        }
    }
}

/// What a sandbox gives to each run in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxSpec {
    /// Where its files are for the guest.
    pub at: String,
    pub rules: Rules,
    pub limits: Limits,
    pub clocks: bool,
    pub randomness: bool,
    pub env: Vec<(String, String)>,
    pub cut: Vec<Cut>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SandboxRecord {
    pub id: SandboxId,
    pub tenant: TenantId,
    pub owner: PrincipalId,
    pub state: SandboxState,
    pub draft: DraftId,
    pub workspace: Option<WorkspaceName>,
    pub spec: SandboxSpec,
    pub labels: Labels,
    pub created: u64,
    pub expires: u64,
}

/// A request that may be sent again, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryRecord {
    pub tenant: TenantId,
    pub principal: PrincipalId,
    pub key: String,
    /// A hash of the whole request: the same key with another request is a mistake.
    pub request: [u8; 32],
    pub run: RunId,
    pub created: u64,
}
