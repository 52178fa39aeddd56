use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use moka::sync::Cache;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::error::SandboxError;
use super::ledger::Ledger;
use super::live::Live;
use super::quota::Quota;
use super::record::ComponentRecord;
use super::retry::AtWork;
use super::settings::HallSettings;
use crate::authz::{Action, Permit, ResourceKind};
use crate::engine::Engine;
use crate::model::{Ceilings, Digest, RunId, TenantId};
use crate::workspace::{Catalog, Workspaces};

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

/// Components, runs and sandboxes of all tenants. Cheap to clone; one for a process.
#[derive(Clone)]
pub struct Hall(Arc<Inner>);

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) tenants: Arc<dyn Tenants>,
    pub(super) quota: Quota,
    pub(super) settings: HallSettings,
    pub(super) components: Cache<(TenantId, Digest), Arc<ComponentRecord>>,
    shelves: Mutex<HashMap<TenantId, Arc<Shelf>>>,
    live: Mutex<HashMap<RunId, Arc<Live>>>,
    /// What ends everything of a tenant.
    ends: Mutex<HashMap<TenantId, CancellationToken>>,
    pub(super) at_work: AtWork,
    stopping: Mutex<bool>,
    /// Told whenever a run is over.
    pub(super) one_less: Notify,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hall {
    pub fn new(engine: Engine, ledger: Arc<dyn Ledger>, tenants: Arc<dyn Tenants>, settings: HallSettings) -> Self {
        Self(Arc::new(Inner {
            engine,
            ledger,
            tenants,
            quota: Quota::default(),
            components: Cache::new(10_000),
            shelves: Mutex::default(),
            live: Mutex::default(),
            ends: Mutex::default(),
            at_work: AtWork::default(),
            stopping: Mutex::new(false),
            one_less: Notify::new(),
            settings,
        }))
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// How many runs are at work.
    pub fn running(&self) -> u64 {
        self.0.quota.running()
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
        let shelf = Arc::new(Workspaces::open(&self.0.tenants.folder(tenant), self.0.tenants.catalog(tenant))?);
        shelves.insert(tenant.clone(), Arc::clone(&shelf));
        Ok(shelf)
    }

    /// Does something with the disk, on a thread that may wait for it.
    pub(super) async fn on_shelf<T: Send + 'static>(
        &self,
        tenant: &TenantId,
        work: impl FnOnce(&Shelf) -> Result<T, crate::workspace::WorkspaceError> + Send + 'static,
    ) -> Result<T, SandboxError> {
        let (hall, tenant) = (self.clone(), tenant.clone());
        let done = tokio::task::spawn_blocking(move || Ok(work(&*hall.shelf(&tenant)?)?)).await;
        done.map_err(|error| SandboxError::Internal(error.to_string()))?
    }

    pub(super) fn watch(&self, live: &Arc<Live>) {
        locked(&self.0.live).insert(live.id.clone(), Arc::clone(live));
    }

    /// A run that is at work. One that is over is in the ledger, and its events are told from there.
    pub(super) fn watched(&self, id: &RunId) -> Option<Arc<Live>> {
        locked(&self.0.live).get(id).cloned()
    }

    pub(super) fn unwatch(&self, live: &Arc<Live>) {
        locked(&self.0.live).remove(&live.id);
    }

    pub(super) fn ends(&self) -> MutexGuard<'_, HashMap<TenantId, CancellationToken>> {
        locked(&self.0.ends)
    }

    pub(super) fn all_live(&self) -> Vec<Arc<Live>> {
        locked(&self.0.live).values().cloned().collect()
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

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
