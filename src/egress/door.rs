use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{Reach, reachable};

/// Follows nobody elsewhere, and goes through no proxy: it is dialled what was looked up.
pub(super) fn client(names: Guarded, deadline: Duration) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(names))
        .timeout(deadline)
        .no_proxy()
        .build()
}

/// An address in the place of a name is not looked up, so it is looked at by this.
pub(super) fn leads_outside(url: &Url, reach: Reach) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback() && !reachable(address, reach))
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

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = if name.as_str().eq_ignore_ascii_case("localhost") { Reach::Host } else { self.reach };
        let (found, refused) = (self.names.look_up(name.as_str().to_owned()), self.refused);
        Box::pin(async move {
            let mut all = found.await?;
            all.retain(|address| reachable(address.ip(), reach));
            if all.is_empty() {
                return Err(refused.into());
            }
            Ok(Box::new(all.into_iter()) as Addrs)
        })
    }
}
