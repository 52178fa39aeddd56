use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::stream::once;

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

async fn parts(body: Bytes, boundary: &str) -> Result<Vec<Part>, Problem> {
    let bad = |error: multer::Error| Problem::bad("bad_form", error.to_string());
    let mut form = multer::Multipart::new(once(async { Ok::<_, std::convert::Infallible>(body) }), boundary);
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

/// The module, where nothing else belongs into the form.
pub(super) async fn only_file(body: Bytes, boundary: &str) -> Result<Bytes, Problem> {
    let mut parts = parts(body, boundary).await?;
    match (parts.pop(), parts.is_empty()) {
        (Some(part), true) if part.name == "module" => Ok(part.content),
        _ => Err(Problem::bad("bad_form", "send one part called `module`").at("module")),
    }
}

/// A request and its module.
pub(super) async fn run_and_module(body: Bytes, boundary: &str) -> Result<(Bytes, Bytes), Problem> {
    let (mut run, mut module) = (None, None);
    for part in parts(body, boundary).await? {
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
