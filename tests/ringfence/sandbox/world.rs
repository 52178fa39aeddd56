//! A hall of one tenant over a real store, without HTTP in front.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ringfence::authz::{Action, Ask, Authorizer, Permit, Resource};
use ringfence::engine::RunRequest;
use ringfence::fs_policy::Rules;
use ringfence::model::{
    Caller, Ceilings, Credential, KeyId, Labels, LimitName, Mode, Preset, PrincipalKind, RunId, TenantId,
};
use ringfence::sandbox::{
    Asked, By, Called, Chronicle, Ends, Hall, HallSettings, Heard, Kept, LimitsAsk, Manner, PlaceAsk, Replayable,
    RunAsk, RunFilter, RunRecord, RunSummary, SandboxAsk, SandboxError, SandboxFilter, SandboxRecord, SessionRecord,
    Tenants, Unkept, What, Wished,
};
use ringfence::store::Store;
use ringfence::workspace::Catalog;

use crate::support::engine;

/// Never ends by itself.
pub const LOOP: &str = "(module (func (export \"_start\") (loop (br 0))))";
/// Ends at once.
pub const NOOP: &str = "(module (func (export \"_start\")))";

/// What the store says of a run of which no end was written down.
pub const RUNNING: &str =
    r#"state = 'running', outcome = NULL, ended = NULL, answer = '{"report": null, "failure": null}'"#;

pub struct World {
    pub dir: tempfile::TempDir,
    pub hall: Hall,
    authorizer: Authorizer,
    pub caller: Caller,
    ceilings: Ceilings,
    pub chronicle: Arc<Memory>,
}

/// Remembers what it is told, or refuses to.
#[derive(Default)]
pub struct Memory {
    pub told: Mutex<Vec<String>>,
    /// What begins with this is not taken.
    pub refuses: Mutex<Option<&'static str>>,
}

impl Memory {
    fn keep(&self, what: String) -> Kept {
        let refused = self.refuses.lock().unwrap().is_some_and(|prefix| what.starts_with(prefix));
        if !refused {
            self.told.lock().unwrap().push(what);
        }
        Box::pin(async move { if refused { Err(Unkept("refused by the test".into())) } else { Ok(()) } })
    }
}

impl Chronicle for Memory {
    fn begins(&self, run: &RunRecord, _: &By, _: &RunRequest, _: Option<&Replayable>, _: Heard) -> Kept {
        self.keep(format!("begins {}", run.id))
    }

    fn called(&self, run: &RunRecord, _: &By, call: &Called) -> Kept {
        self.keep(format!("called {} {}", run.id, call.tool))
    }

    fn has_room(&self, _: &TenantId, _: u64) -> bool {
        true
    }

    fn ended(&self, run: &RunRecord, _: &By) -> Kept {
        self.keep(format!("ended {} {}", run.id, run.outcome().unwrap()))
    }

    fn lost(&self, run: &RunRecord) -> Kept {
        self.keep(format!("lost {}", run.id))
    }

    fn ends(&self, _: Vec<RunId>) -> Ends {
        Box::pin(async { Ok(HashMap::new()) })
    }

    fn expired(&self, sandbox: &SandboxRecord, _: u64) -> Kept {
        self.keep(format!("expired {}", sandbox.id))
    }

    fn idle(&self, session: &SessionRecord, _: u64) -> Kept {
        self.keep(format!("idle {}", session.id))
    }
}

struct House {
    store: Store,
    data: PathBuf,
    ceilings: Arc<Ceilings>,
}

impl Tenants for House {
    fn ceilings(&self, _: &TenantId) -> Option<Arc<Ceilings>> {
        Some(Arc::clone(&self.ceilings))
    }

    fn is_open(&self, _: &TenantId) -> bool {
        true
    }

    fn folder(&self, tenant: &TenantId) -> PathBuf {
        self.data.join(tenant.as_str())
    }

    fn catalog(&self, tenant: &TenantId) -> Box<dyn Catalog> {
        Box::new(self.store.catalog(tenant))
    }
}

fn hall(data: PathBuf, ceilings: &Ceilings, chronicle: Arc<Memory>) -> Hall {
    let store = Store::open(&data.join("ringfence.db")).unwrap();
    let house = House { store: store.clone(), data, ceilings: Arc::new(ceilings.clone()) };
    // What could not be cleared is tried again at the next sweep, and sweeps come when a test asks for them.
    let settings = HallSettings { sweep_seconds: 0, ..HallSettings::default() };
    Hall::new(engine(), Arc::new(store), Arc::new(house), chronicle, settings)
}

impl World {
    pub async fn new(live_sandboxes: u64) -> Self {
        Self::of(Ceilings { live_sandboxes, ..Ceilings::ordinary() }).await
    }

    pub async fn of(ceilings: Ceilings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let chronicle = Arc::new(Memory::default());
        let hall = hall(dir.path().to_owned(), &ceilings, Arc::clone(&chronicle));
        let authorizer = Authorizer::new().unwrap();
        authorizer.set_tenant(&"acme".parse().unwrap(), &[], &[]).unwrap();
        let caller = Caller {
            tenant: "acme".parse().unwrap(),
            principal: "alice".parse().unwrap(),
            kind: PrincipalKind::Person,
            roles: Arc::new(["admin".parse().unwrap()]),
            labels: Arc::default(),
            scopes: None,
            credential: Credential::Key(KeyId::random()),
            expires: None,
            address: "192.0.2.7".parse().unwrap(),
        };
        let world = Self { dir, hall, authorizer, caller, ceilings, chronicle };
        world.sql("INSERT INTO tenants VALUES ('acme', '{}', 1, 0)");
        world.hall.begin_service().await.unwrap();
        world
    }

    /// As the next process finds it.
    pub async fn next_process(mut self) -> Self {
        self.hall = hall(self.dir.path().to_owned(), &self.ceilings, Arc::clone(&self.chronicle));
        self.hall.begin_service().await.unwrap();
        self
    }

    /// What the store is told behind the back of the service.
    pub fn sql(&self, text: &str) {
        self.connection().execute_batch(text).unwrap();
    }

    pub fn count(&self, of: &str) -> u64 {
        self.connection().query_row(&format!("SELECT count(*) FROM {of}"), (), |row| row.get(0)).unwrap()
    }

    pub fn connection(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.dir.path().join("ringfence.db")).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        connection
    }

    /// Folders in which drafts are, whoever knows of them.
    pub fn folders(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("acme/drafts")).map_or(0, Iterator::count)
    }

    pub fn permit(&self, action: Action, id: &str) -> Permit {
        let tenant = &self.caller.tenant;
        let id = if action.kind() == ringfence::authz::ResourceKind::Tenant { tenant.as_str() } else { id };
        let owner = Some(&self.caller.principal);
        let resource = Resource { kind: action.kind(), tenant, id, owner, labels: &Labels::new() };
        self.authorizer.decide(&self.caller, action, &resource, &Ask { now: 1, wants: None }).unwrap()
    }

    pub async fn make(&self, ttl_seconds: u64) -> Result<SandboxRecord, SandboxError> {
        let place = PlaceAsk { workspace: None, at: "/workspace".into(), rules: Rules::default() };
        let ask = SandboxAsk {
            place,
            limits: LimitsAsk::default(),
            clocks: None,
            randomness: None,
            env: Vec::new(),
            labels: Labels::new(),
            ttl_seconds,
        };
        self.hall.create_sandbox(&self.permit(Action::SandboxesCreate, ""), ask, None).await
    }

    pub async fn destroy(&self, sandbox: &SandboxRecord) -> Result<(), SandboxError> {
        self.hall.destroy(&self.permit(Action::SandboxesDelete, sandbox.id.as_str()), &sandbox.id).await
    }

    pub fn sandboxes(&self) -> Vec<SandboxRecord> {
        self.hall.sandboxes(&self.caller.tenant, &SandboxFilter::default(), None, 1_000).unwrap()
    }

    /// How many more sandboxes there is room for, all of which are destroyed again.
    pub async fn room(&self) -> usize {
        let mut made = Vec::new();
        let refused = loop {
            match self.make(600).await {
                Ok(sandbox) => made.push(sandbox),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.code(), "too_many_sandboxes");
        for sandbox in &made {
            self.destroy(sandbox).await.unwrap();
        }
        made.len()
    }

    pub async fn run(&self, text: &str, manner: Manner) -> Result<Asked, SandboxError> {
        let set = vec![(LimitName::Fuel, 100_000_000_000), (LimitName::DeadlineMs, 20_000)];
        self.run_with(text, manner, set).await
    }

    pub async fn run_with(
        &self,
        text: &str,
        manner: Manner,
        set: Vec<(LimitName, u64)>,
    ) -> Result<Asked, SandboxError> {
        self.run_over(None, text, manner, set).await
    }

    /// The same with files of its own.
    pub async fn run_over(
        &self,
        place: Option<PlaceAsk>,
        text: &str,
        manner: Manner,
        set: Vec<(LimitName, u64)>,
    ) -> Result<Asked, SandboxError> {
        let permit = match &manner.sandbox {
            Some(id) => self.permit(Action::SandboxesRun, id.as_str()),
            None => self.permit(Action::RunsCreate, ""),
        };
        let ask = RunAsk {
            place,
            what: What::Brought(text.to_owned().into()),
            wished: Wished::Command { args: Vec::new() },
            env: Vec::new(),
            stdin: bytes::Bytes::new(),
            clocks: None,
            randomness: None,
            limits: LimitsAsk { preset: Some(Preset::Medium), set },
            mode: Mode::Ordinary,
            backend: ringfence::backends::BackendName::Wasm,
            required: Vec::new(),
            labels: BTreeMap::new(),
            tools: Vec::new(),
        };
        self.hall.run(&permit, &self.caller, ask, manner).await
    }

    pub fn runs(&self) -> Vec<RunSummary> {
        self.hall.runs(&self.caller.tenant, &RunFilter::default(), None, 10_000).unwrap().runs
    }

    /// Waits until nothing is at work any more: no run, and no sandbox half made or half cleared.
    pub async fn quiet(&self) {
        let half =
            || self.count("sandboxes WHERE state IN ('making', 'gone')") + self.count("runs WHERE state <> 'ended'");
        let ended = async {
            while self.hall.at_work() > 0 || half() + self.hall.running() > 0 {
                tokio::task::yield_now().await;
            }
        };
        // What is at work for ever would keep the test for ever.
        tokio::time::timeout(std::time::Duration::from_secs(120), ended).await.expect("it comes to its end");
    }
}
