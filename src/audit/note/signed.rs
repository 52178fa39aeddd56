use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::{VerifyingKey, is_name};

/// What is wrong with a key, a signed text or what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadNote {
    #[error("a key is written name+id+base64, a secret one with PRIVATE+KEY+ before it")]
    Key,
    #[error("the key is of a kind that is not known here; Ed25519 for logs (1) and witnesses (4) are")]
    KeyKind,
    #[error("the name of a key has no space and no plus, and 256 bytes at most")]
    KeyName,
    #[error("the system gives no randomness")]
    Randomness,
    #[error("a signed note is text, an empty line, and lines `— name base64`")]
    Format,
    #[error("a checkpoint is three lines: origin, size, and the root in base64")]
    Checkpoint,
    #[error("the proof is not as c2sp.org/tlog-proof or c2sp.org/tlog-witness has it")]
    Proof,
    #[error("a signature is wrong")]
    Signature,
    #[error("no key that is trusted has signed it")]
    UnknownKey,
    #[error("it is of another log")]
    Origin,
}

impl BadNote {
    pub const fn code(self) -> &'static str {
        match self {
            BadNote::Key | BadNote::KeyKind | BadNote::KeyName => "bad_key",
            BadNote::Randomness => "no_randomness",
            BadNote::Format => "bad_note",
            BadNote::Checkpoint => "bad_checkpoint",
            BadNote::Proof => "bad_proof",
            BadNote::Signature => "bad_signature",
            BadNote::UnknownKey => "unknown_key",
            BadNote::Origin => "wrong_origin",
        }
    }
}

/// One line of a note: who, and his signature with the id of his key before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub id: u32,
    pub bytes: Vec<u8>,
}

impl Signature {
    pub(super) fn is_of(&self, key: &VerifyingKey) -> bool {
        self.id == key.id() && self.name == key.name()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_be_bytes().to_vec();
        bytes.extend(&self.bytes);
        writeln!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for Signature {
    type Err = BadNote;

    fn from_str(line: &str) -> Result<Self, BadNote> {
        let (name, code) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(BadNote::Format)?;
        let bytes = STANDARD.decode(code).map_err(|_| BadNote::Format)?;
        let (id, bytes) = bytes.split_first_chunk::<4>().ok_or(BadNote::Format)?;
        if !is_name(name) || bytes.is_empty() {
            return Err(BadNote::Format);
        }
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

/// Text with signatures: c2sp.org/signed-note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub text: String,
    pub signatures: Vec<Signature>,
}

impl Note {
    pub const MOST_BYTES: usize = 64 * 1024;
    const MOST_SIGNATURES: usize = 64;
}

impl FromStr for Note {
    type Err = BadNote;

    fn from_str(note: &str) -> Result<Self, BadNote> {
        if note.len() > Self::MOST_BYTES || note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(BadNote::Format);
        }
        let end = note.rfind("\n\n").ok_or(BadNote::Format)?;
        let (text, signatures) = note.split_at_checked(end + 1).ok_or(BadNote::Format)?;
        let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
        let signatures: Vec<Signature> =
            signatures.ok_or(BadNote::Format)?.split('\n').map(str::parse).collect::<Result<_, _>>()?;
        if signatures.len() > Self::MOST_SIGNATURES {
            return Err(BadNote::Format);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(f, "{signature}"))
    }
}
