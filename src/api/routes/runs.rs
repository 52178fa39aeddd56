use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::DropGuard;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::{is_json, whole};
use super::super::context::{Api, Object, Who};
use super::super::problem::Problem;
use super::super::types::{Run, RunBody, Runs, ask};
use super::super::{form, strict};
use super::{LOOKED_AT, id, parsed};
use crate::authz::{Action, Permit, Wants};
use crate::engine::Stream as Which;
use crate::model::{LimitName, PrincipalId, RunId, SandboxId};
use crate::sandbox::{Asked, Event, Events, Happened, Manner, RetryKey, RunAsk, RunFilter, RunRecord, RunState};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(events))
}

/// Run something once
///
/// With `Accept: text/event-stream` the answer is what happens, as it happens: `started`, `stdout`, `stderr`, `result` or
/// `error`, `done`. With `"async": true` it is 202 and a run to poll, to watch and to cancel. A module may come in the same
/// request, as a form with the parts `run` (this JSON) and `module`. An `Idempotency-Key` makes a retry return the first
/// answer.
#[utoipa::path(
    post, path = "/v1/runs", tag = "runs", request_body = RunBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Up to 255 characters")),
    responses(
        (status = 200, body = Run), (status = 202, body = Run, description = "It is at work"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn create(who: Who, State(api): State<Api>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let request = Request::read(&who, &api, "", &headers, body).await?;
    let permit = who.permit_new(Action::RunsCreate, Some(&request.wants(&who)))?;
    start(&who, &api, &permit, request, None).await
}

/// A request for a run, wherever it is to be.
pub(super) struct Request {
    ask: RunAsk,
    apart: bool,
    streamed: bool,
    retry: Option<RetryKey>,
}

impl Request {
    pub(super) async fn read(
        who: &Who,
        api: &Api,
        place: &str,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Problem> {
        let http = &api.parts().http;
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let (run, module) = match form::boundary(headers) {
            Some(boundary) => {
                let most = http.upload_bytes.min(who.hall().engine().settings().module_bytes + http.body_bytes);
                let (run, module) = form::run_and_module(whole(body, http, most).await?, &boundary).await?;
                (run, Some(module))
            }
            None if is_json(kind) => (whole(body, http, http.body_bytes).await?, None),
            None => {
                let detail = "send JSON, or a form with the parts `run` and `module`";
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail).at("Content-Type"));
            }
        };
        let retry = retry(place, headers, &run, module.as_ref())?;
        let body: RunBody = strict::read(&run)?;
        let accept = headers.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
        let streamed = accept.contains("text/event-stream");
        Ok(Self { apart: body.apart, ask: ask(body, module)?, streamed, retry })
    }

    /// What policies may ask about: what is asked for, before anything is cut.
    pub(super) fn wants(&self, who: &Who) -> Wants {
        let limits = self.ask.limits.preset.unwrap_or(crate::model::Preset::Small).limits();
        let asked = |name: LimitName| {
            let own = self.ask.limits.set.iter().rev().find(|(limit, _)| *limit == name);
            own.map_or(limits.get(name), |(_, value)| *value)
        };
        let _ = who;
        Wants {
            fuel: asked(LimitName::Fuel),
            memory_bytes: asked(LimitName::MemoryBytes),
            deadline_ms: asked(LimitName::DeadlineMs),
            network: false,
            backend: self.ask.backend.clone().unwrap_or_else(|| "wasm".to_owned()),
        }
    }
}

/// The same request sent to another place is another request.
fn retry(place: &str, headers: &HeaderMap, run: &Bytes, module: Option<&Bytes>) -> Result<Option<RetryKey>, Problem> {
    const KEY: usize = 255;
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY);
    let key = key.ok_or_else(|| {
        Problem::bad("bad_header", format!("write 1 to {KEY} visible characters")).at("Idempotency-Key")
    })?;
    let mut hash = blake3::Hasher::new();
    hash.update(&(place.len() as u64).to_le_bytes()).update(place.as_bytes());
    hash.update(&(run.len() as u64).to_le_bytes()).update(run);
    hash.update(module.map_or(&[][..], |module| module));
    Ok(Some(RetryKey { key: key.to_owned(), request: *hash.finalize().as_bytes() }))
}

pub(super) async fn start(
    who: &Who,
    api: &Api,
    permit: &Permit,
    request: Request,
    sandbox: Option<SandboxId>,
) -> Result<Response, Problem> {
    let Request { ask, apart, streamed, retry } = request;
    // Before anything begins: a run that nobody could watch must not be started to be cancelled.
    let place = if streamed && !apart { Some(place_of(api)?) } else { None };
    let manner = Manner { retry, apart, sandbox };
    let started = match who.hall().run(permit, &who.caller, ask, manner).await? {
        Asked::Before(run) if streamed => {
            let place = place.map_or_else(|| place_of(api), Ok)?;
            return Ok(stream(api, Events::of(*run), None, place));
        }
        Asked::Before(run) => return Ok(Json(Run::from(&*run)).into_response()),
        Asked::Now(started) => started,
    };
    if apart {
        let run = started.record();
        started.leave();
        let place = HeaderValue::from_str(&format!("/v1/runs/{}", run.id)).map_err(|_| Problem::missing("run"))?;
        let mut answer = (StatusCode::ACCEPTED, Json(Run::from(&run))).into_response();
        answer.headers_mut().insert(header::LOCATION, place);
        return Ok(answer);
    }
    if let Some(place) = place {
        let (events, guard) = started.watch();
        return Ok(stream(api, events, Some(guard), place));
    }
    let run = started.end().await?;
    counted(api, &run);
    Ok(Json(Run::from(&*run)).into_response())
}

fn counted(api: &Api, run: &RunRecord) {
    let fuel = run.report.as_ref().map_or(0, |report| report.usage.fuel);
    api.parts().telemetry.run_ended(run.outcome().unwrap_or("failed"), fuel);
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    owner: Option<String>,
    sandbox: Option<String>,
    component: Option<String>,
    /// `running` or `ended`.
    state: Option<String>,
    /// `returned`, `out_of_fuel`, `failed`, …
    outcome: Option<String>,
    /// Created at or after this time (RFC 3339).
    since: Option<String>,
    /// Created at or before this time.
    until: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

impl Filter {
    fn wanted(&self) -> Result<RunFilter, Problem> {
        let time = |text: &Option<String>, field: &str| -> Result<Option<u64>, Problem> {
            let time: Option<jiff::Timestamp> = text.as_deref().map(|text| parsed(text, field)).transpose()?;
            Ok(time.map(|at| u64::try_from(at.as_millisecond()).unwrap_or(0)))
        };
        let state = match self.state.as_deref() {
            None => None,
            Some("running") => Some(RunState::Running),
            Some("ended") => Some(RunState::Ended),
            Some(_) => return Err(super::super::failures::invalid("state", "write running or ended")),
        };
        let owner: Option<PrincipalId> = self.owner.as_deref().map(|text| parsed(text, "owner")).transpose()?;
        Ok(RunFilter {
            owner,
            sandbox: self.sandbox.as_deref().map(|text| parsed(text, "sandbox")).transpose()?,
            component: self.component.as_deref().map(|text| parsed(text, "component")).transpose()?,
            state,
            outcome: self.outcome.clone(),
            since: time(&self.since, "since")?,
            until: time(&self.until, "until")?,
        })
    }
}

/// List the runs that you may see, newest first
#[utoipa::path(
    get, path = "/v1/runs", tag = "runs", params(Filter),
    responses((status = 200, body = Runs), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(filter): Query<Filter>) -> Result<Json<Runs>, Problem> {
    let mut before: Option<RunId> = filter.cursor.as_deref().map(|text| parsed(text, "cursor")).transpose()?;
    let limit = filter.limit.unwrap_or(who.http().page).clamp(1, who.http().page);
    let wanted = filter.wanted()?;
    let mut shown = Vec::new();
    let mut looked = 0;
    // A page at a time from the store, until one is full or enough was looked at.
    let more = loop {
        let found = who.hall().runs(who.tenant(), &wanted, before.as_ref(), limit)?;
        let last = found.len() < limit as usize;
        for run in &found {
            if shown.len() == limit as usize {
                break;
            }
            looked += 1;
            before = Some(run.id.clone());
            if who.may(Action::RunsRead, &Object::owned(run.id.as_str(), &run.owner, &run.labels)) {
                shown.push(Run::from(run));
            }
        }
        if shown.len() == limit as usize || looked >= LOOKED_AT {
            break !last || shown.len() == limit as usize;
        }
        if last {
            break false;
        }
    };
    Ok(Json(Runs::new(shown, before.filter(|_| more).map(|id| id.to_string()))))
}

fn found(who: &Who, text: &str, action: Action) -> Result<(RunRecord, Permit), Problem> {
    let run: RunId = id(text, "run")?;
    let record = who.hall().known_run(who.tenant(), &run)?.ok_or_else(|| Problem::missing("run"))?;
    let permit = who.permit(action, &Object::owned(record.id.as_str(), &record.owner, &record.labels))?;
    Ok((record, permit))
}

/// Get a run
#[utoipa::path(
    get, path = "/v1/runs/{id}", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = Run), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(run): Path<String>) -> Result<Json<Run>, Problem> {
    Ok(Json(Run::from(&found(&who, &run, Action::RunsRead)?.0)))
}

/// Cancel a run; one that is over stays as it is
#[utoipa::path(
    post, path = "/v1/runs/{id}/cancel", tag = "runs", params(("id" = String, Path)),
    responses((status = 202, body = Run), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn cancel(who: Who, Path(run): Path<String>) -> Result<(StatusCode, Json<Run>), Problem> {
    let (record, permit) = found(&who, &run, Action::RunsCancel)?;
    who.hall().cancel(&permit, &record)?;
    Ok((StatusCode::ACCEPTED, Json(Run::from(&record))))
}

/// Watch a run, as it goes on or long after
///
/// Each event has a number as its id; with `Last-Event-ID` the stream begins after that one.
#[utoipa::path(
    get, path = "/v1/runs/{id}/events", tag = "runs", params(("id" = String, Path), ("Last-Event-ID" = Option<u64>, Header)),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn events(
    who: Who,
    State(api): State<Api>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &run, Action::RunsRead)?;
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(value) => parsed(value.to_str().unwrap_or_default(), "Last-Event-ID")?,
    };
    let place = place_of(&api)?;
    Ok(stream(&api, who.hall().events(&permit, record, after)?, None, place))
}

struct Watched {
    api: Api,
    events: Events,
    done: bool,
    /// Ends the run when nobody watches any more, where that was asked.
    _guard: Option<DropGuard>,
    _place: OwnedSemaphorePermit,
}

fn place_of(api: &Api) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(&api.inner().streams).try_acquire_owned().map_err(|_| {
        let detail = "as many streams are open as the service takes; try again later";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).after(Some(1))
    })
}

fn stream(api: &Api, events: Events, guard: Option<DropGuard>, place: OwnedSemaphorePermit) -> Response {
    let watched = Watched { api: api.clone(), events, done: false, _guard: guard, _place: place };
    Sse::new(sent(watched)).keep_alive(KeepAlive::default()).into_response()
}

fn sent(watched: Watched) -> impl Stream<Item = Result<Sent, Infallible>> {
    let each = futures_util::stream::unfold(watched, |mut watched| async move {
        if watched.done {
            return None;
        }
        let events = match watched.events.next().await {
            Some(event) => {
                if let Happened::Over(run) = &event.what {
                    counted(&watched.api, run);
                    watched.done = true;
                }
                shown(event, watched.events.run())
            }
            None => return None,
        };
        Some((futures_util::stream::iter(events.into_iter().map(Ok)), watched))
    });
    futures_util::StreamExt::flatten(each)
}

fn shown(event: Event, run: &RunId) -> Vec<Sent> {
    let number = event.number;
    let sent =
        |name: &str, data: serde_json::Value| Sent::default().event(name).id(number.to_string()).data(data.to_string());
    match event.what {
        Happened::Started => vec![sent("started", json!({"seq": number, "id": run}))],
        Happened::Output { stream, bytes } => {
            let name = if stream == Which::Stdout { "stdout" } else { "stderr" };
            let (text, base64) = super::super::types::text_or_code(&bytes);
            let data = match text {
                Some(text) => json!({"seq": number, "text": text}),
                None => json!({"seq": number, "base64": base64}),
            };
            vec![sent(name, data)]
        }
        Happened::Over(run) => {
            let name = if run.report.is_some() { "result" } else { "error" };
            let whole = serde_json::to_value(Run::from(&*run)).unwrap_or_default();
            vec![sent(name, whole), sent("done", json!({"seq": number, "id": run.id.to_string()}))]
        }
    }
}
