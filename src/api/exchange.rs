use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::problem::Problem;
use super::settings::HttpSettings;
use crate::model::RequestId;

/// How long what a client sends still is read and thrown away, so that it sees our answer and not a connection reset.
const LINGER: Duration = Duration::from_secs(2);

/// Whose turn it is on a connection.
///
/// A head that cannot be read never reaches our routes: hyper answers with a bare status, or cuts. While no request is
/// with us, whatever it writes is therefore kept back, and the same problem is sent as for everything else.
#[derive(Default)]
pub(super) struct Exchange {
    /// A request is with us, or its answer is under way.
    ours: AtomicBool,
    /// Its answer is given to hyper as a whole; at the next flush it is out.
    given: AtomicBool,
    /// Something of the next request has come.
    heard: AtomicBool,
}

impl Exchange {
    pub(super) fn begin(&self) {
        self.ours.store(true, Ordering::Relaxed);
    }

    pub(super) fn watch(self: &Arc<Self>, answer: Response) -> Response {
        let exchange = Arc::clone(self);
        answer.map(|body| Body::new(Given { body, exchange }))
    }

    /// What is to be said of a request that could not be read, where nothing was said so far.
    pub(super) fn problem(&self, error: &hyper::Error, http: &HttpSettings) -> Option<Problem> {
        if self.ours.load(Ordering::Relaxed) {
            return None;
        }
        if error.is_parse_too_large() {
            return Some(Problem::head_too_large(http));
        }
        if error.is_parse_version_h2() {
            let detail = "this port speaks HTTP/1.1; send the request again in that version";
            return Some(Problem::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "http_version", detail));
        }
        if error.is_parse() {
            return Some(Problem::bad("bad_head", "the head of the request is no HTTP/1.1; send it as RFC 9112 says"));
        }
        let begun = error.is_timeout() && self.heard.load(Ordering::Relaxed);
        let detail = "the head of the request did not come in time; send it without pauses";
        begun.then(|| Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", detail))
    }
}

/// The body of an answer, which tells when it is given.
struct Given {
    body: Body,
    exchange: Arc<Exchange>,
}

impl HttpBody for Given {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.exchange.given.store(true, Ordering::Relaxed);
    }
}

/// A connection on which hyper speaks only when it is our turn.
pub(super) struct Spoken<T> {
    stream: T,
    exchange: Arc<Exchange>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Spoken<T> {
    pub(super) fn new(stream: T, exchange: Arc<Exchange>) -> Self {
        Self { stream, exchange }
    }

    fn is_ours(&self) -> bool {
        self.exchange.ours.load(Ordering::Relaxed)
    }

    /// Sends a problem as the last thing on this connection.
    pub(super) async fn refuse(&mut self, problem: Problem, id: &RequestId) -> std::io::Result<()> {
        let (head, body) = problem.answer(id).into_parts();
        let body = body.collect().await.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        let mut text = format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", head.status, body.len());
        for (name, value) in &head.headers {
            text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
        }
        text.push_str(&format!("x-request-id: {id}\r\nx-content-type-options: nosniff\r\n\r\n"));
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.write_all(&body).await?;
        self.stream.flush().await
    }

    /// Ends the connection in the way in which the other side still gets what was said.
    pub(super) async fn part(mut self) {
        let reading = async {
            self.stream.shutdown().await?;
            let mut rest = [0; 4_096];
            while self.stream.read(&mut rest).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Whether they have taken leave as well does not matter.
        let _ = tokio::time::timeout(LINGER, reading).await;
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Spoken<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        if into.filled().len() > before {
            self.exchange.heard.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Spoken<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        if !self.is_ours() {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        if !self.is_ours() {
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper comes here only when nothing is left in its own buffers.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if self.exchange.given.swap(false, Ordering::Relaxed) {
            self.exchange.ours.store(false, Ordering::Relaxed);
            self.exchange.heard.store(false, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    /// The end is ours to make, when the last word is said.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
