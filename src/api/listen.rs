use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::addresses::{Addresses, Open};
use super::exchange::{Exchange, Spoken};
use super::pace::Paced;
use super::settings::{HttpSettings, TlsSettings};
use super::tls::{self, CertificateFiles, TlsError, TlsWanted};
use crate::model::RequestId;
use crate::telemetry::Telemetry;

const HANDSHAKE: Duration = Duration::from_secs(10);
/// What the kernel takes of us for a reader who has not taken what came before.
const UNSENT: u32 = 64 << 10;
/// How long open connections may end by themselves when the service stops.
const CLOSING: Duration = Duration::from_secs(5);

/// A door that is open: bound, with its certificate read.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error(
        "{0} is not an address of this machine alone, and there is no TLS: keys would cross the network in the open; name a certificate (tls.cert_file and tls.key_file), have one made for trials (tls.self_made=true), say that something in front does TLS (http.allow_plain_http=true), or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    #[error("cannot listen on {address}: {reason}")]
    Taken { address: SocketAddr, reason: std::io::Error },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Refuses what would leave the door open to all.
fn refuse_open(http: &HttpSettings, encrypted: bool) -> Result<(), ListenError> {
    if !encrypted && !http.listen.ip().is_loopback() && !http.allow_plain_http {
        return Err(ListenError::Open(http.listen));
    }
    Ok(())
}

impl Listener {
    /// What `bind` would refuse, without making or binding anything.
    pub fn check(http: &HttpSettings, tls: &TlsSettings) -> Result<(), ListenError> {
        let wanted = tls.wanted()?;
        if let TlsWanted::Files(files) = &wanted {
            tls::acceptor(files)?;
        }
        refuse_open(http, wanted != TlsWanted::Nothing)
    }

    /// Speaks TLS with the certificate, where there is one.
    pub async fn bind(http: &HttpSettings, shown: Option<&CertificateFiles>) -> Result<Self, ListenError> {
        refuse_open(http, shown.is_some())?;
        let tls = shown.map(tls::acceptor).transpose()?;
        let tcp = TcpListener::bind(http.listen).await;
        let tcp = tcp.map_err(|reason| ListenError::Taken { address: http.listen, reason })?;
        Ok(Self { tcp, tls })
    }

    /// Where it is; the port is known only now where 0 was asked for.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }
}

/// Serves until it is told to stop, and then until what is at work is answered.
pub async fn serve(
    listener: Listener,
    router: Router,
    http: &HttpSettings,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(http.connections as usize));
    let addresses = Addresses::new(http.address_connections);
    let all = TaskTracker::new();
    let builder = Arc::new(builder(http));
    let http = Arc::new(http.clone());
    let now = CancellationToken::new();
    loop {
        // Where there is no room for one more, it waits in the kernel, and costs us nothing.
        let place = tokio::select! {
            () = stop.cancelled() => break,
            place = Arc::clone(&room).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.tcp.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely; a moment later some are free.
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let Some(open) = addresses.one_more(address.ip()) else {
            // It is closed at once. The log is not for whoever wants to fill it.
            tracing::debug!(%address, "one connection too many from there");
            continue;
        };
        let one = One {
            builder: Arc::clone(&builder),
            http: Arc::clone(&http),
            router: router.clone(),
            stop: stop.clone(),
            now: now.clone(),
        };
        let (tls, telemetry) = (listener.tls.clone(), Arc::clone(&telemetry));
        all.spawn(async move {
            telemetry.connected(1);
            one.whole(stream, address, tls, (place, open)).await;
            telemetry.connected(-1);
        });
    }
    drop(listener);
    all.close();
    if tokio::time::timeout(CLOSING, all.wait()).await.is_err() {
        now.cancel();
        let _ = tokio::time::timeout(CLOSING, all.wait()).await;
    }
}

/// Without delay, and so that what the kernel takes of us is about what the reader takes of it: else it takes in steps of more
/// than a megabyte, and whoever reads slowly seems to read nothing in between.
fn prepare(tcp: &TcpStream) {
    let _ = tcp.set_nodelay(true);
    let _ = SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT);
}

fn builder(http: &HttpSettings) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(http.header_ms))
        .max_headers(http.headers as usize)
        .max_buf_size((http.header_bytes as usize).max(8_192))
        // Two ways to say where a body ends are one too many.
        .half_close(false);
    builder
}

/// What a connection has of the room that there is, until it is over.
type Room = (OwnedSemaphorePermit, Open);

struct One {
    builder: Arc<http1::Builder>,
    http: Arc<HttpSettings>,
    router: Router,
    stop: CancellationToken,
    now: CancellationToken,
}

impl One {
    async fn whole(self, tcp: TcpStream, address: SocketAddr, tls: Option<TlsAcceptor>, _room: Room) {
        prepare(&tcp);
        match tls {
            None => self.speak(tcp, address).await,
            Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(tcp)).await {
                Ok(Ok(stream)) => self.speak(stream, address).await,
                Ok(Err(error)) => tracing::debug!(%address, "no TLS: {error}"),
                Err(_) => tracing::debug!(%address, "no TLS in time"),
            },
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Send + 'static, address: SocketAddr) {
        let exchange = Arc::new(Exchange::default());
        let (begins, answered) = (Arc::clone(&exchange), Arc::clone(&exchange));
        let service = self.router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
            begins.begin();
            request.extensions_mut().insert(ConnectInfo(address));
            request
        });
        let service = TowerToHyperService::new(service.map_response(move |answer| answered.watch(answer)));
        let stream = TokioIo::new(Spoken::new(Paced::new(Box::pin(stream), &self.http), Arc::clone(&exchange)));
        let mut connection = self.builder.serve_connection(stream, service);
        let done = tokio::select! {
            done = &mut connection => done,
            () = self.stop.cancelled() => {
                Pin::new(&mut connection).graceful_shutdown();
                tokio::select! {
                    done = &mut connection => done,
                    () = self.now.cancelled() => return,
                }
            }
        };
        let mut stream = connection.into_parts().io.into_inner();
        if let Err(error) = done {
            tracing::debug!(%address, "a connection broke off: {error}");
            if let Some(problem) = exchange.problem(&error, &self.http) {
                let id = RequestId::random();
                tracing::info!(%id, %address, code = problem.code(), "a request could not be read");
                let _ = stream.refuse(problem, &id).await;
            }
        }
        tokio::select! {
            () = stream.part() => {}
            () = self.now.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By what the kernel takes in its steps, a reader of 40 KB a second would be cut as one who takes nothing.
    #[tokio::test]
    async fn a09_the_kernel_takes_no_more_than_readers_do() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _reader = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        prepare(&tcp);
        assert_eq!(SockRef::from(&tcp).tcp_notsent_lowat().unwrap(), UNSENT);
        assert!(tcp.nodelay().unwrap());
    }
}
