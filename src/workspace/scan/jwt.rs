//! Signed tokens: three parts of base64 with dots between them, the first one JSON that names its algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::anchors::{Place, Secret};

const MOST_HEADER_BYTES: usize = 1024;

pub fn token_at(place: &Place<'_>) -> Option<Secret> {
    if !place.starts_a_word() {
        return None;
    }
    let text = place.at_hit();
    let (header, rest) = part(text, MOST_HEADER_BYTES)?;
    let (payload, rest) = part(rest.strip_prefix(b".")?, usize::MAX)?;
    // Unsigned tokens end with the dot, and grant nothing to who checks them.
    let (signature, rest) = part(rest.strip_prefix(b".")?, usize::MAX)?;
    if payload.len() < 8 || signature.len() < 16 || !names_an_algorithm(header) {
        return None;
    }
    Some(Secret { start: place.hit.start, end: place.text.len() - rest.len(), what: "a signed token (JWT)" })
}

fn part(text: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let web = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    text.split_at_checked(text.iter().take(most).take_while(web).count())
}

fn names_an_algorithm(header: &[u8]) -> bool {
    let Ok(json) = URL_SAFE_NO_PAD.decode(header) else { return false };
    serde_json::from_slice::<serde_json::Value>(&json).is_ok_and(|header| header.get("alg").is_some())
}
