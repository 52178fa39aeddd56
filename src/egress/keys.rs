use std::time::Duration;

use futures_util::StreamExt as _;

use crate::identity::{FetchError, FetchKeys, Fetching, JWKS_BYTES};

const DEADLINE: Duration = Duration::from_secs(5);

/// Fetches key sets of issuers.
pub struct IssuerKeys(reqwest::Client);

impl IssuerKeys {
    pub fn new() -> Result<Self, FetchError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DEADLINE)
            .no_proxy()
            .build()
            .map_err(|error| FetchError::new(error.to_string()))?;
        Ok(Self(client))
    }

    async fn whole(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |error: reqwest::Error| FetchError::new(error.without_url().to_string());
        let answer = self.0.get(url).send().await.map_err(failed)?;
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
