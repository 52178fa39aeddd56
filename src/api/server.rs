use std::time::Instant;

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use utoipa_axum::router::OpenApiRouter;

use super::context::Api;
use super::document;
use super::problem::Problem;
use super::routes;
use super::settings::HttpSettings;
use super::visit::Visit;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How what leads nowhere is called.
const NO_ROUTE: &str = "none";

/// All routes, with their documentation beside them.
pub(super) fn documented() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(routes::components::all())
        .merge(routes::runs::all())
        .merge(routes::calls::all())
        .merge(routes::execute::all())
        .merge(routes::backends::all())
        .merge(routes::sessions::all())
        .merge(routes::sandboxes::all())
        .merge(routes::files::all())
        .merge(routes::workspaces::all())
        .merge(routes::keys::all())
        .merge(routes::principals::all())
        .merge(routes::rules::all())
        .merge(routes::tenants::all())
        .merge(routes::audit::all())
        .merge(routes::service::all())
}

pub fn router(api: Api) -> Router {
    let (router, _) = documented().split_for_parts();
    router
        .route(document::DOCUMENT, axum::routing::get(document::json))
        .route(document::PAGE, axum::routing::get(document::page))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "no_route", "there is nothing here; see /openapi.json"))
        .method_not_allowed_fallback(async || {
            let detail = "this cannot be done here; the header `Allow` says what can";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", detail)
        })
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            tracing::error!("a request panicked");
            axum::response::IntoResponse::into_response(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the service failed; the log says more under this request's id",
            ))
        }))
        .layer(from_fn_with_state(api.clone(), around))
        .with_state(api)
}

/// Around every request: an id, room, a span, a number, and the same form for everything that went wrong.
async fn around(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let visit = Visit::default();
    let id = visit.request().clone();
    let began = Instant::now();
    let method = word(request.method());
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.as_deref().unwrap_or(NO_ROUTE);
    // Who it is and how it ended are written in when they are known; of what was sent nothing is.
    let span = tracing::info_span!(
        "request", %id, method, route,
        principal = tracing::field::Empty, tenant = tracing::field::Empty, status = tracing::field::Empty,
        code = tracing::field::Empty
    );
    // What is refused before it has come is not waited for: whoever sends it is told that this was the last answer here.
    let long = HttpBody::size_hint(request.body()).exact().is_none_or(|bytes| bytes > 16 << 10);
    let answer = async {
        let http = &api.parts().http;
        if let Some(problem) =
            too_long(&request, http).or_else(|| ambiguous(&request)).or_else(|| foreign(&request, http))
        {
            return axum::response::IntoResponse::into_response(problem);
        }
        // Those who ask whether we are alive are answered in any case.
        let _room = match api.inner().requests.place() {
            Ok(room) => Some(room),
            Err(_) if matches!(route, "/healthz" | "/readyz") => None,
            Err(busy) => return axum::response::IntoResponse::into_response(busy),
        };
        if let Some(problem) = document::for_nothing(method, route, &request) {
            return axum::response::IntoResponse::into_response(problem);
        }
        request.extensions_mut().insert(visit.clone());
        visit.answered(&api, next.run(request)).await
    };
    let mut answer = answer.instrument(span.clone()).await;
    if let Some(problem) = answer.extensions_mut().remove::<Problem>() {
        let allow = answer.headers().get(header::ALLOW).cloned();
        span.record("code", problem.code());
        answer = problem.answer(&id);
        if let Some(allow) = allow {
            answer.headers_mut().insert(header::ALLOW, allow);
        }
        if long {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    let headers = answer.headers_mut();
    // Keys are in some, and what only their reader may see in most.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let status = answer.status().as_u16();
    api.parts().telemetry.request(method, route, status, began.elapsed());
    span.record("status", status);
    span.in_scope(|| tracing::debug!("answered"));
    answer
}

/// What is read at once from a connection may be more than a head may have.
fn too_long(request: &Request, http: &HttpSettings) -> Option<Problem> {
    // Of each header also `: ` and the end of its line.
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    let line = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    (headers.sum::<usize>() + line > http.header_bytes as usize).then(|| Problem::head_too_large(http))
}

/// A request that whoever is in front of us could read otherwise than we do.
fn ambiguous(request: &Request) -> Option<Problem> {
    let headers = request.headers();
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    if host.is_none_or(<[u8]>::is_empty) && request.version() == axum::http::Version::HTTP_11 {
        return Some(Problem::bad("no_host", "say with `Host` whom the request is for").at("Host"));
    }
    if request.uri().authority().is_some_and(|named| Some(named.as_str().as_bytes()) != host) {
        let detail = "the request line names another host than the header; send the path alone";
        return Some(Problem::bad("ambiguous", detail).at("Host"));
    }
    let many = |name: HeaderName| headers.get_all(name).iter().count() > 1;
    if many(header::CONTENT_LENGTH) || many(header::TRANSFER_ENCODING) || many(header::HOST) {
        return Some(Problem::bad("ambiguous", "the request says in two ways how long it is or whom it is for"));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let detail = "send the body as it is: what is compressed is not unpacked";
        return Some(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed", detail).at("Content-Encoding"));
    }
    None
}

/// A request that a page of somebody else makes from a browser on this machine, perhaps under a name that was led here.
fn foreign(request: &Request, http: &HttpSettings) -> Option<Problem> {
    let text = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    let name = name.trim_matches(['[', ']']);
    let local = http.listen.ip().is_loopback();
    let own = name.eq_ignore_ascii_case("localhost") || name.parse() == Ok(http.listen.ip());
    let listed = http.hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
    let known = listed || (local && own) || (!local && http.hosts.is_empty());
    if !known {
        let detail = "the service is not known by this name; add it to http.hosts if it should be";
        return Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", detail).at("Host"));
    }
    let origin = text(header::ORIGIN)?;
    let own = origin.split_once("://").is_some_and(|(_, from)| from == host);
    let detail = "pages of other sites may not use the service";
    (!own).then(|| Problem::new(StatusCode::FORBIDDEN, "foreign_origin", detail).at("Origin"))
}

/// A method as a label: there are only so many of ours, and a stranger's is `other`.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
