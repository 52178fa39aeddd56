use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use axum::extract::{Request, State};
use axum::http::{Uri, header};
use axum::response::{Html, IntoResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, SecurityRequirement};

use super::context::Api;
use super::problem::Problem;
use super::server::documented;

/// The document of the API, made from the code that serves it.
pub fn openapi() -> OpenApi {
    let (_, mut document) = documented().split_for_parts();
    document.info = InfoBuilder::new()
        .title("Ringfence")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Runs code that nobody has read yet: each run in a fence, metered."))
        .build();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
    // The names of functions are those of their module: `list` of the runs is `runs_list`.
    for item in document.paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in all.into_iter().flatten() {
            let tag = operation.tags.as_ref().and_then(|tags| tags.first());
            if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
                operation.operation_id = Some(format!("{tag}_{id}"));
            }
        }
    }
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", bearer);
    components.add_security_scheme("key", key);
    let either = ["bearer", "key"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
    document.security = Some(either.to_vec());
    document
}

/// What a route takes beside its path and its body.
#[derive(Default)]
struct Takes {
    /// What may stand after the `?`.
    query: HashSet<String>,
    key: bool,
}

const KEY: &str = "Idempotency-Key";

/// Where the document itself is, and the page about it.
pub(super) const DOCUMENT: &str = "/openapi.json";
pub(super) const PAGE: &str = "/docs";

/// By method and path, as they are documented.
static ROUTES: LazyLock<HashMap<(String, String), Takes>> = LazyLock::new(|| {
    let document = serde_json::to_value(openapi()).unwrap_or_default();
    // Those that the document does not tell of take nothing.
    let bare = [DOCUMENT, PAGE].map(|path| (("GET".to_owned(), path.to_owned()), Takes::default()));
    let mut routes = HashMap::from(bare);
    for (path, operations) in document.get("paths").and_then(|paths| paths.as_object()).into_iter().flatten() {
        for (method, operation) in operations.as_object().into_iter().flatten() {
            let mut takes = Takes::default();
            for one in operation.get("parameters").and_then(|all| all.as_array()).into_iter().flatten() {
                let said = |what: &str| one.get(what).and_then(|value| value.as_str());
                match (said("in"), said("name")) {
                    (Some("query"), Some(name)) => _ = takes.query.insert(name.to_owned()),
                    (Some("header"), Some(KEY)) => takes.key = true,
                    _ => {}
                }
            }
            routes.insert((method.to_uppercase(), path.clone()), takes);
        }
    }
    routes
});

/// What the route does not know: it was meant for something, and it would do nothing.
pub(super) fn for_nothing(method: &str, route: &str, request: &Request) -> Option<Problem> {
    let method = if method == "HEAD" { "GET" } else { method };
    // Where there is nothing, or not by this method, that is what is told.
    let takes = ROUTES.get(&(method.to_owned(), route.to_owned()))?;
    if request.headers().contains_key(KEY) && !takes.key {
        let detail = "only runs that are started can be sent again with a key (POST /v1/runs and POST \
                      /v1/sandboxes/{id}/runs); leave the header out here";
        return Some(Problem::bad("idempotency_not_here", detail).at(KEY));
    }
    unknown_in_query(&takes.query, request.uri())
}

fn unknown_in_query(known: &HashSet<String>, uri: &Uri) -> Option<Problem> {
    uri.query().filter(|query| !query.is_empty())?;
    let Ok(asked) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri) else { return None };
    let (name, _) = asked.0.iter().find(|(name, _)| !known.contains(name))?;
    Some(Problem::bad("bad_query", format!("`{name}` is not known here; see /openapi.json")).at(name.as_str()))
}

/// All parameters of all operations.
fn parameters(document: &mut serde_json::Value) -> impl Iterator<Item = &mut serde_json::Value> {
    let paths = document.get_mut("paths").and_then(|paths| paths.as_object_mut()).into_iter().flatten();
    let operations = paths.filter_map(|(_, path)| path.as_object_mut()).flatten();
    let all = operations.filter_map(|(_, operation)| operation.get_mut("parameters")?.as_array_mut());
    all.flatten()
}

/// With the numbers that this service was told.
pub(super) async fn json(State(api): State<Api>) -> axum::Json<serde_json::Value> {
    static PLAIN: LazyLock<serde_json::Value> = LazyLock::new(|| {
        let mut document = serde_json::to_value(openapi()).unwrap_or_default();
        for one in parameters(&mut document) {
            if let Some(kinds) = one.pointer_mut("/schema/type").and_then(|kinds| kinds.as_array_mut()) {
                // Left out is all that a parameter can be: `null` would be four letters.
                kinds.retain(|kind| kind != "null");
            }
        }
        document
    });
    let mut document = PLAIN.clone();
    for one in parameters(&mut document).filter(|one| one.get("name").is_some_and(|name| name == "limit")) {
        if let Some(most) = one.pointer_mut("/schema/maximum") {
            *most = api.parts().http.page.into();
        }
    }
    axum::Json(document)
}

const HTML: &str = include_str!("page.html");

/// What the page may do: run the one script and use the one style that are in it, and ask us.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |tag: &str| {
        let after = HTML.split_once(&format!("<{tag}>")).map_or("", |(_, after)| after);
        let text = after.split_once(&format!("</{tag}>")).map_or("", |(text, _)| text);
        STANDARD.encode(Sha256::digest(text))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
});

/// A page to read and try it, which loads nothing from anywhere else. A key is written into it, so nothing else runs in it
/// and nobody shows it within a page of his own.
pub(super) async fn page() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(HTML))
}
