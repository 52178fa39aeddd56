use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::record::{
    ComponentRecord, RetryRecord, RunRecord, RunState, RunSummary, SandboxChange, SandboxRecord, Unchanged,
};
use super::replayable::Replayable;
use super::state::SandboxState;
use crate::model::{Digest, Json, PrincipalId, RunId, SandboxId, Stream, TenantId, Weight};

/// Why the ledger gave no answer; what was asked of it is not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    #[error("the store is behind; try again later")]
    Behind,
    #[error("the store failed: {0}")]
    Failed(String),
    /// Whoever has it can bring it again.
    #[error("the bytes of the component {0} are damaged on the disk; submit it again, and it is whole")]
    Damaged(Digest),
    #[error("there is no room for it in memory now")]
    NoRoom,
    /// It would fail each time.
    #[error("the store cannot do this: {0}")]
    Never(String),
}

/// How much of a run is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Much {
    /// All but what it wrote.
    Head,
    Whole,
}

/// Asked before so many bytes are taken into memory, by whoever counts them.
pub type AskRoom<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// There was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// Something that is done, and durable, when it is over.
pub type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// Which runs are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    pub owner: Option<PrincipalId>,
    pub sandbox: Option<SandboxId>,
    pub component: Option<Digest>,
    pub state: Option<RunState>,
    pub outcome: Option<String>,
    pub since: Option<u64>,
    pub until: Option<u64>,
    /// A name and its value.
    pub label: Option<(String, String)>,
}

/// Some runs of a list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunPage {
    pub runs: Vec<RunSummary>,
    /// Where the look ended for now, if there may be more: no question goes through a history of any length.
    pub looked_to: Option<RunId>,
}

/// Which sandboxes are wanted, of those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SandboxFilter {
    pub owner: Option<PrincipalId>,
    pub state: Option<SandboxState>,
    /// A name and its value.
    pub label: Option<(String, String)>,
}

/// Where components, runs and sandboxes are kept. Questions are short and answered where they are asked.
pub trait Ledger: Send + Sync {
    /// Keeps a component with what is said of it and its bytes, the same ones once, and makes them whole where they were
    /// not. False if the tenant has it already.
    fn keep_component(&self, component: ComponentRecord, described: Json, content: Bytes) -> Step<'_, bool>;
    fn content(&self, digest: Digest) -> Step<'_, Option<Bytes>>;
    fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<ComponentRecord>, LedgerError>;
    fn described(&self, tenant: &TenantId, digest: Digest) -> Result<Option<Json>, LedgerError>;
    /// In the order of their digests.
    fn components(
        &self,
        tenant: &TenantId,
        after: Option<Digest>,
        most: u32,
    ) -> Result<Vec<ComponentRecord>, LedgerError>;
    fn components_weight(&self, tenant: &TenantId) -> Result<Weight, LedgerError>;
    /// With its bytes, if no other tenant has it.
    fn remove_component(&self, tenant: &TenantId, digest: Digest) -> Step<'_, bool>;
    /// Removes what a crash left of components.
    fn sweep_contents(&self) -> Step<'_, ()>;

    /// Writes down a run, new or ended; with how it may be asked for again, and with what it can be run again with. One
    /// that ended stays as it ended.
    fn put_run(
        &self,
        run: Arc<RunRecord>,
        retry: Option<RetryRecord>,
        replayable: Option<Arc<Replayable>>,
    ) -> Step<'_, ()>;
    /// As much of it as is asked for, if there is room: what it returned and wrote may be large.
    fn run(
        &self,
        tenant: &TenantId,
        id: &RunId,
        much: Much,
        room: AskRoom<'_>,
    ) -> Result<Option<RunRecord>, LedgerError>;
    /// What it wrote to a stream, from a place on: as much as is asked for, or less, and nothing at the end.
    fn written(
        &self,
        tenant: &TenantId,
        id: &RunId,
        from: (Stream, u64),
        most: u64,
    ) -> Result<Option<Vec<u8>>, LedgerError>;
    fn summary(&self, tenant: &TenantId, id: &RunId) -> Result<Option<RunSummary>, LedgerError>;
    /// Newest first.
    fn runs(
        &self,
        tenant: &TenantId,
        filter: &RunFilter,
        before: Option<&RunId>,
        most: u32,
    ) -> Result<RunPage, LedgerError>;
    /// Those that are written down as running.
    fn open_runs(&self) -> Result<Vec<RunRecord>, LedgerError>;
    fn retry(&self, tenant: &TenantId, principal: &PrincipalId, key: &str) -> Result<Option<RetryRecord>, LedgerError>;
    /// From now on the history of a tenant takes no more than this, whatever its age; the oldest go first.
    fn bound_history(&self, bytes: u64, runs: u64);
    /// Forgets runs and retries that ended before then; says whether there is more.
    fn forget(&self, runs_before: u64, retries_before: u64) -> Step<'_, bool>;

    /// Writes down a new one.
    fn add_sandbox(&self, sandbox: SandboxRecord) -> Step<'_, ()>;
    /// Changes one as it is at that moment, by [`SandboxRecord::changed`]; nobody else changes it meanwhile.
    fn change_sandbox(
        &self,
        tenant: &TenantId,
        id: &SandboxId,
        change: SandboxChange,
        now: u64,
    ) -> Step<'_, Result<SandboxRecord, Unchanged>>;
    fn sandbox(&self, tenant: &TenantId, id: &SandboxId) -> Result<Option<SandboxRecord>, LedgerError>;
    /// Those that are there now, in the order in which they were made.
    fn sandboxes(
        &self,
        tenant: &TenantId,
        filter: &SandboxFilter,
        now: u64,
        after: Option<&SandboxId>,
        most: u32,
    ) -> Result<Vec<SandboxRecord>, LedgerError>;
    /// Those that are gone or whose time is over, after one of them.
    fn expired(&self, now: u64, after: Option<&SandboxRecord>, most: u32) -> Result<Vec<SandboxRecord>, LedgerError>;
    /// Those that are being made.
    fn half_made(&self) -> Result<Vec<SandboxRecord>, LedgerError>;
    fn remove_sandbox(&self, id: &SandboxId) -> Step<'_, ()>;
    /// The newest time that was written down, zero where none was; in milliseconds since 1970.
    fn newest_time(&self) -> Result<u64, LedgerError>;
    /// Writes down that it is as late as this. What is written already and is newer stays.
    fn reached(&self, now: u64) -> Step<'_, ()>;
    /// How many sandboxes each tenant has.
    fn sandbox_counts(&self) -> Result<Vec<(TenantId, u64)>, LedgerError>;
}
