use std::str::FromStr as _;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::address::Reach;
use super::door::{Guarded, client, client_trusting, destination, leads_outside, told};
use super::webhook::{SIGNATURE, Signer, WebhookError};

/// A collector may write what it takes down before it answers.
const DEADLINE: Duration = Duration::from_secs(30);
const REFUSED: &str = "the name leads to an address that is not of the internet; `private` allows it";
const HEADERS: usize = 8;

/// How a collector is reached, and what it wants to see.
pub struct CollectorSettings<'a> {
    pub url: &'a str,
    /// Certificates in PEM: the only ones that may vouch for it.
    pub roots: Option<&'a [u8]>,
    /// Headers with secrets, one a line.
    pub headers: &'a str,
    /// What all is signed with.
    pub key: Option<&'a [u8]>,
    pub private: bool,
}

/// Where records are posted.
pub struct Collector {
    client: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    key: Option<Signer>,
}

impl Collector {
    /// Names are led to addresses of the internet, and to others only where `private` says so.
    pub fn new(settings: &CollectorSettings<'_>) -> Result<Self, WebhookError> {
        let reach = if settings.private { Reach::Any } else { Reach::Internet };
        let url = destination(settings.url).ok_or(WebhookError::Url)?;
        if leads_outside(&url, reach) {
            return Err(WebhookError::Private);
        }
        let key = settings.key.map(Signer::new).transpose()?;
        let names = Guarded::system(reach, REFUSED);
        let failed = |error: reqwest::Error| WebhookError::Client(told(&error));
        let client = match settings.roots {
            None => client(names, DEADLINE),
            Some(pem) => {
                let roots = reqwest::Certificate::from_pem_bundle(pem).map_err(failed)?;
                if roots.is_empty() {
                    return Err(WebhookError::Client("ca_file: no certificate is in it".to_owned()));
                }
                client_trusting(names, DEADLINE, roots)
            }
        };
        Ok(Self { client: client.map_err(failed)?, url, headers: headers(settings.headers)?, key })
    }

    /// Once: it was taken, or the status that it was not taken with, if any, and why. `now` is in seconds since 1970.
    pub async fn post(
        &self,
        body: Bytes,
        kind: &'static str,
        about: [(&'static str, String); 2],
        now: u64,
    ) -> Result<(), (Option<u16>, String)> {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, kind).headers(self.headers.clone());
        for (name, value) in about {
            request = request.header(name, value);
        }
        if let Some(key) = &self.key {
            request = request.header(SIGNATURE, key.signature(&body, now));
        }
        match request.body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err((Some(answer.status().as_u16()), format!("the answer was {}", answer.status()))),
            Err(error) => Err((None, told(&error.without_url()))),
        }
    }
}

/// `Name: value`, one a line. What is wrong is not shown: it may be a secret.
fn headers(text: &str) -> Result<HeaderMap, WebhookError> {
    let wrong = || WebhookError::Client(format!("header_file: write `Name: value`, {HEADERS} lines at most"));
    let mut headers = HeaderMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_str(name.trim()).map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.append(name, value);
        if headers.len() > HEADERS {
            return Err(wrong());
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lines_and_what_is_wrong_is_not_shown() {
        let all = headers("Authorization: Bearer a:b\r\n\nDD-API-KEY:x\n").unwrap();
        assert_eq!((all["authorization"].as_bytes(), all["dd-api-key"].as_bytes()), (&b"Bearer a:b"[..], &b"x"[..]));
        for wrong in ["secret", "sec ret: x", "a: \u{1}secret", &"a: secret\n".repeat(9)] {
            let error = headers(wrong).unwrap_err().to_string();
            assert!(error.contains("header_file") && !error.contains("sec"), "{error}");
        }
    }
}
