use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::Strict;
use super::super::context::{Api, Who};
use super::super::page::{Rows, apart, page};
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::types::{CallBody, ForkBody, Run, Session, SessionBody, Sessions, StreamedEvent};
use super::runs::{Request, Where, before, start};
use super::sandboxes::object;
use super::{id, parsed};
use crate::audit::{Detail, EventName};
use crate::authz::{Action, Permit};
use crate::model::{SandboxId, SessionId};
use crate::sandbox::{Forked, SandboxRecord, SessionRecord};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, delete))
        .routes(routes!(execute))
        .routes(routes!(interrupt))
        .routes(routes!(restart))
        .routes(routes!(fork))
}

/// The right to do something to the session of a path, which is on record before it is done and goes on to its end.
async fn may(who: &Who, text: &str, act: EventName) -> Result<(SessionId, Permit), Problem> {
    let session: SessionId = id(text, "session")?;
    let record = who.hall().known_session(who.tenant(), &session)?;
    let sandbox = there(who, &record.sandbox)?;
    who.did(act);
    who.made("session", &session);
    who.fact("sandbox", sandbox.id.as_str());
    Ok((session, who.permit(Action::SandboxesRun, &object(&sandbox)).await?))
}

/// The sandbox of a session, without which there is no session.
fn there(who: &Who, sandbox: &SandboxId) -> Result<SandboxRecord, Problem> {
    who.hall().known_sandbox(who.tenant(), sandbox)?.ok_or_else(|| Problem::missing("session"))
}

/// Create a session in a sandbox: an interpreter that keeps what is done in it
///
/// Variables, imports and functions live from call to call, as in a notebook. Its files, environment, clocks and randomness
/// are those of the sandbox; it starts with its first call. It is in the memory of the service: a restart of that ends it,
/// and so does nobody calling it for `runs.session_idle_seconds`.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "sessions", request_body = SessionBody,
    responses((status = 201, body = Session), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn create(
    who: Who,
    State(api): State<Api>,
    Strict(body): Strict<SessionBody>,
) -> Result<(StatusCode, Json<Session>), Problem> {
    let sandbox: SandboxId = parsed(&body.sandbox, "sandbox")?;
    let sandbox = who.hall().known_sandbox(who.tenant(), &sandbox)?.ok_or_else(|| Problem::missing("sandbox"))?;
    who.did(EventName::SessionCreated);
    let permit = who.permit(Action::SandboxesRun, &object(&sandbox)).await?;
    let made = who.whole(|who| async move {
        let shelf = Arc::clone(&api.parts().runtimes);
        // The card of the runtime is on the disk.
        let read = Arc::clone(&shelf);
        let (runtime, labels) = who.hall().apart(who.tenant(), move || body.ask(&read)).await??;
        let made = who.hall().create_session(&permit, &sandbox.id, (shelf, runtime), labels).await?;
        who.made("session", &made.id);
        who.fact("sandbox", sandbox.id.as_str());
        who.fact("runtime", made.runtime.digest.to_string());
        Ok(made)
    });
    Ok((StatusCode::CREATED, Json(made.await?.into())))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Only those of this sandbox.
    #[param(pattern = "^sbx_[0-9a-f]{32}$")]
    sandbox: Option<String>,
    /// `next` of the page before.
    #[param(pattern = "^ses_[0-9a-f]{32}$")]
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List the sessions of the sandboxes that you may see
#[utoipa::path(
    get, path = "/v1/sessions", tag = "sessions", params(Filter),
    responses((status = 200, body = Sessions), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(filter): Query<Filter>) -> Result<Json<Sessions>, Problem> {
    let sandbox: Option<SandboxId> = filter.sandbox.as_deref().map(|text| parsed(text, "sandbox")).transpose()?;
    let after: Option<SessionId> = filter.cursor.as_deref().map(|text| parsed(text, "cursor")).transpose()?;
    let limit = query::page(filter.limit, &who)?;
    let listed = apart(who, move |who| {
        let ask = |after: Option<&SessionId>, most: u32| {
            let rows = who.hall().sessions(who.tenant(), sandbox.as_ref(), after, most);
            let next = rows.last().filter(|_| rows.len() >= most as usize).map(|last| last.id.clone());
            Ok(Rows { rows, next })
        };
        let may = |record: &SessionRecord| match there(who, &record.sandbox) {
            Ok(sandbox) => who.may(Action::SandboxesRead, &object(&sandbox)),
            Err(_) => false,
        };
        Ok(page(limit, after, ask, may, |record| record.id.clone())?)
    });
    let Rows { rows, next } = listed.await?;
    Ok(Json(Sessions::new(rows, next.map(|id| id.to_string()))))
}

/// Get a session
#[utoipa::path(
    get, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = Session), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(session): Path<String>) -> Result<Json<Session>, Problem> {
    let session: SessionId = id(&session, "session")?;
    let record = who.hall().known_session(who.tenant(), &session)?;
    who.permit(Action::SandboxesRead, &object(&there(&who, &record.sandbox)?)).await?;
    Ok(Json(record.into()))
}

/// Run code in a session
///
/// The answer is a run, as with `POST /v1/execute`: streams of events, `"async": true`, an `Idempotency-Key`. One call at a
/// time: another meanwhile is 409 `session_busy`. An outcome other than `answered` ends the interpreter, and later calls are
/// told so (409 `session_ended`) until it is restarted.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/execute", tag = "sessions", request_body = CallBody,
    params(
        ("id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$", description = "Up to 255 characters")
    ),
    responses(
        (status = 200, content((Run = "application/json"), (StreamedEvent = "text/event-stream"))), (status = 202, body = Run, description = "It is at work"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn execute(
    who: Who,
    State(api): State<Api>,
    Path(session): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let session: SessionId = id(&session, "session")?;
    // What is not there takes no body, but for a retry, which gets what became of it there.
    if !headers.contains_key("idempotency-key") {
        who.hall().known_session(who.tenant(), &session)?;
    }
    let request = Request::call(&who, &api, session.clone(), &headers, body).await?;
    // As it is now: the body may have taken its time.
    let known = who.hall().known_session(who.tenant(), &session).map_err(Problem::from);
    let record = match known.and_then(|known| there(&who, &known.sandbox)) {
        Ok(record) => record,
        Err(gone) => return before(&who, &api, request, gone).await,
    };
    let wants = request.wants(Some(&record.spec.limits));
    let permit = who.permit_wanting(Action::SandboxesRun, &object(&record), &wants).await?;
    start(&who, &api, &permit, request, Where::Sandbox(record.id)).await
}

/// Interrupt what runs in a session, as the keyboard does
///
/// The code gets an error that it does not catch (`KeyboardInterrupt` in Python), and the interpreter stays. JavaScript hears
/// it in each loop, Python in sleeps and when it calls a tool; code that does not hear it within two seconds is ended with its
/// interpreter. Where nothing runs, nothing happens.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/interrupt", tag = "sessions", params(("id" = String, Path)),
    responses((status = 202, body = Session), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn interrupt(who: Who, Path(session): Path<String>) -> Result<(StatusCode, Json<Session>), Problem> {
    let (session, permit) = may(&who, &session, EventName::SessionInterrupted).await?;
    let interrupted = who.whole(|who| async move {
        who.fact("at_work", who.hall().interrupt(&permit, &session)?);
        Ok(who.hall().known_session(who.tenant(), &session)?)
    });
    Ok((StatusCode::ACCEPTED, Json(interrupted.await?.into())))
}

/// Give a session a fresh interpreter; what runs in it ends
#[utoipa::path(
    post, path = "/v1/sessions/{id}/restart", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = Session), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn restart(who: Who, Path(session): Path<String>) -> Result<Json<Session>, Problem> {
    let (session, permit) = may(&who, &session, EventName::SessionRestarted).await?;
    let restarted = who.whole(|who| async move { Ok(who.hall().restart(&permit, &session).await?) });
    Ok(Json(restarted.await?.into()))
}

/// Copy what was done in a session into new ones, which go separate ways from there
///
/// They have the variables, imports and functions of the session as it is now, and randomness of their own; the files of the
/// sandbox they all share. The session itself goes on as it is. Files that the session has open cannot be copied: 409 `not_at_rest` names one. All are made or none.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/fork", tag = "sessions", params(("id" = String, Path)), request_body = ForkBody,
    responses((status = 201, body = Sessions), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn fork(
    who: Who,
    Path(session): Path<String>,
    Strict(body): Strict<ForkBody>,
) -> Result<(StatusCode, Json<Sessions>), Problem> {
    let (session, permit) = may(&who, &session, EventName::SessionForked).await?;
    let count = u32::try_from(body.count.0).unwrap_or(u32::MAX);
    let made = who.whole(|who| async move {
        let Forked { made, fuel } = who.hall().fork(&permit, &session, count).await?;
        who.fact("fuel", fuel);
        let made = made?;
        who.fact("into", Detail::of(&made.iter().map(|made| made.id.as_str()).collect::<Vec<_>>()));
        Ok(made)
    });
    Ok((StatusCode::CREATED, Json(Sessions::new(made.await?, None))))
}

/// End a session; what runs in it ends, its files stay
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn delete(who: Who, Path(session): Path<String>) -> Result<StatusCode, Problem> {
    let (session, permit) = may(&who, &session, EventName::SessionEnded).await?;
    who.whole(|who| async move { Ok(who.hall().end_session(&permit, &session).await?) }).await?;
    Ok(StatusCode::NO_CONTENT)
}
