use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::key::{NoRandomness, random};
use crate::model::KeyId;

const PART_BYTES: usize = 12;
const PART_CHARS: usize = 16;
/// A token made with a token made with a token made with a key, and one more.
const GENERATIONS: usize = 4;

/// The `jti` of a token of ours: the key that it goes back to, and a random part for each token on the way.
///
/// ```text
/// key_0192….kq3vZ0y8mJxA1b2c                     made with the key
/// key_0192….kq3vZ0y8mJxA1b2c.Zt7…                made with the token above; dies with it and with the key
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    key: KeyId,
    parts: Vec<String>,
}

impl Lineage {
    pub(super) fn of_key(key: &KeyId) -> Self {
        Self { key: key.clone(), parts: Vec::new() }
    }

    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.split('.');
        let key = words.next()?.parse().ok()?;
        let parts: Vec<String> = words.map(str::to_owned).collect();
        let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        let all_good = parts.iter().all(|part| part.len() == PART_CHARS && part.bytes().all(good));
        ((1..=GENERATIONS).contains(&parts.len()) && all_good).then_some(Self { key, parts })
    }

    /// That of a new token made with this; `None` if the line is too long already.
    pub(super) fn child(&self) -> Result<Option<Self>, NoRandomness> {
        if self.parts.len() >= GENERATIONS {
            return Ok(None);
        }
        let mut bytes = [0; PART_BYTES];
        random(&mut bytes)?;
        let mut child = self.clone();
        child.parts.push(URL_SAFE_NO_PAD.encode(bytes));
        Ok(Some(child))
    }

    pub fn key(&self) -> &KeyId {
        &self.key
    }

    /// The ids of the tokens in the line, the token's own last. If one of them was revoked, it dies too.
    pub fn tokens(&self) -> Vec<String> {
        let mut id = self.key.to_string();
        let grown = self.parts.iter().map(|part| {
            id.push('.');
            id.push_str(part);
            id.clone()
        });
        grown.collect()
    }

    pub fn id(&self) -> String {
        self.tokens().pop().unwrap_or_default()
    }
}
