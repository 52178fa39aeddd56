use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::context::{Api, Who};
use super::super::held::{Contents, Growing};
use super::super::large::whole;
use super::super::page::apart;
use super::super::problem::Problem;
use super::super::query::{self, Path, Query};
use super::super::types::{Files, Raw};
use super::super::upload;
use super::sandboxes::{found, still};
use crate::authz::Action;
use crate::sandbox::Outgoing;
use crate::workspace::Looked;

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(read, write, remove)).routes(routes!(look)).routes(routes!(download, unpack))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct At {
    /// From the root of the sandbox's files.
    path: String,
}

/// Read a file of a sandbox
#[utoipa::path(
    get, path = "/v1/sandboxes/{id}/files", tag = "files", params(("id" = String, Path), At),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Raw),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn read(who: Who, Path(sandbox): Path<String>, Query(at): Query<At>) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesReadFiles).await?;
    who.fact("what", "file");
    who.fact("path", at.path.as_str());
    let (file, bytes) = who.hall().open_file(&permit, &record.id, at.path).await?;
    // A guest may write to it meanwhile: no more than was said.
    let content = tokio::fs::File::from_std(file).take(bytes);
    Ok(sent(content, bytes, "application/octet-stream", ()))
}

/// Write a file of a sandbox, with the folders on the way to it
#[utoipa::path(
    put, path = "/v1/sandboxes/{id}/files", tag = "files", params(("id" = String, Path), At),
    request_body(content = Raw, content_type = "application/octet-stream"),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn write(
    who: Who,
    State(api): State<Api>,
    Path(sandbox): Path<String>,
    Query(at): Query<At>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesWriteFiles).await?;
    who.fact("what", "file");
    who.fact("path", at.path.as_str());
    let incoming = who.hall().incoming(&permit, Some(&record.id)).await?;
    let content = upload::to_disk(body, &api.parts().http, incoming).await?;
    who.fact("bytes", content.bytes());
    who.fact("digest", content.digest().to_string());
    let permit = still(&who, &record.id, Action::SandboxesWriteFiles).await?;
    who.hall().write_file(&permit, &record.id, at.path, content).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a file of a sandbox, or a folder with all that is in it
#[utoipa::path(
    delete, path = "/v1/sandboxes/{id}/files", tag = "files", params(("id" = String, Path), At),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn remove(who: Who, Path(sandbox): Path<String>, Query(at): Query<At>) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesWriteFiles).await?;
    who.fact("what", "removal");
    who.fact("path", at.path.as_str());
    who.hall().remove_file(&permit, &record.id, at.path).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Within {
    /// The root, where nothing is said.
    path: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// The root, where nothing is said.
    path: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What is at a path of a sandbox; of a folder also what is in it, by name
#[utoipa::path(
    get, path = "/v1/sandboxes/{id}/entries", tag = "files", params(("id" = String, Path), Part),
    responses((status = 200, body = Files), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn look(who: Who, Path(sandbox): Path<String>, Query(part): Query<Part>) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesReadFiles).await?;
    who.fact("what", "entries");
    who.fact("path", part.path.as_deref().unwrap_or("/"));
    let (path, most) = (part.path.unwrap_or_default(), query::page(part.limit, &who)?);
    let Looked { entry, entries, next } = who.hall().look(&permit, &record.id, path, (part.cursor, most)).await?;
    apart(who, move |who| {
        let entries = entries.into_iter().map(Into::into).collect();
        whole(who.in_memory(), &Files { entry: entry.into(), entries, next })
    })
    .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Archive {
    /// The folder; the root, where nothing is said.
    path: Option<String>,
    /// `tar`, where nothing is said, or `zip`.
    #[param(pattern = "^(tar|zip)$")]
    format: Option<String>,
}

/// Whether an archive is to be a zip.
pub(super) fn is_zip(format: Option<&str>) -> Result<bool, Problem> {
    match format {
        None | Some("tar") => Ok(false),
        Some("zip") => Ok(true),
        Some(_) => Err(super::super::failures::invalid("format", "write tar or zip")),
    }
}

/// Download a folder of a sandbox as an archive
#[utoipa::path(
    get, path = "/v1/sandboxes/{id}/archive", tag = "files", params(("id" = String, Path), Archive),
    responses(
        (status = 200, content((Raw = "application/x-tar"), (Raw = "application/zip"))),
        (status = "default", body = Problem, content_type = "application/problem+json")
    )
)]
async fn download(who: Who, Path(sandbox): Path<String>, Query(archive): Query<Archive>) -> Result<Response, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesReadFiles).await?;
    who.fact("what", "archive");
    who.fact("path", archive.path.as_deref().unwrap_or("/"));
    let zip = is_zip(archive.format.as_deref())?;
    let folder = archive.path.unwrap_or_default();
    let making = Growing::new(Contents::Files, who.in_memory());
    let archive = making.done(who.hall().download(&permit, &record.id, folder, zip, making.ask()).await)?;
    Ok(sent_archive(archive, zip))
}

pub(super) fn sent_archive(archive: Outgoing, zip: bool) -> Response {
    let kind = if zip { "application/zip" } else { "application/x-tar" };
    let Outgoing { packed, lent } = archive;
    sent(tokio::fs::File::from_std(packed.file), packed.bytes, kind, lent)
}

/// Something that is read from the disk as fast as it is taken. `until_sent` is dropped then, or when it is given up.
fn sent<G: Send + 'static>(
    content: impl AsyncRead + Send + 'static,
    bytes: u64,
    kind: &'static str,
    until_sent: G,
) -> Response {
    let pieces = ReaderStream::with_capacity(content, 64 << 10).map(move |piece| {
        let _ = &until_sent;
        piece
    });
    // Whatever a guest wrote is bytes to be saved, never a page to be shown.
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

/// Unpack a tar or a zip into a folder of a sandbox
#[utoipa::path(
    put, path = "/v1/sandboxes/{id}/archive", tag = "files", params(("id" = String, Path), Within),
    request_body(content = Raw, content_type = "application/x-tar"),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn unpack(
    who: Who,
    State(api): State<Api>,
    Path(sandbox): Path<String>,
    Query(at): Query<Within>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let (record, permit) = found(&who, &sandbox, Action::SandboxesWriteFiles).await?;
    who.fact("what", "archive");
    who.fact("path", at.path.as_deref().unwrap_or("/"));
    let incoming = who.hall().incoming(&permit, Some(&record.id)).await?;
    let archive = upload::to_disk(body, &api.parts().http, incoming).await?;
    who.fact("bytes", archive.bytes());
    who.fact("digest", archive.digest().to_string());
    let permit = still(&who, &record.id, Action::SandboxesWriteFiles).await?;
    who.hall().upload(&permit, &record.id, at.path.unwrap_or_default(), archive).await?;
    Ok(StatusCode::NO_CONTENT)
}
