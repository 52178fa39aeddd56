use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::TcpStream;

use super::address::{Reach, reachable};

/// Follows nobody elsewhere, and goes through no proxy: it is dialled what was looked up.
pub(super) fn client(names: Guarded, deadline: Duration) -> reqwest::Result<reqwest::Client> {
    careful(names, deadline).build()
}

/// The same, where only these certificates may vouch for the peer.
pub(super) fn client_trusting(
    names: Guarded,
    deadline: Duration,
    roots: Vec<reqwest::Certificate>,
) -> reqwest::Result<reqwest::Client> {
    careful(names, deadline).tls_certs_only(roots).build()
}

fn careful(names: Guarded, deadline: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(names))
        .timeout(deadline)
        .no_proxy()
}

/// Where messages of ours may be sent: where nobody reads along, and no password is in the log of whoever shows the URL.
pub(super) fn destination(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let open = !url.username().is_empty() || url.password().is_some();
    (!open && (url.scheme() == "https" || url.scheme() == "http" && here)).then_some(url)
}

/// An address in the place of a name is not looked up, so it is looked at by this.
pub(super) fn leads_outside(url: &Url, reach: Reach) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback() && !reachable(address, reach))
}

/// Dials an address, or one of those that a name leads to and that may be dialled.
pub(super) async fn dial(host: &str, port: u16, names: &Guarded) -> io::Result<TcpStream> {
    if let Ok(address) = host.parse::<IpAddr>() {
        if !address.is_loopback() && !reachable(address, names.reach) {
            return Err(io::Error::other(names.refused));
        }
        return TcpStream::connect((address, port)).await;
    }
    let mut last = io::Error::other("the name leads nowhere");
    for address in names.found(host).await? {
        match TcpStream::connect((address.ip(), port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// With the last cause, which is what a person can mend.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// Where names are looked up.
pub(super) trait Names: Send + Sync {
    fn look_up(&self, name: String) -> futures_util::future::BoxFuture<'static, std::io::Result<Vec<SocketAddr>>>;
}

pub(super) struct System;

impl Names for System {
    fn look_up(&self, name: String) -> futures_util::future::BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
    }
}

/// Gives out only addresses that may be dialled. What it gives out is what is dialled: there is no time in between in
/// which a name could be led elsewhere.
pub(super) struct Guarded {
    pub(super) names: Arc<dyn Names>,
    pub(super) reach: Reach,
    /// What is said of a name that leads elsewhere.
    pub(super) refused: &'static str,
}

impl Guarded {
    pub(super) fn system(reach: Reach, refused: &'static str) -> Self {
        Self { names: Arc::new(System), reach, refused }
    }

    /// The addresses that a name leads to and that may be dialled; one at least.
    fn found(&self, name: &str) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static {
        let reach = if name.eq_ignore_ascii_case("localhost") { Reach::Host } else { self.reach };
        let (found, refused) = (self.names.look_up(name.to_owned()), self.refused);
        async move {
            let mut all = found.await?;
            all.retain(|address| reachable(address.ip(), reach));
            if all.is_empty() { Err(io::Error::other(refused)) } else { Ok(all) }
        }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.found(name.as_str());
        Box::pin(async move { Ok(Box::new(found.await?.into_iter()) as Addrs) })
    }
}
