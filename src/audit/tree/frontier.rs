use super::super::hash::TreeHash;

/// A tree as it grows: its size, and the roots of the complete subtrees that it is made of, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Frontier {
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    pub(super) const fn of(size: u64, peaks: Vec<TreeHash>) -> Self {
        Self { size, peaks }
    }

    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. Each subtree that it completes is told with its height, the leaf itself first.
    pub fn push(&mut self, leaf: TreeHash, mut complete: impl FnMut(u32, TreeHash)) {
        let mut hash = leaf;
        complete(0, hash);
        let mut height = 0;
        let mut rest = self.size;
        while rest & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = TreeHash::of_node(&left, &hash);
            height += 1;
            complete(height, hash);
            rest >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub fn root(&self) -> TreeHash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => TreeHash::of_nothing(),
            Some(smallest) => peaks.fold(*smallest, |right, left| TreeHash::of_node(left, &right)),
        }
    }
}
