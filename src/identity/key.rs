use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::model::{KeyId, PrincipalId, TenantId};

const MARK: &str = "rf_";
const PREFIX_CHARS: usize = 12;
const SECRET_BYTES: usize = 32;
/// `rf_`, prefix, `_`, 43 characters of secret, `_`, 4 of checksum: one block of the hash.
const KEY_CHARS: usize = 64;
const CHECKED_CHARS: usize = 59;

/// The machine has no random numbers to give; nothing secret can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the machine gives no random numbers; no secret can be made")]
pub struct NoRandomness;

pub(super) fn random(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    rand::fill(bytes).map_err(|_| NoRandomness)
}

/// The part of a key that is no secret: it finds the record, and people know their keys by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix([u8; PREFIX_CHARS]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no prefix of a key: write 12 of 0-9 and a-v")]
pub struct BadPrefix;

impl KeyPrefix {
    fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; PREFIX_CHARS];
        random(&mut bytes)?;
        Ok(Self(bytes.map(|byte| match byte & 31 {
            digit @ 0..=9 => b'0' + digit,
            letter => b'a' + letter - 10,
        })))
    }

    pub fn as_str(&self) -> &str {
        // Only the 32 letters and digits get in, so this is always text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyPrefix {
    type Err = BadPrefix;

    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        let bytes: [u8; PREFIX_CHARS] = text.as_bytes().try_into().map_err(|_| BadPrefix)?;
        let good = bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'v'));
        if good { Ok(Self(bytes)) } else { Err(BadPrefix) }
    }
}

/// Keyed into every stored hash, so that the store alone is worth nothing to whoever copies it.
pub struct Pepper(Zeroizing<[u8; SECRET_BYTES]>);

impl Pepper {
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn hash(&self, text: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, text.as_bytes()).as_bytes()
    }
}

/// A new key, wiped when dropped. It has no `Debug`, `Display` or `Serialize`: the one way out is `expose`.
pub struct ApiKey {
    text: Zeroizing<String>,
    prefix: KeyPrefix,
}

impl ApiKey {
    pub fn generate() -> Result<Self, NoRandomness> {
        let prefix = KeyPrefix::generate()?;
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        random(secret.as_mut_slice())?;
        // All the room at once: a text that grows leaves copies of itself behind.
        let mut text = Zeroizing::new(String::with_capacity(KEY_CHARS));
        text.push_str(MARK);
        text.push_str(prefix.as_str());
        text.push('_');
        URL_SAFE_NO_PAD.encode_string(secret.as_slice(), &mut text);
        let sum = checksum(&text);
        text.push('_');
        text.push_str(&sum);
        Ok(Self { text, prefix })
    }

    /// The whole key, to be shown to its owner once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub fn prefix(&self) -> KeyPrefix {
        self.prefix
    }

    /// What is stored of it. 256 random bits cannot be guessed, so a fast hash keeps them as well as a slow one.
    pub fn hash(&self, pepper: &Pepper) -> [u8; 32] {
        pepper.hash(&self.text)
    }
}

/// No secret: it tells a mistyped key from a wrong one, and lets scanners of leaked texts be sure.
fn checksum(body: &str) -> String {
    let hash = blake3::derive_key("ringfence 2026-11 checksum of an api key", body.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.first_chunk::<3>().copied().unwrap_or_default())
}

/// The prefix of a text that looks like a key; its checksum is another question, see [`is_whole`].
pub(super) fn prefix_of(text: &str) -> Option<KeyPrefix> {
    let bytes = text.as_bytes();
    let parted = bytes.get(MARK.len() + PREFIX_CHARS) == Some(&b'_') && bytes.get(CHECKED_CHARS) == Some(&b'_');
    let plain = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bytes.len() != KEY_CHARS || !parted || !plain {
        return None;
    }
    text.strip_prefix(MARK)?.get(..PREFIX_CHARS)?.parse().ok()
}

pub(super) fn is_whole(text: &str) -> bool {
    let Some((body, sum)) = text.split_at_checked(CHECKED_CHARS) else { return false };
    sum.strip_prefix('_').is_some_and(|sum| sum == checksum(body))
}

pub(super) fn looks_like_a_key(text: &str) -> bool {
    text.starts_with(MARK)
}

/// What is known of a key, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    pub id: KeyId,
    pub tenant: TenantId,
    pub principal: PrincipalId,
    pub prefix: KeyPrefix,
    /// As [`ApiKey::hash`] gives it.
    pub hash: [u8; 32],
    /// What its owner calls it.
    pub name: String,
    /// What it is cut down to; `None` for no cut.
    pub scopes: Option<Vec<String>>,
    /// Seconds since 1970, as all times here.
    pub created: u64,
    pub expires: Option<u64>,
    pub revoked: Option<u64>,
    pub last_used: Option<u64>,
}

impl KeyRecord {
    pub(super) fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}
