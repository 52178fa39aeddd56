use std::any::Any;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::{Pieces, held, is_json};
use super::super::context::{Api, Object, Who, only};
use super::super::failures::invalid;
use super::super::held::{Contents, Growing, InMemory};
use super::super::large::whole;
use super::super::page::{Rows, apart, page};
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::stream::{Seat, is_wanted, seat, stream};
use super::super::types::{self as wire, CallBody, ExecuteBody, Run, RunBody, RunForm, Runs, StreamedEvent, ask};
use super::super::{form, strict};
use super::calls::Standing;
use super::{id, label, parsed};
use crate::authz::{Action, Permit, Wants};
use crate::model::{Limits, PrincipalId, RunId, SandboxId, SessionId};
use crate::sandbox::{
    Asked, Before, HasRoom, Heard, Manner, RetryKey, RunAsk, RunFilter, RunPage, RunRecord, RunState, RunSummary,
};
use crate::workspace::WorkspaceName;

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(events))
}

/// Run something once
///
/// A component; or with a `backend` that fences them, which `GET /v1/backends` lists, a command of the machine.
/// With `Accept: text/event-stream` the answer is what happens, as it happens: `started`, `stdout`, `stderr`, `result` or
/// `error`, `done`. With `"async": true` it is 202 and a run to poll, to watch and to cancel. A module may come in the same
/// request, as a form with the parts `run` (this JSON) and `module`. An `Idempotency-Key` makes a retry return the first
/// answer, also where the connection was lost: such a run goes on without its caller.
#[utoipa::path(
    post, path = "/v1/runs", tag = "runs",
    request_body(content((RunBody = "application/json"), (RunForm = "multipart/form-data"))),
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$", description = "Up to 255 characters")),
    responses(
        (status = 200, content((Run = "application/json"), (StreamedEvent = "text/event-stream"))), (status = 202, body = Run, description = "It is at work"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn create(who: Who, State(api): State<Api>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let request = Request::read(&who, &api, "", &headers, body).await?;
    let permit = who.permit_new(Action::RunsCreate, Some(&request.wants(None))).await?;
    let of = match super::workspaces::named(&who, request.workspace()).await {
        Err(gone) if gone.status() == StatusCode::NOT_FOUND => return before(&who, &api, request, gone).await,
        named => named?,
    };
    start(&who, &api, &permit, request, Where::Alone(of)).await
}

/// Where a run is.
pub(super) enum Where {
    /// With the right to read the workspace that it gets the files of, where it gets some.
    Alone(Option<Permit>),
    Sandbox(SandboxId),
}

/// A request for a run, wherever it is to be.
pub(super) struct Request {
    ask: RunAsk,
    apart: bool,
    streamed: bool,
    retry: Option<RetryKey>,
    in_memory: InMemory,
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
        let mut in_memory = who.in_memory();
        let (run, module) = match form::boundary(headers) {
            Some(boundary) => {
                let most = who.most_in_memory(who.hall().engine().settings().module_bytes + http.body_bytes);
                let pieces = Pieces::new(body, http, most);
                let (run, module) = form::run_and_module(pieces, &mut in_memory, &boundary).await?;
                (run, Some(module))
            }
            None if is_json(kind) => (held(body, http, http.body_bytes, &mut in_memory).await?, None),
            None => {
                let detail = "send JSON, or a form with the parts `run` and `module`";
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", detail).at("Content-Type"));
            }
        };
        let retry = retry(who, place, headers, (&run, module.as_ref())).await?;
        let body: RunBody = strict::read(&run)?;
        let streamed = is_wanted(headers);
        Ok(Self { apart: body.apart, ask: ask(body, module)?, streamed, retry, in_memory })
    }

    /// The same of a snippet.
    pub(super) async fn snippet(who: &Who, api: &Api, headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        let (text, in_memory) = Self::json(who, api, headers, body).await?;
        let retry = retry(who, "/execute", headers, (&text, None)).await?;
        let body: ExecuteBody = strict::read(&text)?;
        let (apart, shelf) = (body.apart, Arc::clone(&api.parts().runtimes));
        // Its card is on the disk.
        let ask = who.hall().apart(who.tenant(), move || body.ask(&shelf)).await??;
        Ok(Self { apart, ask, streamed: is_wanted(headers), retry, in_memory })
    }

    /// The same of a call in a session.
    pub(super) async fn call(
        who: &Who,
        api: &Api,
        session: SessionId,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Problem> {
        let (text, in_memory) = Self::json(who, api, headers, body).await?;
        let retry = retry(who, session.as_str(), headers, (&text, None)).await?;
        let body: CallBody = strict::read(&text)?;
        Ok(Self { apart: body.apart, ask: body.ask(session)?, streamed: is_wanted(headers), retry, in_memory })
    }

    /// What came as JSON, and the room in memory that it takes.
    pub(super) async fn json(
        who: &Who,
        api: &Api,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, InMemory), Problem> {
        let http = &api.parts().http;
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !is_json(kind) {
            let wrong = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "send JSON");
            return Err(wrong.at("Content-Type"));
        }
        let mut in_memory = who.in_memory();
        Ok((held(body, http, http.body_bytes, &mut in_memory).await?, in_memory))
    }

    /// All that is asked of the run.
    pub(super) fn ask(&self) -> &RunAsk {
        &self.ask
    }

    /// The workspace that it is to get the files of.
    pub(super) fn workspace(&self) -> Option<&WorkspaceName> {
        self.ask.place.as_ref().and_then(|place| place.workspace.as_ref())
    }

    /// What policies may ask about: what is asked for, before anything is cut. In a sandbox, what nothing was said of is
    /// as the sandbox has it.
    pub(super) fn wants(&self, sandbox: Option<&Limits>) -> Wants {
        Wants::of(&self.ask.limits.wanted(sandbox), Some(self.ask.backend.as_str()))
    }
}

/// The same request sent to another place is another request.
async fn retry(
    who: &Who,
    place: &str,
    headers: &HeaderMap,
    (run, module): (&Bytes, Option<&Bytes>),
) -> Result<Option<RetryKey>, Problem> {
    const KEY: usize = 255;
    /// More is hashed where that may take its time.
    const AT_ONCE: usize = 256 << 10;
    let Some(value) = only(headers, "Idempotency-Key")? else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    let key = key.ok_or_else(|| {
        Problem::bad("bad_header", format!("write 1 to {KEY} visible characters of ASCII, no spaces"))
            .at("Idempotency-Key")
    })?;
    let (place, run, module) = (place.to_owned(), run.clone(), module.cloned().unwrap_or_default());
    let large = run.len() + module.len() > AT_ONCE;
    let hash = move || {
        let mut hash = blake3::Hasher::new();
        hash.update(&(place.len() as u64).to_le_bytes()).update(place.as_bytes());
        hash.update(&(run.len() as u64).to_le_bytes()).update(&run);
        hash.update(&module);
        *hash.finalize().as_bytes()
    };
    let request = if large { who.hall().apart(who.tenant(), hash).await? } else { hash() };
    Ok(Some(RetryKey { key: key.to_owned(), request }))
}

pub(super) async fn start(
    who: &Who,
    api: &Api,
    permit: &Permit,
    request: Request,
    place: Where,
) -> Result<Response, Problem> {
    let (sandbox, of) = match place {
        Where::Alone(of) => (None, of),
        Where::Sandbox(id) => (Some(id), None),
    };
    let Request { ask, apart, streamed, retry, in_memory } = request;
    let streamed = streamed && !apart;
    let seat = if streamed { Some(seat(api, who.tenant())?) } else { None };
    let request = Some(who.request().clone());
    // Without a key it ends with whoever waits, for whatever reason he goes.
    let withdrawn = (retry.is_some() && !apart).then(|| who.withdrawal());
    let heard = if streamed { Heard::FromItsStart } else { Heard::AtItsEnd };
    let counted: Option<Box<dyn Any + Send>> = Some(Box::new(in_memory));
    let rights = (!ask.tools.is_empty()).then(|| Standing::of(who, sandbox.clone()));
    let manner = Manner { retry, apart, heard, sandbox, of, request, withdrawn, rights, counted };
    let started = match who.hall().run(permit, &who.caller, ask, manner).await? {
        Asked::Before(before) => return again(who, &before, apart, seat).await,
        Asked::Now(started) => started,
    };
    if apart {
        return accepted(started.record());
    }
    if let Some(seat) = seat {
        let counted = Growing::new(Contents::Events, who.in_memory());
        let (events, guard) = started.watch(room(&counted));
        return Ok(stream(events, guard, seat, counted));
    }
    let run = started.end().await?;
    told(who, Arc::unwrap_or_clone(run), who.in_memory()).await
}

/// The first answer to a request that was made before, as it is wanted now.
async fn again(who: &Who, before: &Before, apart: bool, seat: Option<Seat>) -> Result<Response, Problem> {
    if let Some(seat) = seat {
        let counted = Growing::new(Contents::Events, who.in_memory());
        let events = who.hall().events_before(before, room(&counted)).await;
        return Ok(stream(counted.done(events)?, None, seat, counted));
    }
    let counted = Growing::new(Contents::Run, who.in_memory());
    let run = counted.done(who.hall().read_before(before, &room(&counted)).await)?;
    let told = told(who, run, counted.held()).await?;
    if !apart {
        return Ok(told);
    }
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place_of(before.run())?)], told).into_response())
}

/// The same where what it ran in or on is gone, and with it the right to run there: whoever may read the run gets it.
pub(super) async fn before(who: &Who, api: &Api, request: Request, gone: Problem) -> Result<Response, Problem> {
    let Request { apart, streamed, retry, .. } = request;
    let Some(retry) = retry else { return Err(gone) };
    let Some(before) = who.hall().before(&who.caller, retry)? else { return Err(gone) };
    let run = who.hall().known_run(who.tenant(), before.run())?.ok_or(gone)?;
    who.permit(Action::RunsRead, &object(&run)).await?;
    let seat = if streamed && !apart { Some(seat(api, who.tenant())?) } else { None };
    again(who, &before, apart, seat).await
}

/// Who is asked for room, and holds it.
fn room(counted: &Arc<Growing>) -> HasRoom {
    Arc::new(counted.ask())
}

/// A run as it is told. What one that wrote much is told with is made where that may take its time, and counted until its
/// reader has it.
async fn told(who: &Who, run: RunRecord, held: InMemory) -> Result<Response, Problem> {
    if !run.is_large() {
        return Ok(Json(Run::from(run)).into_response());
    }
    let (id, tenant) = (run.id.clone(), run.tenant.clone());
    let made = who.hall().apart(&tenant, move || whole(held, &Run::from(run))).await;
    made.map_err(Problem::from).flatten().map_err(|problem| {
        let detail = format!(
            "the run {id} is over and in the history, but there is no room in memory for its answer now; ask for it later, \
             or read it piece by piece: GET /v1/runs/{id}/events"
        );
        Problem::new(problem.status(), problem.code(), detail).after(Some(1))
    })
}

/// The answer for a run that goes on by itself.
fn accepted(run: RunRecord) -> Result<Response, Problem> {
    let place = place_of(&run.id)?;
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(Run::from(run))).into_response())
}

fn place_of(run: &RunId) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(&format!("/v1/runs/{run}")).map_err(|_| Problem::missing("run"))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    #[param(pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$")]
    owner: Option<String>,
    #[param(pattern = "^sbx_[0-9a-f]{32}$")]
    sandbox: Option<String>,
    #[param(pattern = "^sha256:[0-9a-f]{64}$")]
    component: Option<String>,
    /// `running` or `ended`.
    #[param(pattern = "^(running|ended)$")]
    state: Option<String>,
    /// `returned`, `out_of_fuel`, `failed`, …
    #[param(
        pattern = "^(exited|returned|answered|trapped|out_of_fuel|deadline_exceeded|out_of_memory|limit_exceeded|cancelled|denied|failed)$"
    )]
    outcome: Option<String>,
    /// Created at or after this time (RFC 3339).
    #[param(format = DateTime)]
    since: Option<String>,
    /// Created at or before this time.
    #[param(format = DateTime)]
    until: Option<String>,
    /// Only those with this label, as `name=value`.
    label: Option<String>,
    /// `next` of the page before.
    #[param(pattern = "^run_[0-9a-f]{32}$")]
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

impl Filter {
    fn wanted(&self) -> Result<RunFilter, Problem> {
        let time = |text: &Option<String>, field: &str| -> Result<Option<u64>, Problem> {
            let time = text.as_deref().map(|text| query::time(text, field)).transpose()?;
            Ok(time.map(|at| u64::try_from(at.as_millisecond()).unwrap_or(0)))
        };
        let state = match self.state.as_deref() {
            None => None,
            Some("running") => Some(RunState::Running),
            Some("ended") => Some(RunState::Ended),
            Some(_) => return Err(invalid("state", "write running or ended")),
        };
        let owner: Option<PrincipalId> = self.owner.as_deref().map(|text| parsed(text, "owner")).transpose()?;
        Ok(RunFilter {
            owner,
            sandbox: self.sandbox.as_deref().map(|text| parsed(text, "sandbox")).transpose()?,
            component: self.component.as_deref().map(|text| parsed(text, "component")).transpose()?,
            state,
            outcome: self.outcome.as_deref().map(outcome).transpose()?,
            since: time(&self.since, "since")?,
            until: time(&self.until, "until")?,
            label: self.label.as_deref().map(label).transpose()?,
        })
    }
}

/// A word that no run ends with would list nothing, and look like an answer.
fn outcome(word: &str) -> Result<String, Problem> {
    if RunRecord::outcomes().any(|known| known == word) {
        return Ok(word.to_owned());
    }
    let known: Vec<_> = RunRecord::outcomes().collect();
    Err(invalid("outcome", format!("write one of {}", known.join(", "))))
}

/// List the runs that you may see, newest first, without what they wrote
///
/// A page may have fewer runs than were asked for, or none, and a `next` all the same: as long as there is one, there may
/// be more.
#[utoipa::path(
    get, path = "/v1/runs", tag = "runs", params(Filter),
    responses((status = 200, body = Runs), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(filter): Query<Filter>) -> Result<Json<Runs>, Problem> {
    let before: Option<RunId> = filter.cursor.as_deref().map(|text| parsed(text, "cursor")).transpose()?;
    let limit = query::page(filter.limit, &who)?;
    let wanted = filter.wanted()?;
    let listed = apart(who, move |who| {
        let ask = |before: Option<&RunId>, most| {
            let RunPage { runs, looked_to } = who.hall().runs(who.tenant(), &wanted, before, most)?;
            Ok(Rows { rows: runs, next: looked_to })
        };
        let may = |run: &RunSummary| who.may(Action::RunsRead, &object(run));
        Ok(page(limit, before, ask, may, |run| run.id.clone())?)
    });
    let Rows { rows, next } = listed.await?;
    Ok(Json(Runs::new(rows.iter().map(Into::into).collect(), next.map(|id| id.to_string()))))
}

fn object(run: &RunSummary) -> Object<'_> {
    Object::owned(run.id.as_str(), &run.owner, &run.labels)
}

pub(super) async fn found(who: &Who, text: &str, action: Action) -> Result<(RunSummary, Permit), Problem> {
    let run: RunId = id(text, "run")?;
    let run = who.hall().known_run(who.tenant(), &run)?.ok_or_else(|| Problem::missing("run"))?;
    let permit = who.permit(action, &object(&run)).await?;
    Ok((run, permit))
}

/// Get a run
#[utoipa::path(
    get, path = "/v1/runs/{id}", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = Run), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(run): Path<String>) -> Result<Response, Problem> {
    let (run, permit) = found(&who, &run, Action::RunsRead).await?;
    let counted = Growing::new(Contents::Run, who.in_memory());
    let record = counted.done(who.hall().read_run(&permit, &run.id, &room(&counted)).await)?;
    told(&who, record, counted.held()).await
}

/// Cancel a run; one that is over stays as it is
#[utoipa::path(
    post, path = "/v1/runs/{id}/cancel", tag = "runs", params(("id" = String, Path)),
    responses((status = 202, body = wire::RunSummary), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn cancel(who: Who, Path(run): Path<String>) -> Result<(StatusCode, Json<wire::RunSummary>), Problem> {
    let (run, permit) = found(&who, &run, Action::RunsCancel).await?;
    who.fact("at_work", who.hall().cancel(&permit, &run.id)?);
    Ok((StatusCode::ACCEPTED, Json((&run).into())))
}

/// Watch a run, as it goes on or long after
///
/// Each event has a number as its id; with `Last-Event-ID` the stream begins after that one.
#[utoipa::path(
    get, path = "/v1/runs/{id}/events", tag = "runs", params(("id" = String, Path), ("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{1,19}$")),
    responses(
        (status = 200, content_type = "text/event-stream", body = StreamedEvent),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn events(
    who: Who,
    State(api): State<Api>,
    Path(run): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (run, permit) = found(&who, &run, Action::RunsRead).await?;
    let after = last_event(&headers)?.unwrap_or(0);
    let seat = seat(&api, who.tenant())?;
    let counted = Growing::new(Contents::Events, who.in_memory());
    let events = counted.done(who.hall().events(&permit, &run.id, after, room(&counted)).await)?;
    Ok(stream(events, None, seat, counted))
}

/// The event after which a stream is to begin.
pub(super) fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = only(headers, "Last-Event-ID")? else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    let wrong = || Problem::bad("bad_header", "write the id of an event: a number").at("Last-Event-ID");
    number.map(Some).ok_or_else(wrong)
}
