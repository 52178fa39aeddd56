//! Values given to a name that speaks of a secret: `api_key = "…"`, `"token": "…"`, `DB_PASSWORD=…`.

use std::io;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::anchors::{KEY_BLOCK, Place, Secret, compiled};
use super::keys;
use super::likeness::looks_random;

const MOST_QUOTED_BYTES: usize = 4096;
/// Shorter: no quote ends it, and a text like `secret=secret=..` is looked at anew from every word.
const MOST_BARE_BYTES: usize = 512;
const MOST_NAME_BYTES: usize = 64;
/// For [`ASSIGNED`]; the rest of the name, a type, the sign and the spaces around it.
const MOST_SIGN_BYTES: usize = 256;

/// From the word in the name to the value. A type (`: &str =`) only counts before a quote and with a space after it, so
/// that base64 with `=` at its end is no type.
const ASSIGNED: &str = r#"(?x-u)\A(?P<tail>[\w.-]{0,64})(?:\\?["'`])?[\])]?[\ \t]{0,16}
    (?: :[\ \t]{0,4}[&A-Za-z][\w&<>',\ :\[\]?.|]{0,40}?[\ \t]=[\ \t]{0,16}(?P<typed>[brf@]{0,2}\\?["'`])
      | (?:=>|:=|={1,3}|:)[\ \t]{0,16}(?P<open>[brf@]{0,2}\\?["'`])? )"#;

pub fn value_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    static PATTERN: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| Regex::new(ASSIGNED));
    let after = place.after_hit();
    let near = after.get(..MOST_SIGN_BYTES).unwrap_or(after);
    let Some(sign) = compiled(&PATTERN)?.captures(near) else { return Ok(None) };
    let Some(sign_end) = sign.get(0).map(|all| all.end()) else { return Ok(None) };
    let quoted = sign.name("open").or(sign.name("typed")).is_some();
    let start = place.hit.end + sign_end;
    let rest = after.get(sign_end..).unwrap_or_default();
    if rest.starts_with(KEY_BLOCK.as_bytes()) {
        return service_account_key(place, start);
    }
    let Some(value) = (if quoted { quoted_value(rest) } else { bare_value(rest) }) else { return Ok(None) };
    let name = whole_name(place, sign.name("tail").map_or(0, |tail| tail.end()));
    if !looks_random(value, names_the_secret_itself(&name)) {
        return Ok(None);
    }
    let aws = name.contains("secret") && (name.contains("access") || name.contains("aws")) && value.len() == 40;
    let what = if aws { "an AWS secret key" } else { "a value that looks like a secret" };
    Ok(Some(Secret { start, end: start + value.len(), what }))
}

/// Google's file has the id of the key before the key.
fn service_account_key(place: &Place<'_>, start: usize) -> io::Result<Option<Secret>> {
    let before = place.before_hit();
    let before = before.get(before.len().saturating_sub(512)..).unwrap_or_default();
    if !before.windows(14).any(|word| word == b"private_key_id") {
        return Ok(None);
    }
    let block = Place { text: place.text, hit: start..start + KEY_BLOCK.len(), is_text: true };
    Ok(keys::block_at(&block)?.map(|key| Secret { what: "a Google service account key", ..key }))
}

fn quoted_value(rest: &[u8]) -> Option<&[u8]> {
    let inside = |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let (value, after) = take(rest, MOST_QUOTED_BYTES, inside)?;
    matches!(after.first(), Some(b'"' | b'\'' | b'`' | b'\\')).then_some(value)
}

/// Without quotes a value ends its line, or what it stands in; what goes on like an expression is code.
fn bare_value(rest: &[u8]) -> Option<&[u8]> {
    let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_+/=.~%:!@#$^*?-".contains(byte);
    let (value, after) = take(rest, MOST_BARE_BYTES, inside)?;
    match after.first() {
        None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b'&' | b'\\') => Some(value),
        Some(_) => None,
    }
}

/// `None` for a longer one: secrets end.
fn take(text: &[u8], most: usize, inside: impl Fn(&&u8) -> bool) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take(most + 1).take_while(inside).count();
    if length > most { None } else { text.split_at_checked(length) }
}

/// In lower case, with what is before and after the word.
fn whole_name(place: &Place<'_>, tail: usize) -> String {
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let head = place.before_hit().iter().rev().take(MOST_NAME_BYTES).take_while(in_name).count();
    let name = place.text.get(place.hit.start - head..place.hit.end + tail).unwrap_or_default();
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// `auth_token`, not `token_kit`: the value is the secret, not something about it.
fn names_the_secret_itself(name: &str) -> bool {
    ["secret", "token", "password", "passwd", "passphrase", "key", "credential", "credentials"]
        .iter()
        .any(|word| name.ends_with(word))
}
