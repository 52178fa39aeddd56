use std::fmt;
use std::str::FromStr;

use super::checkpoint::{SignedCheckpoint, decimal};
use super::signed::BadNote;
use crate::audit::hash::TreeHash;
use crate::audit::tree;

/// No proof of a tree of 2^63 records is longer.
const MOST_HASHES: usize = 63;

/// That a record is in a log, in one file that can be checked without the log: c2sp.org/tlog-proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    pub index: u64,
    pub hashes: Vec<TreeHash>,
    pub checkpoint: SignedCheckpoint,
}

impl InclusionProof {
    /// Whether it shows that this line, without its end, is the record. The checkpoint's signatures are asked apart.
    pub fn shows(&self, line: &[u8]) -> bool {
        let checkpoint = self.checkpoint.checkpoint();
        let leaf = TreeHash::of_leaf(line);
        tree::check_inclusion(leaf, self.index, checkpoint.size, checkpoint.root, &self.hashes)
    }
}

const HEAD: &str = "c2sp.org/tlog-proof@v1";

impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}\nindex {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash.base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for InclusionProof {
    type Err = BadNote;

    fn from_str(text: &str) -> Result<Self, BadNote> {
        let rest = text.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix('\n')).ok_or(BadNote::Proof)?;
        let (index, hashes, checkpoint) = parts(rest, "index ")?;
        Ok(Self { index, hashes, checkpoint })
    }
}

/// That a log has grown and nothing else; what a witness is asked with: `add-checkpoint` of c2sp.org/tlog-witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    pub old: u64,
    pub hashes: Vec<TreeHash>,
    pub checkpoint: SignedCheckpoint,
}

impl ConsistencyProof {
    /// Whether it shows that the log of the checkpoint begins with the tree of the old root.
    pub fn shows(&self, old_root: TreeHash) -> bool {
        let checkpoint = self.checkpoint.checkpoint();
        tree::check_consistency(self.old, old_root, checkpoint.size, checkpoint.root, &self.hashes)
    }
}

impl fmt::Display for ConsistencyProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash.base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for ConsistencyProof {
    type Err = BadNote;

    fn from_str(text: &str) -> Result<Self, BadNote> {
        let (old, hashes, checkpoint) = parts(text, "old ")?;
        Ok(Self { old, hashes, checkpoint })
    }
}

fn parts(text: &str, number: &str) -> Result<(u64, Vec<TreeHash>, SignedCheckpoint), BadNote> {
    let (proof, checkpoint) = text.split_once("\n\n").ok_or(BadNote::Proof)?;
    let mut lines = proof.split('\n');
    let first = lines.next().and_then(|line| line.strip_prefix(number)).and_then(decimal).ok_or(BadNote::Proof)?;
    let hashes: Vec<_> =
        lines.take(MOST_HASHES + 1).map(TreeHash::from_base64).collect::<Option<_>>().ok_or(BadNote::Proof)?;
    if hashes.len() > MOST_HASHES {
        return Err(BadNote::Proof);
    }
    Ok((first, hashes, checkpoint.parse()?))
}
