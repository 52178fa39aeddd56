use axum::body::Body;

use super::body::Pieces;
use super::problem::Problem;
use super::settings::HttpSettings;
use crate::sandbox::Incoming;

/// Writes a body down as it comes: however large, it is never in memory as a whole.
pub(super) async fn to_disk(body: Body, http: &HttpSettings, mut incoming: Incoming) -> Result<Incoming, Problem> {
    let mut pieces = Pieces::new(body, http, http.upload_bytes);
    while let Some(piece) = pieces.next().await? {
        incoming.add(&piece).await?;
    }
    Ok(incoming)
}
