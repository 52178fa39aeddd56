use std::path::Path;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::chronicle::{asked_for, came_of_it};
use super::replay_error::ReplayError;
use crate::audit::note::{SignedCheckpoint, VerifyingKey};
use crate::audit::{Event, EventName, Filter, Reader, Record, VerifyOptions, VerifyReport, verify};
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
    let mut log = verify(&folder, &VerifyOptions { keys, from, live: true, ..VerifyOptions::default() });
    if let Some(fault) = log.fault.take() {
        return Err(fault.into());
    }
    let told = Told::of(&folder, &run, &log)?;
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

/// What the log tells of a run.
struct Told {
    tenant: TenantId,
    principal: String,
    records: (u64, u64),
    started: Map<String, Value>,
    ended: Map<String, Value>,
}

impl Told {
    /// Of the records that were checked, and none that came since.
    fn of(folder: &Path, run: &RunId, log: &VerifyReport) -> anyhow::Result<Self> {
        let reader = Reader::new(folder);
        let filter = Filter {
            resource_kind: Some("run".to_owned()),
            resource_id: Some(run.as_str().to_owned()),
            ..Filter::default()
        };
        let (mut started, mut ended) = (None, None);
        let mut from = log.first;
        loop {
            let page = reader.page(&filter, from, usize::MAX, Some(log.size))?;
            for line in &page.lines {
                let record =
                    Record::parse(line.as_bytes()).map_err(|bad| ReplayError::record(run, from, bad.code()))?;
                let place = match record.event {
                    "command_started" => &mut started,
                    "command_executed" => &mut ended,
                    _ => continue,
                };
                if place.replace((record.seq, line.clone())).is_some() {
                    return Err(ReplayError::record(run, record.seq, "it is there a second time").into());
                }
            }
            from = page.next;
            if page.end {
                break;
            }
        }
        let (first, start) = started.ok_or_else(|| ReplayError::NoRun { run: run.clone(), first: log.first })?;
        let (last, end) = ended.ok_or_else(|| ReplayError::NoEnd(run.clone()))?;
        Ok(Self::read(run, (first, &start), (last, &end))?)
    }

    fn read(run: &RunId, start: (u64, &str), end: (u64, &str)) -> Result<Self, ReplayError> {
        let wrong = |seq, what: &str| ReplayError::record(run, seq, what);
        let record = |(seq, line): (u64, &str)| -> Result<Map<String, Value>, ReplayError> {
            serde_json::from_str(line).map_err(|error| wrong(seq, &error.to_string()))
        };
        let details = |record: &mut Map<String, Value>| match record.remove("details") {
            Some(Value::Object(details)) => details,
            _ => Map::new(),
        };
        let (mut started, mut ended) = (record(start)?, record(end)?);
        let text = |name: &str| started.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let tenant = text("tenant").parse().map_err(|_| wrong(start.0, "it names no tenant"))?;
        let principal = text("principal");
        let (started, ended) = (details(&mut started), details(&mut ended));
        Ok(Self { tenant, principal, records: (start.0, end.0), started, ended })
    }

    /// By what the log says, whatever the store keeps.
    fn can_be_repeated(&self, run: &RunId) -> Result<(), ReplayError> {
        let run = || run.clone();
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
    let own = own.unwrap_or_default();
    let component = told.started.get("component").and_then(Value::as_str);
    let mut differ = Vec::new();
    differ.extend((stored.owner.as_str() != told.principal).then_some("principal"));
    differ.extend((Some(stored.component.to_string().as_str()) != component).then_some("component"));
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
    let own = parsed(&event);
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
