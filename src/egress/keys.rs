use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Url;

use super::address::Reach;
use super::door::{Guarded, Names, System, client, leads_outside, told};
use crate::identity::{FetchError, FetchKeys, Fetching, JWKS_BYTES};

const DEADLINE: Duration = Duration::from_secs(5);

/// Fetches key sets of issuers.
pub struct IssuerKeys {
    client: reqwest::Client,
    reach: Reach,
}

impl IssuerKeys {
    /// Names are led to addresses of the internet, and to others only where `private` says so.
    pub fn new(private: bool) -> Result<Self, FetchError> {
        Self::asking(Arc::new(System), if private { Reach::Any } else { Reach::Internet })
    }

    fn asking(names: Arc<dyn Names>, reach: Reach) -> Result<Self, FetchError> {
        let client = client(Guarded { names, reach, refused: REFUSED }, DEADLINE)
            .map_err(|error| FetchError::new(error.to_string()))?;
        Ok(Self { client, reach })
    }

    async fn whole(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |error: reqwest::Error| FetchError::new(told(&error.without_url()));
        let url = Url::parse(url).map_err(|error| FetchError::new(error.to_string()))?;
        if leads_outside(&url, self.reach) {
            return Err(FetchError::new(REFUSED));
        }
        let answer = self.client.get(url).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(FetchError::new(format!("the answer was {}", answer.status())));
        }
        let mut bytes = Vec::new();
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            bytes.extend_from_slice(&piece.map_err(failed)?);
            if bytes.len() > JWKS_BYTES {
                return Err(FetchError::new(format!("the answer is longer than {JWKS_BYTES} bytes")));
            }
        }
        Ok(bytes)
    }
}

impl FetchKeys for IssuerKeys {
    fn fetch<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        Box::pin(self.whole(url))
    }
}

const REFUSED: &str =
    "the name leads to an address that is not of the internet; identity.tokens.private_issuers allows it";

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, SocketAddr};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Says one thing after the other of each name, as who leads a name elsewhere does.
    struct Says(Mutex<Vec<Vec<IpAddr>>>);

    impl Names for Says {
        fn look_up(&self, _: String) -> futures_util::future::BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
            let next = self.0.lock().unwrap().remove(0);
            Box::pin(async move { Ok(next.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()) })
        }
    }

    /// A server that counts who comes, and answers each the same.
    async fn server(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, came) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (port, came)
    }

    fn keys(said: &[&[&str]], reach: Reach) -> IssuerKeys {
        let said = said.iter().map(|one| one.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        IssuerKeys::asking(Arc::new(Says(Mutex::new(said))), reach).unwrap()
    }

    const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

    #[tokio::test]
    async fn a10_a_name_that_leads_inside_is_not_dialled_whenever_it_does() {
        let (port, came) = server(GOOD).await;
        let url = format!("http://issuer.example:{port}/keys");
        for inside in ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fd00::1", "0.0.0.0"] {
            let error = keys(&[&[inside]], Reach::Internet).whole(&url).await.unwrap_err();
            assert!(error.message.contains("not of the internet"), "{inside}: {}", error.message);
        }
        // Led inside only at the second time, after it was good, and together with a good one that does not answer.
        let moving = keys(&[&["127.0.0.1"], &["10.0.0.1"]], Reach::Any);
        assert_eq!(moving.whole(&url).await.unwrap(), b"{}");
        assert_eq!(came.load(Ordering::SeqCst), 1);
        let moving = IssuerKeys { reach: Reach::Internet, ..keys(&[&["192.0.2.1", "127.0.0.1"]], Reach::Internet) };
        assert!(moving.whole(&url).await.is_err());
        assert_eq!(came.load(Ordering::SeqCst), 1, "nobody came again");
    }

    #[tokio::test]
    async fn a10_an_address_in_the_place_of_a_name_is_looked_at_as_well() {
        for url in ["https://10.0.0.1/", "https://169.254.169.254/", "https://[::ffff:10.0.0.1]/", "https://[fd00::1]/"]
        {
            let error = keys(&[], Reach::Internet).whole(url).await.unwrap_err();
            assert!(error.message.contains("not of the internet"), "{url}: {}", error.message);
        }
        let (port, came) = server(GOOD).await;
        assert_eq!(keys(&[], Reach::Internet).whole(&format!("http://127.0.0.1:{port}/")).await.unwrap(), b"{}");
        assert_eq!(came.load(Ordering::SeqCst), 1, "what the settings name is where the issuer is");
        // This machine by its name is this machine, whatever somebody says of it.
        let url = format!("http://localhost:{port}/");
        assert!(keys(&[&["93.184.216.34"]], Reach::Internet).whole(&url).await.is_err());
        assert_eq!(keys(&[&["127.0.0.1"]], Reach::Internet).whole(&url).await.unwrap(), b"{}");
    }

    #[tokio::test]
    async fn a10_nobody_is_followed_elsewhere() {
        let (elsewhere, came) = server(GOOD).await;
        let redirect: &'static str = Box::leak(
            format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n")
                .into_boxed_str(),
        );
        let (port, _) = server(redirect).await;
        let error = keys(&[], Reach::Internet).whole(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
        assert!(error.message.contains("302"), "{}", error.message);
        assert_eq!(came.load(Ordering::SeqCst), 0);
    }
}
