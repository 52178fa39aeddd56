use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::settings::HttpSettings;
use crate::model::{RequestId, show_bytes};

/// The most characters of a message: what a caller or a guest wrote may be in it.
const DETAIL: usize = 2_000;

/// What went wrong, as RFC 9457 says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// A word that stays the same from version to version.
    code: String,
    /// What was wrong, and what would be right.
    detail: String,
    /// The field, header or parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// When it is worth to try again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The id of the request.
    instance: String,
}

impl Problem {
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let code = code.into();
        Self {
            kind: format!("urn:ringfence:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: shown(&detail.into()),
            field: None,
            retry_after: None,
            instance: String::new(),
        }
    }

    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(shown(&field.into()));
        self
    }

    pub fn after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        self
    }

    pub fn bad(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    pub(super) fn head_too_large(http: &HttpSettings) -> Self {
        let (headers, bytes) = (http.headers, show_bytes(u64::from(http.header_bytes)));
        let detail = format!("the head of the request has more than {headers} headers or {bytes}; send less");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", detail)
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// As it is sent: a body, and what must be said in headers.
    pub(super) fn answer(mut self, request: &RequestId) -> Response {
        self.instance = format!("urn:ringfence:request:{request}");
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            let ways = HeaderValue::from_static("Bearer realm=\"ringfence\"");
            headers.insert(header::WWW_AUTHENTICATE, ways);
        }
        headers.insert(HeaderName::from_static("cache-control"), HeaderValue::from_static("no-store"));
        response
    }
}

/// Words that a stranger may have written, for one line: no control characters, and not too long.
fn shown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(DETAIL) {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// The answer is made where the id of the request is known; until then the problem travels beside an empty one.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}
