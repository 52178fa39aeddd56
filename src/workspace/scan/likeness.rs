//! Is a text random, as secrets are, or does it mean something?

/// Shorter values are words more often than secrets.
pub const LEAST_VALUE_BYTES: usize = 16;

/// Bits a letter. Sixteen random letters and digits have 3.8, and fewer than one in twenty have less than 3.5; a name of
/// that length in source code has mostly 3 to 3.5.
const LEAST_ENTROPY: f64 = 3.5;
/// Hex cannot have more than 4; sixteen random digits have 3.2, and fewer than one in twenty have less than 2.8.
const LEAST_HEX_ENTROPY: f64 = 2.8;

/// Letters that follow each other without a change of case or a digit: below 3 in random text, above it in names.
const WORDY_VALUE_RUN: f64 = 3.0;
/// Of tokens with a maker's mark, some of which are letters only: those reach 3 too often.
const WORDY_TOKEN_RUN: f64 = 4.0;
/// Five letters without a vowel are no word, and no usual short form.
const MOST_CONSONANTS: u32 = 4;

/// What stands in place of a secret, or fetches it.
const STAND_INS: &[&str] = &[
    "example",
    "sample",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "dummy",
    "redacted",
    "replace",
    "insert",
    "your",
    "fake",
    "mock",
    "xxxx",
    "****",
    "....",
    "todo",
    "${",
    "{{",
    "#{",
    "%(",
    "$(",
    "<",
    ">",
    "os.environ",
    "process.env",
    "import.meta",
    "getenv",
    "env.",
    "env[",
    "secrets.",
    "vault:",
];

/// Hashes of content, names of resources, whole documents.
const OTHER_THINGS: &[&str] = &[
    "sha1-", "sha256-", "sha384-", "sha512-", "sha1:", "sha256:", "sha384:", "sha512:", "md5-", "md5:", "h1:", "arn:",
    "data:",
];

/// Whether a value that was assigned to a promising name is a secret. `of_itself`: the name says that the value is the
/// secret, so it may look like a hash of content or an id.
pub fn looks_random(value: &[u8], of_itself: bool) -> bool {
    let digit = value.iter().any(u8::is_ascii_digit);
    let letter = value.iter().any(u8::is_ascii_alphabetic);
    if value.len() < LEAST_VALUE_BYTES || !digit || !letter || is_code(value) || is_placeholder(value) {
        return false;
    }
    if is_elsewhere(value) || (!of_itself && (is_digest(value) || is_uuid(value))) {
        return false;
    }
    let hex = value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let least = if hex { LEAST_HEX_ENTROPY } else { LEAST_ENTROPY };
    entropy(value) >= least && (hex || !is_made_of_words(value, WORDY_VALUE_RUN))
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

pub fn is_wordy(token: &[u8]) -> bool {
    is_made_of_words(token, WORDY_TOKEN_RUN)
}

fn is_made_of_words(text: &[u8], least_run: f64) -> bool {
    let (mut letters, mut runs, mut run, mut consonants) = (0u32, 0u32, 0u32, 0u32);
    let mut last = b' ';
    for byte in text {
        if byte.is_ascii_alphanumeric() {
            letters += 1;
            // `Capital` is one run, `ABc` is two.
            let goes_on =
                same_class(last, *byte) || (last.is_ascii_uppercase() && byte.is_ascii_lowercase() && run == 1);
            run = if goes_on { run + 1 } else { 1 };
            runs += u32::from(!goes_on);
        }
        let consonant = byte.is_ascii_alphabetic() && !b"aeiouyAEIOUY".contains(byte);
        consonants = if consonant && run > 1 { consonants + 1 } else { u32::from(consonant) };
        if consonants > MOST_CONSONANTS {
            return false;
        }
        last = *byte;
    }
    runs == 0 || f64::from(letters) / f64::from(runs) >= least_run
}

fn same_class(a: u8, b: u8) -> bool {
    (a.is_ascii_lowercase() && b.is_ascii_lowercase())
        || (a.is_ascii_uppercase() && b.is_ascii_uppercase())
        || (a.is_ascii_digit() && b.is_ascii_digit())
}

pub fn is_placeholder(text: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(text).to_ascii_lowercase();
    STAND_INS.iter().any(|word| lower.contains(word))
        || is_variable(&lower)
        || repeats(text)
        || counts_up(lower.as_bytes(), 1, 5)
        || counts_up(lower.as_bytes(), 2, 6)
}

fn is_variable(text: &str) -> bool {
    let name = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let letter_first = |rest: &&str| rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    text.strip_prefix('$').filter(letter_first).is_some_and(name) || (text.starts_with('%') && text.ends_with('%'))
}

/// `abcabcabc`, `0000`.
fn repeats(text: &[u8]) -> bool {
    (1..=(text.len() / 3).min(16))
        .any(|period| text.get(period..).is_some_and(|shifted| text.iter().zip(shifted).all(|(a, b)| a == b)))
}

/// `123456` with a step of one, `a1b2c3d4` with a step of two.
fn counts_up(text: &[u8], step: usize, least: u32) -> bool {
    let mut length = 0;
    text.iter().zip(text.iter().skip(step)).any(|(a, b)| {
        length = if a.is_ascii_alphanumeric() && a.checked_add(1) == Some(*b) { length + 1 } else { 0 };
        length >= least
    })
}

/// Calls, blocks, lists and patterns. A password with brackets is lost to this; code would be found everywhere.
fn is_code(value: &[u8]) -> bool {
    value.iter().any(|byte| b"(){}[]<>,;|".contains(byte))
}

/// Paths, addresses, and what names something kept elsewhere.
fn is_elsewhere(value: &[u8]) -> bool {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| value.starts_with(prefix.as_bytes()));
    let slashes = value.iter().filter(|byte| **byte == b'/').count();
    let in_base64 = value.iter().any(|byte| matches!(byte, b'+' | b'='));
    starts(OTHER_THINGS)
        || starts(&["./", "../", "~/"])
        || (value.starts_with(b"/") && slashes > 1 && !in_base64)
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
