use std::io;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;

use super::held::InMemory;
use super::problem::Problem;
use crate::sandbox::SandboxError;

/// An answer that is in memory until its reader has taken it, and counted there: the place of the request is given back
/// before, and a reader may be slow.
pub(super) fn whole<T: Serialize>(mut held: InMemory, answer: &T) -> Result<Response, Problem> {
    let mut bytes = Counted(0);
    serde_json::to_writer(&mut bytes, answer).map_err(failed)?;
    held.grow(u64::try_from(bytes.0).unwrap_or(u64::MAX))?;
    sent(held, bytes.0, answer)
}

/// The same where there is room for it already: about what cannot be undone nobody is told that there was none.
pub(super) fn paid<T: Serialize>(mut held: InMemory, answer: &T) -> Result<Response, Problem> {
    let mut bytes = Counted(0);
    serde_json::to_writer(&mut bytes, answer).map_err(failed)?;
    held.shrink(u64::try_from(bytes.0).unwrap_or(u64::MAX));
    sent(held, bytes.0, answer)
}

fn failed(error: serde_json::Error) -> Problem {
    SandboxError::Internal(error.to_string()).into()
}

fn sent<T: Serialize>(held: InMemory, bytes: usize, answer: &T) -> Result<Response, Problem> {
    let mut json = Vec::with_capacity(bytes);
    serde_json::to_writer(&mut json, answer).map_err(failed)?;
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_LENGTH, bytes.to_string())];
    Ok((headers, pieces(Bytes::from_owner(Held { json, _held: held }))).into_response())
}

/// Counts what is written and keeps nothing.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Dropped with the last piece of it.
struct Held {
    json: Vec<u8>,
    _held: InMemory,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.json
    }
}

/// A connection may copy what it is given before it is sent: it gets a little at a time.
fn pieces(whole: Bytes) -> Body {
    const PIECE: usize = 64 << 10;
    Body::from_stream(stream::unfold(whole, async |mut rest| {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then_some((Ok::<_, io::Error>(piece), rest))
    }))
}
