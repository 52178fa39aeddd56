//! Values given to a name that speaks of a secret: `api_key = "…"`, `"token": "…"`, `DB_PASSWORD=…`, `--token …`,
//! `<password>…</password>`.

use std::io;
use std::sync::LazyLock;

use regex::bytes::{Captures, Regex};

use super::anchors::{KEY_BLOCK, Place, Secret, compiled};
use super::likeness::{Setting, looks_random};
use super::words::{has_long_runs, has_random_letters};
use super::{keys, logins};

const MOST_QUOTED_BYTES: usize = 4096;
/// Shorter: no quote ends it, and a text like `secret=secret=..` is looked at anew from every word.
const MOST_BARE_BYTES: usize = 512;
const MOST_NAME_BYTES: usize = 64;
/// Letters that follow each other without a change of case or a digit: 1.6 in random text.
const NAME_RUN: f64 = 2.0;
/// For [`ASSIGNED`]; the rest of the name, a type, the sign and the spaces around it.
const MOST_SIGN_BYTES: usize = 256;

/// From the word in the name to the value. A type (`: &str =`) only counts before a quote and with a space after it, so
/// that base64 with `=` at its end is no type. `<password>`, `name="password">` and `key="password" value="` are of XML,
/// `'DB_PASSWORD', '` of a call.
const ASSIGNED: &str = r#"(?x-u)\A(?P<tail>[\w.-]{0,64})(?:
      (?:\\?["'`])?[\])]?[\ \t]{0,16}(?:
          :[\ \t]{0,4}[&A-Za-z][\w&<>',\ :\[\]?.|]{0,40}?[\ \t]=[\ \t]{0,16}(?P<typed>[brf@]{0,2}\\?["'`])
        | (?P<sign>=>|:=|={1,3}|:)(?P<gap>[\ \t]{0,16})(?P<open>[brf@]{0,2}\\?["'`])? )
    | (?P<tag>["']?>)\s{0,32}
    | ["']\s{1,16}value\s?=\s?(?P<attribute>["'])
    | ["'][\ \t]{0,4},[\ \t]{0,16}(?P<argument>["'])
    | (?P<option>[\ \t]{1,4})(?P<option_open>["'])? )"#;

/// What a page or a request is marked with: no right comes from it, and documentation is full of samples.
const MARKS_OF_REQUESTS: &[&str] = &[
    "nexttoken",
    "startingtoken",
    "pagetoken",
    "paginationtoken",
    "continuationtoken",
    "changetoken",
    "locktoken",
    "actiontoken",
    "requesttoken",
    "clienttoken",
];

pub fn value_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    static PATTERN: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| Regex::new(ASSIGNED));
    let after = place.after_hit();
    let near = after.get(..MOST_SIGN_BYTES).unwrap_or(after);
    let Some(sign) = compiled(&PATTERN)?.captures(near) else { return Ok(None) };
    let Some(sign_end) = sign.get(0).map(|all| all.end()) else { return Ok(None) };
    let start = place.hit.end + sign_end;
    let rest = after.get(sign_end..).unwrap_or_default();
    if rest.starts_with(KEY_BLOCK.as_bytes()) {
        return service_account_key(place, start);
    }
    let name = whole_name(place, sign.name("tail").map_or(0, |tail| tail.end()));
    let text = lower(name.text);
    // `"AWS::SecretsManager::Secret": "<hash>"`
    let is_type = name.before.ends_with(b"::") && sign.name("sign").is_some_and(|sign| sign.as_bytes() == b":");
    if is_type || names_something_else(name.text, &text) {
        return Ok(None);
    }
    let secret = values(&sign, &name, rest).into_iter().flatten().find(|value| is_secret(value, &text));
    Ok(secret.map(|value| {
        let aws = text.contains("secret") && (text.contains("access") || text.contains("aws"));
        let aws = aws && value.text.len() == 40;
        let what = if aws { "an AWS secret key" } else { "a value that looks like a secret" };
        Secret { start, end: start + value.text.len(), what }
    }))
}

fn is_secret(value: &Value<'_>, name: &str) -> bool {
    let setting = Setting {
        of_itself: names_the_secret_itself(name),
        enclosed: value.enclosed,
        password: name.ends_with("pass") || ["passw", "pwd", "passphrase"].iter().any(|word| name.contains(word)),
    };
    looks_random(value.text, setting) || (name.ends_with("auth") && logins::is_login(value.text))
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

struct Name<'a> {
    text: &'a [u8],
    /// What is on its line before it, and not more than a name has.
    before: &'a [u8],
}

struct Value<'a> {
    text: &'a [u8],
    enclosed: bool,
}

/// What the value may be, likeliest first: without quotes there are two ways to read where it ends.
fn values<'a>(sign: &Captures<'_>, name: &Name<'_>, rest: &'a [u8]) -> [Option<Value<'a>>; 2] {
    let has = |group: &str| sign.name(group).is_some();
    if let Some(tag) = sign.name("tag") {
        let opens = tag.as_bytes() != b">" || matches!(name.before, [.., b'<' | b':' | b'.']);
        return [opens.then(|| tagged_value(rest)).flatten(), None];
    }
    let is_option = || name.text.starts_with(b"--") && names_the_secret_itself(&lower(name.text));
    if has("option") && (rest.starts_with(b"-") || !is_option()) {
        return [None, None];
    }
    if ["open", "typed", "attribute", "argument", "option_open"].iter().any(|group| has(group)) {
        return [quoted_value(rest), None];
    }
    let with_space = sign.name("gap").is_some_and(|gap| !gap.is_empty());
    let is_setting = match sign.name("sign").map(|sign| sign.as_bytes()) {
        // `a:auth:b` names parts, it gives no value.
        Some(b":") if name.before.ends_with(b":") && !with_space => return [None, None],
        Some(b":") => with_space,
        Some(b"=") => !with_space,
        _ => false,
    };
    let whole_line = is_setting && starts_a_line(name.before);
    [bare_value(rest, with_space), whole_line.then(|| line_value(rest)).flatten()]
}

fn quoted_value(rest: &[u8]) -> Option<Value<'_>> {
    let inside = |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let (text, after) = take(rest, MOST_QUOTED_BYTES, inside)?;
    matches!(after.first(), Some(b'"' | b'\'' | b'`' | b'\\')).then_some(Value { text, enclosed: true })
}

fn tagged_value(rest: &[u8]) -> Option<Value<'_>> {
    let inside = |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"');
    let (text, after) = take(rest, MOST_BARE_BYTES, inside)?;
    after.trim_ascii_start().starts_with(b"</").then_some(Value { text, enclosed: true })
}

/// Without quotes a value ends its line, or what it stands in; what goes on like an expression is code.
fn bare_value(rest: &[u8], with_space: bool) -> Option<Value<'_>> {
    let inside = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_+/=.~%:!@#$^*?-".contains(byte);
    let (text, after) = take(rest, MOST_BARE_BYTES, inside)?;
    let ends = match after.first() {
        None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b'&' | b'\\') => true,
        // Of a connection string and of a list, and of a statement too.
        Some(b';' | b',' | b'}' | b']' | b'<') => !(is_member(text) || with_space && is_name(text)),
        Some(_) => false,
    };
    ends.then_some(Value { text, enclosed: false })
}

/// A line of settings holds one value, whatever is in it.
fn line_value(rest: &[u8]) -> Option<Value<'_>> {
    let inside = |byte: &&u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let (text, after) = take(rest, MOST_BARE_BYTES, inside)?;
    let ends = matches!(after.first(), None | Some(b'\r' | b'\n'));
    (ends && !is_call(text)).then_some(Value { text, enclosed: true })
}

/// `word(` or `word[`, up to the other bracket.
fn is_call(text: &[u8]) -> bool {
    let Some(bracket) = text.iter().position(|byte| matches!(byte, b'(' | b'[' | b'{')) else { return false };
    let closes = text.iter().rev().take(2).any(|byte| matches!(byte, b')' | b']' | b'}'));
    let name = text.get(..bracket).unwrap_or_default();
    closes && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.:&".contains(byte))
}

/// `a.b.c1`: code, most of all where names are short.
fn is_member(text: &[u8]) -> bool {
    let starts = |name: &[u8]| name.first().is_some_and(|first| first.is_ascii_alphabetic() || b"_$".contains(first));
    text.contains(&b'.') && text.split(|byte| *byte == b'.').all(starts)
}

/// `fooV1toV2`, and what could be one if its letters did not say otherwise.
fn is_name(text: &[u8]) -> bool {
    !text.first().is_some_and(u8::is_ascii_digit)
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !has_random_letters(text)
        && has_long_runs(text, NAME_RUN)
}

fn starts_a_line(before: &[u8]) -> bool {
    matches!(before.trim_ascii(), b"" | b"export" | b"set" | b"SET" | b"ENV" | b"-")
}

/// `None` for a longer one: secrets end.
fn take(text: &[u8], most: usize, inside: impl Fn(&&u8) -> bool) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take(most + 1).take_while(inside).count();
    if length > most { None } else { text.split_at_checked(length) }
}

/// With what is before and after the word.
fn whole_name<'a>(place: &Place<'a>, tail: usize) -> Name<'a> {
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let before = place.before_hit();
    let head = before.iter().rev().take(MOST_NAME_BYTES).take_while(in_name).count();
    let (before, _) = before.split_at_checked(before.len() - head).unwrap_or_default();
    let on_line = before.iter().rev().take(MOST_NAME_BYTES).take_while(|byte| **byte != b'\n').count();
    Name {
        text: place.text.get(place.hit.start - head..place.hit.end + tail).unwrap_or_default(),
        before: before.get(before.len() - on_line..).unwrap_or_default(),
    }
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// `auth_token`, not `token_kit`: the value is the secret, not something about it.
fn names_the_secret_itself(name: &str) -> bool {
    ["secret", "token", "password", "passwd", "pwd", "pass", "passphrase", "key", "auth", "credential", "credentials"]
        .iter()
        .any(|word| name.ends_with(word))
}

/// A page, a request, or a `bypass`.
fn names_something_else(name: &[u8], lower: &str) -> bool {
    // `next_token` and `NextToken` are one name.
    let joined: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    let pass = lower == "pass" || name.ends_with(b"Pass") || lower.ends_with("_pass") || lower.ends_with("-pass");
    (lower.ends_with("pass") && !pass) || MARKS_OF_REQUESTS.iter().any(|mark| joined.ends_with(mark))
}
