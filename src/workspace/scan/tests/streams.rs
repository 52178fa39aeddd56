use std::io::{self, Read};

use proptest::prelude::*;

use super::super::{Finding, MOST_FINDINGS, scan};
use super::true_positives::{block, jwt};
use super::{MIXED, found, kinds, random};

const WINDOW: usize = 128 * 1024;
const REACH: usize = 8 * 1024;

#[test]
fn a_window_border_hides_nothing_and_doubles_nothing() {
    let secrets = [
        format!("{}{}", "ghp_", random(MIXED, 36, 1)),
        format!("password=\"{}\"", random(MIXED, 30, 2)),
        jwt(),
        block("RSA PRIVATE KEY", "\n"),
        format!("9876054321:{}{}", "AA", random(MIXED, 33, 4)),
        format!("a_Z8{}{}", "Q~", random(MIXED, 34, 5)),
        format!("curl -u me:{} x", random(MIXED, 20, 6)),
    ];
    for secret in &secrets {
        let alone = kinds(secret);
        assert_eq!(alone.len(), 1);
        for border in [WINDOW, WINDOW - REACH] {
            for before in (border - secret.len() - 4..border + 4).step_by(3) {
                let text = format!("{} {secret} {}", "-".repeat(before), "-".repeat(WINDOW));
                assert_eq!(kinds(&text), alone, "{before} before {secret}");
            }
        }
    }
}

#[test]
fn a_line_without_an_end_is_looked_at_as_a_whole() {
    let token = format!("{}{}", "glpat-", random(MIXED, 20, 1));
    let text = format!("{{\"a\":\"{}\",\"b\":\"{token}\",\"c\":\"{}\"}}", "z".repeat(300_000), "z".repeat(300_000));
    assert_eq!(found(&text), [Finding { line: 1, what: "a GitLab token" }]);
}

#[test]
fn counts_lines_over_windows() {
    let token = format!("{}{}", "npm_", random(MIXED, 36, 1));
    let text = format!("{}{token}\n{}{token}\n", "a line\n".repeat(100_000), "\n".repeat(99_998));
    let lines: Vec<u64> = found(&text).iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [100_001, 200_000]);
}

/// Gives a few bytes at a time and remembers how much it was asked for.
struct Endless<'a> {
    text: &'a [u8],
    given: u64,
    most: u64,
    largest_read: usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.largest_read = self.largest_read.max(into.len());
        let left = usize::try_from(self.most - self.given).unwrap();
        let from = usize::try_from(self.given).unwrap() % self.text.len();
        let part = &self.text[from..];
        let length = part.len().min(into.len()).min(left);
        into[..length].copy_from_slice(&part[..length]);
        self.given += length as u64;
        Ok(length)
    }
}

#[test]
fn a_long_stream_ends_and_is_never_held_as_a_whole() {
    let text = "let token = parser.next(); // https://example.com/a:b\n".repeat(100);
    let mut stream = Endless { text: text.as_bytes(), given: 0, most: 20 << 20, largest_read: 0 };
    assert_eq!(scan(&mut stream).unwrap(), []);
    assert_eq!(stream.given, 20 << 20);
    assert!(stream.largest_read <= WINDOW);
}

#[test]
fn stops_reading_when_it_has_found_enough() {
    let text = format!("{}{}\n", "ghp_", random(MIXED, 36, 1));
    let mut stream = Endless { text: text.as_bytes(), given: 0, most: u64::MAX, largest_read: 0 };
    assert_eq!(scan(&mut stream).unwrap().len(), MOST_FINDINGS);
    assert!(stream.given <= WINDOW as u64);
}

#[test]
fn text_made_of_anchors_takes_bounded_time() {
    for text in [
        "token",
        "eyJ-",
        "eyJ.",
        "://a:",
        "sk-",
        "-----BEGIN ",
        "secret=",
        "AKIA",
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "curl ",
        "curl -u ",
        "bearer ",
        "basic ",
        "\"d\"",
        "\"d\":\"",
        "\"kty\":\"d\":",
        "auth:",
        "auth=(",
        "Q~",
        "1Q~",
        "1:AA",
        "&sig=",
        "MTIz",
        "hooks.slack.com/services/T/B",
        "/api/webhooks/1",
        "PuTTY-User-Key-File-2: ssh-rsa\n",
        "---- BEGIN SSH2 PRIVATE KEY ----\n",
        "django-insecure-",
        "<password>",
        "--token ",
        "PASSWORD=(",
    ] {
        let text = text.repeat((1 << 20) / text.len());
        assert_eq!(found(&text), [], "{}", &text[..20]);
    }
}

#[test]
fn passes_on_an_error_of_the_reader() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    assert_eq!(scan(Broken).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
}

const PIECES: &[&str] = &[
    "token",
    "=",
    "\"",
    "://",
    "a:b@",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "eyJ",
    ".",
    "\\n",
    "%3D",
    "SG.",
    "ghp_",
    "é",
    "\0",
    "\n",
    "A7kQ2mZ9xW4vB8nC1pL5",
    "curl -u ",
    "<password>",
    "\"d\":\"",
    "1Q~",
    "12345678:AA",
    "auth:",
    "&sig=",
    "--",
    " ",
];

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(scan(bytes.as_slice()).is_ok());
    }

    #[test]
    fn random_pieces_of_secrets_never_panic(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..64)) {
        prop_assert!(scan(pieces.concat().as_bytes()).is_ok());
    }
}
