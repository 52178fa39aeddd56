//! A03: failures are limited per source and per prefix of a key, and on record without the secret.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::House;

/// What is logged in this thread, where the whole service of a test works.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Another key with the prefix of one; its checksum is right, so that only the secret is wrong.
fn other_secret(key: &str) -> String {
    let (head, _) = key.split_at(59);
    let changed = format!("{}{}{}", &head[..30], if head.as_bytes()[30] == b'a' { 'b' } else { 'a' }, &head[31..]);
    let hash = blake3::derive_key("ringfence 2026-11 checksum of an api key", changed.as_bytes());
    use base64::Engine as _;
    let sum = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash[..3]);
    format!("{changed}_{sum}")
}

#[tokio::test]
async fn a03_guesses_at_one_prefix_are_limited_and_on_record_without_the_secret() {
    let log = Log::default();
    let into = log.clone();
    let logging = tracing_subscriber::fmt().json().with_writer(move || into.clone()).finish();
    // With one alone, `tracing` asks the thread that comes first to a place whether anybody listens there, and other tests
    // have threads on which nobody does.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let _guard = tracing::subscriber::set_default(logging);
    let limits = [("identity.guesses.failures_per_source", "1000"), ("identity.guesses.failures_per_prefix", "3")];
    let house = House::with(&limits).await;
    let guessed = house.person("dev", &["developer"]).await;
    let wrong = other_secret(&guessed);
    let mut told = Vec::new();
    for _ in 0..6 {
        let reply = house.get(&wrong, "/v1/whoami").await;
        told.push((reply.status, reply.code()));
    }
    let (refused, limited) = ((401, "bad_credential".to_owned()), (429, "too_many_attempts".to_owned()));
    assert_eq!(told, [vec![refused; 3], vec![limited; 3]].concat());
    // Other prefixes are not concerned.
    assert_eq!(house.get("rf_nothing", "/v1/whoami").await.status, 401);
    let metrics = house.get(&house.admin, "/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.bytes).into_owned();
    assert!(metrics.contains("ringfence_refused_logins_total{reason=\"wrong_secret\"} 3\n"), "{metrics}");
    assert!(metrics.contains("ringfence_refused_logins_total{reason=\"too_many_attempts\"} 3\n"), "{metrics}");
    let text = log.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("wrong_secret")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains(&wrong[..15]) && lines[0].contains("127.0.0.1"), "{}", lines[0]);
    assert!(!text.contains("too_many_attempts"), "whoever is limited does not fill the log");
    for secret in [&wrong, &guessed, &house.admin] {
        assert!(!text.contains(&secret[16..50]), "{text}");
    }
}

#[tokio::test]
async fn a03_guesses_from_one_source_are_limited() {
    let house = House::with(&[("identity.guesses.failures_per_source", "4")]).await;
    for number in 0..8 {
        let reply = house.get("rf_nothing", "/v1/whoami").await;
        assert_eq!(reply.status, if number < 4 { 401 } else { 429 }, "{number}");
    }
}
