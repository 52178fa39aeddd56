//! The one search over everything, and who looks closer at what it hits.

use std::io;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::composed::{COMPOSED, Composed, DISCORD_ID, MOST_BEFORE_BYTES};
use super::shapes::{SHAPES, Shape};
use super::{assignments, composed, jwk, jwt, keys, logins, shapes, urls};

pub const KEY_BLOCK: &str = "-----BEGIN ";
pub const SSH2_BLOCK: &str = "---- BEGIN SSH2 ";
pub const PUTTY_KEY: &str = "PuTTY-User-Key-File-";
pub const JWT_HEADER: &str = "eyJ";
pub const URL: &str = "://";
const CURL: &str = "curl ";
const HEADERS: &str = "(?i-u:bearer |basic )";
/// Words in names of things that hold a secret. `auth` and `pass` start too many other words to count without a sign
/// behind them.
const NAMES: &str = "(?i-u:secret|token|passw|passphrase|pwd|credential\
    |(?:api|access|private|account|auth|encryption|signing|master)[_-]?key\
    |(?:auth|pass)(?:[\"'\\\\ ]{0,2}[:=,]|>))";

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
        let marks = COMPOSED.iter().map(|composed| composed.mark);
        let fixed = SHAPES.iter().map(|shape| shape.prefix).chain(marks);
        let fixed = fixed.chain([KEY_BLOCK, SSH2_BLOCK, PUTTY_KEY, JWT_HEADER, URL, CURL]);
        let mut all: Vec<String> = fixed.map(regex::escape).collect();
        all.extend([DISCORD_ID, jwk::MEMBER, HEADERS, NAMES].map(str::to_owned));
        Regex::new(&all.join("|"))
    });
    Ok(compiled(&ANCHORS)?.find_at(text, at).map(|hit| hit.range()))
}

pub fn secret_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    if let Some(mark) = mark_at(place) {
        let secret = look(place, mark)?;
        // Its name says enough to be looked at as an assignment too.
        let names_too = matches!(mark, Mark::Shape(shape) if shape.prefix.ends_with('='));
        if secret.is_some() || !names_too {
            return Ok(secret);
        }
    }
    // What remains are guesses, and in bytes that are no text everything can be guessed.
    if !place.is_text {
        return Ok(None);
    }
    let Some(guess) = guess_at(place)? else { return Ok(None) };
    // What stands at a promising place may carry a mark that says more.
    let Some(hit) = next_hit(place.text, guess.start)?.filter(|hit| hit.start <= guess.start + MOST_BEFORE_BYTES)
    else {
        return Ok(Some(guess));
    };
    let inside = Place { text: place.text, hit, is_text: true };
    // A block has been looked at already: with what is around it, it may be more than a key.
    let Some(mark) = mark_at(&inside).filter(|mark| !matches!(mark, Mark::Block)) else { return Ok(Some(guess)) };
    Ok(Some(look(&inside, mark)?.filter(|marked| marked.start == guess.start).unwrap_or(guess)))
}

/// A hit that says itself what a secret there would be, in text and in binaries.
#[derive(Clone, Copy)]
enum Mark {
    Block,
    Putty,
    Jwt,
    Jwk,
    Shape(&'static Shape),
    Composed(&'static Composed),
    DiscordId,
}

fn mark_at(place: &Place<'_>) -> Option<Mark> {
    let anchor = place.text.get(place.hit.clone())?;
    let is = |mark: &str| anchor == mark.as_bytes();
    match anchor {
        _ if is(KEY_BLOCK) || is(SSH2_BLOCK) => Some(Mark::Block),
        _ if is(PUTTY_KEY) => Some(Mark::Putty),
        _ if is(JWT_HEADER) => Some(Mark::Jwt),
        [b'"', ..] => Some(Mark::Jwk),
        // No other mark and no word of a name starts with these.
        [b'M' | b'N' | b'O', ..] => Some(Mark::DiscordId),
        _ => {
            let shape = SHAPES.iter().find(|shape| is(shape.prefix)).map(Mark::Shape);
            shape.or_else(|| COMPOSED.iter().find(|composed| is(composed.mark)).map(Mark::Composed))
        }
    }
}

fn look(place: &Place<'_>, mark: Mark) -> io::Result<Option<Secret>> {
    match mark {
        Mark::Block => keys::block_at(place),
        Mark::Putty => keys::putty_at(place),
        Mark::Jwk => jwk::member_at(place),
        Mark::Jwt => Ok(jwt::token_at(place)),
        Mark::Shape(shape) => Ok(shapes::token_at(place, shape)),
        Mark::Composed(composed) => Ok(composed::token_at(place, composed)),
        Mark::DiscordId => Ok(composed::discord_token(place)),
    }
}

fn guess_at(place: &Place<'_>) -> io::Result<Option<Secret>> {
    let anchor = place.text.get(place.hit.clone()).unwrap_or_default();
    match anchor {
        _ if anchor == URL.as_bytes() => urls::password_at(place),
        _ if anchor == CURL.as_bytes() => Ok(logins::option_at(place)),
        [.., b' '] => Ok(logins::header_at(place)),
        _ => {
            // The sign that some hits end with is read together with what follows.
            let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            let word = anchor.iter().take_while(in_name).count();
            let hit = place.hit.start..place.hit.start + word;
            assignments::value_at(&Place { text: place.text, hit, is_text: place.is_text })
        }
    }
}

/// A pattern of this module that does not compile is a mistake that every test shows; it is an error all the same.
pub fn compiled(pattern: &'static LazyLock<Result<Regex, regex::Error>>) -> io::Result<&'static Regex> {
    pattern.as_ref().map_err(|error| io::Error::other(error.clone()))
}
