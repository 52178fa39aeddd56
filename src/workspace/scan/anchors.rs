//! The one search over everything, and who looks closer at what it hits.

use std::io;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::shapes::SHAPES;
use super::{assignments, jwt, keys, shapes, urls};

pub const KEY_BLOCK: &str = "-----BEGIN ";
pub const JWT_HEADER: &str = "eyJ";
pub const URL: &str = "://";
/// Words in names of things that hold a secret.
const NAMES: &str = "(?i-u:secret|token|passw|api[_-]?key|access[_-]?key|private[_-]?key|credential)";

/// A hit and the text up to where a look may go.
pub struct Place<'a> {
    pub text: &'a [u8],
    pub hit: Range<usize>,
    /// Without a zero byte.
    pub is_text: bool,
}

impl<'a> Place<'a> {
    pub fn at_hit(&self) -> &'a [u8] {
        self.text.get(self.hit.start..).unwrap_or_default()
    }

    pub fn after_hit(&self) -> &'a [u8] {
        self.text.get(self.hit.end..).unwrap_or_default()
    }

    pub fn before_hit(&self) -> &'a [u8] {
        self.text.get(..self.hit.start).unwrap_or_default()
    }

    /// Not in the middle of a word; `\n` and `%3D` before it are no letters.
    pub fn starts_a_word(&self) -> bool {
        match self.before_hit() {
            [.., b'\\', b'n' | b'r' | b't'] => true,
            [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
            [.., last] => !(last.is_ascii_alphanumeric() || matches!(last, b'_' | b'-')),
            [] => true,
        }
    }
}

/// Where a credential starts and ends, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret {
    pub start: usize,
    pub end: usize,
    pub what: &'static str,
}

pub fn next_hit(text: &[u8], at: usize) -> io::Result<Option<Range<usize>>> {
    static ANCHORS: LazyLock<Result<Regex, regex::Error>> = LazyLock::new(|| {
        let fixed = SHAPES.iter().map(|shape| shape.prefix).chain([KEY_BLOCK, JWT_HEADER, URL]);
        let fixed: Vec<String> = fixed.map(regex::escape).collect();
        Regex::new(&format!("{}|{NAMES}", fixed.join("|")))
    });
    Ok(compiled(&ANCHORS)?.find_at(text, at).map(|hit| hit.range()))
}

pub fn secret_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    let anchor = place.text.get(place.hit.clone()).unwrap_or_default();
    if anchor == KEY_BLOCK.as_bytes() {
        return keys::block_at(place);
    }
    if anchor == JWT_HEADER.as_bytes() {
        return Ok(jwt::token_at(place));
    }
    if let Some(shape) = SHAPES.iter().find(|shape| shape.prefix.as_bytes() == anchor) {
        return Ok(shapes::token_at(place, shape));
    }
    // What remains are guesses, and in bytes that are no text everything can be guessed.
    if !place.is_text {
        return Ok(None);
    }
    if anchor == URL.as_bytes() { urls::password_at(place) } else { assignments::value_at(place) }
}

/// A pattern of this module that does not compile is a mistake that every test shows; it is an error all the same.
pub fn compiled(pattern: &'static LazyLock<Result<Regex, regex::Error>>) -> io::Result<&'static Regex> {
    pattern.as_ref().map_err(|error| io::Error::other(error.clone()))
}
