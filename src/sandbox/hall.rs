use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use moka::sync::Cache;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::chronicle::Chronicle;
use super::clock::{Clock, Hands, Machine};
use super::error::SandboxError;
use super::expiry::Stuck;
use super::fences::Fences;
use super::guests::Guests;
use super::ledger::{Ledger, LedgerError};
use super::live::Live;
use super::quota::Quota;
use super::record::{ComponentRecord, RunRecord};
use super::retry::AtWork;
use super::sessions::Sessions;
use super::settings::HallSettings;
use super::storage::Storage;
use super::threads::Threads;
use crate::authz::{Action, Permit, ResourceKind};
use crate::engine::Engine;
use crate::fs_policy::Policy;
use crate::model::{Ceilings, Digest, RunId, SandboxId, TenantId};
use crate::workspace::{Catalog, Lists, Workspaces};

/// What the lists of files of all tenants may take in memory.
const LISTS: u64 = 1 << 30;

/// What the rules of sandboxes may take in memory while they are ready to be asked.
const RULES: u64 = 64 << 20;

/// The workspaces of one tenant.
pub(super) type Shelf = Workspaces<Box<dyn Catalog>>;

/// What is known of tenants, and their catalogues; given by whoever puts the service together.
pub trait Tenants: Send + Sync {
    /// `None` for a tenant that is not there.
    fn ceilings(&self, tenant: &TenantId) -> Option<Arc<Ceilings>>;
    /// Whether anything may go on in it.
    fn is_open(&self, tenant: &TenantId) -> bool;
    /// Where the files of a tenant are kept.
    fn folder(&self, tenant: &TenantId) -> PathBuf;
    fn catalog(&self, tenant: &TenantId) -> Box<dyn Catalog>;
}

/// A run that is at work, and how it began.
type Watched = (Arc<Live>, Arc<RunRecord>);

type OnEnd = Box<dyn Fn(&RunRecord) + Send + Sync>;

/// Components, runs and sandboxes of all tenants. Cheap to clone; one for a process.
#[derive(Clone)]
pub struct Hall(Arc<Inner>);

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) fences: Fences,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) tenants: Arc<dyn Tenants>,
    pub(super) chronicle: Arc<dyn Chronicle>,
    pub(super) quota: Quota,
    pub(super) guests: Guests,
    pub(super) sessions: Sessions,
    pub(super) storage: Storage,
    pub(super) settings: HallSettings,
    pub(super) clock: Clock,
    pub(super) components: Cache<(TenantId, Digest), Arc<ComponentRecord>>,
    /// Those of sandboxes, made ready; they do not change while one lives.
    pub(super) rules: Cache<SandboxId, Arc<Policy>>,
    shelves: Mutex<HashMap<TenantId, Arc<Shelf>>>,
    lists: Arc<Lists>,
    /// Held by whoever reads a runtime, which is large.
    pub(super) readers: tokio::sync::Mutex<()>,
    threads: Arc<Threads>,
    live: Mutex<HashMap<RunId, Watched>>,
    /// What ends everything of a tenant.
    ends: Mutex<HashMap<TenantId, CancellationToken>>,
    pub(super) at_work: AtWork,
    stopping: Mutex<bool>,
    /// Told of each run that ended.
    pub(super) on_end: OnceLock<OnEnd>,
    /// What goes on to its end, whoever waits for it.
    pub(super) tasks: TaskTracker,
    /// Ends all runs, those at work and those that are about to begin.
    pub(super) cancel: CancellationToken,
    /// Sandboxes whose time is over and that could not be cleared.
    pub(super) stuck: Mutex<Stuck>,
    /// Tenants of whose contents some may be held by nobody any more.
    pub(super) untidy: Mutex<HashSet<TenantId>>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hall {
    pub fn new(
        engine: Engine,
        ledger: Arc<dyn Ledger>,
        tenants: Arc<dyn Tenants>,
        chronicle: Arc<dyn Chronicle>,
        settings: HallSettings,
    ) -> Self {
        let fences = Fences::only_ours(&engine);
        Self::with_clock((engine, fences), ledger, tenants, chronicle, (settings, Box::new(Machine::default())))
    }

    /// The same by a clock of one's own, with all that may fence a run.
    pub fn with_clock(
        (engine, fences): (Engine, Fences),
        ledger: Arc<dyn Ledger>,
        tenants: Arc<dyn Tenants>,
        chronicle: Arc<dyn Chronicle>,
        (settings, hands): (HallSettings, Box<dyn Hands>),
    ) -> Self {
        Self(Arc::new(Inner {
            clock: Clock::new(hands),
            engine,
            fences,
            ledger,
            tenants,
            chronicle,
            quota: Quota::default(),
            guests: Guests::default(),
            sessions: Sessions::default(),
            storage: Storage::default(),
            components: Cache::new(10_000),
            rules: Cache::builder()
                .weigher(|_: &SandboxId, rules: &Arc<Policy>| u32::try_from(rules.bytes()).unwrap_or(u32::MAX))
                .max_capacity(RULES)
                .build(),
            shelves: Mutex::default(),
            lists: Lists::new(LISTS),
            readers: tokio::sync::Mutex::default(),
            threads: Arc::default(),
            live: Mutex::default(),
            ends: Mutex::default(),
            at_work: AtWork::default(),
            stopping: Mutex::new(false),
            on_end: OnceLock::new(),
            tasks: TaskTracker::new(),
            cancel: CancellationToken::new(),
            stuck: Mutex::default(),
            untidy: Mutex::default(),
            settings,
        }))
    }

    /// Somebody who hears of each run that ends, once; the first who asks for it.
    pub fn on_end(&self, hear: impl Fn(&RunRecord) + Send + Sync + 'static) {
        let _ = self.0.on_end.set(Box::new(hear));
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// Whether guests have threads of their own; without, each that takes its time holds up everybody.
    pub fn has_threads(&self) -> bool {
        self.0.guests.threads().is_some()
    }

    /// Milliseconds since 1970. It never goes back, also not from one start to the next.
    pub fn now(&self) -> u64 {
        self.0.clock.now()
    }

    /// How many runs are at work.
    pub fn running(&self) -> u64 {
        self.0.quota.running()
    }

    /// How many things are at work that go on to their end, whoever waits for them.
    pub fn at_work(&self) -> usize {
        self.0.tasks.len()
    }

    pub(super) fn ceilings(&self, tenant: &TenantId) -> Result<Arc<Ceilings>, SandboxError> {
        // A tenant that is gone has nobody who could ask.
        self.0.tenants.ceilings(tenant).ok_or_else(|| SandboxError::Internal("the tenant has no ceilings".into()))
    }

    /// The workspaces of a tenant, opened once.
    pub(super) fn shelf(&self, tenant: &TenantId) -> Result<Arc<Shelf>, SandboxError> {
        let mut shelves = locked(&self.0.shelves);
        if let Some(shelf) = shelves.get(tenant) {
            return Ok(Arc::clone(shelf));
        }
        let (folder, catalog) = (self.0.tenants.folder(tenant), self.0.tenants.catalog(tenant));
        let shelf = Arc::new(Workspaces::open_among(&folder, catalog, Some(&self.0.lists))?);
        shelves.insert(tenant.clone(), Arc::clone(&shelf));
        Ok(shelf)
    }

    /// Does something with the disk, on a thread that may wait for it.
    pub(super) async fn on_shelf<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&Shelf) -> Result<T, crate::workspace::WorkspaceError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let (hall, of) = (self.clone(), tenant.clone());
        self.apart(tenant, move || Ok(work(&*hall.shelf(&of)?)?)).await?
    }

    /// The same for us, who do a few such things at a time, whatever the tenant does.
    pub(super) async fn on_shelf_at_once<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&Shelf) -> Result<T, crate::workspace::WorkspaceError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let (hall, of) = (self.clone(), tenant.clone());
        let done = tokio::task::spawn_blocking(move || Ok(work(&*hall.shelf(&of)?)?));
        done.await.map_err(|error| SandboxError::Internal(error.to_string()))?
    }

    /// Does something for a tenant on a thread that may wait, when it is his turn.
    pub async fn apart<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SandboxError> {
        let turn = self.0.threads.turn(tenant).await.ok_or(SandboxError::Crowded)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| SandboxError::Internal(error.to_string()))
    }

    /// Does what must not be left half done: whoever asked for it may go away, it goes on to its end, and a stop of the
    /// service waits for it.
    pub(super) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SandboxError>> + Send + 'static,
    ) -> Result<T, SandboxError> {
        self.goes_on(work).await?
    }

    /// The same for whoever does more than that with it.
    pub async fn goes_on<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let done = self.0.tasks.spawn(work.in_current_span()).await;
        done.map_err(|error| SandboxError::Internal(error.to_string()))
    }

    /// Reads what may be large, on a thread that may wait for it.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        ask: impl FnOnce(&dyn Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let ledger = Arc::clone(&self.0.ledger);
        Ok(self.apart(tenant, move || ask(&*ledger)).await??)
    }

    pub(super) fn watch(&self, live: &Arc<Live>, run: &RunRecord) {
        let watched = (Arc::clone(live), Arc::new(run.clone()));
        locked(&self.0.live).insert(live.id.clone(), watched);
    }

    /// A run of a tenant that is at work. One that is over is in the ledger, and its events are told from there.
    pub(super) fn watched(&self, tenant: &TenantId, id: &RunId) -> Option<Arc<Live>> {
        locked(&self.0.live).get(id).filter(|(live, _)| live.is_of(tenant)).map(|(live, _)| Arc::clone(live))
    }

    /// Whether it is at work, or about to be.
    pub(super) fn is_at_work(&self, id: &RunId) -> bool {
        locked(&self.0.live).contains_key(id)
    }

    /// The same as it began.
    pub(super) fn as_it_began(&self, tenant: &TenantId, id: &RunId) -> Option<Arc<RunRecord>> {
        locked(&self.0.live).get(id).filter(|(live, _)| live.is_of(tenant)).map(|(_, run)| Arc::clone(run))
    }

    /// Those of a tenant that are at work, of which something holds.
    pub(super) fn at_work_of(&self, tenant: &TenantId, holds: impl Fn(&RunRecord) -> bool) -> Vec<Arc<RunRecord>> {
        let live = locked(&self.0.live);
        let found = live.values().filter(|(live, run)| live.is_of(tenant) && holds(run));
        found.map(|(_, run)| Arc::clone(run)).collect()
    }

    pub(super) fn unwatch(&self, live: &Arc<Live>) {
        locked(&self.0.live).remove(&live.id);
    }

    pub(super) fn ends(&self) -> MutexGuard<'_, HashMap<TenantId, CancellationToken>> {
        locked(&self.0.ends)
    }

    pub(super) fn all_live(&self) -> Vec<Arc<Live>> {
        locked(&self.0.live).values().map(|(live, _)| Arc::clone(live)).collect()
    }

    pub(super) fn close(&self) {
        *locked(&self.0.stopping) = true;
    }

    pub(super) fn open(&self) -> Result<(), SandboxError> {
        if *locked(&self.0.stopping) { Err(SandboxError::Stopping) } else { Ok(()) }
    }

    /// Whether new work is taken.
    pub fn is_open(&self) -> bool {
        self.open().is_ok()
    }
}

/// Whether a permit is for this.
pub(super) fn covers(permit: &Permit, action: Action, tenant: &TenantId, id: &str) -> Result<(), SandboxError> {
    if permit.covers(action, action.kind(), tenant, id) { Ok(()) } else { Err(SandboxError::Permit) }
}

/// The same for what is created in a tenant.
pub(super) fn covers_in(permit: &Permit, action: Action) -> Result<(), SandboxError> {
    let tenant = permit.tenant().clone();
    match action.kind() {
        ResourceKind::Tenant => covers(permit, action, &tenant, tenant.as_str()),
        _ => Err(SandboxError::Permit),
    }
}
