//! Private keys as JSON (JWK): the kind of the key, and a member that only private keys have.

use std::io;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::anchors::{Place, Secret, compiled};
use super::likeness::is_token_body;

/// `"d"` of the keys that come in pairs and `"k"` of those that do not, also where the JSON stands in a string.
pub const MEMBER: &str = r#"(?-u:"[dk]\\?")"#;

/// The public number of a key comes first, and has 683 letters in one of 4096 bits. Less than what a window keeps.
const MOST_BEFORE_BYTES: usize = 960;
const MOST_AFTER_BYTES: usize = 4096;
/// Of a key for a curve with 256 bits, 43 letters; for a symmetric one of 128 bits, 22.
const VALUE: &str = r#"(?x-u)\A\s{0,8}:\s{0,8}\\?"(?P<value>[A-Za-z0-9_-]{22,})\\?""#;

pub fn member_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    static PATTERN: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| Regex::new(VALUE));
    let after = place.after_hit();
    let after = after.get(..MOST_AFTER_BYTES).unwrap_or(after);
    let Some(value) = compiled(&PATTERN)?.captures(after).and_then(|found| found.name("value")) else {
        return Ok(None);
    };
    let before = place.before_hit();
    let before = before.get(before.len().saturating_sub(MOST_BEFORE_BYTES)..).unwrap_or_default();
    let around = |word: &[u8]| [before, after].iter().any(|text| text.windows(word.len()).any(|part| part == word));
    let symmetric = place.at_hit().starts_with(b"\"k");
    if !around(b"\"kty") || (symmetric && !around(b"\"oct")) || !is_token_body(value.as_bytes()) {
        return Ok(None);
    }
    let at = place.hit.end;
    Ok(Some(Secret { start: at + value.start(), end: at + value.end(), what: "a private key" }))
}
