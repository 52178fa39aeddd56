//! The content in windows that overlap on both sides.
//!
//! Only a secret that starts in the middle of a window counts, so it is judged exactly once, always with [`REACH`] bytes
//! after it and [`LOOK_BACK`] before it: where the borders fall changes nothing.

use std::io::{self, Read};

use super::anchors::{Place, secret_at};
use super::composed::MOST_BEFORE_BYTES;
use super::utf16::{Narrow, Order};

/// More would not change the answer.
pub const MOST_FINDINGS: usize = 16;

const WINDOW: usize = 128 * 1024;
/// The longest secret that is seen as a whole: a token of three parts can have some KiB.
const REACH: usize = 8 * 1024;
/// From the word that starts a look (`token`) to the secret, with the name around it.
const LOOK_BACK: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// From 1.
    pub line: u64,
    /// The kind of credential, never its text.
    pub what: &'static str,
}

/// The first [`MOST_FINDINGS`] places that look like a credential, each kind once a line. Stops reading when they are
/// found.
pub fn scan(mut content: impl Read) -> io::Result<Vec<Finding>> {
    let (mut mark, mut filled) = ([0; 2], 0);
    fill(&mut content, &mut mark, &mut filled)?;
    match Order::of_mark(mark).filter(|_| filled == mark.len()) {
        Some(order) => scan_bytes(Narrow::new(content, order)),
        None => scan_bytes(mark.get(..filled).unwrap_or_default().chain(content)),
    }
}

fn scan_bytes(mut content: impl Read) -> io::Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut window = vec![0; WINDOW];
    let (mut filled, mut judged, mut line) = (0, 0, 1);
    loop {
        let ended = fill(&mut content, &mut window, &mut filled)?;
        let text = window.get(..filled).unwrap_or_default();
        let until = if ended { filled } else { filled.saturating_sub(REACH + MOST_BEFORE_BYTES) };
        let mut counted = judged;
        for (start, what) in secrets(text, judged, until)? {
            line += newlines(text, counted, start);
            counted = start;
            let finding = Finding { line, what };
            if findings.last() != Some(&finding) {
                findings.push(finding);
            }
            if findings.len() == MOST_FINDINGS {
                return Ok(findings);
            }
        }
        if ended {
            return Ok(findings);
        }
        line += newlines(text, counted, until);
        let keep_from = until.saturating_sub(LOOK_BACK);
        window.copy_within(keep_from..filled, 0);
        filled -= keep_from;
        judged = until - keep_from;
    }
}

/// Whether the content has ended.
fn fill(content: &mut impl Read, window: &mut [u8], filled: &mut usize) -> io::Result<bool> {
    while let Some(free) = window.get_mut(*filled..).filter(|free| !free.is_empty()) {
        match content.read(free) {
            Ok(0) => return Ok(true),
            Ok(read) => *filled += read,
            Err(again) if again.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Secrets that start in `from..until`, in their order. Where two looks meet at the same place the first one names it.
fn secrets(text: &[u8], from: usize, until: usize) -> io::Result<Vec<(usize, &'static str)>> {
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    let is_text = !text.contains(&0);
    let mut at = from.saturating_sub(LOOK_BACK);
    // A name such as `secret_token` has two words; the second look would find the same again.
    let mut seen_until = 0;
    while let Some(hit) = super::anchors::next_hit(text, at)? {
        // What a look finds may start a little before its hit; the next window does not count it again.
        if hit.start >= until + MOST_BEFORE_BYTES {
            break;
        }
        at = hit.end;
        let end = text.len().min(hit.start + REACH);
        let Some(near) = text.get(..end) else { break };
        let Some(secret) = secret_at(&Place { text: near, hit, is_text })? else { continue };
        if secret.start < seen_until {
            continue;
        }
        seen_until = secret.end;
        if (from..until).contains(&secret.start) {
            found.push((secret.start, secret.what));
        }
    }
    Ok(found)
}

fn newlines(text: &[u8], from: usize, to: usize) -> u64 {
    let count = text.get(from..to).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    u64::try_from(count).unwrap_or(u64::MAX)
}
