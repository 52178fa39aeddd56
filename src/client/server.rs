use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

use super::error::ClientError;

/// The address of a server that may be spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    url: Url,
    is_local: bool,
}

impl Server {
    /// `plain` allows HTTP to other machines, where keys cross the network in the open.
    pub fn parse(text: &str, plain: bool) -> Result<Self, ClientError> {
        let wrong = |what: &str| ClientError::Address { address: text.to_owned(), what: what.to_owned() };
        let url = Url::parse(text).map_err(|_| wrong("no address; write https://HOST or http://127.0.0.1:7070"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("only http:// and https:// are spoken"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ClientError::Address {
                address: url.host_str().unwrap_or_default().to_owned(),
                what: "an address has no name and password in it; give the key as --api-key-file".to_owned(),
            });
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("write it without a path"));
        }
        // As it was understood: `127.1` is written out by now.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if url.scheme() == "http" && !is_local && !plain {
            return Err(wrong("keys would cross the network in the open; use https, or --insecure-http if you must"));
        }
        Ok(Self { url, is_local })
    }

    /// The address of what is asked for; each word is one step, whatever is in it.
    pub(super) fn at(&self, steps: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(steps);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    /// `localhost` is this machine, whatever a name server says.
    pub(super) fn localhost() -> [SocketAddr; 2] {
        [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))]
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_unless_told() {
        for good in ["http://127.0.0.1:7070", "http://[::1]:1/", "http://localhost", "https://example.org"] {
            Server::parse(good, false).unwrap();
        }
        for plain in ["http://example.org", "http://10.0.0.1:7070", "http://0.0.0.0:1", "http://localhost.example.org"]
        {
            assert_eq!(Server::parse(plain, false).unwrap_err().code(), "bad_server", "{plain}");
            Server::parse(plain, true).unwrap();
        }
        for bad in
            ["example.org", "ftp://example.org", "https://a:b@example.org", "https://example.org/x", "https://x/?y"]
        {
            let error = Server::parse(bad, true).unwrap_err();
            assert!(error.code() == "bad_server" && !error.to_string().contains("a:b"), "{error}");
        }
    }

    #[test]
    fn a_step_of_a_path_stays_one_step() {
        let server = Server::parse("https://example.org", false).unwrap();
        assert_eq!(server.to_string(), "https://example.org");
        let url = server.at(&["v1", "x", "a/b?c"], &[("path", "d&e=f")]);
        assert_eq!(url.as_str(), "https://example.org/v1/x/a%2Fb%3Fc?path=d%26e%3Df");
    }
}
