use std::fmt;
use std::str::FromStr;

use super::key::{KeyKind, SigningKey, VerifyingKey};
use super::signed::{BadNote, Note, Signature};
use crate::audit::hash::TreeHash;

/// A whole log in three lines: c2sp.org/tlog-checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: TreeHash,
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.base64())
    }

    /// Lines after the third belong to whoever wrote them. We write none and take none: they would be text that is
    /// signed and that nobody looks at.
    fn read(text: &str) -> Result<Self, BadNote> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(BadNote::Checkpoint)?.split('\n').collect();
        let [origin, size, root] = lines.as_slice() else { return Err(BadNote::Checkpoint) };
        let size = decimal(size).ok_or(BadNote::Checkpoint)?;
        let root = TreeHash::from_base64(root).ok_or(BadNote::Checkpoint)?;
        if origin.is_empty() || (size == 0 && root != TreeHash::of_nothing()) {
            return Err(BadNote::Checkpoint);
        }
        Ok(Self { origin: (*origin).to_owned(), size, root })
    }
}

/// A number that is written in one way only.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let one_way = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    text.parse().ok().filter(|_| one_way)
}

/// A checkpoint with the signatures that it came with. None of them has been looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs with all keys of the log.
    pub fn sign<'a>(checkpoint: Checkpoint, keys: impl IntoIterator<Item = &'a SigningKey>) -> Self {
        let text = checkpoint.text();
        let signatures = keys.into_iter().map(|key| Signature {
            name: key.public().name().to_owned(),
            id: key.public().id(),
            bytes: key.sign(text.as_bytes()),
        });
        let signatures = signatures.collect();
        Self { checkpoint, note: Note { text, signatures } }
    }

    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.note.signatures
    }

    /// Which keys of the log have signed it. A key that is known here and whose signature is wrong spoils all.
    pub fn signed_by<'a>(&self, keys: &'a [VerifyingKey]) -> Result<Vec<&'a VerifyingKey>, BadNote> {
        let mut by = Vec::new();
        for key in keys.iter().filter(|key| key.kind() == KeyKind::Log) {
            for signature in self.note.signatures.iter().filter(|signature| signature.is_of(key)) {
                if !key.verifies(self.note.text.as_bytes(), &signature.bytes) {
                    return Err(BadNote::Signature);
                }
                by.push(key);
            }
        }
        if by.is_empty() { Err(BadNote::UnknownKey) } else { Ok(by) }
    }

    /// Of these witnesses, who has cosigned it, and when: c2sp.org/tlog-cosignature.
    pub fn cosigned_by<'a>(&self, witnesses: &'a [VerifyingKey]) -> Result<Vec<(&'a VerifyingKey, u64)>, BadNote> {
        let mut by = Vec::new();
        for key in witnesses.iter().filter(|key| key.kind() == KeyKind::Witness) {
            for signature in self.note.signatures.iter().filter(|signature| signature.is_of(key)) {
                let (time, bytes) = signature.bytes.split_first_chunk::<8>().ok_or(BadNote::Signature)?;
                let time = u64::from_be_bytes(*time);
                if !key.verifies(&self.cosigned_text(time), bytes) {
                    return Err(BadNote::Signature);
                }
                by.push((key, time));
            }
        }
        Ok(by)
    }

    fn cosigned_text(&self, time: u64) -> Vec<u8> {
        format!("cosignature/v1\ntime {time}\n{}", self.note.text).into_bytes()
    }

    /// The line that a witness adds.
    pub fn cosign(&self, key: &SigningKey, time: u64) -> Signature {
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend(key.sign(&self.cosigned_text(time)));
        Signature { name: key.public().name().to_owned(), id: key.public().id(), bytes }
    }

    /// Adds lines that are not there yet.
    pub fn add(&mut self, signatures: impl IntoIterator<Item = Signature>) {
        for signature in signatures {
            if !self.note.signatures.contains(&signature) {
                self.note.signatures.push(signature);
            }
        }
    }
}

impl FromStr for SignedCheckpoint {
    type Err = BadNote;

    fn from_str(text: &str) -> Result<Self, BadNote> {
        let note: Note = text.parse()?;
        Ok(Self { checkpoint: Checkpoint::read(&note.text)?, note })
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
