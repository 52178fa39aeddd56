use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::stream;

use super::body::Pieces;
use super::held::InMemory;
use super::problem::Problem;

/// Parts that a form may have: a request and a module.
const PARTS: usize = 2;

/// What separates the parts, where the body is a form.
pub(super) fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    multer::parse_boundary(kind).ok()
}

struct Part {
    name: String,
    content: Bytes,
}

/// Read as it comes: only the parts are in memory, and each once.
async fn parts(pieces: Pieces, held: &mut InMemory, boundary: &str) -> Result<Vec<Part>, Problem> {
    let stopped = Mutex::new(None);
    let body = stream::try_unfold((pieces, held), async |(mut pieces, held)| {
        let piece = pieces.next().await.and_then(|piece| {
            let bytes = piece.as_ref().map_or(0, Bytes::len);
            held.grow(u64::try_from(bytes).unwrap_or(u64::MAX)).map(|()| piece)
        });
        match piece {
            Ok(piece) => Ok(piece.map(|piece| (piece, (pieces, held)))),
            Err(problem) => {
                *lock(&stopped) = Some(problem);
                Err(std::io::Error::from(std::io::ErrorKind::Interrupted))
            }
        }
    });
    let bad = |error: multer::Error| {
        let problem = lock(&stopped).take();
        problem.unwrap_or_else(|| Problem::bad("bad_form", error.to_string()))
    };
    let mut form = multer::Multipart::new(body, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(bad)? {
        if parts.len() == PARTS {
            return Err(Problem::bad("bad_form", format!("a form has at most {PARTS} parts here")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        parts.push(Part { name, content: field.bytes().await.map_err(bad)? });
    }
    Ok(parts)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The module, where nothing else belongs into the form.
pub(super) async fn only_file(pieces: Pieces, held: &mut InMemory, boundary: &str) -> Result<Bytes, Problem> {
    let mut parts = parts(pieces, held, boundary).await?;
    match (parts.pop(), parts.is_empty()) {
        (Some(part), true) if part.name == "module" => Ok(part.content),
        _ => Err(Problem::bad("bad_form", "send one part called `module`").at("module")),
    }
}

/// A request and its module.
pub(super) async fn run_and_module(
    pieces: Pieces,
    held: &mut InMemory,
    boundary: &str,
) -> Result<(Bytes, Bytes), Problem> {
    let (mut run, mut module) = (None, None);
    for part in parts(pieces, held, boundary).await? {
        let place = match part.name.as_str() {
            "run" => &mut run,
            "module" => &mut module,
            _ => return Err(Problem::bad("bad_form", "the parts are called `run` (JSON) and `module`").at(part.name)),
        };
        if place.replace(part.content).is_some() {
            return Err(Problem::bad("bad_form", "a part is there twice").at(part.name));
        }
    }
    match (run, module) {
        (run, Some(module)) => Ok((run.unwrap_or_else(|| Bytes::from_static(b"{}")), module)),
        (_, None) => Err(Problem::bad("bad_form", "the part `module` is missing").at("module")),
    }
}
