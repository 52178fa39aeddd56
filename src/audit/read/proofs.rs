use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::super::error::AuditError;
use super::super::folder;
use super::super::hash::TreeHash;
use super::super::note::{ConsistencyProof, InclusionProof, Note, SignedCheckpoint};
use super::super::tree::{self, LEVELS, Nodes};
use super::seek::Reader;

/// The kept hashes, to make proofs from. Of a log of any size, a proof reads a few kilobytes.
struct Kept {
    levels: Vec<Option<File>>,
}

impl Kept {
    fn open(root: &Path) -> Self {
        Self { levels: (0..LEVELS).map(|level| folder::open(root, &folder::level(level)).ok()).collect() }
    }
}

impl Nodes for Kept {
    type Error = AuditError;

    fn read(&self, level: usize, first: u64, count: usize) -> Result<Vec<TreeHash>, AuditError> {
        let offset = first * TreeHash::BYTES as u64;
        let missing = || AuditError::damaged(&folder::level(level), offset, "hashes are missing");
        let file = self.levels.get(level).and_then(Option::as_ref).ok_or_else(missing)?;
        let mut bytes = vec![0; count * TreeHash::BYTES];
        match file.read_exact_at(&mut bytes, offset) {
            Ok(()) => Ok(bytes.as_chunks().0.iter().map(|hash| TreeHash::from_bytes(*hash)).collect()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(missing()),
            Err(error) => Err(AuditError::disk("read the tree of the audit log")(error)),
        }
    }
}

impl Reader {
    /// The newest checkpoint. Its signatures have not been looked at.
    pub fn checkpoint(&self) -> Result<SignedCheckpoint, AuditError> {
        self.note(folder::CHECKPOINT)?.ok_or(AuditError::NoLog)
    }

    fn note(&self, name: &str) -> Result<Option<SignedCheckpoint>, AuditError> {
        let mut text = String::new();
        let read = folder::open(&self.root, name)
            .and_then(|file| file.take(Note::MOST_BYTES as u64).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(AuditError::disk("read a checkpoint"))?,
        };
        text.parse().map(Some).map_err(|bad| AuditError::Note { what: "a checkpoint of the audit log", bad })
    }

    /// The proof that a record is in the log of the newest checkpoint.
    pub fn inclusion(&self, seq: u64) -> Result<InclusionProof, AuditError> {
        let checkpoint = self.checkpoint()?;
        let size = checkpoint.checkpoint().size;
        if seq >= size {
            return Err(AuditError::NoTree { size: seq.saturating_add(1), known: size });
        }
        let hashes = tree::inclusion(&Kept::open(&self.root), seq, size)?;
        Ok(InclusionProof { index: seq, hashes, checkpoint })
    }

    /// The proof that the log of the newest checkpoint begins with its first `old` records as they were.
    pub fn consistency(&self, old: u64) -> Result<ConsistencyProof, AuditError> {
        let checkpoint = self.checkpoint()?;
        let hashes = self.consistency_between(old, checkpoint.checkpoint().size)?;
        Ok(ConsistencyProof { old, hashes, checkpoint })
    }

    /// The hashes that lead from one size to another; both have a checkpoint behind them.
    pub fn consistency_between(&self, old: u64, new: u64) -> Result<Vec<TreeHash>, AuditError> {
        let known = self.checkpoint()?.checkpoint().size;
        match old.max(new) {
            size if size > known || old > new => Err(AuditError::NoTree { size, known }),
            _ => tree::consistency(&Kept::open(&self.root), old, new),
        }
    }

    /// The hash of a record, also of one that was pruned.
    pub fn hash_of(&self, seq: u64) -> Result<TreeHash, AuditError> {
        match self.line(seq) {
            Ok(line) => Ok(TreeHash::of_leaf(line.as_bytes())),
            Err(AuditError::NoRecord { seq, first }) if seq < first => {
                let hashes = Kept::open(&self.root).read(0, seq, 1)?;
                hashes.first().copied().ok_or(AuditError::NoRecord { seq, first })
            }
            Err(error) => Err(error),
        }
    }

    /// The root of the first `size` records, from the kept hashes.
    pub fn root_at(&self, size: u64) -> Result<TreeHash, AuditError> {
        tree::root(&Kept::open(&self.root), size)
    }

    /// Keeps cosignatures with the checkpoint that they are of. The newest is kept by that, too.
    pub fn add_cosignatures(&self, cosigned: &SignedCheckpoint) -> Result<(), AuditError> {
        let of = cosigned.checkpoint();
        let name = folder::kept_checkpoint(of.size);
        let kept = match self.note(&name)? {
            Some(kept) => Some(kept),
            None => Some(self.checkpoint()?).filter(|newest| newest.checkpoint() == of),
        };
        let Some(mut kept) = kept.filter(|kept| kept.checkpoint() == of) else {
            return Err(AuditError::Forked { size: of.size });
        };
        kept.add(cosigned.signatures().iter().cloned());
        super::super::witness::replace(&self.root.join(name), &kept.to_string())
            .map_err(AuditError::disk("keep cosignatures"))
    }
}
