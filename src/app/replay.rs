use std::path::Path;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::chronicle::{asked_for, came_of_it};
use super::replay_error::ReplayError;
use crate::audit::note::{SignedCheckpoint, VerifyingKey};
use crate::audit::{Detail, Event, EventName, Quoted, Record, VerifyOptions, VerifyReport, verify_each};
use crate::config::{self, Settings};
use crate::engine::{Build, RunRequest, build_name};
use crate::model::{Digest, LimitName, Report, RunId, TenantId};
use crate::sandbox::{Ledger, LedgerError, Much, Replayable};
use crate::store::Store;

/// What is run again, and what the log is held against.
#[derive(Debug)]
pub struct ReplayAsk {
    pub run: RunId,
    /// The program, where the store is not to be asked for it.
    pub program: Option<Bytes>,
    /// Who may have signed the log; without any, the keys beside it are taken.
    pub keys: Vec<VerifyingKey>,
    /// Checkpoints of the log that were kept elsewhere.
    pub from: Vec<SignedCheckpoint>,
}

/// What came of it.
#[derive(Debug)]
pub struct Replayed {
    pub run: RunId,
    pub tenant: TenantId,
    pub principal: String,
    pub component: Digest,
    pub seed: String,
    /// The records of its start and of its end.
    pub records: (u64, u64),
    /// All that was checked of the log.
    pub log: VerifyReport,
    /// Which build of the engine ran it, and which ran it again.
    pub engine: (String, String),
    pub compared: Vec<Compared>,
    /// What the store tells of the run otherwise than the log, which is what it was held against.
    pub store_differs: Vec<&'static str>,
}

/// One thing that came of a run, as the log tells it, and as it came of it again.
#[derive(Debug, PartialEq)]
pub struct Compared {
    pub what: &'static str,
    pub recorded: Value,
    pub again: Value,
}

impl Compared {
    pub fn is_same(&self) -> bool {
        self.recorded == self.again
    }
}

impl Replayed {
    pub fn is_same(&self) -> bool {
        self.compared.iter().all(Compared::is_same)
    }

    pub fn is_same_build(&self) -> bool {
        self.engine.0 == self.engine.1
    }

    /// Whether both records are under a signature; else they are only chained to those before.
    pub fn is_signed(&self) -> bool {
        self.records.0.max(self.records.1) < self.log.signed
    }
}

/// Runs a deterministic run again. The log says what was asked and what came of it, and is checked as a whole before it is
/// believed; the store has what the log has only digests of, and is held against them.
pub async fn replay(settings: &Settings, ask: ReplayAsk) -> anyhow::Result<Replayed> {
    let ReplayAsk { run, program, keys, from } = ask;
    let data = super::data::data_dir(settings)?;
    let store = super::existing_store(&data)?;
    let folder = super::log::folder(&settings.audit, &data);
    let (log, told) = Told::of(&folder, &run, &VerifyOptions { keys, from, live: true, ..VerifyOptions::default() })?;
    told.can_be_repeated(&run)?;
    let request = kept(&store, &run, &told)?;
    let store_differs = told_otherwise(&store, &run, &told);
    let component = told.component(&run)?;
    let program = match program {
        Some(bytes) => given(bytes, component, &run)?,
        None => content(&store, &told.tenant, component, &run).await?,
    };
    let report = run_again(settings, &data, program, request).await?;
    let text = |name: &str| told.started.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Replayed {
        tenant: told.tenant.clone(),
        principal: told.principal.clone(),
        component,
        seed: text("seed"),
        records: told.records,
        log,
        engine: (text("engine"), build_name()),
        compared: compared(&told.ended, &report),
        store_differs,
        run,
    })
}

/// A record, as the replay needs it.
struct Heard {
    seq: u64,
    tenant: String,
    principal: String,
    details: String,
}

impl Heard {
    fn of(record: &Record<'_>) -> Self {
        let text = |text: Option<Quoted<'_>>| text.map(|text| text.text()).unwrap_or_default();
        Self {
            seq: record.seq,
            tenant: text(record.tenant),
            principal: text(record.principal),
            details: record.details.to_owned(),
        }
    }

    fn details(&self, run: &RunId) -> Result<Map<String, Value>, ReplayError> {
        serde_json::from_str(&self.details).map_err(|error| ReplayError::record(run, self.seq, &error.to_string()))
    }
}

/// What the log tells of a run.
struct Told {
    tenant: TenantId,
    principal: String,
    records: (u64, u64),
    started: Map<String, Value>,
    ended: Map<String, Value>,
}

impl Told {
    /// Of the records as they were checked: the files are not looked at again.
    fn of(folder: &Path, run: &RunId, options: &VerifyOptions) -> anyhow::Result<(VerifyReport, Self)> {
        let (mut started, mut ended) = (Vec::new(), Vec::new());
        let mut log = verify_each(folder, options, &mut |record| {
            let is = |text: Option<Quoted<'_>>, wanted: &str| text.is_some_and(|text| text.is(wanted));
            if !is(record.resource_kind, "run") || !is(record.resource_id, run.as_str()) {
                return;
            }
            let place = match record.event {
                "command_started" => &mut started,
                "command_executed" => &mut ended,
                _ => return,
            };
            // Of more than one, the second is what is wrong.
            if place.len() < 2 {
                place.push(Heard::of(record));
            }
        });
        if let Some(fault) = log.fault.take() {
            return Err(fault.into());
        }
        if let Some(second) = [&started, &ended].iter().find_map(|all| all.get(1)) {
            return Err(ReplayError::record(run, second.seq, "it is there a second time").into());
        }
        let start = started.pop().ok_or_else(|| ReplayError::NoRun { run: run.clone(), first: log.first })?;
        let end = ended.pop().ok_or_else(|| ReplayError::NoEnd(run.clone()))?;
        let tenant = start.tenant.parse().map_err(|_| ReplayError::record(run, start.seq, "it names no tenant"))?;
        let records = (start.seq, end.seq);
        let (started, ended) = (start.details(run)?, end.details(run)?);
        Ok((log, Self { tenant, principal: start.principal, records, started, ended }))
    }

    /// By what the log says, whatever the store keeps.
    fn can_be_repeated(&self, run: &RunId) -> Result<(), ReplayError> {
        let run = || run.clone();
        if let Some(backend) = self.started.get("backend").and_then(Value::as_str) {
            return Err(ReplayError::Native { run: run(), backend: backend.to_owned() });
        }
        if self.started.get("mode").and_then(|mode| mode.get("mode")) != Some(&Value::from("deterministic")) {
            return Err(ReplayError::NotDeterministic(run()));
        }
        if self.started.contains_key("mounts") || self.started.contains_key("sandbox") {
            return Err(ReplayError::HasFiles(run()));
        }
        if !self.started.contains_key("asked") {
            return Err(ReplayError::NotKept(run()));
        }
        match self.ended.get("outcome").and_then(Value::as_str).unwrap_or_default() {
            outcome @ ("" | "failed" | "cancelled" | "deadline_exceeded") => {
                Err(ReplayError::NotRepeatable { run: run(), outcome: outcome.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn component(&self, run: &RunId) -> Result<Digest, ReplayError> {
        let text = self.started.get("component").and_then(Value::as_str).unwrap_or_default();
        text.parse().map_err(|_| ReplayError::record(run, self.records.0, "it names no component"))
    }
}

/// What the store keeps of a run, if it is what the log says was asked.
fn kept(store: &Store, run: &RunId, told: &Told) -> anyhow::Result<RunRequest> {
    let Some(Some(kept)) = store.replayable(&told.tenant, run)? else {
        return Err(ReplayError::Forgotten(run.clone()).into());
    };
    Ok(held_against(&kept, &told.started).map_err(|what| ReplayError::StoreChanged { run: run.clone(), what })?)
}

/// What the store tells of a run otherwise than the log. Nothing is taken from it: it is what people see, and should be
/// the same.
fn told_otherwise(store: &Store, run: &RunId, told: &Told) -> Vec<&'static str> {
    let Ok(Some(stored)) = store.run(&told.tenant, run, Much::Whole, &|_| true) else { return vec!["the run"] };
    let own = stored.report.map(|report| parsed(&came_of_it(Event::new(EventName::CommandExecuted), &report)));
    let own = as_counted_then(own.unwrap_or_default(), &told.ended);
    let component = told.started.get("component").and_then(Value::as_str);
    let mut differ = Vec::new();
    differ.extend((stored.owner.as_str() != told.principal).then_some("principal"));
    differ.extend((stored.component.map(|digest| digest.to_string()).as_deref() != component).then_some("component"));
    let parts = ["outcome", "code", "value", "usage", "stdout", "stderr", "denials"];
    differ.extend(parts.into_iter().filter(|what| own.get(*what) != told.ended.get(*what)));
    differ
}

/// The request that is kept, or what of it is not as in the record.
fn held_against(kept: &Replayable, started: &Map<String, Value>) -> Result<RunRequest, String> {
    let request = kept.request()?;
    let mut event = asked_for(Event::new(EventName::CommandStarted), &request);
    event = event.detail("asked", kept.digest().to_string());
    // What is beside it, so that what was left out of long details is left out here, too.
    for name in ["component", "engine"] {
        event = event.detail(name, started.get(name).and_then(Value::as_str).unwrap_or_default());
    }
    if let Some(worth) = started.get("fence") {
        event = event.detail("fence", Detail::of(worth));
    }
    let own = as_counted_then(parsed(&event), started);
    let mut differ: Vec<&str> = started
        .keys()
        .chain(own.keys())
        .map(String::as_str)
        .filter(|name| own.get(*name) != started.get(*name))
        .collect();
    differ.sort_unstable();
    differ.dedup();
    match differ.as_slice() {
        [] => Ok(request),
        ["asked"] => Err("asked (values of the environment, or how it is written)".to_owned()),
        _ => Err(differ.into_iter().filter(|name| *name != "asked").collect::<Vec<_>>().join(", ")),
    }
}

/// Details as a record has them.
fn parsed(event: &Event) -> Map<String, Value> {
    serde_json::from_str(&event.details()).unwrap_or_default()
}

/// Without what was not counted yet when a record was made: an older version has hidden nothing.
fn as_counted_then(mut own: Map<String, Value>, recorded: &Map<String, Value>) -> Map<String, Value> {
    const LATER: &str = "tool_calls";
    for what in ["limits", "usage"] {
        let known = |details: &Map<String, Value>| details.get(what)?.as_object().map(|all| all.contains_key(LATER));
        if known(recorded) == Some(false) {
            own.get_mut(what).and_then(Value::as_object_mut).map(|all| all.remove(LATER));
        }
    }
    own
}

fn given(bytes: Bytes, component: Digest, run: &RunId) -> Result<Bytes, ReplayError> {
    match Digest::of(&bytes) {
        digest if digest == component => Ok(bytes),
        given => Err(ReplayError::OtherComponent { run: run.clone(), given, component }),
    }
}

/// The bytes of the component, which are those of its digest.
async fn content(store: &Store, tenant: &TenantId, component: Digest, run: &RunId) -> Result<Bytes, ReplayError> {
    let unreadable = |error: LedgerError| ReplayError::Component { run: run.clone(), reason: error.to_string() };
    let gone = || ReplayError::NoComponent { run: run.clone(), component };
    store.component(tenant, component).map_err(unreadable)?.ok_or_else(gone)?;
    store.content(component).await.map_err(unreadable)?.ok_or_else(gone)
}

async fn run_again(
    settings: &Settings,
    data: &Path,
    program: Bytes,
    mut request: RunRequest,
) -> anyhow::Result<Report> {
    let engine = super::service::engine(settings, data, config::own_program()?)?;
    // It did not end by the clock, and this machine may be slower: it ends by itself, or by its fuel.
    request.limits.deadline_ms = LimitName::DeadlineMs.range().1;
    let program = engine.load(program, Build::of(&request.limits, request.mode)).await?;
    Ok(engine.run(&program, request).await?)
}

/// What a deterministic run promises to repeat. Times are its own each time.
fn compared(recorded: &Map<String, Value>, report: &Report) -> Vec<Compared> {
    let again = parsed(&came_of_it(Event::new(EventName::CommandExecuted), report));
    let of = |details: &Map<String, Value>, what: &str| match what {
        "fuel" => details.get("usage").and_then(|usage| usage.get(what)).cloned(),
        _ => details.get(what).cloned(),
    };
    let all = ["outcome", "code", "value", "fuel", "stdout", "stderr", "denials"].into_iter();
    let each = all.map(|what| (what, of(recorded, what), of(&again, what)));
    each.filter(|(_, recorded, again)| recorded.is_some() || again.is_some())
        .map(|(what, recorded, again)| Compared {
            what,
            recorded: recorded.unwrap_or_default(),
            again: again.unwrap_or_default(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::disk::RealDisk;
    use crate::audit::{Begin, Log, LogSettings, signing_keys};

    #[test]
    fn a_record_of_an_older_version_is_held_against_what_it_could_tell() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let own =
            || map(serde_json::json!({"limits": {"fuel": 1, "tool_calls": 9}, "usage": {"fuel": 1, "tool_calls": 0}}));
        let older = map(serde_json::json!({"limits": {"fuel": 1}, "usage": {"fuel": 1}}));
        assert_eq!(as_counted_then(own(), &older), older);
        let newer = map(serde_json::json!({"limits": {"fuel": 1, "tool_calls": 8}}));
        assert_eq!(as_counted_then(own(), &newer), own(), "what is told is compared");
    }

    /// Whoever can write to the folder might change it between a check and a second look: there is none.
    #[test]
    fn what_is_told_of_a_run_comes_from_the_check() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, run) = (dir.path().join("audit"), RunId::random());
        let mut settings = LogSettings::new("here.example/audit");
        settings.begin = Begin::OrCreate;
        let keys = signing_keys(&dir.path().join("keys"), &settings.origin).unwrap();
        let (log, _) = Log::open(Box::new(RealDisk::open(&folder).unwrap()), &settings, keys).unwrap();
        let record = |name, code: i64| {
            let event = Event::new(name).tenant("acme").principal("alice").resource("run", run.as_str());
            log.append(&event.detail("code", code)).wait().unwrap()
        };
        let first = record(EventName::CommandStarted, 1);
        assert_eq!(record(EventName::CommandExecuted, 2).seq, first.seq + 1);
        log.close().wait().unwrap();
        let (checked, told) = Told::of(&folder, &run, &VerifyOptions::default()).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!((told.tenant.as_str(), told.principal.as_str()), ("acme", "alice"));
        assert_eq!((told.records, checked.size), ((first.seq, first.seq + 1), first.seq + 2));
        assert_eq!((told.started["code"].clone(), told.ended["code"].clone()), (1.into(), 2.into()));
    }
}
