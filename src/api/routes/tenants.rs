use axum::Json;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::Strict;
use super::super::context::{Api, Who};
use super::super::listed::Page;
use super::super::page::apart;
use super::super::problem::Problem;
use super::super::query::{Path, Query};
use super::super::types::{MadeKey, Tenant, TenantBody, TenantPatch, Tenants};
use super::{id, parsed};
use crate::audit::Detail;
use crate::authz::{Action, HOUSE};
use crate::model::{Ceilings, PrincipalId, TenantId};
use crate::registry::{CeilingChange, Part, RegistryError, TenantRecord};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(get, update))
}

/// Create a tenant, with somebody who can begin to work in it
#[utoipa::path(
    post, path = "/v1/tenants", tag = "tenants", request_body = TenantBody,
    responses((status = 201, body = MadeKey), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn create(who: Who, Strict(body): Strict<TenantBody>) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let tenant: TenantId = parsed(&body.id, "id")?;
    let admin: PrincipalId = parsed(&body.admin, "admin")?;
    let permit = who.permit_tenant(Action::TenantsCreate, &tenant).await?;
    let ceilings = body.ceilings.map_or_else(Ceilings::ordinary, Ceilings::from);
    who.made("tenant", &tenant);
    who.fact("ceilings", Detail::of(&ceilings));
    who.fact("admin", admin.as_str());
    let made = who.registry().found_tenant(&permit, &who.caller, tenant, ceilings, admin, who.now()).await?;
    who.fact("key", made.record.id.as_str());
    Ok((StatusCode::CREATED, Json(MadeKey::from(&made))))
}

/// List the tenants that you may see
#[utoipa::path(
    get, path = "/v1/tenants", tag = "tenants", params(Page),
    responses((status = 200, body = Tenants), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(page): Query<Page>) -> Result<Json<Tenants>, Problem> {
    let listed = apart(who, move |who| {
        let shown = |tenant: &TenantRecord| who.may_tenant(Action::TenantsRead, &tenant.id);
        let read = |part: Part<'_>| who.registry().tenants(part);
        let (all, next) = match who.tenant().as_str() {
            HOUSE => page.cut(who.http().page, read, |tenant| tenant.id.as_str(), shown)?,
            // Others see their own at most; they do not look through all for it.
            _ => (vec![who.registry().tenant(who.tenant())?].into_iter().filter(shown).collect(), None),
        };
        Ok(Tenants { tenants: all.iter().map(Tenant::from).collect(), next })
    });
    listed.await.map(Json)
}

/// Get a tenant and its ceilings
#[utoipa::path(
    get, path = "/v1/tenants/{id}", tag = "tenants", params(("id" = String, Path)),
    responses((status = 200, body = Tenant), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(tenant): Path<String>) -> Result<Json<Tenant>, Problem> {
    let tenant: TenantId = id(&tenant, "tenant")?;
    who.permit_tenant(Action::TenantsRead, &tenant).await?;
    found(&who, &tenant).map(|record| Json(Tenant::from(&record)))
}

fn found(who: &Who, tenant: &TenantId) -> Result<TenantRecord, Problem> {
    match who.registry().tenant(tenant) {
        Err(RegistryError::Missing { .. }) => Err(Problem::missing("tenant")),
        other => Ok(other?),
    }
}

/// Change what a tenant may have, or close it
///
/// Of its ceilings those change that are named; `null` takes one away, and what holds then is what the owner of the machine
/// may have.
#[utoipa::path(
    patch, path = "/v1/tenants/{id}", tag = "tenants", params(("id" = String, Path)), request_body = TenantPatch,
    responses((status = 200, body = Tenant), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn update(
    who: Who,
    Path(tenant): Path<String>,
    Strict(body): Strict<TenantPatch>,
) -> Result<Json<Tenant>, Problem> {
    let tenant: TenantId = id(&tenant, "tenant")?;
    let permit = who.permit_tenant(Action::TenantsUpdate, &tenant).await?;
    found(&who, &tenant)?;
    let ceilings = body.ceilings.map(|patch| Box::new(|now| patch.onto(now)) as CeilingChange);
    let registry = who.registry();
    // As it is asked for, and then as it is.
    if let Some(open) = body.open {
        who.fact("open", open);
    }
    let record = registry.update_tenant(&permit, &who.caller, &tenant, ceilings, body.open, who.now()).await?;
    who.fact("open", record.open);
    who.fact("ceilings", Detail::of(&record.ceilings));
    Ok(Json(Tenant::from(&record)))
}
