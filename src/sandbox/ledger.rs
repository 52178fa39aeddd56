use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use super::record::{ComponentRecord, RetryRecord, RunRecord, RunState, SandboxRecord};
use crate::model::{Digest, PrincipalId, RunId, SandboxId, TenantId, Weight};

/// Why the ledger gave no answer; what was asked of it is not done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    #[error("the store is behind; try again later")]
    Behind,
    #[error("the store failed: {0}")]
    Failed(String),
}

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
}

/// Where components, runs and sandboxes are kept. Questions are short and answered where they are asked.
pub trait Ledger: Send + Sync {
    /// Keeps a component with its bytes, the same ones once, and makes them whole where they were not. False if the
    /// tenant has it already.
    fn keep_component(&self, component: ComponentRecord, content: Bytes) -> Step<'_, bool>;
    fn content(&self, digest: Digest) -> Step<'_, Option<Bytes>>;
    fn component(&self, tenant: &TenantId, digest: Digest) -> Result<Option<ComponentRecord>, LedgerError>;
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

    /// Writes down a run, new or ended; with how it may be asked for again.
    fn put_run(&self, run: RunRecord, retry: Option<RetryRecord>) -> Step<'_, ()>;
    fn run(&self, tenant: &TenantId, id: &RunId) -> Result<Option<RunRecord>, LedgerError>;
    /// Newest first.
    fn runs(
        &self,
        tenant: &TenantId,
        filter: &RunFilter,
        before: Option<&RunId>,
        most: u32,
    ) -> Result<Vec<RunRecord>, LedgerError>;
    /// Those that were running when the last process ended.
    fn open_runs(&self) -> Result<Vec<RunRecord>, LedgerError>;
    fn retry(&self, tenant: &TenantId, principal: &PrincipalId, key: &str) -> Result<Option<RetryRecord>, LedgerError>;
    /// From now on the history of a tenant takes no more than this, whatever its age; the oldest go first.
    fn bound_history(&self, bytes: u64, runs: u64);
    /// Forgets runs and retries that ended before then; says whether there is more.
    fn forget(&self, runs_before: u64, retries_before: u64) -> Step<'_, bool>;

    fn put_sandbox(&self, sandbox: SandboxRecord) -> Step<'_, ()>;
    fn sandbox(&self, tenant: &TenantId, id: &SandboxId) -> Result<Option<SandboxRecord>, LedgerError>;
    fn sandboxes(
        &self,
        tenant: &TenantId,
        after: Option<&SandboxId>,
        most: u32,
    ) -> Result<Vec<SandboxRecord>, LedgerError>;
    fn expired(&self, now: u64, most: u32) -> Result<Vec<SandboxRecord>, LedgerError>;
    fn remove_sandbox(&self, id: &SandboxId) -> Step<'_, ()>;
    /// How many sandboxes each tenant has.
    fn sandbox_counts(&self) -> Result<Vec<(TenantId, u64)>, LedgerError>;
}
