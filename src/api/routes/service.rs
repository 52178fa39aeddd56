use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::context::{Api, Who};
use super::super::problem::Problem;

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
        .routes(routes!(metrics))
        .routes(routes!(version))
}

#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

/// Whether the service is alive
#[utoipa::path(get, path = "/healthz", tag = "service", security(()), responses((status = 200, body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

#[derive(Serialize, ToSchema)]
struct Ready {
    ready: bool,
    /// What is not ready.
    waiting_for: Vec<&'static str>,
    /// What is not well and keeps no work from being done.
    warnings: Vec<&'static str>,
}

/// Whether the service takes work, and what is missing if it does not
#[utoipa::path(
    get, path = "/readyz", tag = "service", security(()),
    responses((status = 200, body = Ready), (status = 503, body = Ready))
)]
async fn ready(State(api): State<Api>) -> (StatusCode, Json<Ready>) {
    let parts = api.parts();
    let open = parts.hall.is_open();
    let stored = tokio::task::spawn_blocking({
        let api = api.clone();
        move || (api.parts().store_answers)()
    });
    let mut waiting_for = Vec::new();
    if !open {
        waiting_for.push("the service is stopping");
    }
    if !stored.await.unwrap_or(false) {
        waiting_for.push("the store does not answer");
    }
    if api.inner().recorder.log().now().look().await.is_err() {
        waiting_for.push("the audit log takes nothing");
    }
    if !parts.hall.has_threads() {
        waiting_for.push("the host gives no threads for guests");
    }
    let ready = waiting_for.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let late = parts.forwards.iter().any(|target| target.is_late());
    let warnings = late.then_some("the audit log is not forwarded").into_iter().collect();
    (status, Json(Ready { ready, waiting_for, warnings }))
}

/// Numbers for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses(
        (status = 200, content_type = "application/openmetrics-text", body = String),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn metrics(who: Who, State(api): State<Api>) -> Result<Response, Problem> {
    who.permit_service().await?;
    let parts = api.parts();
    parts.telemetry.running(parts.hall.running());
    parts.telemetry.stuck(parts.hall.stuck());
    let size = *parts.audit.now().size().borrow();
    for target in &parts.forwards {
        parts.telemetry.forwarding(&target.name, size.saturating_sub(target.next()), target.is_late());
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], parts.telemetry.text()).into_response())
}

#[derive(Serialize, ToSchema)]
struct Version {
    name: &'static str,
    version: &'static str,
}

/// Which version this is
#[utoipa::path(get, path = "/version", tag = "service", security(()), responses((status = 200, body = Version)))]
async fn version() -> Json<Version> {
    Json(Version { name: "ringfence", version: env!("CARGO_PKG_VERSION") })
}
