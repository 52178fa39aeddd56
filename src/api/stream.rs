use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde_json::json;
use tokio_util::sync::DropGuard;

use super::context::Api;
use super::problem::Problem;
use super::shares::{Place, Share};
use super::types::{Run, text_or_code};
use crate::engine::Stream as Which;
use crate::model::TenantId;
use crate::sandbox::{Event, Events, Happened};

/// A place for one stream of events.
pub(super) struct Seat {
    _place: Place,
    _share: Share,
}

/// Asked for before anything begins: a run that nobody could watch must not be started to be cancelled.
pub(super) fn seat(api: &Api, tenant: &TenantId) -> Result<Seat, Problem> {
    let share = api.inner().streams.share(tenant)?;
    Ok(Seat { _place: api.inner().streams.place()?, _share: share })
}

struct Watched {
    events: Events,
    /// Ends the run when nobody watches any more, where that was asked.
    _guard: Option<DropGuard>,
    _seat: Seat,
}

/// What happens, as it happens. Whoever stops reading holds up nobody: the next event is asked for when the last one is
/// on its way, and a connection that takes nothing for too long is cut.
pub(super) fn stream(events: Events, guard: Option<DropGuard>, seat: Seat) -> Response {
    let watched = Watched { events, _guard: guard, _seat: seat };
    Sse::new(sent(watched)).keep_alive(KeepAlive::default()).into_response()
}

fn sent(watched: Watched) -> impl Stream<Item = Result<Sent, Infallible>> {
    futures_util::stream::unfold(watched, |mut watched| async move {
        let event = watched.events.next().await?;
        let said = shown(event, &watched.events).await;
        Some((Ok(said), watched))
    })
}

async fn shown(event: Event, events: &Events) -> Sent {
    let number = event.number;
    let (name, data) = match event.what {
        Happened::Started(id) => ("started", json!({"seq": number, "id": id.to_string()})),
        Happened::Output { stream, bytes } => {
            let name = if stream == Which::Stdout { "stdout" } else { "stderr" };
            let data = match text_or_code(&bytes) {
                (Some(text), _) => json!({"seq": number, "text": text}),
                (None, base64) => json!({"seq": number, "base64": base64}),
            };
            (name, data)
        }
        Happened::Over(run) => {
            let name = if run.report.is_some() { "result" } else { "error" };
            // As large as a run may write: made once, whoever watches, and not on the thread that serves everybody.
            let made = events.told(move || {
                let run = Run::from(Arc::unwrap_or_clone(run));
                serde_json::to_string(&run).unwrap_or_else(|_| "null".to_owned())
            });
            return Sent::default().event(name).id(number.to_string()).data(&*made.await);
        }
        Happened::Done(id) => ("done", json!({"seq": number, "id": id.to_string()})),
    };
    Sent::default().event(name).id(number.to_string()).data(data.to_string())
}
