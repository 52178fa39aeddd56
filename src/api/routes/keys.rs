use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::Strict;
use super::super::context::{Api, Object, Who};
use super::super::listed::Page;
use super::super::page::apart;
use super::super::problem::Problem;
use super::super::query::{Path, Query};
use super::super::types::{Key, KeyBody, Keys, MadeKey, MadeToken, TokenBody, WhoIAm};
use super::{id, parsed};
use crate::audit::Detail;
use crate::authz::{Action, Permit};
use crate::identity::{KeyRecord, Lineage, TokenAsk};
use crate::model::{KeyId, Labels, PrincipalId};
use crate::registry::{KeyAsk, Part, RegistryError};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, revoke))
        .routes(routes!(token))
        .routes(routes!(revoke_token))
        .routes(routes!(whoami))
}

/// Make an API key; its text is in this answer and never again
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", request_body = KeyBody,
    responses((status = 201, body = MadeKey), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn create(who: Who, Strict(body): Strict<KeyBody>) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let whom: Option<PrincipalId> = body.principal.as_deref().map(|name| parsed(name, "principal")).transpose()?;
    let permit = who.permit_for(Action::KeysCreate, whom.as_ref().unwrap_or(&who.caller.principal), None).await?;
    const CENTURY: u64 = 100 * 366 * 86_400;
    let ttl_seconds = body.ttl_seconds.map(|seconds| seconds.0);
    if ttl_seconds.is_some_and(|seconds| seconds == 0 || seconds > CENTURY) {
        return Err(super::super::failures::invalid("ttl_seconds", format!("write 1 to {CENTURY}")));
    }
    let ask = KeyAsk { name: body.name, principal: whom, scopes: body.scopes, ttl_seconds };
    let made = who.registry().create_key(&permit, &who.caller, ask, who.now()).await?;
    who.made("key", &made.record.id);
    who.fact("for", made.record.principal.as_str());
    if let Some(scopes) = &made.record.scopes {
        who.fact("scopes", Detail::of(scopes));
    }
    if let Some(expires) = made.record.expires {
        who.fact("expires", expires);
    }
    Ok((StatusCode::CREATED, Json(MadeKey::from(&made))))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Whose keys.
    principal: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List the keys that you may see, in the order in which they were made
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", params(Filter),
    responses((status = 200, body = Keys), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(filter): Query<Filter>) -> Result<Json<Keys>, Problem> {
    let of: Option<PrincipalId> = filter.principal.as_deref().map(|name| parsed(name, "principal")).transpose()?;
    let listed = apart(who, move |who| {
        let labels = Labels::new();
        let shown =
            |key: &KeyRecord| who.may(Action::KeysRead, &Object::owned(key.id.as_str(), &key.principal, &labels));
        let read = |part: Part<'_>| who.registry().keys(who.tenant(), of.as_ref(), part);
        let page = Page::new(filter.cursor, filter.limit);
        let (keys, next) = page.cut(who.http().page, read, |key| key.id.as_str(), shown)?;
        Ok(Keys { keys: keys.iter().map(Key::from).collect(), next })
    });
    listed.await.map(Json)
}

async fn found(who: &Who, text: &str, action: Action) -> Result<(KeyRecord, Permit), Problem> {
    let key: KeyId = id(text, "key")?;
    let record = match who.registry().key(who.tenant(), &key) {
        Err(RegistryError::Missing { .. }) => return Err(Problem::missing("key")),
        other => other?,
    };
    let permit = who.permit(action, &Object::owned(record.id.as_str(), &record.principal, &Labels::new())).await?;
    Ok((record, permit))
}

/// Get a key: its prefix, scopes and last use
#[utoipa::path(
    get, path = "/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 200, body = Key), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(key): Path<String>) -> Result<Json<Key>, Problem> {
    Ok(Json(Key::from(&found(&who, &key, Action::KeysRead).await?.0)))
}

/// Revoke a key, at once
#[utoipa::path(
    delete, path = "/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn revoke(who: Who, Path(key): Path<String>) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &key, Action::KeysRevoke).await?;
    who.fact("for", record.principal.as_str());
    who.registry().revoke_key(&permit, &who.caller, &record.id, who.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a short-lived token for yourself, with no more than you have
#[utoipa::path(
    post, path = "/v1/tokens", tag = "keys", request_body = TokenBody,
    responses((status = 201, body = MadeToken), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn token(who: Who, Strict(body): Strict<TokenBody>) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    let permit = who.permit_new(Action::TokensCreate, None).await?;
    who.fact("scopes", Detail::of(&body.scopes));
    let ask = TokenAsk { scopes: body.scopes, ttl_s: body.ttl_seconds.map(|seconds| seconds.0), audience: None };
    let (token, info) = who.registry().create_token(&permit, &who.caller, ask, who.now())?;
    who.made("token", &info.id);
    who.fact("expires", info.expires);
    Ok((StatusCode::CREATED, Json(MadeToken::new(token, info))))
}

/// Revoke a token by its id, at once, and those that were made with it
///
/// Nothing is kept of tokens that are made: an id of none is taken as well.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn revoke_token(who: Who, Path(token): Path<String>) -> Result<StatusCode, Problem> {
    let token = Lineage::read(&token).ok_or_else(|| Problem::missing("token"))?;
    // It is whose key it goes back to.
    let owner = match who.registry().key(who.tenant(), token.key()) {
        Err(RegistryError::Missing { .. }) => return Err(Problem::missing("token")),
        other => other?.principal,
    };
    let permit = who.permit(Action::TokensRevoke, &Object::owned(&token.id(), &owner, &Labels::new())).await?;
    who.fact("for", owner.as_str());
    who.registry().revoke_token(&permit, &who.caller, &token, who.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who you are to us
#[utoipa::path(
    get, path = "/v1/whoami", tag = "keys",
    responses((status = 200, body = WhoIAm), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn whoami(who: Who) -> Json<WhoIAm> {
    Json(WhoIAm::from(&*who.caller))
}
