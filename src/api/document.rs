use axum::response::Html;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, SecurityRequirement};

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
    document.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    document
}

pub(super) async fn json() -> axum::Json<OpenApi> {
    static DOCUMENT: std::sync::LazyLock<OpenApi> = std::sync::LazyLock::new(openapi);
    axum::Json(DOCUMENT.clone())
}

/// A page to read and try it, which loads nothing from anywhere else.
pub(super) async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}
