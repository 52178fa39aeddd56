//! Passwords in addresses: `scheme://user:password@host`.

use std::io;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::anchors::{Place, Secret, compiled};
use super::placeholders::is_password_stand_in;

const MOST_BYTES: usize = 512;

/// Only letters that may stand there (RFC 3986), which keeps patterns and templates of source code away.
const LOGIN: &str = r"(?x-u)\A://(?P<user>[A-Za-z0-9._~!$&*+=%-]{0,64}):(?P<password>[A-Za-z0-9._~!$&*+=%:-]{4,255})
    @(?P<host>[A-Za-z0-9\[][A-Za-z0-9.:-]*)";

pub fn password_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    static PATTERN: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| Regex::new(LOGIN));
    if !place.before_hit().last().is_some_and(u8::is_ascii_alphanumeric) {
        return Ok(None);
    }
    let near = place.at_hit();
    let near = near.get(..MOST_BYTES).unwrap_or(near);
    let Some(found) = compiled(&PATTERN)?.captures(near) else { return Ok(None) };
    let (Some(user), Some(password), Some(host)) = (found.name("user"), found.name("password"), found.name("host"))
    else {
        return Ok(None);
    };
    let text = password.as_bytes();
    if text == user.as_bytes() || is_password_stand_in(text) || is_example(host.as_bytes()) {
        return Ok(None);
    }
    let at = place.hit.start;
    Ok(Some(Secret { start: at + password.start(), end: at + password.end(), what: "a password in a URL" }))
}

/// Hosts that nobody can have (RFC 2606).
fn is_example(host: &[u8]) -> bool {
    let host = host.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
    [".example", ".test", ".invalid", "example.com", "example.org", "example.net"]
        .iter()
        .any(|end| host.ends_with(end.as_bytes()))
        || host == b"example"
        || host == b"host"
}
