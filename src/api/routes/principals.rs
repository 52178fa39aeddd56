use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::Strict;
use super::super::context::{Api, Object, Who};
use super::super::large::whole;
use super::super::listed::Page;
use super::super::page::apart;
use super::super::problem::Problem;
use super::super::query::{Path, Query};
use super::super::types::{Principal, PrincipalBody, Principals, labels};
use super::{id, parsed};
use crate::audit::Detail;
use crate::authz::{Action, Permit};
use crate::model::{PrincipalId, RoleName};
use crate::registry::{Part, PrincipalAsk, RegistryError};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, put, delete))
}

fn asked(body: PrincipalBody) -> Result<PrincipalAsk, Problem> {
    let role = |(at, name): (usize, &String)| -> Result<RoleName, Problem> { parsed(name, &format!("roles[{at}]")) };
    let roles = body.roles.iter().enumerate().map(role).collect::<Result<_, _>>()?;
    Ok(PrincipalAsk { kind: body.kind, roles, labels: labels(body.labels)?, suspended: body.suspended })
}

fn told(who: &Who, body: &PrincipalBody) {
    who.fact("kind", Detail::of(&body.kind));
    who.fact("roles", Detail::of(&body.roles));
    who.fact("suspended", body.suspended);
}

/// List the principals that you may see
#[utoipa::path(
    get, path = "/v1/principals", tag = "principals", params(Page),
    responses((status = 200, body = Principals), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(page): Query<Page>) -> Result<Response, Problem> {
    apart(who, move |who| {
        let shown = |principal: &crate::model::Principal| {
            who.may(Action::PrincipalsRead, &Object::owned(principal.id.as_str(), &principal.id, &principal.labels))
        };
        let read = |part: Part<'_>| who.registry().principals(who.tenant(), part);
        let (all, next) = page.cut(who.http().page, read, |principal| principal.id.as_str(), shown)?;
        whole(who.in_memory(), &Principals { principals: all.iter().map(Principal::from).collect(), next })
    })
    .await
}

async fn found(who: &Who, text: &str, action: Action) -> Result<(crate::model::Principal, Permit), Problem> {
    let name: PrincipalId = id(text, "principal")?;
    let record = match who.registry().principal(who.tenant(), &name) {
        Err(RegistryError::Missing { .. }) => return Err(Problem::missing("principal")),
        other => other?,
    };
    let permit = who.permit(action, &Object::owned(record.id.as_str(), &record.id, &record.labels)).await?;
    Ok((record, permit))
}

/// Get a principal
#[utoipa::path(
    get, path = "/v1/principals/{id}", tag = "principals", params(("id" = String, Path)),
    responses((status = 200, body = Principal), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(name): Path<String>) -> Result<Json<Principal>, Problem> {
    Ok(Json(Principal::from(&found(&who, &name, Action::PrincipalsRead).await?.0)))
}

/// Make a principal known, or change one
#[utoipa::path(
    put, path = "/v1/principals/{id}", tag = "principals", params(("id" = String, Path)), request_body = PrincipalBody,
    responses(
        (status = 200, body = Principal), (status = 201, body = Principal, description = "It is new"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn put(
    who: Who,
    Path(name): Path<String>,
    Strict(body): Strict<PrincipalBody>,
) -> Result<(StatusCode, Json<Principal>), Problem> {
    let registry = who.registry();
    match found(&who, &name, Action::PrincipalsUpdate).await {
        Ok((record, permit)) => {
            told(&who, &body);
            let changed = registry.update_principal(&permit, &who.caller, &record.id, asked(body)?, who.now()).await?;
            Ok((StatusCode::OK, Json(Principal::from(&changed))))
        }
        Err(problem) if problem.status() == StatusCode::NOT_FOUND => {
            let permit = who.permit_new(Action::PrincipalsCreate, None).await?;
            let name: PrincipalId = parsed(&name, "id")?;
            who.made("principal", &name);
            told(&who, &body);
            let made = registry.create_principal(&permit, &who.caller, name, asked(body)?, who.now()).await?;
            Ok((StatusCode::CREATED, Json(Principal::from(&made))))
        }
        Err(problem) => Err(problem),
    }
}

/// Forget a principal, with all of its keys
#[utoipa::path(
    delete, path = "/v1/principals/{id}", tag = "principals", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn delete(who: Who, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &name, Action::PrincipalsDelete).await?;
    who.registry().delete_principal(&permit, &who.caller, &record.id, who.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}
