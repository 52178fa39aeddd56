use std::convert::Infallible;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde_json::json;
use tokio_util::sync::DropGuard;

use super::context::Api;
use super::held::Growing;
use super::problem::Problem;
use super::shares::{Place, Share};
use super::types::{RunOver, text_or_code};
use crate::model::{Stream as Which, TenantId};
use crate::sandbox::{Asking, Event, Events, Happened};

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
    /// What the events have in memory.
    counted: Arc<Growing>,
}

/// What happens, as it happens. Whoever stops reading holds up nobody: the next event is asked for when the last one is
/// on its way, and a connection that takes nothing for too long is cut.
pub(super) fn stream(events: Events, guard: Option<DropGuard>, seat: Seat, counted: Arc<Growing>) -> Response {
    let watched = Watched { events, _guard: guard, _seat: seat, counted };
    Sse::new(sent(watched)).keep_alive(KeepAlive::default()).into_response()
}

fn sent(watched: Watched) -> impl Stream<Item = Result<Sent, Infallible>> {
    futures_util::stream::unfold(Some(watched), |watched| async move {
        let mut watched = watched?;
        let event = watched.events.next().await;
        match watched.counted.done(event) {
            Ok(None) => None,
            Ok(Some(event)) => Some((Ok(shown(event).await), Some(watched))),
            // Without a number: whoever asks again goes on from the last one that he has.
            Err(problem) => {
                let failure = json!({"failure": {"code": problem.code(), "message": problem.detail()}});
                Some((Ok(Sent::default().event("error").data(failure.to_string())), None))
            }
        }
    })
}

/// What takes its time to be written.
const LARGE: usize = 64 << 10;

async fn shown(event: Event) -> Sent {
    let number = event.number;
    let (name, data) = match event.what {
        Happened::Started(id) => ("started", json!({"seq": number, "id": id.to_string()}).to_string()),
        Happened::Output { stream, bytes } => {
            let name = if stream == Which::Stdout { "stdout" } else { "stderr" };
            let data = match text_or_code(&bytes) {
                (Some(text), _) => json!({"seq": number, "text": text}),
                (None, base64) => json!({"seq": number, "base64": base64}),
            };
            (name, data.to_string())
        }
        Happened::Call(asking) => {
            let large = asking.input.text().len() >= LARGE;
            let write = move || {
                let Asking { call, tool, input } = &*asking;
                json!({"seq": number, "call": call.to_string(), "name": tool, "input": input}).to_string()
            };
            ("tool_call", written(large, write).await)
        }
        Happened::Over(run) => {
            let name = if run.report.is_some() { "result" } else { "error" };
            let (large, write) = (run.is_large(), move || {
                serde_json::to_string(&RunOver::of(number, &run)).unwrap_or_else(|_| "null".to_owned())
            });
            (name, written(large, write).await)
        }
        Happened::Done(id) => ("done", json!({"seq": number, "id": id.to_string()}).to_string()),
    };
    Sent::default().event(name).id(number.to_string()).data(data)
}

/// What may be as large as a run lets it is not written on the thread that serves everybody.
async fn written(large: bool, write: impl FnOnce() -> String + Send + 'static) -> String {
    if large { tokio::task::spawn_blocking(write).await.unwrap_or_default() } else { write() }
}

/// Whether the answer is to be a stream: it is accepted, and not less than JSON.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let kinds = || headers.get_all(header::ACCEPT).iter().filter_map(|kinds| kinds.to_str().ok());
    let quality = |wanted: &str| {
        let of = |kind: &str| {
            let mut parts = kind.split(';').map(str::trim);
            let is = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let said = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            // What cannot be read is taken for no wish.
            is.then(|| said.map_or(1.0, |said| said.parse::<f32>().unwrap_or(0.0)))
        };
        kinds().flat_map(|kinds| kinds.split(',')).filter_map(of).fold(0.0, f32::max)
    };
    let events = quality("text/event-stream");
    events > 0.0 && events >= quality("application/json")
}
