use std::error::Error;
use std::future::Future;
use std::pin::Pin;

/// The largest document of keys that is read.
pub const JWKS_BYTES: usize = 256 << 10;

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct FetchError {
    pub message: String,
    #[source]
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

impl FetchError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), cause: None }
    }
}

pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send + 'a>>;

/// The way out to the network, for keys of issuers. Only addresses from the settings are asked for.
///
/// It must stop reading at [`JWKS_BYTES`] and must not follow a redirect to another host.
pub trait FetchKeys: Send + Sync {
    fn fetch<'a>(&'a self, url: &'a str) -> Fetching<'a>;
}
