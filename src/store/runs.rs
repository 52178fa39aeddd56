use rusqlite::types::Value as Cell;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::asked::Asked;
use super::outputs;
use super::rows::{all, change, json, one, parsed, parsed_if, to_json};
use crate::model::{
    Captured, Denial, Digest, Json, Outcome, PrincipalId, Report, RunId, SessionId, Stream, TenantId, Usage,
};
use crate::sandbox::{
    AskRoom, Cut, Failure, Given, Much, NoRoom, Replayable, RetryRecord, RunFilter, RunPage, RunRecord, RunState,
    RunSummary, Worth,
};

/// Removed in one step, so that others are not kept waiting: so many, or those that take so much.
const FORGOTTEN: u32 = 2_000;
const FORGOTTEN_BYTES: u64 = 32 << 20;

const RUN: &str =
    "SELECT id, tenant, owner, component, sandbox, state, labels, created, ended, answer, backend FROM runs";

/// What is not asked about, in one column.
#[derive(Deserialize)]
struct Answer {
    report: Option<Told>,
    failure: Option<Failure>,
    #[serde(default)]
    cut: Vec<Cut>,
    given: Option<Given>,
    session: Option<SessionId>,
    command: Option<String>,
    fence: Option<Worth>,
    #[serde(default)]
    order: Vec<u32>,
}

/// A [`Report`], of which what was returned stays text.
#[derive(Deserialize)]
struct Told {
    outcome: Box<RawValue>,
    usage: Usage,
    stdout: Captured,
    stderr: Captured,
    denials: Vec<Denial>,
}

#[derive(Deserialize)]
struct Returned {
    kind: String,
    value: Option<Box<RawValue>>,
    code: Option<u8>,
    answer: Option<Box<RawValue>>,
}

impl Told {
    fn report(self) -> serde_json::Result<Report> {
        let Self { outcome, usage, stdout, stderr, denials } = self;
        let outcome = match serde_json::from_str(outcome.get())? {
            Returned { kind, value: Some(value), .. } if kind == "returned" => {
                Outcome::Returned { value: Json::of(value) }
            }
            Returned { kind, code: Some(code), answer: Some(answer), .. } if kind == "answered" => {
                Outcome::Answered { code, answer: Json::of(answer) }
            }
            _ => serde_json::from_str(outcome.get())?,
        };
        Ok(Report { outcome, usage, stdout, stderr, denials })
    }
}

#[derive(Serialize)]
struct AnswerRef<'a> {
    report: Option<ReportRef<'a>>,
    failure: Option<&'a Failure>,
    #[serde(skip_serializing_if = "<[Cut]>::is_empty")]
    cut: &'a [Cut],
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<&'a Given>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<&'a Worth>,
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    order: &'a [u32],
}

/// A [`Report`] without what was written, which is beside it.
#[derive(Serialize)]
struct ReportRef<'a> {
    outcome: &'a Outcome,
    usage: &'a Usage,
    stdout: Captured,
    stderr: Captured,
    denials: &'a [Denial],
}

impl<'a> From<&'a Report> for ReportRef<'a> {
    fn from(report: &'a Report) -> Self {
        let Report { outcome, usage, stdout, stderr, denials } = report;
        let (stdout, stderr) = (outputs::without_bytes(stdout), outputs::without_bytes(stderr));
        Self { outcome, usage, stdout, stderr, denials }
    }
}

fn state(row: &Row<'_>, at: usize) -> rusqlite::Result<RunState> {
    let text: String = row.get(at)?;
    Ok(if text == RunState::Ended.as_str() { RunState::Ended } else { RunState::Running })
}

/// Empty where there is none.
fn component(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Digest>> {
    if row.get_ref(at)?.as_str()?.is_empty() { Ok(None) } else { parsed(row, at).map(Some) }
}

fn run(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let Answer { report, failure, cut, given, session, command, fence, order } = json(row, 9)?;
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, Box::new(error));
    let report = report.map(Told::report).transpose().map_err(wrong)?;
    Ok(RunRecord {
        id: parsed(row, 0)?,
        tenant: parsed(row, 1)?,
        owner: parsed(row, 2)?,
        backend: parsed(row, 10)?,
        component: component(row, 3)?,
        command,
        fence,
        sandbox: parsed_if(row, 4)?,
        session,
        state: state(row, 5)?,
        labels: json(row, 6)?,
        created: row.get(7)?,
        ended: row.get(8)?,
        report,
        failure,
        cut,
        given,
        order,
    })
}

pub(super) fn put(
    connection: &Connection,
    new: &RunRecord,
    retry: Option<&RetryRecord>,
    replayable: Option<&Replayable>,
) -> rusqlite::Result<()> {
    let (report, failure) = (new.report.as_ref().map(ReportRef::from), new.failure.as_ref());
    let (given, session) = (new.given.as_ref(), new.session.as_ref());
    let (command, fence) = (new.command.as_deref(), new.fence.as_ref());
    let (cut, order) = (new.cut.as_slice(), new.order.as_slice());
    let answer = to_json(&AnswerRef { report, failure, cut, given, session, command, fence, order })?;
    let written = change(
        connection,
        "INSERT INTO runs (id, tenant, owner, component, sandbox, state, outcome, labels, created, ended, answer, output,
         asked, backend)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (id) DO UPDATE SET state = ?6, outcome = ?7, ended = ?10, answer = ?11, output = ?12, asked = ?13
         WHERE state <> 'ended'",
        params![
            new.id.as_str(),
            new.tenant.as_str(),
            new.owner.as_str(),
            new.component.map(|digest| digest.to_string()).unwrap_or_default(),
            new.sandbox.as_ref().map(|id| id.as_str()),
            new.state.as_str(),
            new.outcome(),
            to_json(&new.labels)?,
            new.created,
            new.ended,
            answer,
            outputs::size(new.report.as_ref()),
            replayable.map_or(0, Replayable::size),
            new.backend.as_str()
        ],
    )?;
    if let Some(report) = new.report.as_ref().filter(|_| written == 1) {
        outputs::add(connection, &new.id, report)?;
    }
    if let Some(asked) = replayable.filter(|_| written == 1) {
        outputs::add_asked(connection, &new.id, asked)?;
    }
    let Some(retry) = retry else { return Ok(()) };
    let sql = "INSERT INTO retries (tenant, principal, key, request, run, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT DO NOTHING";
    let row = params![
        retry.tenant.as_str(),
        retry.principal.as_str(),
        retry.key,
        retry.request,
        retry.run.as_str(),
        retry.created
    ];
    change(connection, sql, row).map(drop)
}

/// As much of a run as is asked for, where there is room for it in memory.
pub(super) fn one_of(
    connection: &Connection,
    tenant: &TenantId,
    id: &RunId,
    much: Much,
    room: AskRoom<'_>,
) -> rusqlite::Result<Option<Result<RunRecord, NoRoom>>> {
    // What it wrote is of the same moment.
    let moment = connection.unchecked_transaction()?;
    let of = [tenant.as_str(), id.as_str()];
    let sql = "SELECT octet_length(answer), output FROM runs WHERE tenant = ?1 AND id = ?2";
    let sizes = one(&moment, sql, of, |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))?;
    let Some((answer, output)) = sizes else { return Ok(None) };
    let output = if much == Much::Whole { output } else { 0 };
    // Read as text, and what was returned once more as each of the two around it is read.
    if !room(answer.saturating_mul(3).saturating_add(output)) {
        return Ok(Some(Err(NoRoom)));
    }
    let mut found = one(&moment, &format!("{RUN} WHERE tenant = ?1 AND id = ?2"), of, run)?;
    if let Some(report) = found.as_mut().and_then(|run| run.report.as_mut()).filter(|_| much == Much::Whole) {
        outputs::fill(&moment, id, report)?;
    }
    Ok(found.map(Ok))
}

/// What one that ended wrote to a stream, from a place on.
pub(super) fn written(
    connection: &Connection,
    tenant: &TenantId,
    id: &RunId,
    (stream, from): (Stream, u64),
    most: u64,
) -> rusqlite::Result<Option<Vec<u8>>> {
    let moment = connection.unchecked_transaction()?;
    let sql = "SELECT 1 FROM runs WHERE tenant = ?1 AND id = ?2";
    match one(&moment, sql, [tenant.as_str(), id.as_str()], |_| Ok(()))? {
        Some(()) => outputs::piece(&moment, id, stream, from, most).map(Some),
        None => Ok(None),
    }
}

/// What one of a tenant is known by, and what is kept to run it again, where that is.
pub(super) fn replayable(
    connection: &Connection,
    tenant: &TenantId,
    id: &RunId,
) -> rusqlite::Result<Option<Option<Replayable>>> {
    let moment = connection.unchecked_transaction()?;
    let sql = "SELECT asked FROM runs WHERE tenant = ?1 AND id = ?2";
    match one(&moment, sql, [tenant.as_str(), id.as_str()], |row| row.get::<_, u64>(0))? {
        None => Ok(None),
        Some(0) => Ok(Some(None)),
        Some(_) => outputs::asked(&moment, id).map(|asked| Some(Some(asked))),
    }
}

/// Without the column that may be large.
const SUMMARY: &str =
    "SELECT id, owner, component, sandbox, state, outcome, labels, created, ended, backend FROM runs WHERE tenant = ?";

/// Rows that one question goes through where no index leads to what is asked for.
const WINDOW: u32 = 20_000;

fn summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    Ok(RunSummary {
        id: parsed(row, 0)?,
        owner: parsed(row, 1)?,
        backend: parsed(row, 9)?,
        component: component(row, 2)?,
        sandbox: parsed_if(row, 3)?,
        state: state(row, 4)?,
        outcome: row.get(5)?,
        labels: json(row, 6)?,
        created: row.get(7)?,
        ended: row.get(8)?,
    })
}

pub(super) fn summary_of(
    connection: &Connection,
    tenant: &TenantId,
    id: &RunId,
) -> rusqlite::Result<Option<RunSummary>> {
    one(connection, &format!("{SUMMARY} AND id = ?"), [tenant.as_str(), id.as_str()], summary)
}

pub(super) fn all_of(
    connection: &Connection,
    tenant: &TenantId,
    filter: &RunFilter,
    before: Option<&RunId>,
    most: u32,
) -> rusqlite::Result<RunPage> {
    let searched = filter.component.is_some()
        || filter.outcome.is_some()
        || filter.label.is_some()
        || filter.since.is_some()
        || filter.until.is_some()
        || filter.state == Some(RunState::Ended);
    let looked_to = if searched { end_of_window(connection, tenant, before)? } else { None };
    let mut asked = Asked::new(SUMMARY.to_owned(), [Cell::from(tenant.to_string())]);
    asked.and("id < ?", before);
    asked.and("id >= ?", looked_to.as_ref());
    asked.and("owner = ?", filter.owner.as_ref());
    asked.and("sandbox = ?", filter.sandbox.as_ref());
    asked.and("component = ?", filter.component);
    match filter.state {
        // To the letter what the index says.
        Some(RunState::Running) => asked.and_so("state <> 'ended'"),
        other => asked.and("state = ?", other.map(RunState::as_str)),
    }
    asked.and("outcome = ?", filter.outcome.as_ref());
    asked.and_number("created >= ?", filter.since);
    asked.and_number("created <= ?", filter.until);
    asked.and_label(filter.label.as_ref());
    let runs = asked.all(connection, "ORDER BY id DESC LIMIT ?", most, summary)?;
    let full = runs.len() >= most as usize;
    let looked_to = if full { runs.last().map(|run| run.id.clone()) } else { looked_to };
    Ok(RunPage { runs, looked_to })
}

/// The last run that one question goes through, where more come after it.
fn end_of_window(
    connection: &Connection,
    tenant: &TenantId,
    before: Option<&RunId>,
) -> rusqlite::Result<Option<RunId>> {
    let mut asked = Asked::new("SELECT id FROM runs WHERE tenant = ?".to_owned(), [Cell::from(tenant.to_string())]);
    asked.and("id < ?", before);
    let found =
        asked.all(connection, &format!("ORDER BY id DESC LIMIT ? OFFSET {}", WINDOW - 1), 1, |row| parsed(row, 0))?;
    Ok(found.into_iter().next())
}

pub(super) fn open(connection: &Connection) -> rusqlite::Result<Vec<RunRecord>> {
    all(connection, &format!("{RUN} WHERE state <> 'ended'"), (), run)
}

pub(super) fn retry(
    connection: &Connection,
    tenant: &TenantId,
    principal: &PrincipalId,
    key: &str,
) -> rusqlite::Result<Option<RetryRecord>> {
    let sql = "SELECT tenant, principal, key, request, run, created FROM retries
               WHERE tenant = ?1 AND principal = ?2 AND key = ?3";
    one(connection, sql, [tenant.as_str(), principal.as_str(), key], |row| {
        Ok(RetryRecord {
            tenant: parsed(row, 0)?,
            principal: parsed(row, 1)?,
            key: row.get(2)?,
            request: row.get(3)?,
            run: parsed(row, 4)?,
            created: row.get(5)?,
        })
    })
}

pub(super) fn forget(connection: &Connection, runs: u64, retries: u64) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM retries WHERE rowid IN (SELECT rowid FROM retries WHERE created < ?1 LIMIT ?2)";
    let first = change(connection, sql, params![retries, FORGOTTEN])?;
    // Their ids sort by time, and a run that is at work is not forgotten.
    let sql = "SELECT id, octet_length(answer) + output + asked FROM runs
               WHERE created < ?1 AND state = 'ended' ORDER BY id LIMIT ?2";
    let oldest =
        all(connection, sql, params![runs, FORGOTTEN], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))?;
    let (mut more, mut freed) = (first.max(oldest.len()) >= FORGOTTEN as usize, 0u64);
    for (id, size) in oldest {
        if freed >= FORGOTTEN_BYTES {
            more = true;
            break;
        }
        change(connection, "DELETE FROM runs WHERE id = ?1", [id])?;
        freed = freed.saturating_add(size);
    }
    Ok(more)
}
