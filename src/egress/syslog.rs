use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::address::{Reach, reachable};
use super::door::{Guarded, dial};
use super::unacked::unacked;
use super::webhook::WebhookError;

/// To be connected and, with TLS, known.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long nothing of what is sent may be taken.
const STALL: Duration = Duration::from_secs(30);
/// How long a connection must stay open after something was sent: who went away before is known by then.
const SETTLE: Duration = Duration::from_millis(200);
/// How often it is looked then whether all was acknowledged.
const LOOK: Duration = Duration::from_millis(50);
const REFUSED: &str = "it leads to an address that is not of the internet; `private` allows it";

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// The connection below.
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Somebody who is sent messages and answers nothing: all that can be known is whether his machine has taken them, and
/// whether the connection is there.
pub struct SyslogPeer {
    host: String,
    port: u16,
    names: Guarded,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    open: Option<Box<dyn Stream>>,
    /// As [`STALL`].
    stall: Duration,
}

impl SyslogPeer {
    /// `address` is a host and a port. `roots` are certificates in PEM, which alone may vouch for the peer; without them it is
    /// sent in the open. Names are led to addresses of the internet, and to others only where `private` says so.
    pub fn new(address: &str, roots: Option<&[u8]>, private: bool) -> Result<Self, WebhookError> {
        let wrong = || WebhookError::Client(format!("address: `{address}`: write HOST:PORT"));
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
        let tls = roots.map(|pem| Ok::<_, WebhookError>((connector(pem)?, name))).transpose()?;
        let reach = if private { Reach::Any } else { Reach::Internet };
        if host.parse().is_ok_and(|address: IpAddr| !address.is_loopback() && !reachable(address, reach)) {
            return Err(WebhookError::Private);
        }
        Ok(Self { host: host.to_owned(), port, names: Guarded::system(reach, REFUSED), tls, open: None, stall: STALL })
    }

    /// Hands it over to the connection, which is opened where there is none. After an error it is closed, and nobody knows
    /// what of it has come.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => timeout(DEADLINE, self.dial()).await.map_err(|_| late("it was not connected"))??,
        };
        let mut left = bytes;
        while !left.is_empty() {
            let took = timeout(self.stall, open.write(left)).await.map_err(|_| late("it took nothing more"))??;
            if took == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            left = left.get(took..).unwrap_or_default();
        }
        timeout(self.stall, open.flush()).await.map_err(|_| late("it took nothing more"))??;
        self.open = Some(open);
        Ok(())
    }

    /// Whether his machine has acknowledged all of it, and the connection is still there some time later: what lies in our
    /// own buffer was sent to nobody. What he says meanwhile means nothing.
    pub async fn settle(&mut self) -> io::Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let (mut look, mut heard) = (Instant::now() + SETTLE, [0; 1_024]);
        let (mut least, mut patience) = (u64::MAX, Instant::now() + self.stall);
        loop {
            match timeout_at(look, open.read(&mut heard)).await {
                Ok(Ok(0)) => return Err(io::Error::other("it hung up")),
                Ok(Ok(_)) if Instant::now() < look => continue,
                Err(_) => {}
                Ok(some) => drop(some?),
            }
            // Where the system does not say, that it is still there must do.
            let left = unacked(open.socket())?.unwrap_or_default();
            if left == 0 {
                break;
            }
            if left < least {
                (least, patience) = (left, Instant::now() + self.stall);
            } else if Instant::now() >= patience {
                return Err(late("it acknowledged nothing more"));
            }
            look = Instant::now() + LOOK;
        }
        self.open = Some(open);
        Ok(())
    }

    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let stream = dial(&self.host, self.port, &self.names).await?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
        })
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

fn connector(pem: &[u8]) -> Result<TlsConnector, WebhookError> {
    let wrong = |what: String| WebhookError::Client(format!("ca_file: {what}"));
    let mut roots = RootCertStore::empty();
    for found in CertificateDer::pem_slice_iter(pem) {
        let found = found.map_err(|error| wrong(error.to_string()))?;
        roots.add(found).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("no certificate is in it".to_owned()));
    }
    let config =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
    let config = config.map_err(|error| wrong(error.to_string()))?.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::super::door::Names;
    use super::*;

    /// Leads every name to one address.
    struct To(IpAddr);

    impl Names for To {
        fn look_up(&self, _: String) -> futures_util::future::BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            let found = vec![SocketAddr::new(self.0, 0)];
            Box::pin(async move { Ok(found) })
        }
    }

    #[tokio::test]
    async fn a10_a_name_that_leads_inside_is_dialled_only_where_that_is_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = async |host: &str, inside: &str, private| {
            let mut peer = SyslogPeer::new(&format!("{host}:{port}"), None, private).unwrap();
            peer.names.names = Arc::new(To(inside.parse().unwrap()));
            peer.send(b"x").await.map_err(|error| error.to_string())
        };
        for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"] {
            assert!(
                sent("syslog.example", inside, false).await.unwrap_err().contains("not of the internet"),
                "{inside}"
            );
        }
        assert!(sent("localhost", "1.1.1.1", true).await.is_err(), "this machine by its name is this machine");
        assert_eq!(sent("syslog.example", "127.0.0.1", true).await, Ok(()));
        assert_eq!(sent("localhost", "127.0.0.1", false).await, Ok(()));
    }

    /// A listener whose connections have hardly any room.
    fn narrow() -> TcpListener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap()
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_lies_in_our_own_buffer_has_not_come() {
        let listener = narrow();
        let mut peer = SyslogPeer::new(&listener.local_addr().unwrap().to_string(), None, false).unwrap();
        peer.stall = Duration::from_millis(500);
        // More than there is room for there, and less than there is here.
        let much = vec![b'x'; 64 << 10];
        peer.send(&much).await.unwrap();
        let (_unread, _) = listener.accept().await.unwrap();
        assert_eq!(peer.settle().await.unwrap_err().to_string(), "it acknowledged nothing more");
        // Somebody who reads, however little at a time.
        peer.stall = STALL;
        peer.send(&much).await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        let reading = tokio::spawn(async move { tokio::io::copy(&mut other, &mut tokio::io::sink()).await });
        peer.settle().await.unwrap();
        drop(peer);
        assert_eq!(reading.await.unwrap().unwrap(), 64 << 10);
    }
}
