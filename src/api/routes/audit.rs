use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::context::{Api, Object, Who};
use super::super::failures::invalid;
use super::super::page::apart;
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::recorder::unavailable;
use super::super::stream::{Seat, seat};
use super::super::types::{AuditEvents, AuditStreamed, Raw};
use crate::audit::{AuditError, Detail, EventName, Filter, LogTime, Reader, Record};
use crate::authz::{Action, HOUSE};
use crate::model::TenantId;

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(proof))
        .routes(routes!(checkpoint, sign))
        .routes(routes!(growth))
        .routes(routes!(tail))
}

/// Records of a page of the tail.
const AT_ONCE: usize = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// `next` of the page before: the number of a record.
    #[param(pattern = "^[0-9]{1,19}$")]
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// At or after this time (RFC 3339).
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before this time.
    #[param(format = DateTime)]
    until: Option<String>,
    /// `command_executed`, `permission_denied`, …
    event: Option<String>,
    /// Of all tenants, where the house asks and nothing is said.
    tenant: Option<String>,
    principal: Option<String>,
    key: Option<String>,
    /// The id of a request.
    request: Option<String>,
    /// `runs:create`, …
    action: Option<String>,
    /// The id of what it was done to.
    resource: Option<String>,
    /// `allowed` or `denied`.
    #[param(pattern = "^(allowed|denied)$")]
    decision: Option<String>,
}

impl Asked {
    /// Nobody but the house sees what others did.
    fn filter(self, who: &Who) -> Result<(u64, Option<u32>, Filter), Problem> {
        let time = |text: Option<String>, field| {
            let read = |text: String| super::parsed::<jiff::Timestamp>(&text, field).map(LogTime::from);
            text.map(read).transpose()
        };
        let own = who.tenant().as_str();
        let tenant = match self.tenant {
            Some(tenant) if own != HOUSE && tenant != own => {
                return Err(invalid("tenant", "only the house reads what others did; leave it out"));
            }
            None if own != HOUSE => Some(own.to_owned()),
            tenant => tenant,
        };
        let allowed = match self.decision.as_deref() {
            None => None,
            Some("allowed") => Some(true),
            Some("denied") => Some(false),
            Some(_) => return Err(invalid("decision", "write allowed or denied")),
        };
        let event = self.event.map(|name| super::parsed::<EventName>(&name, "event")).transpose()?;
        let from = self.cursor.map_or(Ok(0), |text| super::parsed::<u64>(&text, "cursor"))?;
        let filter = Filter {
            since: time(self.since, "since")?,
            until: time(self.until, "until")?,
            event: event.map(|event| event.as_str().to_owned()),
            tenant,
            principal: self.principal,
            key: self.key,
            request: self.request,
            action: self.action,
            resource_kind: None,
            resource_id: self.resource,
            allowed,
        };
        Ok((from, self.limit, filter))
    }
}

async fn may_read(who: &Who, what: &'static str) -> Result<(), Problem> {
    who.permit(Action::AuditRead, &Object::plain("audit")).await?;
    who.fact("what", what);
    Ok(())
}

/// What was looked for, without what was not said.
fn told(filter: &Filter) -> Detail {
    let time = |time: &Option<LogTime>| time.as_ref().map(|time| time.as_str().to_owned());
    Detail::of(&json!({
        "since": time(&filter.since), "until": time(&filter.until), "event": filter.event, "tenant": filter.tenant,
        "principal": filter.principal, "key": filter.key, "request": filter.request, "action": filter.action,
        "resource": filter.resource_id, "allowed": filter.allowed,
    }))
}

fn reader(who: &Who) -> &Reader {
    &who.api.inner().recorder.reader
}

fn failed(error: &AuditError) -> Problem {
    match error {
        AuditError::NoRecord { .. } => Problem::missing("record"),
        AuditError::NoTree { .. } => {
            Problem::new(StatusCode::CONFLICT, error.code(), format!("{error}; ask for a checkpoint first"))
        }
        other => unavailable(other),
    }
}

fn value(line: &str) -> Result<Value, Problem> {
    serde_json::from_str(line).map_err(|_| failed(&AuditError::Closed))
}

/// List what was done, in the order in which it was done
///
/// Each event is the record as it stands in the log. A page may be short, or empty, and have a `next` all the same.
#[utoipa::path(
    get, path = "/v1/audit/events", tag = "audit", params(Asked),
    responses((status = 200, body = AuditEvents), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(asked): Query<Asked>) -> Result<Json<AuditEvents>, Problem> {
    may_read(&who, "events").await?;
    let (from, limit, filter) = asked.filter(&who)?;
    let limit = query::page(limit, &who)?;
    let end = *who.api.inner().recorder.log().now().size().borrow();
    who.fact("first", from);
    who.fact("filter", told(&filter));
    let events = apart(who, move |who| {
        let page = reader(who).page(&filter, from, limit as usize, Some(end)).map_err(|error| failed(&error))?;
        let next = (!page.end && page.next < end).then(|| page.next.to_string());
        let events = page.lines.iter().map(|line| value(line)).collect::<Result<Vec<_>, _>>()?;
        Ok(AuditEvents { events, next })
    });
    Ok(Json(events.await?))
}

/// The line of a record that the caller may see.
fn line_of(who: &Who, text: &str) -> Result<(u64, String), Problem> {
    let seq: u64 = super::id(text, "record")?;
    let line = reader(who).line(seq).map_err(|error| failed(&error))?;
    let record = Record::parse(line.as_bytes()).map_err(|_| failed(&AuditError::Closed))?;
    let own = who.tenant().as_str();
    let seen = own == HOUSE || record.tenant.is_some_and(|tenant| tenant.is(own));
    if seen { Ok((seq, line)) } else { Err(Problem::missing("record")) }
}

/// Get a record, to the byte as it stands in the log
#[utoipa::path(
    get, path = "/v1/audit/events/{number}", tag = "audit", params(("number" = String, Path)),
    responses(
        (status = 200, body = Value, content_type = "application/json"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn get(who: Who, Path(number): Path<String>) -> Result<Response, Problem> {
    may_read(&who, "event").await?;
    who.fact("record", number.as_str());
    let (_, line) = apart(who, move |who| line_of(who, &number)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], line).into_response())
}

/// Prove that a record is in the log: a file that anybody can check without it (c2sp.org/tlog-proof)
#[utoipa::path(
    get, path = "/v1/audit/events/{number}/proof", tag = "audit", params(("number" = String, Path)),
    responses(
        (status = 200, body = Raw, content_type = "text/plain"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn proof(who: Who, Path(number): Path<String>) -> Result<Response, Problem> {
    may_read(&who, "proof").await?;
    who.fact("record", number.as_str());
    let proof = apart(who, move |who| {
        let (seq, _) = line_of(who, &number)?;
        reader(who).inclusion(seq).map_err(|error| failed(&error))
    });
    Ok(proof.await?.to_string().into_response())
}

/// Get the newest checkpoint: how many records there are and the root of their tree, signed (c2sp.org/tlog-checkpoint)
#[utoipa::path(
    get, path = "/v1/audit/checkpoint", tag = "audit",
    responses(
        (status = 200, body = Raw, content_type = "text/plain"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn checkpoint(who: Who) -> Result<Response, Problem> {
    may_read(&who, "checkpoint").await?;
    let newest = apart(who, |who| reader(who).checkpoint().map_err(|error| failed(&error)));
    Ok(newest.await?.to_string().into_response())
}

/// Make a checkpoint of all that is recorded now
#[utoipa::path(
    post, path = "/v1/audit/checkpoint", tag = "audit",
    responses(
        (status = 200, body = Raw, content_type = "text/plain"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn sign(who: Who) -> Result<Response, Problem> {
    may_read(&who, "new checkpoint").await?;
    let made = who.api.inner().recorder.log().checkpoint().await;
    Ok(made.map_err(|error| failed(&error))?.to_string().into_response())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Growth {
    /// How many records there were.
    #[param(pattern = "^[0-9]{1,19}$")]
    old: String,
}

/// Prove that the log has only grown since it had so many records; what a witness is asked with
#[utoipa::path(
    get, path = "/v1/audit/growth", tag = "audit", params(Growth),
    responses(
        (status = 200, body = Raw, content_type = "text/plain"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn growth(who: Who, Query(growth): Query<Growth>) -> Result<Response, Problem> {
    may_read(&who, "growth").await?;
    let old: u64 = super::parsed(&growth.old, "old")?;
    let proof = apart(who, move |who| reader(who).consistency(old).map_err(|error| failed(&error)));
    Ok(proof.await?.to_string().into_response())
}

/// Watch what is done, as it is done
///
/// Server-sent events: the name of each is that of the record, its id the number, its data the record. With
/// `Last-Event-ID` it goes on after that record, else with the next that comes.
#[utoipa::path(
    get, path = "/v1/audit/tail", tag = "audit",
    params(("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{1,19}$")),
    responses(
        (status = 200, body = AuditStreamed, content_type = "text/event-stream"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn tail(who: Who, State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    may_read(&who, "tail").await?;
    let seat = seat(&api, who.tenant())?;
    let size = api.inner().recorder.log().now().size();
    let from = match super::runs::last_event(&headers)? {
        Some(seen) => seen.saturating_add(1),
        None => *size.borrow(),
    };
    who.fact("first", from);
    let own = who.tenant().as_str();
    let filter = Filter { tenant: (own != HOUSE).then(|| own.to_owned()), ..Filter::default() };
    let tail =
        Tail { api: api.clone(), tenant: who.tenant().clone(), filter, from, size, waiting: Vec::new(), _seat: seat };
    let events = futures_util::stream::unfold(tail, |mut tail| async move {
        let line = tail.next().await?;
        Some((Ok::<_, Infallible>(line), tail))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

struct Tail {
    api: Api,
    tenant: TenantId,
    filter: Filter,
    from: u64,
    size: tokio::sync::watch::Receiver<u64>,
    /// Lines that were read, the next one last.
    waiting: Vec<String>,
    _seat: Seat,
}

impl Tail {
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some(line) = self.waiting.pop() {
                let record = Record::parse(line.as_bytes()).ok()?;
                return Some(Sent::default().event(record.event).id(record.seq.to_string()).data(&line));
            }
            let end = *self.size.borrow_and_update();
            if self.from >= end {
                self.size.changed().await.ok()?;
                continue;
            }
            let (api, filter, from) = (self.api.clone(), self.filter.clone(), self.from);
            let read = move || api.inner().recorder.reader.page(&filter, from, AT_ONCE, Some(end));
            let page = self.api.parts().hall.apart(&self.tenant, read).await.ok()?.ok()?;
            self.from = if page.end { end } else { page.next };
            self.waiting = page.lines;
            self.waiting.reverse();
        }
    }
}
