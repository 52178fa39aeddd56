use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::body::{Pieces, held};
use super::super::context::{Api, Object, Who};
use super::super::form;
use super::super::large::whole;
use super::super::page::{Rows, apart, page};
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::types::{Component, ComponentSummary, Components, ModuleForm, Raw, labels};
use super::{id, parsed};
use crate::authz::Action;
use crate::model::{Digest, Json as Described};
use crate::sandbox::{ComponentRecord, SandboxError, Submitted};

/// What a form has around its file.
const FORM_BYTES: u64 = 64 << 10;

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(submit, list)).routes(routes!(get, delete))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Submit {
    /// Labels as `name=value`, with commas between them.
    #[param(pattern = "^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$")]
    labels: Option<String>,
}

/// Submit a component
///
/// The body is the component, a preview-1 module, or the text of either, as raw bytes. The same bytes are kept once.
#[utoipa::path(
    post, path = "/v1/components", tag = "components", params(Submit),
    request_body(content((Raw = "application/wasm"), (ModuleForm = "multipart/form-data"))),
    responses(
        (status = 201, body = Component), (status = 200, body = Component, description = "It was there already"),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn submit(
    who: Who,
    State(api): State<Api>,
    Query(query): Query<Submit>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let permit = who.permit_new(Action::ComponentsCreate, None).await?;
    let http = &api.parts().http;
    let given = query.labels.map(|text| pairs(&text)).transpose()?.unwrap_or_default();
    let limit = who.hall().engine().settings().module_bytes;
    let mut in_memory = who.in_memory();
    // The bytes themselves, or the one file of a form.
    let bytes = match form::boundary(&headers) {
        Some(boundary) => {
            let pieces = Pieces::new(body, http, who.most_in_memory(limit.saturating_add(FORM_BYTES)));
            form::only_file(pieces, &mut in_memory, &boundary).await?
        }
        None => held(body, http, who.most_in_memory(limit), &mut in_memory).await?,
    };
    let (labels, kept) = (labels(given)?, bytes.clone());
    let in_memory = Arc::new(in_memory);
    let counted = Some(Box::new(Arc::clone(&in_memory)) as Box<dyn Any + Send>);
    let Submitted { record, described, new } = match who.hall().submit(&permit, bytes, labels, counted).await {
        Ok(taken) => taken,
        Err(refused) => {
            // Whoever tries it under another name is found by this.
            who.fact("bytes", u64::try_from(kept.len()).unwrap_or(u64::MAX));
            return apart(who, move |who| {
                let _counted = in_memory;
                who.made("component", Digest::of(&kept));
                Err(refused.into())
            })
            .await;
        }
    };
    who.made("component", record.digest);
    who.fact("bytes", record.bytes);
    who.fact("new", new);
    if !new {
        // It is somebody's already; whoever has the bytes learns nothing by hearing what is said of them.
        who.permit(Action::ComponentsRead, &Object::owned(&record.digest.to_string(), &record.owner, &record.labels))
            .await?;
    }
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    drop((kept, in_memory));
    let answer = apart(who, move |who| shown(who, &record, &described)).await?;
    Ok((status, answer).into_response())
}

/// With all that is said of it, which may be much.
fn shown(who: &Who, record: &ComponentRecord, described: &Described) -> Result<Response, Problem> {
    let component = Component::new(record, described).map_err(|error| SandboxError::Internal(error.to_string()))?;
    whole(who.in_memory(), &component)
}

fn pairs(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let pair = |part: &str| match part.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(super::super::failures::invalid("labels", "write name=value, with commas between them")),
    };
    text.split(',').map(pair).collect()
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// `next` of the page before.
    #[param(pattern = "^sha256:[0-9a-f]{64}$")]
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// List the components that you may see
///
/// A page may have fewer than were asked for, or none, and a `next` all the same: as long as there is one, there may be
/// more.
#[utoipa::path(
    get, path = "/v1/components", tag = "components", params(Part),
    responses((status = 200, body = Components), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn list(who: Who, Query(part): Query<Part>) -> Result<Json<Components>, Problem> {
    let after: Option<Digest> = part.cursor.as_deref().map(|text| parsed(text, "cursor")).transpose()?;
    let limit = query::page(part.limit, &who)?;
    let listed = apart(who, move |who| {
        let ask = |after: Option<&Digest>, most: u32| {
            let rows = who.hall().components(who.tenant(), after.copied(), most)?;
            let next = rows.last().filter(|_| rows.len() >= most as usize).map(|last| last.digest);
            Ok(Rows { rows, next })
        };
        let may = |record: &ComponentRecord| {
            let digest = record.digest.to_string();
            who.may(Action::ComponentsRead, &Object::owned(&digest, &record.owner, &record.labels))
        };
        Ok(page(limit, after, ask, may, |record| record.digest)?)
    });
    let Rows { rows, next } = listed.await?;
    Ok(Json(Components::new(rows.iter().map(ComponentSummary::from).collect(), next.map(|digest| digest.to_string()))))
}

/// Get a component: exports, schemas, imports and the grants that they need
#[utoipa::path(
    get, path = "/v1/components/{digest}", tag = "components", params(("digest" = String, Path)),
    responses((status = 200, body = Component), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn get(who: Who, Path(digest): Path<String>) -> Result<Response, Problem> {
    let digest: Digest = id(&digest, "component")?;
    let record = who.hall().known(who.tenant(), digest)?.ok_or_else(|| Problem::missing("component"))?;
    let object = digest.to_string();
    let permit = who.permit(Action::ComponentsRead, &Object::owned(&object, &record.owner, &record.labels)).await?;
    apart(who, move |who| shown(who, &record, &who.hall().described(&permit, digest)?)).await
}

/// Delete a component
#[utoipa::path(
    delete, path = "/v1/components/{digest}", tag = "components", params(("digest" = String, Path)),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn delete(who: Who, Path(digest): Path<String>) -> Result<StatusCode, Problem> {
    let digest: Digest = id(&digest, "component")?;
    let record = who.hall().known(who.tenant(), digest)?.ok_or_else(|| Problem::missing("component"))?;
    let object = digest.to_string();
    let permit = who.permit(Action::ComponentsDelete, &Object::owned(&object, &record.owner, &record.labels)).await?;
    who.hall().delete_component(&permit, digest).await?;
    Ok(StatusCode::NO_CONTENT)
}
