//! What stands in place of a secret, or fetches it.

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
    "os.environ",
    "process.env",
    "import.meta",
    "getenv",
    "env.",
    "env[",
    "secrets.",
    "vault:",
];

/// What starts a part that something else fills in. Random letters and signs have these now and then, but seldom a
/// name behind them.
const TEMPLATES: &[&[u8]] = &[b"${", b"{{", b"#{", b"%(", b"$(", b"%{", b"@{"];
/// The same, but these are so common among signs that the name must end with the other bracket.
const BRACKETS: [(u8, u8); 2] = [(b'{', b'}'), (b'<', b'>')];
const LEAST_TEMPLATE_NAME_BYTES: usize = 3;

/// Passwords that documentation writes.
const PASSWORD_STAND_INS: &[&str] = &[
    "pass",
    "passwd",
    "password",
    "pwd",
    "passphrase",
    "secret",
    "token",
    "user",
    "username",
    "login",
    "admin",
    "root",
    "test",
    "testing",
    "guest",
    "foobar",
    "apikey",
    "api_key",
    "key",
    "x-oauth-basic",
    "x-token-auth",
    "none",
    "null",
    "password1",
    "p4ssw0rd",
    "hunter2",
    "1234",
    "open sesame",
    "opensesame",
];

pub fn is_placeholder(text: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(text).to_ascii_lowercase();
    STAND_INS.iter().any(|word| lower.contains(word))
        || is_template(text)
        || is_variable(&lower)
        || repeats(text)
        || counts_up(lower.as_bytes(), 1, 5)
        || counts_up(lower.as_bytes(), 2, 6)
}

pub fn is_password_stand_in(password: &[u8]) -> bool {
    PASSWORD_STAND_INS.iter().any(|word| password.eq_ignore_ascii_case(word.as_bytes())) || is_placeholder(password)
}

fn is_template(text: &[u8]) -> bool {
    (0..text.len()).any(|at| {
        let rest = text.get(at..).unwrap_or_default();
        let opens =
            TEMPLATES.iter().filter_map(|start| rest.strip_prefix(*start)).any(|name| name_length(name).is_some());
        opens || BRACKETS.iter().any(|(open, close)| is_bracketed(rest, *open, *close))
    })
}

/// `<password>`
fn is_bracketed(text: &[u8], open: u8, close: u8) -> bool {
    let Some(name) = text.strip_prefix(&[open]) else { return false };
    name_length(name).is_some_and(|length| name.get(length) == Some(&close))
}

/// `None` for what is too short.
fn name_length(text: &[u8]) -> Option<usize> {
    const MOST_BYTES: usize = 64;
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'.' | b'-');
    let start = text.iter().take_while(|byte| !byte.is_ascii_digit()).take(LEAST_TEMPLATE_NAME_BYTES);
    let long = start.take_while(in_name).count() == LEAST_TEMPLATE_NAME_BYTES;
    long.then(|| text.iter().take(MOST_BYTES).take_while(in_name).count())
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
