use serde::{Deserialize, Serialize};

use super::plan::Cut;
use super::state::{IllegalMove, Move, SandboxState};
use crate::backends::BackendName;
use crate::engine::{Description, Kind};
use crate::fs_policy::KeptRules;
use crate::model::{Digest, Labels, Limits, Outcome, PrincipalId, Report, RunId, SandboxId, SessionId, TenantId};
use crate::workspace::{DraftId, WorkspaceName};

/// A program that a tenant has submitted.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentRecord {
    pub tenant: TenantId,
    pub digest: Digest,
    pub owner: PrincipalId,
    pub bytes: u64,
    pub labels: Labels,
    pub kind: Kind,
    /// It can be run as a command.
    pub command: bool,
    pub wants: Wants,
    /// Milliseconds since 1970, here and in all records.
    pub created: u64,
}

/// The grants that a program has a use for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    pub clocks: bool,
    pub randomness: bool,
}

impl Wants {
    pub fn of(description: &Description) -> Self {
        Self { clocks: description.wants("clocks"), randomness: description.wants("randomness") }
    }
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

/// Why a run has no report: it was refused or the host could not run it. With a report, why the host cancelled it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

/// What was given to a run of what was asked for: declaration, request, sandbox and ceilings all allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub limits: Limits,
    pub clocks: bool,
    pub randomness: bool,
}

/// What a fence was worth for one run: of all that it could hold, what it does not, and what was not to be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Worth {
    /// Limits and rules without which nothing was to be run. All of these are held.
    pub required: Vec<String>,
    /// Held in part.
    pub partly: Vec<String>,
    /// Not held at all.
    pub not_held: Vec<String>,
}

/// One execution.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    pub id: RunId,
    pub tenant: TenantId,
    pub owner: PrincipalId,
    /// What fenced it.
    pub backend: BackendName,
    /// Nothing of a command of the machine.
    pub component: Option<Digest>,
    /// What such a command is called, without its arguments.
    pub command: Option<String>,
    /// What the fence was worth, where that was asked about or is less than all.
    pub fence: Option<Worth>,
    pub sandbox: Option<SandboxId>,
    /// The session that it is a call of.
    pub session: Option<SessionId>,
    pub state: RunState,
    pub labels: Labels,
    pub created: u64,
    pub ended: Option<u64>,
    pub report: Option<Report>,
    pub failure: Option<Failure>,
    /// What was asked for and not given.
    pub cut: Vec<Cut>,
    /// What it could spend, and what it was granted; nothing of one that older versions wrote down.
    pub given: Option<Given>,
    /// In which order output came: how many bytes of standard output (even places) and of standard error (odd ones),
    /// one after the other.
    pub order: Vec<u32>,
}

impl RunRecord {
    /// What one that did not run at all is called.
    const FAILED: &str = "failed";

    /// All that [`RunRecord::outcome`] says.
    pub fn outcomes() -> impl Iterator<Item = &'static str> {
        Outcome::KINDS.into_iter().chain([Self::FAILED])
    }

    /// Whether what it wrote or returned is so much that it is not handled as others are, and not kept twice.
    pub fn is_large(&self) -> bool {
        const LARGE: usize = 64 << 10;
        let Some(report) = &self.report else { return false };
        let written = report.stdout.bytes.len().saturating_add(report.stderr.bytes.len());
        written >= LARGE
            || match &report.outcome {
                Outcome::Returned { value: told } | Outcome::Answered { answer: told, .. } => {
                    told.text().len() >= LARGE
                }
                _ => false,
            }
    }

    /// As a list shows it.
    pub fn summary(&self) -> RunSummary {
        RunSummary {
            id: self.id.clone(),
            owner: self.owner.clone(),
            backend: self.backend,
            component: self.component,
            sandbox: self.sandbox.clone(),
            state: self.state,
            outcome: self.outcome().map(str::to_owned),
            labels: self.labels.clone(),
            created: self.created,
            ended: self.ended,
        }
    }

    /// One word for how it ended, to filter by.
    pub fn outcome(&self) -> Option<&str> {
        match (&self.report, &self.failure) {
            (Some(report), _) => Some(report.outcome.kind()),
            (None, Some(_)) => Some(Self::FAILED),
            (None, None) => None,
        }
    }
}

/// A run as a list shows it: without what it wrote and was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    pub id: RunId,
    pub owner: PrincipalId,
    pub backend: BackendName,
    pub component: Option<Digest>,
    pub sandbox: Option<SandboxId>,
    pub state: RunState,
    /// As [`RunRecord::outcome`].
    pub outcome: Option<String>,
    pub labels: Labels,
    pub created: u64,
    pub ended: Option<u64>,
}

/// What a sandbox gives to each run in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxSpec {
    /// Where its files are for the guest.
    pub at: String,
    pub rules: KeptRules,
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

/// What is changed of a sandbox; everything else stays as it is at that moment.
#[derive(Debug, Clone, PartialEq)]
pub enum SandboxChange {
    /// It is there now.
    Made,
    /// It could not be made.
    GivenUp,
    Extend {
        expires: u64,
        cut: Option<Cut>,
    },
    Label(Labels),
    Stop,
    Destroy,
    Expire,
}

/// Why a sandbox was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// It is not there, not yet or not any more; or its time is not over, where it was to expire.
    Missing,
    Illegal(IllegalMove),
}

impl SandboxChange {
    pub const fn asked(&self) -> Move {
        match self {
            SandboxChange::Made => Move::Make,
            SandboxChange::Extend { .. } | SandboxChange::Label(_) => Move::Extend,
            SandboxChange::Stop => Move::Stop,
            SandboxChange::Destroy | SandboxChange::GivenUp => Move::Destroy,
            SandboxChange::Expire => Move::Expire,
        }
    }
}

impl SandboxRecord {
    /// Whether callers can find it.
    pub fn is_there(&self, now: u64) -> bool {
        matches!(self.state, SandboxState::Ready | SandboxState::Stopped) && self.expires > now
    }

    /// What a change makes of it. Asked by whoever writes it down, while nobody else does: what was read before may be
    /// of yesterday.
    pub fn changed(mut self, change: SandboxChange, now: u64) -> Result<Self, Unchanged> {
        let there = match change {
            SandboxChange::Made | SandboxChange::GivenUp => self.state == SandboxState::Making,
            SandboxChange::Expire => {
                matches!(self.state, SandboxState::Ready | SandboxState::Stopped) && self.expires <= now
            }
            _ => self.is_there(now),
        };
        if !there {
            return Err(Unchanged::Missing);
        }
        self.state = self.state.after(change.asked()).map_err(Unchanged::Illegal)?;
        match change {
            SandboxChange::Extend { expires, cut } => {
                // Whoever asks for more time takes none away, from himself or from others.
                self.expires = self.expires.max(expires);
                if let Some(cut) = cut {
                    self.spec.cut.retain(|known| known.what != cut.what);
                    self.spec.cut.push(cut);
                }
            }
            SandboxChange::Label(labels) => self.labels = labels,
            // What is gone is overdue by any clock, also one that is set back.
            SandboxChange::Destroy | SandboxChange::GivenUp | SandboxChange::Expire => self.expires = 0,
            SandboxChange::Made | SandboxChange::Stop => {}
        }
        Ok(self)
    }
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
