//! Is a text random, as secrets are, or does it mean something?

use super::placeholders::is_placeholder;
use super::words::{has_long_runs, has_random_letters};

/// Shorter values are words more often than secrets.
const LEAST_VALUE_BYTES: usize = 16;
/// What is called a password is made for people to type; shorter ones are those of examples and tests.
const LEAST_PASSWORD_BYTES: usize = 12;
/// Without a digit it takes more letters to tell them from words.
const LEAST_LETTERS: usize = 20;

/// Bits a letter. Sixteen random letters and digits have 3.8, and fewer than one in twenty have less than 3.5; a name of
/// that length in source code has mostly 3 to 3.5.
const LEAST_ENTROPY: f64 = 3.5;
/// Hex cannot have more than 4; sixteen random digits have 3.2, and fewer than one in twenty have less than 2.8.
const LEAST_HEX_ENTROPY: f64 = 2.8;
/// Twelve different letters have 3.6.
const LEAST_PASSWORD_ENTROPY: f64 = 3.2;

/// Of a token. Its start says as much as all of it, and a text of marks is judged anew from each.
const MOST_JUDGED_BYTES: usize = 256;

/// Letters that follow each other without a change of case or a digit: below 3 in random text, above it in names.
const WORDY_VALUE_RUN: f64 = 3.0;
/// Of tokens with a maker's mark, some of which are letters only: those reach 3 too often.
const WORDY_TOKEN_RUN: f64 = 4.0;
/// Where brackets and other signs could be code, which has names in it.
const WORDY_NOISE_RUN: f64 = 2.5;

/// Hashes of content, names of resources, whole documents.
const OTHER_THINGS: &[&str] = &[
    "sha1-", "sha256-", "sha384-", "sha512-", "sha1:", "sha256:", "sha384:", "sha512:", "md5-", "md5:", "h1:", "arn:",
    "data:",
];
/// Classes of letters in patterns, which are as noisy as passwords.
const PATTERNS: &[&[u8]] = &[b"a-z", b"A-Z", b"0-9", b"a-f", b"A-F", b"(?", b".*", b".+", b"]+", b"]*", b")?", b"]{"];

/// What the place says about a value, before the value does.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The name says that the value is the secret, so it may look like a hash of content or an id.
    pub of_itself: bool,
    /// Quotes, tags or a line end it, so a bracket in it may be a letter like others.
    pub enclosed: bool,
    pub password: bool,
}

/// Whether a value that was assigned to a promising name is a secret. Cheap questions come first: a text can be made of
/// such names, and each is asked about what follows it.
pub fn looks_random(value: &[u8], setting: Setting) -> bool {
    let least = if setting.password { LEAST_PASSWORD_BYTES } else { LEAST_VALUE_BYTES };
    if value.len() < least || !value.iter().any(u8::is_ascii_alphabetic) || !is_mixed(value) {
        return false;
    }
    if is_elsewhere(value) || (!setting.of_itself && (is_digest(value) || is_uuid(value))) {
        return false;
    }
    if is_code(value) && !(setting.enclosed && is_noise(value)) {
        return false;
    }
    !is_placeholder(value)
}

/// Whether its letters are as different as random ones.
fn is_mixed(value: &[u8]) -> bool {
    if value.len() < LEAST_VALUE_BYTES {
        return is_strong_password(value);
    }
    if !value.iter().any(u8::is_ascii_digit) {
        return value.len() >= LEAST_LETTERS && entropy(value) >= LEAST_ENTROPY && has_random_letters(value);
    }
    let hex = value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let least = if hex { LEAST_HEX_ENTROPY } else { LEAST_ENTROPY };
    entropy(value) >= least && (hex || !has_long_runs(value, WORDY_VALUE_RUN))
}

/// Shannon entropy in bits a byte.
pub fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let all = f64::from(counts.iter().sum::<u32>());
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|share| -share * share.log2())
        .sum()
}

/// What a token with a maker's mark is held to: the mark has said most of it already, only `ghp_xxxx` and
/// `sk-circle-fade` must go.
pub fn is_token_body(body: &[u8]) -> bool {
    let body = body.get(..MOST_JUDGED_BYTES).unwrap_or(body);
    entropy(body) >= 2.5 && !is_placeholder(body) && !has_long_runs(body, WORDY_TOKEN_RUN)
}

/// Letters of all kinds, mixed.
fn is_strong_password(value: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| value.iter().any(kind);
    let letters = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit);
    letters && entropy(value) >= LEAST_PASSWORD_ENTROPY && !has_long_runs(value, WORDY_NOISE_RUN)
}

/// Brackets in calls, blocks and lists.
fn is_code(value: &[u8]) -> bool {
    value.iter().any(|byte| b"(){}[]<>,;|".contains(byte))
}

/// Brackets and signs between letters that make no names, as generators of passwords put them.
fn is_noise(value: &[u8]) -> bool {
    entropy(value) >= LEAST_ENTROPY
        && !has_long_runs(value, WORDY_NOISE_RUN)
        && !value.windows(36).any(is_uuid)
        && !PATTERNS.iter().any(|pattern| value.windows(pattern.len()).any(|part| part == *pattern))
}

/// Paths, addresses, and what names something kept elsewhere.
fn is_elsewhere(value: &[u8]) -> bool {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| value.starts_with(prefix.as_bytes()));
    let slashes = value.iter().filter(|byte| **byte == b'/').count();
    let in_base64 = value.iter().any(|byte| matches!(byte, b'+' | b'='));
    starts(OTHER_THINGS)
        || starts(&["./", "../", "~/"])
        || (value.starts_with(b"/") && slashes > 1 && !in_base64 && !has_random_letters(value))
        || matches!(value, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
        || value.windows(3).any(|part| part == b"://")
        || is_public_address(value)
}

/// Of a contract in a chain; its name is often `token`.
fn is_public_address(value: &[u8]) -> bool {
    value.strip_prefix(b"0x").is_some_and(|hex| hex.len() == 40 && hex.iter().all(u8::is_ascii_hexdigit))
}

/// As lock files have them.
fn is_digest(value: &[u8]) -> bool {
    matches!(value.len(), 32 | 40 | 56 | 64 | 96 | 128) && value.iter().all(u8::is_ascii_hexdigit)
}

fn is_uuid(value: &[u8]) -> bool {
    let mut lengths = value.split(|byte| *byte == b'-').map(<[u8]>::len);
    value.len() == 36 && [8, 4, 4, 4, 12].iter().all(|length| lengths.next() == Some(*length))
}
