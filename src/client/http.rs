use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Certificate, Method, RequestBuilder, Response, redirect};
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::error::{ClientError, Problem};
use super::events::Events;
use super::server::Server;

/// The most of one answer that is held in memory.
const ANSWER_BYTES: u64 = 512 << 20;
const PROBLEM_BYTES: u64 = 1 << 20;
const TEXT_BYTES: u64 = 1 << 20;
const CERTIFICATE_BYTES: u64 = 4 << 20;
const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may come. A program that is submitted is compiled before anything is said.
const SILENCE: Duration = Duration::from_secs(600);

/// Speaks to one server with one key.
pub struct Client {
    http: reqwest::Client,
    server: Server,
    key: HeaderValue,
}

/// One thing to ask for.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    method: &'static str,
    steps: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
}

impl<'a> Call<'a> {
    pub const fn get(steps: &'a [&'a str]) -> Self {
        Self { method: "GET", steps, query: &[] }
    }

    pub const fn post(steps: &'a [&'a str]) -> Self {
        Self { method: "POST", steps, query: &[] }
    }

    pub const fn put(steps: &'a [&'a str]) -> Self {
        Self { method: "PUT", steps, query: &[] }
    }

    pub const fn patch(steps: &'a [&'a str]) -> Self {
        Self { method: "PATCH", steps, query: &[] }
    }

    pub const fn delete(steps: &'a [&'a str]) -> Self {
        Self { method: "DELETE", steps, query: &[] }
    }

    pub const fn with(self, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { query, ..self }
    }
}

impl Client {
    /// `ca`: the only certificates that may vouch for the server, instead of those of this machine.
    pub fn new(server: Server, key: &str, ca: Option<&Path>) -> Result<Self, ClientError> {
        let bearer = Zeroizing::new(format!("Bearer {}", key.trim()));
        if key.trim().is_empty() {
            return Err(ClientError::BadKey("it is empty"));
        }
        let mut header =
            HeaderValue::from_str(&bearer).map_err(|_| ClientError::BadKey("it has control characters"))?;
        header.set_sensitive(true);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("ringfence/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .resolve_to_addrs("localhost", &Server::localhost());
        if server.is_local() || !server.is_encrypted() {
            // Whoever stands in between could read the key.
            builder = builder.no_proxy();
        }
        if let Some(file) = ca {
            builder = builder.tls_certs_only(certificates(file)?);
        }
        let http = builder.build().map_err(|error| unreachable(&server, error))?;
        Ok(Self { http, server, key: header })
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Asks, and reads the answer as JSON; what has no body is `null`.
    pub async fn json(&self, call: Call<'_>, body: Option<&Value>) -> Result<Value, ClientError> {
        let request = self.request(call);
        let request = if let Some(body) = body { request.json(body) } else { request };
        self.read_json(self.sent(request).await?).await
    }

    /// Sends bytes; whether something new was made, and what is said of it.
    pub async fn send(&self, call: Call<'_>, kind: &'static str, bytes: Bytes) -> Result<(bool, Value), ClientError> {
        let request = self.request(call).header(CONTENT_TYPE, kind).body(bytes);
        let answer = self.sent(request).await?;
        let new = answer.status().as_u16() == 201;
        Ok((new, self.read_json(answer).await?))
    }

    /// Sends a file as it is on the disk.
    pub async fn send_file(&self, call: Call<'_>, kind: &'static str, path: &Path) -> Result<Value, ClientError> {
        let wrong =
            |reason: std::io::Error| ClientError::File { path: path.display().to_string(), what: reason.to_string() };
        let file = tokio::fs::File::open(path).await.map_err(wrong)?;
        let about = file.metadata().await.map_err(wrong)?;
        if !about.is_file() {
            return Err(ClientError::File { path: path.display().to_string(), what: "it is no file".to_owned() });
        }
        // Said before the first byte, so that what is too large is refused by then.
        let request = self.request(call).header(CONTENT_TYPE, kind).header(CONTENT_LENGTH, about.len());
        self.read_json(self.sent(request.body(file)).await?).await
    }

    /// Writes the bytes of the answer down as they come.
    pub async fn fetch(&self, call: Call<'_>, mut to: impl AsyncWrite + Unpin) -> Result<Fetched, ClientError> {
        let mut pieces = self.sent(self.request(call)).await?.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| unreachable(&self.server, error))?;
            if let Err(reason) = to.write_all(&piece).await {
                return Ok(Err(reason));
            }
        }
        Ok(to.flush().await)
    }

    /// Asks for a text that is no JSON.
    pub async fn text(&self, call: Call<'_>) -> Result<String, ClientError> {
        let bytes = self.whole(self.sent(self.request(call)).await?, TEXT_BYTES).await?;
        String::from_utf8(bytes.into()).map_err(|_| self.strange("what should be text is none".to_owned()))
    }

    /// Asks, and hears what happens as it happens.
    pub async fn events(&self, call: Call<'_>, body: &impl Serialize) -> Result<Events, ClientError> {
        self.heard(self.request(call).json(body)).await
    }

    /// Hears what happens from now on, or what came after an event.
    pub async fn watch(&self, call: Call<'_>, after: Option<u64>) -> Result<Events, ClientError> {
        let request = self.request(call);
        self.heard(match after {
            Some(event) => request.header("last-event-id", event),
            None => request,
        })
        .await
    }

    async fn heard(&self, request: RequestBuilder) -> Result<Events, ClientError> {
        let answer = self.sent(request.header(ACCEPT, "text/event-stream")).await?;
        let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(self.strange(format!("events were asked for, and `{kind}` came")));
        }
        Ok(Events::new(answer, self.server.clone()))
    }

    fn request(&self, call: Call<'_>) -> RequestBuilder {
        let method = match call.method {
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => Method::GET,
        };
        self.http.request(method, self.server.at(call.steps, call.query)).header(AUTHORIZATION, self.key.clone())
    }

    /// Sends a request; what the server calls wrong is an error.
    async fn sent(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let answer = request.send().await.map_err(|error| unreachable(&self.server, error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if status.is_redirection() {
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere").to_owned();
            return Err(ClientError::Redirected { server: self.server.to_string(), to });
        }
        let bytes = self.whole(answer, PROBLEM_BYTES).await?;
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) if !problem.code.is_empty() => {
                Err(ClientError::Problem(Problem { status: status.as_u16(), ..problem }))
            }
            _ => Err(self.strange(format!("the status {status} without a word why"))),
        }
    }

    async fn read_json(&self, answer: Response) -> Result<Value, ClientError> {
        let bytes = self.whole(answer, ANSWER_BYTES).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|_| self.strange("what should be JSON is none".to_owned()))
    }

    async fn whole(&self, answer: Response, most: u64) -> Result<Bytes, ClientError> {
        let mut bytes = Vec::new();
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| unreachable(&self.server, error))?;
            if (bytes.len() as u64).saturating_add(piece.len() as u64) > most {
                return Err(ClientError::TooMuch { server: self.server.to_string(), most });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.into())
    }

    fn strange(&self, what: String) -> ClientError {
        ClientError::Strange { server: self.server.to_string(), what }
    }
}

/// Whether what came could be written down here.
pub type Fetched = std::io::Result<()>;

/// The last cause says most: refused, unknown certificate, no such name.
pub(super) fn unreachable(server: &Server, error: reqwest::Error) -> ClientError {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        reason = deeper.to_string();
        cause = deeper.source();
    }
    ClientError::Unreachable { server: server.to_string(), reason }
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, ClientError> {
    use std::io::Read as _;
    let wrong = |what: String| ClientError::File { path: file.display().to_string(), what };
    let mut pem = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(CERTIFICATE_BYTES).read_to_end(&mut pem));
    read.map_err(|reason| wrong(reason.to_string()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(wrong("no certificate is in it".to_owned())),
        Err(error) => Err(wrong(error.without_url().to_string())),
    }
}
