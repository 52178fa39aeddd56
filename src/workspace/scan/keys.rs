//! Private key blocks, in files and in strings, in text and in binaries.

use std::io;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::anchors::{Place, Secret, compiled};
use super::placeholders::is_placeholder;

/// Far above a first line with its headers, and a bound for what is searched.
const MOST_BYTES: usize = 2048;

/// A mention of the first line is not a key: base64 must follow, after headers (`Proc-Type: ..`) and whatever joins the
/// lines of a string in source code.
const BLOCK: &str = r#"(?x-u)\A(?:-----BEGIN\ (?:[A-Z0-9]+\ ){0,3}PRIVATE\ KEY(?:\ BLOCK)?-----
        |----\ BEGIN\ SSH2\ (?:ENCRYPTED\ )?PRIVATE\ KEY\ ----)
    (?:\\[nrt]|[\s"'+,|*\#>.\\]){0,96}
    (?:[A-Za-z-]{1,32}:\ [^\n\r\\]{0,256}(?:\\[nr]|[\s"'+,\\])+){0,8}
    (?P<body>[A-Za-z0-9+/]{32,})"#;

/// The file of PuTTY has the public key before the private one: its headers and a line of the public key will do.
const PUTTY: &str = r#"(?x-u)\APuTTY-User-Key-File-[0-9]:\ [a-z0-9@.-]{3,64}(?:\\[nr]|\s){1,4}
    (?:[A-Za-z-]{1,32}:\ [^\n\r\\]{0,256}(?:\\[nr]|\s){1,4}){1,4}
    (?P<body>[A-Za-z0-9+/]{32,})"#;

pub fn block_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    static PATTERN: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| Regex::new(BLOCK));
    key_at(place, &PATTERN)
}

pub fn putty_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    static PATTERN: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| Regex::new(PUTTY));
    key_at(place, &PATTERN)
}

fn key_at(place: &Place<'_>, pattern: &'static LazyLock<Result<Regex, regex::Error>>) -> io::Result<Option<Secret>> {
    let near = place.at_hit();
    let near = near.get(..MOST_BYTES).unwrap_or(near);
    let Some(body) = compiled(pattern)?.captures(near).and_then(|found| found.name("body")) else { return Ok(None) };
    if is_placeholder(body.as_bytes()) {
        return Ok(None);
    }
    let start = place.hit.start;
    Ok(Some(Secret { start, end: start + body.end(), what: "a private key" }))
}
