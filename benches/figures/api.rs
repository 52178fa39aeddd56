use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::app::Service;
use ringfence::config::Settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::{Effort, Figure, micros, percentile};

const NOOP: &str = "(component
    (core module $m (func (export \"run\")))
    (core instance $i (instantiate $m))
    (func (export \"run\") (canon lift (core func $i \"run\"))))";

/// One warm no-op component through the whole service on loopback, and a bare handler of the same framework beside it.
/// Whoever asks shares the cores with whoever answers.
pub fn through_http(effort: Effort) -> Vec<Figure> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bare = bare().await;
        let (service, _, request, stop) = service().await;
        let bare_request = text(&bare, "/v1/runs", "none", "{}");
        let one = alone(service, &request, effort.of(5_000)).await;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // In turn, so that what the machine does otherwise meets both.
        for _ in 0..if effort.quick { 1 } else { 5 } {
            ours.push(together(service, &request, effort.of(8_000)).await);
            theirs.push(together(bare, &bare_request, effort.of(8_000)).await);
        }
        stop.cancel();
        let best = |rates: &mut Vec<f64>| {
            rates.sort_by(f64::total_cmp);
            rates[rates.len() / 2]
        };
        let (ours, theirs) = (best(&mut ours), best(&mut theirs));
        let half = ours / theirs;
        vec![
            Figure {
                what: "a warm no-op run through the API, one client, p50",
                target: "300 µs".into(),
                measured: format!("{:.0} µs", micros(one)),
                met: Some(one <= Duration::from_micros(300)),
            },
            Figure {
                what: "the same, 16 clients (median of five rounds)",
                target: "at least 6,000 a second, and half of a bare handler".into(),
                measured: format!("{ours:.0} a second; bare {theirs:.0} a second: {half:.2} of it"),
                met: Some(ours >= 6_000.0 && half >= 0.5),
            },
        ]
    })
}

async fn bare() -> SocketAddr {
    let answer = || async { axum::Json(serde_json::json!({"outcome": {"kind": "returned"}})) };
    let router = axum::Router::new().route("/v1/runs", axum::routing::post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// A service with one component: where it is, the key of its administrator, and a request for a run.
pub async fn service() -> (SocketAddr, String, String, CancellationToken) {
    service_with(tempfile::tempdir().unwrap().keep().join("data")).await
}

pub async fn service_with(data: PathBuf) -> (SocketAddr, String, String, CancellationToken) {
    let flags = [("data_dir".to_owned(), data.display().to_string()), ("http.listen".into(), "127.0.0.1:0".into())];
    let settings = Settings::load(None, |_| None, &flags).unwrap();
    let mut service = Service::with_worker(settings, PathBuf::from(env!("CARGO_BIN_EXE_ringfence"))).await.unwrap();
    let key = service.first_key.take().unwrap().expose().to_owned();
    let address: SocketAddr = service.url().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(service.serve(stop.clone()));
    let submit = text(&address, "/v1/components", &key, NOOP);
    let answer = Client::new(address).await.ask(&submit).await;
    let digest = serde_json::from_slice::<serde_json::Value>(&answer).unwrap()["digest"].as_str().unwrap().to_owned();
    let run = format!("{{\"component\":\"{digest}\",\"function\":\"run\"}}");
    let request = text(&address, "/v1/runs", &key, &run);
    let answer = Client::new(address).await.ask(&request).await;
    assert!(String::from_utf8_lossy(&answer).contains("returned"), "{}", String::from_utf8_lossy(&answer));
    (address, key, request, stop)
}

pub fn text(address: &SocketAddr, path: &str, key: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A connection that is kept.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 64 << 10] }
    }

    /// Sends a request and reads the whole answer.
    pub async fn ask(&mut self, request: &str) -> Vec<u8> {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = 0;
        loop {
            let count = self.stream.read(&mut self.buffer[got..]).await.unwrap();
            assert!(count > 0, "the answer broke off");
            got += count;
            let answer = &self.buffer[..got];
            let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&answer[..end]).unwrap();
            assert!(head.starts_with("HTTP/1.1 20"), "{}", String::from_utf8_lossy(answer));
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let whole = end + 4 + length.parse::<usize>().unwrap();
            if got >= whole {
                return answer[end + 4..whole].to_vec();
            }
        }
    }
}

async fn alone(address: SocketAddr, request: &str, count: usize) -> Duration {
    let mut client = Client::new(address).await;
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        client.ask(request).await;
        samples.push(began.elapsed());
    }
    percentile(&mut samples, 50)
}

pub async fn together(address: SocketAddr, request: &str, count: usize) -> f64 {
    const CLIENTS: usize = 16;
    let request = Arc::new(request.to_owned());
    let began = Instant::now();
    let all: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let request = Arc::clone(&request);
            tokio::spawn(async move {
                let mut client = Client::new(address).await;
                for _ in 0..count.div_ceil(CLIENTS) {
                    client.ask(&request).await;
                }
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    (count.div_ceil(CLIENTS) * CLIENTS) as f64 / began.elapsed().as_secs_f64()
}
