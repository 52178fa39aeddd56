use axum::Json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::context::{Api, Who};
use super::super::problem::Problem;
use super::super::types::Backends;
use crate::authz::Action;

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(backends))
}

/// What runs can be fenced with here, and what each fence holds
#[utoipa::path(
    get, path = "/v1/backends", tag = "runs",
    responses((status = 200, body = Backends), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn backends(who: Who) -> Result<Json<Backends>, Problem> {
    who.permit_new(Action::RunsCreate, None).await?;
    Ok(Json(who.hall().fences().await.into()))
}
