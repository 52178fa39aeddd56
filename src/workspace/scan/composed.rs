//! Tokens without a fixed start: the mark is in their middle, or in how their parts are built.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::anchors::{Place, Secret};
use super::likeness::is_token_body;

/// A look goes back to the start of the token by this at most.
pub const MOST_BEFORE_BYTES: usize = 16;

pub struct Composed {
    pub mark: &'static str,
    look: fn(&Place<'_>) -> Option<Secret>,
}

pub const COMPOSED: &[Composed] = &[
    Composed { mark: "Q~", look: azure_secret },
    Composed { mark: ":AA", look: telegram_token },
    Composed { mark: "sig=", look: azure_signature },
    Composed { mark: "hooks.slack.com/services/", look: slack_webhook },
    Composed { mark: "/api/webhooks/", look: discord_webhook },
];

/// Base64 of a number: each four letters are three digits. Sixteen such letters do not come by chance.
pub const DISCORD_ID: &str = "(?-u:(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){4})";

pub fn token_at(place: &Place<'_>, composed: &Composed) -> Option<Secret> {
    (composed.look)(place)
}

/// `<id>.<time>.<signature>`, in base64.
pub fn discord_token(place: &Place<'_>) -> Option<Secret> {
    if !place.starts_a_word() {
        return None;
    }
    let (id, rest) = split(place.at_hit(), web);
    let (time, rest) = split(rest.strip_prefix(b".")?, web);
    let (signature, _) = split(rest.strip_prefix(b".")?, web);
    let fits = (20..=30).contains(&id.len()) && (5..=8).contains(&time.len()) && (25..=45).contains(&signature.len());
    let length = id.len() + time.len() + signature.len() + 2;
    (fits && is_token_body(signature)).then(|| secret(place.hit.start, length, "a Discord token"))
}

/// Three letters and a digit before the mark.
fn azure_secret(place: &Place<'_>) -> Option<Secret> {
    let [before @ .., a, b, c, b'0'..=b'9'] = place.before_hit() else { return None };
    let (body, _) = split(place.after_hit(), |byte| azure(byte) || *byte == b'-');
    let starts = [a, b, c].iter().all(|byte| azure(byte)) && !before.last().is_some_and(azure);
    let fits = starts && (31..=34).contains(&body.len()) && is_token_body(body);
    fits.then(|| secret(place.hit.start - 4, 6 + body.len(), "an Azure client secret"))
}

/// The number of a bot before the mark.
fn telegram_token(place: &Place<'_>) -> Option<Secret> {
    let digits =
        place.before_hit().iter().rev().take(MOST_BEFORE_BYTES).take_while(|byte| byte.is_ascii_digit()).count();
    let (body, _) = split(place.after_hit(), web);
    let fits = (8..=10).contains(&digits) && body.len() == 33 && is_token_body(body);
    fits.then(|| secret(place.hit.start - digits, digits + 3 + body.len(), "a Telegram bot token"))
}

/// Of a shared access signature: 32 bytes in base64, mostly as a part of a query.
fn azure_signature(place: &Place<'_>) -> Option<Secret> {
    if !matches!(place.before_hit(), [.., b'?' | b'&' | b';']) {
        return None;
    }
    let (body, _) = split(place.after_hit(), |byte| byte.is_ascii_alphanumeric() || b"+/=%".contains(byte));
    let body = body.get(..128).unwrap_or(body);
    let plain = String::from_utf8_lossy(body).replace("%2B", "+").replace("%2b", "+");
    let plain = plain.replace("%2F", "/").replace("%2f", "/").replace("%3D", "=").replace("%3d", "=");
    let fits =
        STANDARD.decode(plain.as_bytes()).is_ok_and(|bytes| bytes.len() == 32) && is_token_body(plain.as_bytes());
    fits.then(|| secret(place.hit.end, body.len(), "an Azure access signature"))
}

fn slack_webhook(place: &Place<'_>) -> Option<Secret> {
    let (path, _) = split(place.after_hit(), |byte| byte.is_ascii_alphanumeric() || *byte == b'/');
    let mut parts = path.split(|byte| *byte == b'/');
    let (team, app, token) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = team.starts_with(b"T") && app.starts_with(b"B") && token.len() >= 20 && is_token_body(token);
    fits.then(|| secret(place.hit.start, place.hit.len() + path.len(), "a Slack webhook"))
}

fn discord_webhook(place: &Place<'_>) -> Option<Secret> {
    let (id, rest) = split(place.after_hit(), u8::is_ascii_digit);
    let (token, _) = split(rest.strip_prefix(b"/")?, web);
    let fits = id.len() >= 16 && token.len() >= 60 && is_token_body(token);
    fits.then(|| secret(place.hit.end, id.len() + 1 + token.len(), "a Discord webhook"))
}

fn secret(start: usize, length: usize, what: &'static str) -> Secret {
    Secret { start, end: start + length, what }
}

/// Far above any of these tokens: the rest of a long text is not looked at.
fn split(text: &[u8], inside: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    const MOST_BYTES: usize = 256;
    let length = text.iter().take(MOST_BYTES).take_while(|byte| inside(byte)).count();
    text.split_at_checked(length).unwrap_or_default()
}

fn web(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn azure(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'~' | b'.')
}
