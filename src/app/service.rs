use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::alerts::{Around, Watch};
use super::certificate::{self, Certificate};
use super::chronicle::IntoLog;
use super::data::{self, data_dir, data_folder, folder_of};
use super::descriptors::{allow_many_files, fitting};
use super::forward::{self, Forwarder};
use super::hook;
use super::log::{self, Audit};
use super::secrets::{PEPPER, SIGNING};
use crate::api::{self, Api, Listener, TlsWanted};
use crate::authz::Authorizer;
use crate::backends::{Backend, BackendName, Docker, Process, ProcessSettings, Wasm};
use crate::config::{self, Settings};
use crate::egress::IssuerKeys;
use crate::engine::{Engine, EngineSettings};
use crate::identity::{ApiKey, Authenticator, Directory, Outside, Pepper, SigningKey, TokenMaker};
use crate::model::{Ceilings, TenantId};
use crate::registry::{Door, Part, Register, Registry};
use crate::runtimes::Shelf;
use crate::sandbox::{Fences, Hall, Hands, Ledger, Machine, Tenants};
use crate::store::{Fact, Looked, Store};
use crate::telemetry::Telemetry;
use crate::workspace::Catalog;

/// A service that is put together and listens, but serves nobody yet.
pub struct Service {
    api: Api,
    hall: Hall,
    registry: Registry,
    listener: Listener,
    settings: Settings,
    store: Store,
    telemetry: Arc<Telemetry>,
    /// The key of the first administrator, where this is the first start.
    pub first_key: Option<ApiKey>,
    audit: Audit,
    alerts: Watch,
    forwarders: Vec<Forwarder>,
    /// The certificate that was made here, where one was asked for.
    pub certificate: Option<Certificate>,
    _alone: fs::File,
}

/// One service for a data folder: a second one would bring to an end what the first has at work.
pub(super) fn alone(data: &Path) -> anyhow::Result<fs::File> {
    let path = data.join("serve.lock");
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!("another service runs on {}; take another --data-dir, or stop that one", data.display());
    }
    Ok(file)
}

/// What the service calls itself, where it must differ from others.
pub(super) fn instance(signing: &[u8; 32]) -> String {
    let instance = blake3::derive_key("ringfence 2026-11 name of an instance", signing.as_slice());
    instance.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What the use cases ask about tenants.
struct House {
    registry: Registry,
    store: Store,
    data: PathBuf,
}

impl Tenants for House {
    fn ceilings(&self, tenant: &TenantId) -> Option<Arc<Ceilings>> {
        self.registry.ceilings(tenant)
    }

    fn is_open(&self, tenant: &TenantId) -> bool {
        self.registry.is_open(tenant)
    }

    fn folder(&self, tenant: &TenantId) -> PathBuf {
        folder_of(&self.data, tenant)
    }

    fn catalog(&self, tenant: &TenantId) -> Box<dyn Catalog> {
        Box::new(self.store.catalog(tenant))
    }
}

fn cache_dir(settings: &Settings, data: &Path) -> Option<PathBuf> {
    let section = &settings.engine;
    section.cache.then(|| section.cache_dir.clone().unwrap_or_else(|| data.join("code")))
}

pub(super) fn engine(settings: &Settings, data: &Path, worker: PathBuf) -> anyhow::Result<Engine> {
    let section = &settings.engine;
    let mut own = EngineSettings::new(worker);
    own.concurrent_runs = settings.runs.concurrent_runs;
    own.live_sessions = settings.runs.live_sessions;
    own.cache_dir = cache_dir(settings, data);
    own.cache_bytes = section.cache_bytes;
    own.module_bytes = section.module_bytes;
    own.compile_deadline_ms = section.compile_deadline_ms;
    own.compile_memory_bytes = section.compile_memory_bytes;
    own.disk_reserve_bytes = section.disk_reserve_bytes;
    Ok(Engine::new(own)?)
}

/// What callers may have their runs fenced with. One that is not here stays in the list, and says so to who names it.
async fn fences(settings: &Settings, engine: &Engine, worker: &Path) -> anyhow::Result<Fences> {
    let made = |name: &BackendName| -> anyhow::Result<Arc<dyn Backend>> {
        Ok(match name {
            BackendName::Wasm => Arc::new(Wasm::new(engine.clone())),
            BackendName::Process => {
                let mut own = ProcessSettings::new(worker.to_owned());
                own.disk_reserve_bytes = settings.engine.disk_reserve_bytes;
                Arc::new(Process::new(own))
            }
            BackendName::Docker => {
                let mut own =
                    config::docker_here(settings.backends.docker.clone(), settings.engine.disk_reserve_bytes)?;
                own.worker = worker.to_owned();
                Arc::new(Docker::new(own))
            }
        })
    };
    let fences = Fences::new(settings.backends.allowed.iter().map(made).collect::<anyhow::Result<_>>()?);
    for standing in fences.standings().await {
        if let Some(reason) = standing.reason {
            tracing::warn!(backend = %standing.backend, "a backend that is offered is not available here: {reason}");
        }
    }
    Ok(fences)
}

/// What identity cannot do itself.
fn outside(settings: &Settings) -> anyhow::Result<Outside<'static>> {
    let fetch = IssuerKeys::new(settings.identity.tokens.private_issuers)?;
    Ok(Outside { read: &|path: &Path| fs::read(path), fetch: Arc::new(fetch) })
}

/// What a start would refuse of the settings, of the files that they name and of the folders: nothing is made or bound.
pub fn check(settings: &Settings) -> anyhow::Result<()> {
    Listener::check(&settings.http, &settings.tls)?;
    outside(settings)?.check(&settings.identity).context("identity")?;
    let data = data_dir(settings)?;
    data::check(&data)?;
    let looked = Store::look(&data)?;
    let fact = |fact: Fact| -> anyhow::Result<Option<String>> {
        looked.as_ref().map_or(Ok(None), |store| Ok(store.fact(fact)?))
    };
    let known = looked.as_ref().map_or(Ok(false), Looked::has_tenants)?;
    PEPPER.look(&data, &fact, known)?;
    SIGNING.look(&data, &fact, known)?;
    log::check(&settings.audit, &data, fact(Fact::AuditCheckpoint)?)?;
    hook::webhook(&settings.audit.alerts.webhook)?;
    forward::check(&settings.audit, &data)?;
    match cache_dir(settings, &data) {
        Some(cache) => data::check_cache(&cache),
        None => Ok(()),
    }
}

impl Service {
    /// Puts everything together, and brings to an end what the last process left.
    pub async fn new(settings: Settings) -> anyhow::Result<Self> {
        let worker = config::own_program()?;
        Self::with_worker(settings, worker).await
    }

    /// The same in a process of another program; `worker` is ours, which compiles.
    pub async fn with_worker(settings: Settings, worker: PathBuf) -> anyhow::Result<Self> {
        Self::with_clock(settings, worker, Box::new(Machine::default())).await
    }

    /// The same by a clock of one's own.
    pub async fn with_clock(mut settings: Settings, worker: PathBuf, hands: Box<dyn Hands>) -> anyhow::Result<Self> {
        // Before anything is made: a start that cannot be leaves nothing behind.
        Listener::check(&settings.http, &settings.tls)?;
        settings.http = fitting(settings.http, allow_many_files());
        let data = data_folder(&settings)?;
        let alone = alone(&data)?;
        let (shown, certificate) = match settings.tls.wanted()? {
            TlsWanted::Nothing => (None, None),
            TlsWanted::Files(files) => (Some(files), None),
            TlsWanted::SelfMade => {
                let made = certificate::kept(&data, &settings.http)?;
                (Some(made.files.clone()), Some(made))
            }
        };
        let hook = hook::webhook(&settings.audit.alerts.webhook)?;
        let outlets = forward::outlets(&settings.audit, &data)?;
        let listener = Listener::bind(&settings.http, shown.as_ref()).await?;
        let store = Store::of_sound(&data)?;
        let known = !Register::tenants(&store, Part { after: "", most: 1 })?.is_empty();
        let fact = |fact: Fact| -> anyhow::Result<Option<String>> { Ok(store.fact(fact)?) };
        let (secret, signing) = (PEPPER.kept(&data, &fact, known)?, SIGNING.kept(&data, &fact, known)?);
        for (one, bytes) in [(PEPPER, &secret), (SIGNING, &signing)] {
            if store.fact(one.fact())?.is_none() {
                store.keep_fact(one.fact(), one.remembered(bytes)).await?;
            }
        }
        let pepper = Arc::new(Pepper::new(*secret));
        let instance = instance(&signing);
        let tokens = settings.identity.tokens.clone();
        let maker = Arc::new(TokenMaker::new(&instance, SigningKey::ed25519(&signing)?, tokens)?);

        let directory: Arc<dyn Directory> = Arc::new(store.clone());
        let outside = outside(&settings)?;
        let own = Pepper::new(*secret);
        let door = Arc::new(Authenticator::new(&settings.identity, directory, own, Arc::clone(&maker), &outside)?);
        let register: Arc<dyn Register> = Arc::new(store.clone());
        let forgets: Arc<dyn Door> = Arc::clone(&door) as Arc<dyn Door>;
        let authorizer = Authorizer::new()?.reached_only_here(settings.http.listen.ip().is_loopback());
        let registry = Registry::new(register, Arc::new(authorizer), forgets, pepper, maker);
        registry.load()?;

        let ledger: Arc<dyn Ledger> = Arc::new(store.clone());
        let audit = Audit::open(&settings.audit, &data, &store, &instance).await?;
        let before = *audit.log.now().size().borrow();
        let forwarders = forward::open(&settings.audit.forward, outlets, &audit).await?;
        audit.started(&settings).await?;
        let house = House { registry: registry.clone(), store: store.clone(), data: data.clone() };
        let chronicle = Arc::new(IntoLog { log: Arc::clone(&audit.log), reader: Arc::clone(&audit.reader) });
        let (engine, own) = (engine(&settings, &data, worker.clone())?, (settings.runs.clone(), hands));
        let fences = fences(&settings, &engine, &worker).await?;
        let hall = Hall::with_clock((engine, fences), ledger, Arc::new(house), chronicle, own);
        hall.begin_service().await?;
        let telemetry = Arc::new(Telemetry::new());
        let asked = store.clone();
        let parts = api::Parts {
            hall: hall.clone(),
            registry: registry.clone(),
            door,
            http: settings.http.clone(),
            telemetry: Arc::clone(&telemetry),
            audit: Arc::clone(&audit.log),
            audit_reader: Arc::clone(&audit.reader),
            runtimes: Arc::new(Shelf::of(&data)),
            forwards: forwarders.iter().map(|one| Arc::clone(&one.target)).collect(),
            store_answers: Box::new(move || Register::version(&asked).is_ok()),
        };
        let around = Around {
            audit: audit.clone(),
            hall: hall.clone(),
            registry: registry.clone(),
            telemetry: Arc::clone(&telemetry),
        };
        let alerts = Watch::new(&settings.audit.alerts, hook, around, before);
        // Last of all that can fail: the key is shown once, so nobody may lose it with an error.
        let first = registry.first(hall.now() / 1_000).await?;
        if let Some(made) = &first {
            audit.first_key(&made.record).await?;
        }
        let first_key = first.map(|made| made.key);
        Ok(Self {
            api: Api::new(parts),
            hall,
            registry,
            listener,
            settings,
            store,
            telemetry,
            first_key,
            audit,
            alerts,
            forwarders,
            certificate,
            _alone: alone,
        })
    }

    /// Where it is, as one would write it.
    pub fn url(&self) -> anyhow::Result<String> {
        let scheme = if self.listener.is_tls() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.listener.address()?))
    }

    /// Serves until it is told to stop: then it takes no new work, gives what runs its grace, and ends.
    pub async fn serve(self, stop: CancellationToken) {
        // Whoever put us together has shown the key by now.
        if let Err(error) = self.registry.first_was_shown().await {
            tracing::error!("the first key may be made anew at the next start: {error}");
        }
        // A young store would be in its log alone.
        fold(&self.store);
        let closing = CancellationToken::new();
        let sweeping = tokio::spawn(self.hall.clone().keep_sweeping());
        let looking_after = CancellationToken::new();
        let (audit, hall, until) = (self.audit.clone(), self.hall.clone(), looking_after.clone());
        let targets: Vec<_> = self.forwarders.iter().map(|one| Arc::clone(&one.target)).collect();
        let keeping = tokio::spawn(async move { audit.look_after(&hall, &targets, until).await });
        let closed = CancellationToken::new();
        let forward = |one: Forwarder| tokio::spawn(one.keep(Arc::clone(&self.telemetry), closed.clone()));
        let forwarding: Vec<_> = self.forwarders.into_iter().map(forward).collect();
        let alerting = tokio::spawn(self.alerts.keep(looking_after.clone()));
        let watching = tokio::spawn(self.registry.clone().watch());
        let ending = tokio::spawn(end_closed(self.registry.clone(), self.hall.clone()));
        let router = api::router(self.api);
        let serving = tokio::spawn({
            let (http, closing) = (self.settings.http.clone(), closing.clone());
            async move { api::serve(self.listener, router, &http, self.telemetry, closing).await }
        });
        stop.cancelled().await;
        tracing::info!("stopping: no new work is taken");
        // The door stays open meanwhile, so that whoever waits for an answer gets it and the rest hear 503.
        self.hall.stop_service().await;
        closing.cancel();
        if let Err(error) = serving.await {
            tracing::error!("the server failed: {error}");
        }
        sweeping.abort();
        looking_after.cancel();
        drop(alerting.await);
        drop(keeping.await);
        self.audit.close().await;
        // The last record as well.
        closed.cancel();
        drop(futures_util::future::join_all(forwarding).await);
        watching.abort();
        ending.abort();
        fold(&self.store);
        drop(self._alone);
        tracing::info!("stopped");
    }
}

/// Nothing is lost where it fails: the log is folded in later.
fn fold(store: &Store) {
    if let Err(error) = store.fold() {
        tracing::warn!("the log of the store was not folded in: {error}");
    }
}

/// Ends what runs for tenants that are closed, whoever closed them, for ever.
async fn end_closed(registry: Registry, hall: Hall) {
    let mut changes = registry.changes();
    while changes.changed().await.is_ok() {
        for tenant in registry.closed() {
            hall.end_tenant(&tenant);
        }
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
