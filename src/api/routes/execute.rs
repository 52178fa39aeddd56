use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::context::{Api, Who};
use super::super::problem::Problem;
use super::super::types::{ExecuteBody, Run, Runtimes, StreamedEvent};
use super::runs::{Request, Where, before, start};
use crate::authz::Action;
use crate::sandbox::SandboxError;

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(execute)).routes(routes!(runtimes))
}

/// Run a snippet of Python, JavaScript or another language
///
/// In an interpreter of its own, fresh for this call. The answer is a run whose outcome, where the snippet came to its end,
/// is `answered`: `code` is what it would exit with, and `answer` has the value of its last expression, what it showed, and
/// its error with a traceback. With `tools` the code calls functions of components, and of whoever asks: these are told as
/// events `tool_call` and answered by `POST /v1/runs/{id}/calls/{call}`. All else is as with `POST /v1/runs`: streams of events, `"async": true`, an
/// `Idempotency-Key`.
#[utoipa::path(
    post, path = "/v1/execute", tag = "runs", request_body = ExecuteBody,
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$", description = "Up to 255 characters")),
    responses(
        (status = 200, content((Run = "application/json"), (StreamedEvent = "text/event-stream"))), (status = 202, body = Run, description = "It is at work"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn execute(who: Who, State(api): State<Api>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let request = Request::snippet(&who, &api, &headers, body).await?;
    let permit = who.permit_new(Action::RunsCreate, Some(&request.wants(None))).await?;
    let of = match super::workspaces::named(&who, request.workspace()).await {
        Err(gone) if gone.status() == StatusCode::NOT_FOUND => return before(&who, &api, request, gone).await,
        named => named?,
    };
    super::calls::seen(&who, request.ask()).await?;
    start(&who, &api, &permit, request, Where::Alone(of)).await
}

/// The language runtimes of this host
#[utoipa::path(
    get, path = "/v1/runtimes", tag = "runs",
    responses((status = 200, body = Runtimes), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn runtimes(who: Who, State(api): State<Api>) -> Result<Json<Runtimes>, Problem> {
    who.permit_new(Action::RunsCreate, None).await?;
    let shelf = Arc::clone(&api.parts().runtimes);
    let listed = who.hall().apart(who.tenant(), move || shelf.list()).await?;
    Ok(Json(listed.map_err(SandboxError::from)?.into()))
}
