use std::time::Duration;

use aws_lc_rs::hmac;
use reqwest::Url;

use super::address::Reach;
use super::door::{Guarded, client, destination, leads_outside, told};

const DEADLINE: Duration = Duration::from_secs(10);
const KEY_BYTES: usize = 32;
pub(super) const SIGNATURE: &str = "ringfence-signature";
const REFUSED: &str =
    "the name leads to an address that is not of the internet; audit.alerts.webhook.private allows it";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("url: write `https://`, or `http://` and this machine (127.0.0.1, [::1], localhost), without a password")]
    Url,
    #[error("the address is not of the internet; `private` allows it")]
    Private,
    #[error("key_file: {KEY_BYTES} bytes at least")]
    Key,
    #[error("{0}")]
    Client(String),
}

/// Where messages are sent that whoever gets them can check: each is signed with a key that both know.
pub struct Webhook {
    client: reqwest::Client,
    url: Url,
    key: Signer,
}

impl Webhook {
    /// Names are led to addresses of the internet, and to others only where `private` says so.
    pub fn new(url: &str, key: &[u8], private: bool) -> Result<Self, WebhookError> {
        let reach = if private { Reach::Any } else { Reach::Internet };
        let url = destination(url).ok_or(WebhookError::Url)?;
        if leads_outside(&url, reach) {
            return Err(WebhookError::Private);
        }
        let key = Signer::new(key)?;
        let client = client(Guarded::system(reach, REFUSED), DEADLINE)
            .map_err(|error| WebhookError::Client(error.to_string()))?;
        Ok(Self { client, url, key })
    }

    /// Once: it was taken, or why not. `now` in seconds since 1970 is part of what is signed, so that whoever gets it can
    /// refuse what is old.
    pub async fn post(&self, body: &str, now: u64) -> Result<(), String> {
        let request = self.client.post(self.url.clone()).header("content-type", "application/json");
        let sent =
            request.header(SIGNATURE, self.key.signature(body.as_bytes(), now)).body(body.to_owned()).send().await;
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the answer was {}", answer.status())),
            Err(error) => Err(told(&error.without_url())),
        }
    }
}

/// Signs what is sent with a key that whoever gets it knows.
pub(super) struct Signer(hmac::Key);

impl Signer {
    pub(super) fn new(key: &[u8]) -> Result<Self, WebhookError> {
        if key.len() < KEY_BYTES {
            return Err(WebhookError::Key);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key)))
    }

    pub(super) fn signature(&self, body: &[u8], now: u64) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{now}.").as_bytes());
        context.update(body);
        let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={now},v1={hex}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_over_time_and_body() {
        let hook = Webhook::new("https://siem.example/x", &[b'k'; 32], false).unwrap();
        // printf '7.{}' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
        assert_eq!(
            hook.key.signature(b"{}", 7),
            "t=7,v1=363c19930b9157b620e03750b1cb6234f462a93f71b358f45ede1c07731f80e2"
        );
        assert_ne!(hook.key.signature(b"{}", 8), hook.key.signature(b"{}", 7).replace("t=7", "t=8"));
    }

    #[test]
    fn a10_it_goes_only_where_the_configuration_may_lead_it() {
        let made = |url: &str, private| Webhook::new(url, &[0; 32], private).err();
        for url in
            ["https://siem.example/", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/", "https://1.1.1.1/"]
        {
            assert_eq!(made(url, false), None, "{url}");
        }
        for url in [
            "http://siem.example/",
            "ftp://siem.example/",
            "siem.example",
            "https://a:b@siem.example/",
            "http://10.0.0.1/",
        ] {
            assert_eq!(made(url, true), Some(WebhookError::Url), "{url}");
        }
        for url in ["https://10.0.0.1/", "https://169.254.169.254/", "https://[fd00::1]/", "https://0x0a000001/"] {
            assert_eq!((made(url, false), made(url, true)), (Some(WebhookError::Private), None), "{url}");
        }
        assert_eq!(Webhook::new("https://siem.example/", &[0; 31], false).err(), Some(WebhookError::Key));
    }
}
