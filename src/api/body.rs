use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::context::Api;
use super::held::InMemory;
use super::problem::Problem;
use super::settings::HttpSettings;
use super::strict;

/// A JSON body, read strictly.
pub(super) struct Strict<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !is_json(kind) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "send JSON, and say so with `Content-Type: application/json`",
            )
            .at("Content-Type"));
        }
        let http = &api.parts().http;
        let bytes = whole(request.into_body(), http, http.body_bytes).await?;
        strict::read(&bytes).map(Strict)
    }
}

pub(super) fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// A body as it comes, within its bounds of size and time.
pub(super) struct Pieces {
    body: Body,
    left: u64,
    most: u64,
    stall: Duration,
    end: Instant,
}

impl Pieces {
    pub(super) fn new(body: Body, http: &HttpSettings, most: u64) -> Self {
        let end = Instant::now() + Duration::from_millis(http.body_ms);
        Self { body, left: most, most, stall: Duration::from_millis(http.stall_ms), end }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        // Whoever says that it will be too much is told before it comes.
        if axum::body::HttpBody::size_hint(&self.body).lower() > self.left {
            return Err(too_large(self.most));
        }
        loop {
            let by = self.end.min(Instant::now() + self.stall);
            let frame = tokio::time::timeout_at(by, self.body.frame()).await.map_err(|_| slow())?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| Problem::bad("bad_body", "the body broke off"))?;
            let Ok(bytes) = frame.into_data() else { continue };
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(size).ok_or_else(|| too_large(self.most))?;
            return Ok(Some(bytes));
        }
    }
}

fn slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time; send it without pauses")
}

pub(super) fn too_large(most: u64) -> Problem {
    let most = crate::model::show_bytes(most);
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body is larger than {most}, which is the most"),
    )
}

/// A small body in memory.
async fn whole(body: Body, http: &HttpSettings, most: u64) -> Result<Bytes, Problem> {
    collect(Pieces::new(body, http, most), None).await
}

/// A body up to this is not counted: what large bodies and answers hold keeps no small one out. The requests at work bound
/// how many there are.
const SMALL: u64 = 64 << 10;

/// A whole body in memory, where there is room for it.
pub(super) async fn held(body: Body, http: &HttpSettings, most: u64, held: &mut InMemory) -> Result<Bytes, Problem> {
    collect(Pieces::new(body, http, most), Some(held)).await
}

async fn collect(mut pieces: Pieces, mut held: Option<&mut InMemory>) -> Result<Bytes, Problem> {
    let (mut come, mut counted) = (0_u64, 0);
    let mut next = async || {
        let piece = pieces.next().await?;
        if let (Some(piece), Some(held)) = (&piece, &mut held) {
            come = come.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            if come > SMALL {
                held.grow(come - counted)?;
                counted = come;
            }
        }
        Ok::<_, Problem>(piece)
    };
    let Some(first) = next().await? else { return Ok(Bytes::new()) };
    let Some(second) = next().await? else { return Ok(first) };
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&second);
    while let Some(more) = next().await? {
        all.extend_from_slice(&more);
    }
    Ok(all.freeze())
}
