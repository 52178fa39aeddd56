use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::Strict;
use super::super::context::{Api, Object, Who};
use super::super::held::{Contents, Growing};
use super::super::large::{paid, whole};
use super::super::page::{Rows, apart, page};
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::types::{
    Applied, ApplyBody, Changes, ExtendBody, LabelsBody, Run, RunBody, RunForm, Sandbox, SandboxBody, Sandboxes,
    StreamedEvent, labels,
};
use super::runs::{Request, Where, before, start};
use super::{id, label as name_and_value, parsed};
use crate::audit::{DETAIL_ENTRIES, Detail, EventName};
use crate::authz::{Action, Permit, Wants};
use crate::model::SandboxId;
use crate::sandbox::{SandboxFilter, SandboxRecord, SandboxState};
use crate::workspace::{Change, DIFF_BYTES, Node};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, label, destroy))
        .routes(routes!(extend))
        .routes(routes!(stop))
        .routes(routes!(run))
        .routes(routes!(diff))
        .routes(routes!(apply))
        .routes(routes!(discard))
}

/// Create a sandbox
///
/// Its files begin as those of a workspace, or as none, and live across runs until its time is over.
#[utoipa::path(
    post, path = "/v1/sandboxes", tag = "sandboxes", request_body = SandboxBody,
    responses((status = 201, body = Sandbox), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn create(who: Who, Strict(body): Strict<SandboxBody>) -> Result<(StatusCode, Json<Sandbox>), Problem> {
    let wants = Wants::of(&body.limits.ask().wanted(None), None);
    let permit = who.permit_new(Action::SandboxesCreate, Some(&wants)).await?;
    let ask = body.ask()?;
    let of = super::workspaces::named(&who, ask.place.workspace.as_ref()).await?;
    let record = who.hall().create_sandbox(&permit, ask, of.as_ref()).await?;
    told(&who, &record);
    Ok((StatusCode::CREATED, Json(Sandbox::from(&record))))
}

/// What an auditor must know of a new one. Of the environment that is the names.
fn told(who: &Who, record: &SandboxRecord) {
    let spec = &record.spec;
    who.made("sandbox", &record.id);
    who.fact("limits", Detail::of(&spec.limits));
    let env: Vec<_> = spec.env.iter().map(|(name, _)| name).collect();
    who.fact("grants", Detail::of(&json!({"clocks": spec.clocks, "randomness": spec.randomness, "env": env})));
    who.fact("at", spec.at.as_str());
    who.fact("rules", Detail::of(&spec.rules));
    who.fact("labels", Detail::of(&record.labels));
    who.fact("expires", record.expires);
    if let Some(workspace) = &record.workspace {
        who.fact("workspace", workspace.as_str());
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    owner: Option<String>,
    /// `ready` or `stopped`.
    #[param(pattern = "^(ready|stopped)$")]
    state: Option<String>,
    /// Only those with this label, as `name=value`.
    #[param(pattern = "^[^=]+=")]
    label: Option<String>,
    /// `next` of the page before.
    #[param(pattern = "^sbx_[0-9a-f]{32}$")]
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

impl Filter {
    fn wanted(&self) -> Result<SandboxFilter, Problem> {
        let state = match self.state.as_deref() {
            None => None,
            Some("ready") => Some(SandboxState::Ready),
            Some("stopped") => Some(SandboxState::Stopped),
            Some(_) => return Err(super::super::failures::invalid("state", "write ready or stopped")),
        };
        let owner = self.owner.as_deref().map(|text| parsed(text, "owner")).transpose()?;
        Ok(SandboxFilter { owner, state, label: self.label.as_deref().map(name_and_value).transpose()? })
    }
}

/// List the sandboxes that you may see
///
/// A page may have fewer than were asked for, or none, and a `next` all the same: as long as there is one, there may be
/// more.
#[utoipa::path(
    get, path = "/v1/sandboxes", tag = "sandboxes", params(Filter),
    responses((status = 200, body = Sandboxes), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(filter): Query<Filter>) -> Result<Response, Problem> {
    let after: Option<SandboxId> = filter.cursor.as_deref().map(|text| parsed(text, "cursor")).transpose()?;
    let limit = query::page(filter.limit, &who)?;
    let wanted = filter.wanted()?;
    apart(who, move |who| {
        let ask = |after: Option<&SandboxId>, most: u32| {
            let rows = who.hall().sandboxes(who.tenant(), &wanted, after, most)?;
            let next = rows.last().filter(|_| rows.len() >= most as usize).map(|last| last.id.clone());
            Ok(Rows { rows, next })
        };
        let may = |record: &SandboxRecord| who.may(Action::SandboxesRead, &object(record));
        let Rows { rows, next } = page(limit, after, ask, may, |record| record.id.clone())?;
        let shown = rows.iter().map(Sandbox::from).collect();
        whole(who.in_memory(), &Sandboxes::new(shown, next.map(|id| id.to_string())))
    })
    .await
}

pub(super) fn object(record: &SandboxRecord) -> Object<'_> {
    Object::owned(record.id.as_str(), &record.owner, &record.labels)
}

/// The sandbox of a path, and the right to do something with it.
pub(super) async fn found(who: &Who, text: &str, action: Action) -> Result<(SandboxRecord, Permit), Problem> {
    let sandbox: SandboxId = id(text, "sandbox")?;
    let record = who.hall().known_sandbox(who.tenant(), &sandbox)?.ok_or_else(|| Problem::missing("sandbox"))?;
    let permit = who.permit(action, &object(&record)).await?;
    Ok((record, permit))
}

/// The same when a body has come, which may have taken its time: the sandbox may be another now.
pub(super) async fn still(who: &Who, sandbox: &SandboxId, action: Action) -> Result<Permit, Problem> {
    let record = who.hall().known_sandbox(who.tenant(), sandbox)?.ok_or_else(|| Problem::missing("sandbox"))?;
    who.still(action, &object(&record)).await
}

/// Get a sandbox
#[utoipa::path(
    get, path = "/v1/sandboxes/{id}", tag = "sandboxes", params(("id" = String, Path)),
    responses((status = 200, body = Sandbox), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(sandbox): Path<String>) -> Result<Json<Sandbox>, Problem> {
    Ok(Json(Sandbox::from(&found(&who, &sandbox, Action::SandboxesRead).await?.0)))
}

/// Label a sandbox anew
#[utoipa::path(
    patch, path = "/v1/sandboxes/{id}", tag = "sandboxes", params(("id" = String, Path)), request_body = LabelsBody,
    responses((status = 200, body = Sandbox), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn label(
    who: Who,
    Path(sandbox): Path<String>,
    Strict(body): Strict<LabelsBody>,
) -> Result<Json<Sandbox>, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesUpdate).await?;
    let record = who.hall().label(&permit, &record.id, labels(body.labels)?).await?;
    who.fact("labels", Detail::of(&record.labels));
    Ok(Json(Sandbox::from(&record)))
}

/// Destroy a sandbox with its files
#[utoipa::path(
    delete, path = "/v1/sandboxes/{id}", tag = "sandboxes", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn destroy(who: Who, Path(sandbox): Path<String>) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesDelete).await?;
    who.hall().destroy(&permit, &record.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a sandbox more time, from now on
///
/// It is there for at least so long. Where it has more time already it keeps that: to end a sandbox sooner, delete it.
#[utoipa::path(
    post, path = "/v1/sandboxes/{id}/extend", tag = "sandboxes", params(("id" = String, Path)), request_body = ExtendBody,
    responses((status = 200, body = Sandbox), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn extend(
    who: Who,
    Path(sandbox): Path<String>,
    Strict(body): Strict<ExtendBody>,
) -> Result<Json<Sandbox>, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesUpdate).await?;
    if body.ttl_seconds.0 == 0 {
        return Err(super::super::failures::invalid("ttl_seconds", "write at least 1; to end a sandbox, delete it"));
    }
    let record = who.hall().extend(&permit, &record.id, body.ttl_seconds.0).await?;
    who.fact("expires", record.expires);
    Ok(Json(Sandbox::from(&record)))
}

/// Stop a sandbox: what runs in it ends, its files stay
#[utoipa::path(
    post, path = "/v1/sandboxes/{id}/stop", tag = "sandboxes", params(("id" = String, Path)),
    responses((status = 200, body = Sandbox), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn stop(who: Who, Path(sandbox): Path<String>) -> Result<Json<Sandbox>, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesUpdate).await?;
    who.fact("stopped", true);
    Ok(Json(Sandbox::from(&who.hall().stop(&permit, &record.id).await?)))
}

/// Run something in a sandbox; as `POST /v1/runs`, with the files of the sandbox
#[utoipa::path(
    post, path = "/v1/sandboxes/{id}/runs", tag = "sandboxes",
    request_body(content((RunBody = "application/json"), (RunForm = "multipart/form-data"))),
    params(("id" = String, Path), ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$")),
    responses(
        (status = 200, content((Run = "application/json"), (StreamedEvent = "text/event-stream"))), (status = 202, body = Run, description = "It is at work"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn run(
    who: Who,
    State(api): State<Api>,
    Path(sandbox): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let sandbox: SandboxId = id(&sandbox, "sandbox")?;
    let missing = || Problem::missing("sandbox");
    // What is not there takes no body, but for a retry, which gets what became of it there.
    if !headers.contains_key("idempotency-key") {
        who.hall().known_sandbox(who.tenant(), &sandbox)?.ok_or_else(missing)?;
    }
    let request = Request::read(&who, &api, sandbox.as_str(), &headers, body).await?;
    // As it is now: the body may have taken its time.
    let Some(record) = who.hall().known_sandbox(who.tenant(), &sandbox)? else {
        return before(&who, &api, request, missing()).await;
    };
    let wants = request.wants(Some(&record.spec.limits));
    let permit = who.permit_wanting(Action::SandboxesRun, &object(&record), &wants).await?;
    start(&who, &api, &permit, request, Where::Sandbox(record.id)).await
}

/// What differs from the workspace, with unified diffs
///
/// There is room for so many of them; where there are more, `truncated` is said of the answer and of each change whose
/// diff is left out.
#[utoipa::path(
    get, path = "/v1/sandboxes/{id}/diff", tag = "sandboxes", params(("id" = String, Path)),
    responses((status = 200, body = Changes), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn diff(who: Who, Path(sandbox): Path<String>) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesReadFiles).await?;
    who.fact("what", "diff");
    let mut making = who.in_memory();
    // No more than half of what there is: the other half is for the answer.
    making.grow(who.most_in_memory(DIFF_BYTES * 2) / 2)?;
    let making = Growing::new(Contents::Files, making);
    let changes = making.done(who.hall().diff(&permit, &record.id, true, making.ask()).await)?;
    apart(who, move |who| {
        let _making = making;
        whole(who.in_memory(), &Changes::from(changes))
    })
    .await
}

/// Make changes count in the workspace: all, or those at or below the given paths
#[utoipa::path(
    post, path = "/v1/sandboxes/{id}/apply", tag = "sandboxes", params(("id" = String, Path)), request_body = ApplyBody,
    responses((status = 200, body = Applied), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn apply(who: Who, Path(sandbox): Path<String>, Strict(body): Strict<ApplyBody>) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesApply).await?;
    let of = match &record.workspace {
        Some(name) => Some(super::workspaces::found(&who, name.as_str(), Action::WorkspacesApply).await?.1),
        None => None,
    };
    let making = Growing::new(Contents::Files, who.in_memory());
    let applied = making.done(who.hall().apply(&permit, of.as_ref(), &record.id, body.paths, making.ask()).await)?;
    who.fact("workspace", applied.workspace.name.as_str());
    who.fact("tree", applied.workspace.tree.to_string());
    who.fact("count", u64::try_from(applied.changes.0.len()).unwrap_or(u64::MAX));
    let was = |change: &Change| change.before.as_ref().and_then(Node::digest);
    let change = |change: &Change| json!({"path": change.path, "change": change.change, "before": was(change), "after": change.after});
    let most = applied.changes.0.iter().take(DETAIL_ENTRIES + 1);
    who.fact("changes", Detail::of(&most.map(change).collect::<Vec<_>>()));
    apart(who, move |_| paid(making.held(), &Applied::from(applied))).await
}

/// Throw away what was done: its files are again what they were
#[utoipa::path(
    post, path = "/v1/sandboxes/{id}/discard", tag = "sandboxes", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn discard(who: Who, Path(sandbox): Path<String>) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesWriteFiles).await?;
    who.did(EventName::ChangesDiscarded);
    who.hall().discard(&permit, &record.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
