mod false_positives;
mod marks;
mod places;
mod streams;
mod true_positives;

use super::{Finding, scan};

pub const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
pub const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub const HEX: &[u8] = b"0123456789abcdef";

/// Made when the test runs, so that no scanner finds a secret in this repository.
pub fn random(alphabet: &[u8], length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()])
        })
        .collect()
}

pub fn found(text: &str) -> Vec<Finding> {
    scan(text.as_bytes()).unwrap()
}

pub fn kinds(text: &str) -> Vec<&'static str> {
    found(text).iter().map(|finding| finding.what).collect()
}
