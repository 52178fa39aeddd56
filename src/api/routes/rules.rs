use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::Strict;
use super::super::context::{Api, Object, Who};
use super::super::failures::invalid;
use super::super::listed::{Page, part_of};
use super::super::page::apart;
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::types::{
    CheckBody, Checked, ExplainBody, Explained, Policies, Policy, PolicyBody, Role, RoleBody, Roles,
};
use super::{id, parsed};
use crate::audit::Detail;
use crate::authz::{Action, Ask, BUILT_IN_ROLES, CustomRole, Reach, Resource, ResourceKind, Wants};
use crate::model::{Caller, Digest, PolicyName, PrincipalId, RoleName};
use crate::registry::{PolicyRecord, name_something};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(roles))
        .routes(routes!(get_role, put_role, delete_role))
        .routes(routes!(policies))
        .routes(routes!(get_policy, put_policy, delete_policy))
        .routes(routes!(check))
        .routes(routes!(explain))
}

/// List roles, built in and your own
#[utoipa::path(
    get, path = "/v1/roles", tag = "roles", params(Page),
    responses((status = 200, body = Roles), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn roles(who: Who, Query(page): Query<Page>) -> Result<Json<Roles>, Problem> {
    who.permit(Action::RolesRead, &Object::plain("*")).await?;
    let listed = apart(who, move |who| {
        let own = who.registry().roles(who.tenant())?;
        let mut all: Vec<Role> =
            BUILT_IN_ROLES.into_iter().map(|name| built_in(who, name)).chain(own.iter().map(Role::from)).collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        let shown = |role: &Role| who.may(Action::RolesRead, &Object::plain(role.name()));
        let (roles, next) = page.cut(who.http().page, |part| Ok(part_of(&all, part, Role::name)), Role::name, shown)?;
        Ok(Roles { roles, next })
    });
    listed.await.map(Json)
}

/// Get a role, built in or your own
#[utoipa::path(
    get, path = "/v1/roles/{name}", tag = "roles", params(("name" = String, Path)),
    responses((status = 200, body = Role), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get_role(who: Who, Path(name): Path<String>) -> Result<Json<Role>, Problem> {
    let name: RoleName = id(&name, "role")?;
    who.permit(Action::RolesRead, &Object::plain(name.as_str())).await?;
    if BUILT_IN_ROLES.contains(&name.as_str()) {
        return Ok(Json(built_in(&who, name.as_str())));
    }
    let own = who.registry().roles(who.tenant())?;
    let role = own.iter().find(|role| role.name == name).ok_or_else(|| Problem::missing("role"))?;
    Ok(Json(Role::from(role)))
}

/// Define a role, or define it anew
#[utoipa::path(
    put, path = "/v1/roles/{name}", tag = "roles", params(("name" = String, Path)), request_body = RoleBody,
    responses((status = 200, body = Role), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn put_role(who: Who, Path(name): Path<String>, Strict(body): Strict<RoleBody>) -> Result<Json<Role>, Problem> {
    let permit = who.permit_new(Action::RolesCreate, None).await?;
    let name: RoleName = parsed(&name, "name")?;
    who.made("role", &name);
    who.fact("actions", Detail::of(&body.actions));
    who.fact("own_only", body.own_only);
    let role = CustomRole { name, actions: body.actions, own_only: body.own_only };
    who.registry().put_role(&permit, &who.caller, role.clone(), who.now()).await?;
    Ok(Json(Role::from(&role)))
}

/// Delete a role that nobody has
#[utoipa::path(
    delete, path = "/v1/roles/{name}", tag = "roles", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn delete_role(who: Who, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let name: RoleName = id(&name, "role")?;
    let permit = who.permit(Action::RolesDelete, &Object::plain(name.as_str())).await?;
    who.registry().delete_role(&permit, &who.caller, &name, who.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the policies of the tenant
#[utoipa::path(
    get, path = "/v1/policies", tag = "policies", params(Page),
    responses((status = 200, body = Policies), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn policies(who: Who, Query(page): Query<Page>) -> Result<Json<Policies>, Problem> {
    who.permit(Action::PoliciesRead, &Object::plain("*")).await?;
    let listed = apart(who, move |who| {
        let all = who.registry().policies(who.tenant())?;
        let shown = |policy: &PolicyRecord| who.may(Action::PoliciesRead, &Object::plain(policy.name.as_str()));
        let (policies, next) = page.cut(who.http().page, |part| Ok(part_of(&all, part, name_of)), name_of, shown)?;
        Ok(Policies { policies: policies.iter().map(Policy::from).collect(), next })
    });
    listed.await.map(Json)
}

fn built_in(who: &Who, name: &str) -> Role {
    let role: Option<RoleName> = name.parse().ok();
    let authorizer = who.registry().authorizer();
    let gives = |action: &Action| (*action, authorizer.reach(role.as_ref(), &[], *action));
    let gives: Vec<_> = Action::ALL.iter().map(gives).filter(|(_, reach)| *reach > Reach::None).collect();
    Role::built_in(name, &gives)
}

fn name_of(policy: &PolicyRecord) -> &str {
    policy.name.as_str()
}

/// Get a policy
#[utoipa::path(
    get, path = "/v1/policies/{name}", tag = "policies", params(("name" = String, Path)),
    responses((status = 200, body = Policy), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get_policy(who: Who, Path(name): Path<String>) -> Result<Json<Policy>, Problem> {
    let name: PolicyName = id(&name, "policy")?;
    who.permit(Action::PoliciesRead, &Object::plain(name.as_str())).await?;
    Ok(Json(Policy::from(&who.registry().policy(who.tenant(), &name)?)))
}

/// Put a policy in force, in the place of one of the same name
///
/// It is validated strictly before it is taken; what is wrong is told with its line and column.
#[utoipa::path(
    put, path = "/v1/policies/{name}", tag = "policies", params(("name" = String, Path)), request_body = PolicyBody,
    responses((status = 200, body = Checked), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn put_policy(
    who: Who,
    Path(name): Path<String>,
    Strict(body): Strict<PolicyBody>,
) -> Result<Json<Checked>, Problem> {
    let permit = who.permit_new(Action::PoliciesCreate, None).await?;
    let name: PolicyName = parsed(&name, "name")?;
    who.made("policy", &name);
    who.fact("bytes", body.text.len() as u64);
    who.fact("digest", Digest::of(body.text.as_bytes()).to_string());
    let policy = PolicyRecord { name, text: body.text, created: who.now() };
    Ok(Json(checked(who.registry().put_policy(&permit, &who.caller, policy).await?)))
}

fn checked(told: crate::authz::Checked) -> Checked {
    Checked { policies: told.policies, warnings: told.warnings.iter().map(ToString::to_string).collect() }
}

/// Take a policy out of force
#[utoipa::path(
    delete, path = "/v1/policies/{name}", tag = "policies", params(("name" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn delete_policy(who: Who, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    let name: PolicyName = id(&name, "policy")?;
    let permit = who.permit(Action::PoliciesDelete, &Object::plain(name.as_str())).await?;
    who.registry().delete_policy(&permit, &who.caller, &name, who.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check a policy without taking it
#[utoipa::path(
    post, path = "/v1/policy-check", tag = "policies", request_body = CheckBody,
    responses((status = 200, body = Checked), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn check(who: Who, Strict(body): Strict<CheckBody>) -> Result<Json<Checked>, Problem> {
    who.permit(Action::PoliciesExplain, &Object::plain("*")).await?;
    let name: PolicyName = parsed(&body.name, "name")?;
    let told = apart(who, move |who| {
        let told = who.registry().authorizer().check(&name, &body.text);
        Ok(told.map_err(crate::registry::RegistryError::from)?)
    });
    Ok(Json(checked(told.await?)))
}

/// Ask who may do what, and by which policy
#[utoipa::path(
    post, path = "/v1/policy-explain", tag = "policies", request_body = ExplainBody,
    responses((status = 200, body = Explained), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn explain(who: Who, Strict(body): Strict<ExplainBody>) -> Result<Json<Explained>, Problem> {
    who.permit(Action::PoliciesExplain, &Object::plain("*")).await?;
    apart(who, move |who| explained(who, body)).await.map(Json)
}

fn explained(who: &Who, body: ExplainBody) -> Result<Explained, Problem> {
    let action: Action = parsed(&body.action, "action")?;
    let owner: Option<PrincipalId> = body.owner.as_deref().map(|name| parsed(name, "owner")).transpose()?;
    let mut caller = match body.principal.as_deref() {
        None => Caller::clone(&who.caller),
        Some(name) => somebody(who, parsed(name, "principal")?)?,
    };
    name_something(body.scopes.as_deref().unwrap_or_default())?;
    caller.scopes = body.scopes.map(Into::into).or(caller.scopes);
    caller.address = body.address.as_deref().map_or(Ok(caller.address), address)?;
    let at = body.at.as_deref().map(|text| query::time(text, "at")).transpose()?;
    let now = at.map_or(who.now(), |at| u64::try_from(at.as_second()).unwrap_or(0));
    let tenant = who.tenant();
    let object = match (action.kind(), body.id.as_deref()) {
        (ResourceKind::Tenant, _) => tenant.as_str(),
        (_, Some(object)) => object,
        (_, None) => {
            return Err(invalid("id", "write the id of what it is about; any id does where no policy names it"));
        }
    };
    let owner = match (action.kind(), &owner) {
        // What is created belongs to whoever creates it.
        (ResourceKind::Tenant, None) => Some(&caller.principal),
        (_, owner) => owner.as_ref(),
    };
    let resource = Resource { kind: action.kind(), tenant, id: object, owner, labels: &body.labels };
    let usual = Wants::usual(action);
    let wants = match body.wants {
        Some(said) => Some(said.wants(usual)),
        None => usual,
    };
    let ask = Ask { now, wants: wants.as_ref() };
    Ok(Explained::from(who.registry().authorizer().explain(&caller, action, &resource, &ask)))
}

fn address(text: &str) -> Result<std::net::IpAddr, Problem> {
    text.parse().map_err(|_| invalid("address", "write an IP address: 10.0.0.7 or 2001:db8::7"))
}

/// Somebody as he would come with a key that is not cut down.
fn somebody(who: &Who, name: PrincipalId) -> Result<Caller, Problem> {
    let principal = who.registry().principal(who.tenant(), &name)?;
    Ok(Caller {
        principal: principal.id,
        kind: principal.kind,
        roles: principal.roles.into(),
        labels: Arc::new(principal.labels),
        scopes: None,
        expires: None,
        ..Caller::clone(&who.caller)
    })
}
