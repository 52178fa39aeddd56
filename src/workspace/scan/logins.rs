//! Logins as programs send them: `Authorization: Bearer …`, `Authorization: Basic …`, `curl -u user:password`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::anchors::{Place, Secret};
use super::likeness::{Setting, looks_random};
use super::placeholders::is_password_stand_in;

/// Less than what is kept before a window, for an option is looked for from the name of the program.
const MOST_COMMAND_BYTES: usize = 512;
const MOST_TOKEN_BYTES: usize = 4096;
/// Shorter ones are those of examples.
const LEAST_PASSWORD_BYTES: usize = 6;

const OPTIONS: &[&[u8]] = &[b"-u", b"--user", b"--proxy-user"];

/// After `Bearer ` or `Basic `.
pub fn header_at(place: &Place<'_>) -> Option<Secret> {
    if !place.starts_a_word() {
        return None;
    }
    let after = place.after_hit();
    let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    let length = after.iter().take(MOST_TOKEN_BYTES + 1).take_while(inside).count();
    let text = after.get(..length).filter(|text| text.len() <= MOST_TOKEN_BYTES)?;
    let setting = Setting { of_itself: true, enclosed: false, password: false };
    let basic = place.at_hit().first().is_some_and(|first| first.eq_ignore_ascii_case(&b'b'))
        && place.at_hit().get(1).is_some_and(|second| second.eq_ignore_ascii_case(&b'a'));
    let what = match basic {
        true if is_login(text) => "a login in a header",
        false if looks_random(text, setting) => "a token in a header",
        _ => return None,
    };
    Some(Secret { start: place.hit.end, end: place.hit.end + length, what })
}

/// Base64 of `user:password`.
pub fn is_login(text: &[u8]) -> bool {
    let Ok(login) = STANDARD.decode(text) else { return false };
    let Some(colon) = login.iter().position(|byte| *byte == b':') else { return false };
    let (user, password) = login.split_at_checked(colon).unwrap_or_default();
    let password = password.get(1..).unwrap_or_default();
    let readable = login.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    readable && password.len() >= LEAST_PASSWORD_BYTES && password != user && !is_password_stand_in(password)
}

/// After `curl `.
pub fn option_at(place: &Place<'_>) -> Option<Secret> {
    if !place.starts_a_word() {
        return None;
    }
    let near = place.after_hit();
    let command = command(near.get(..MOST_COMMAND_BYTES).unwrap_or(near));
    let (mut at, mut after_option) = (place.hit.end, false);
    for word in command.split(u8::is_ascii_whitespace) {
        let login = if after_option { Some(word) } else { attached(word) };
        if let Some((start, length)) = login.and_then(password_in) {
            let start = at + (word.len() - login.map_or(0, <[u8]>::len)) + start;
            return Some(Secret { start, end: start + length, what: "a password on a command line" });
        }
        // Two spaces are an empty word.
        after_option = OPTIONS.contains(&word) || (after_option && word.is_empty());
        at += word.len() + 1;
    }
    None
}

/// Up to the end of the command; a `\` continues it on the next line.
fn command(text: &[u8]) -> &[u8] {
    let mut last = b' ';
    let length = text.iter().take_while(|byte| {
        let goes_on = !matches!(**byte, b';' | b'|') && (**byte != b'\n' || last == b'\\');
        last = if **byte == b'\r' { last } else { **byte };
        goes_on
    });
    text.get(..length.count()).unwrap_or_default()
}

/// `-uname:password`, `--user=name:password`.
fn attached(word: &[u8]) -> Option<&[u8]> {
    let word = word.strip_prefix(b"\"").unwrap_or(word);
    word.strip_prefix(b"-u").or_else(|| word.strip_prefix(b"--user=")).or_else(|| word.strip_prefix(b"--proxy-user="))
}

/// Where the password of `name:password` starts, and how long it is.
fn password_in(login: &[u8]) -> Option<(usize, usize)> {
    let quote = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let quotes = login.iter().take_while(|byte| quote(byte)).count();
    let colon = login.iter().position(|byte| *byte == b':')?;
    let user = login.get(quotes..colon)?;
    let password = login.get(colon + 1..)?.split(quote).next()?;
    let is_name = user.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._~@+-".contains(byte)) && !user.is_empty();
    let is_text = !password.iter().any(|byte| b"${}<>".contains(byte));
    let fits = is_name && is_text && (LEAST_PASSWORD_BYTES..=256).contains(&password.len());
    (fits && password != user && !is_password_stand_in(password)).then_some((colon + 1, password.len()))
}
