use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use super::record::{RunRecord, SandboxRecord};
use super::replayable::Replayable;
use super::sessions::SessionRecord;
use super::tools::Called;
use crate::engine::RunRequest;
use crate::model::{Caller, RequestId, RunId, TenantId};

/// Writes down what happens so that it can be proven later. What cannot be written down does not happen, or nobody hears
/// of it.
pub trait Chronicle: Send + Sync {
    /// Awaited before the guest's first instruction. Where nobody is told of it before the end, the record of which comes
    /// after this one, it need not be there for certain yet, but where it outlives the process.
    fn begins(
        &self,
        run: &RunRecord,
        by: &By,
        asked: &RunRequest,
        replayable: Option<&Replayable>,
        heard: Heard,
    ) -> Kept;
    /// Awaited before the code of a run hears what came of a call of a tool. It need not be there for certain before the
    /// end of the run is, but where it outlives the process.
    fn called(&self, run: &RunRecord, by: &By, call: &Called) -> Kept;
    /// Whether a tenant has filled less than this of the log in its minute, asked before a call is made.
    fn has_room(&self, tenant: &TenantId, most: u64) -> bool;
    /// Awaited before anybody hears of the end, also of one that was refused after it was said to begin.
    fn ended(&self, run: &RunRecord, by: &By) -> Kept;
    /// The service went down while it ran, and nothing is known of its end.
    fn lost(&self, run: &RunRecord) -> Kept;
    /// What is on record of the ends of these runs, of which the ledger has none. All that was kept before is seen.
    fn ends(&self, runs: Vec<RunId>) -> Ends;
    /// The time of a sandbox is over, by the clock by which it was made. Awaited before it is taken away.
    fn expired(&self, sandbox: &SandboxRecord, now: u64) -> Kept;
    /// Nobody called a session for too long. Awaited before it is ended.
    fn idle(&self, session: &SessionRecord, now: u64) -> Kept;
}

/// Who hears of a run that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Heard {
    /// Whoever asked waits for its end.
    #[default]
    AtItsEnd,
    /// He is told at once.
    FromItsStart,
}

/// Ready when it is there for certain.
pub type Kept = Pin<Box<dyn Future<Output = Result<(), Unkept>> + Send>>;

/// Nothing of a run of whose end nothing is on record.
pub type Ends = Pin<Box<dyn Future<Output = Result<HashMap<RunId, OnRecord>, Unkept>> + Send>>;

/// What is on record of the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnRecord {
    /// That nobody knows it.
    Lost,
    Ended(EndOnRecord),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndOnRecord {
    /// The number of the record.
    pub record: u64,
    /// As [`RunRecord::outcome`].
    pub outcome: String,
    /// The code of what it failed of, where it did.
    pub failure: Option<String>,
    /// How long it took.
    pub milliseconds: u64,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("nothing is done that cannot be recorded, and the audit log takes nothing: {0}")]
pub struct Unkept(pub String);

/// Who asked for a run, and what let him.
#[derive(Debug, Clone)]
pub struct By {
    pub caller: Caller,
    pub policies: Vec<String>,
    pub request: Option<RequestId>,
}
