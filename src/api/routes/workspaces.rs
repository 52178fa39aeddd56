use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::context::{Api, Object, Who};
use super::super::held::{Contents, Growing};
use super::super::large::whole;
use super::super::page::{Rows, apart, page};
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::types::{MadeWorkspace, Raw, Workspace, WorkspaceTree, Workspaces};
use super::super::upload;
use super::files::{is_zip, sent_archive};
use super::id;
use crate::authz::{Action, Permit};
use crate::model::{Labels, PrincipalId};
use crate::sandbox::SandboxError;
use crate::workspace::{Intake, WorkspaceError, WorkspaceName, WorkspaceRecord};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, create, delete)).routes(routes!(export))
}

/// The workspace of a path, and the right to do something with it.
pub(super) async fn found(who: &Who, text: &str, action: Action) -> Result<(WorkspaceRecord, Permit), Problem> {
    let name: WorkspaceName = id(text, "workspace")?;
    let found = who.hall().known_workspace(who.tenant(), name).await;
    let record = match found {
        Err(SandboxError::Workspace(WorkspaceError::NoWorkspace(_))) => return Err(Problem::missing("workspace")),
        other => other?,
    };
    let owner: Option<PrincipalId> = record.owner.parse().ok();
    let labels = Labels::new();
    let permit =
        who.permit(action, &Object { id: record.name.as_str(), owner: owner.as_ref(), labels: &labels }).await?;
    Ok((record, permit))
}

/// One that a body names to be worked on: whoever does so reads it.
pub(super) async fn named(who: &Who, name: Option<&WorkspaceName>) -> Result<Option<Permit>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let found = found(who, name.as_str(), Action::WorkspacesReadFiles).await;
    found.map(|(_, permit)| Some(permit)).map_err(|problem| problem.at("workspace"))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// `next` of the page before.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List the workspaces that you may see, by name
///
/// A page may have fewer than were asked for, or none, and a `next` all the same: as long as there is one, there may be
/// more.
#[utoipa::path(
    get, path = "/v1/workspaces", tag = "workspaces", params(Part),
    responses((status = 200, body = Workspaces), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(part): Query<Part>) -> Result<Json<Workspaces>, Problem> {
    let after: Option<WorkspaceName> = part.cursor.as_deref().map(|text| super::parsed(text, "cursor")).transpose()?;
    let limit = query::page(part.limit, &who)?;
    let listed = apart(who, move |who| {
        let ask = |after: Option<&WorkspaceName>, most: u32| {
            let rows = who.hall().workspaces(who.tenant(), after, most)?;
            let next = rows.last().filter(|_| rows.len() >= most as usize).map(|last| last.name.clone());
            Ok(Rows { rows, next })
        };
        let labels = Labels::new();
        let may = |record: &WorkspaceRecord| {
            let owner: Option<PrincipalId> = record.owner.parse().ok();
            who.may(
                Action::WorkspacesRead,
                &Object { id: record.name.as_str(), owner: owner.as_ref(), labels: &labels },
            )
        };
        Ok(page(limit, after, ask, may, |record| record.name.clone())?)
    });
    let Rows { rows, next } = listed.await?;
    Ok(Json(Workspaces {
        workspaces: rows.iter().map(Workspace::from).collect(),
        next: next.map(|name| name.to_string()),
    }))
}

/// Get a workspace and what it holds, by path
///
/// Each page tells the tree that it is of: where another page tells another, the workspace was changed in between.
#[utoipa::path(
    get, path = "/v1/workspaces/{name}", tag = "workspaces", params(("name" = String, Path), Part),
    responses((status = 200, body = WorkspaceTree), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(name): Path<String>, Query(part): Query<Part>) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &name, Action::WorkspacesRead).await?;
    let most = query::page(part.limit, &who)?;
    let making = Growing::new(Contents::Files, who.in_memory());
    let (record, tree) = making.done(who.hall().read_workspace(&permit, record.name, making.ask()).await)?;
    apart(who, move |who| {
        let _making = making;
        whole(who.in_memory(), &WorkspaceTree::new(&record, &tree, part.cursor.as_deref(), most as usize))
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct How {
    /// Takes files whose names say that they hold secrets.
    #[serde(default)]
    with_secrets: bool,
    /// Takes files whose content looks like a credential.
    #[serde(default)]
    allow_credentials: bool,
}

/// Make a workspace from a tar or a zip, or an empty one from an empty body
///
/// What `.gitignore`, `.sandboxignore` or a secret's name leaves out is in the answer.
#[utoipa::path(
    put, path = "/v1/workspaces/{name}", tag = "workspaces", params(("name" = String, Path), How),
    request_body(content = Raw, content_type = "application/x-tar"),
    responses((status = 201, body = MadeWorkspace), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn create(
    who: Who,
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(how): Query<How>,
    body: Body,
) -> Result<(StatusCode, Json<MadeWorkspace>), Problem> {
    let permit = who.permit_new(Action::WorkspacesCreate, None).await?;
    let name: WorkspaceName = super::parsed(&name, "name")?;
    let incoming = who.hall().incoming(&permit, None).await?;
    let from = upload::to_disk(body, &api.parts().http, incoming).await?;
    let intake = Intake { with_secrets: how.with_secrets, allow_credentials: how.allow_credentials };
    let (record, left, found) = who.hall().create_workspace(&permit, name, from, intake).await?;
    who.made("workspace", &record.name);
    who.fact("tree", record.tree.to_string());
    who.fact("files", record.files);
    who.fact("bytes", record.bytes);
    Ok((StatusCode::CREATED, Json(MadeWorkspace::new(&record, left, found))))
}

/// Delete a workspace; what works on it must be gone
#[utoipa::path(
    delete, path = "/v1/workspaces/{name}", tag = "workspaces", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn delete(who: Who, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &name, Action::WorkspacesDelete).await?;
    who.hall().delete_workspace(&permit, record.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Archive {
    /// `tar`, where nothing is said, or `zip`.
    #[param(pattern = "^(tar|zip)$")]
    format: Option<String>,
}

/// Download a workspace as an archive
#[utoipa::path(
    get, path = "/v1/workspaces/{name}/archive", tag = "workspaces", params(("name" = String, Path), Archive),
    responses(
        (status = 200, content((Raw = "application/x-tar"), (Raw = "application/zip"))),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn export(who: Who, Path(name): Path<String>, Query(archive): Query<Archive>) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &name, Action::WorkspacesReadFiles).await?;
    who.fact("what", "archive");
    let zip = is_zip(archive.format.as_deref())?;
    Ok(sent_archive(who.hall().export_workspace(&permit, record.name, zip).await?, zip))
}
