use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::BadNote;

/// What a key signs: checkpoints of its own log, or those of others with the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Log,
    Witness,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            KeyKind::Log => 0x01,
            KeyKind::Witness => 0x04,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(KeyKind::Log),
            0x04 => Some(KeyKind::Witness),
            _ => None,
        }
    }
}

/// The public half of a key, with the name that it signs under: `name+c74f20a3+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    kind: KeyKind,
    public: [u8; 32],
    id: u32,
}

/// Any name of a signed note: no space, no plus, no control character.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 256 && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

impl VerifyingKey {
    fn new(name: &str, kind: KeyKind, public: [u8; 32]) -> Result<Self, BadNote> {
        if !is_name(name) {
            return Err(BadNote::KeyName);
        }
        let mut hash = Sha256::new();
        hash.update(name);
        hash.update([b'\n', kind.byte()]);
        hash.update(public);
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
        Ok(Self { name: name.to_owned(), kind, public, id: u32::from_be_bytes([a, b, c, d]) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub const fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.kind.byte()];
        bytes.extend(self.public);
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(bytes))
    }
}

/// Name, id, kind and the bytes of the key.
type Parts<'a> = (&'a str, u32, KeyKind, Zeroizing<[u8; 32]>);

/// Takes `name+id+base64` apart.
fn read(text: &str) -> Result<Parts<'_>, BadNote> {
    let mut parts = text.trim_end_matches('\n').splitn(3, '+');
    let (Some(name), Some(id), Some(code)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(BadNote::Key);
    };
    let id = u32::from_str_radix(id, 16).ok().filter(|_| id.len() == 8).ok_or(BadNote::Key)?;
    let bytes = Zeroizing::new(STANDARD.decode(code).map_err(|_| BadNote::Key)?);
    let (kind, key) = bytes.split_first().ok_or(BadNote::Key)?;
    let kind = KeyKind::of(*kind).ok_or(BadNote::KeyKind)?;
    Ok((name, id, kind, Zeroizing::new(key.try_into().map_err(|_| BadNote::Key)?)))
}

impl FromStr for VerifyingKey {
    type Err = BadNote;

    fn from_str(text: &str) -> Result<Self, BadNote> {
        let (name, id, kind, public) = read(text)?;
        let key = Self::new(name, kind, *public)?;
        if key.id == id { Ok(key) } else { Err(BadNote::Key) }
    }
}

/// The secret half. It is never shown; `to_text` is for the file that keeps it.
pub struct SigningKey {
    public: VerifyingKey,
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

const SECRET: &str = "PRIVATE+KEY+";

impl SigningKey {
    pub fn generate(name: &str, kind: KeyKind) -> Result<Self, BadNote> {
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(seed.as_mut_slice()).map_err(|_| BadNote::Randomness)?;
        Self::of_seed(name, kind, seed)
    }

    pub fn of_seed(name: &str, kind: KeyKind, seed: Zeroizing<[u8; 32]>) -> Result<Self, BadNote> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| BadNote::Key)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| BadNote::Key)?;
        Ok(Self { public: VerifyingKey::new(name, kind, public)?, seed, pair })
    }

    /// Reads `PRIVATE+KEY+name+id+base64`.
    pub fn from_text(text: &str) -> Result<Self, BadNote> {
        let (name, id, kind, seed) = read(text.strip_prefix(SECRET).ok_or(BadNote::Key)?)?;
        let key = Self::of_seed(name, kind, seed)?;
        if key.public.id == id { Ok(key) } else { Err(BadNote::Key) }
    }

    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(vec![self.public.kind.byte()]);
        bytes.extend(self.seed.iter());
        let code = Zeroizing::new(STANDARD.encode(&*bytes));
        Zeroizing::new(format!("{SECRET}{}+{:08x}+{}\n", self.public.name, self.public.id, &*code))
    }

    pub const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public)
    }
}
