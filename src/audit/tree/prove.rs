use super::super::hash::TreeHash;
use super::{Frontier, STEP};

/// Where hashes are kept: of every eighth level, level 0 being the records.
pub trait Nodes {
    type Error;

    /// `count` hashes of a level from the place `first` on; all of them are there or it is an error.
    fn read(&self, level: usize, first: u64, count: usize) -> Result<Vec<TreeHash>, Self::Error>;
}

/// The root of a complete subtree of 2^height records that begins at `first`.
fn complete<N: Nodes>(nodes: &N, first: u64, height: u32) -> Result<TreeHash, N::Error> {
    // Of a subtree that is no kept level, the hashes of the level below are read: 128 at most.
    let level = height / STEP;
    let below = 1_usize << (height % STEP);
    let mut hashes = nodes.read(level as usize, first >> (level * STEP), below)?;
    while hashes.len() > 1 {
        hashes = hashes
            .chunks_exact(2)
            .filter_map(|pair| if let [left, right] = pair { Some(TreeHash::of_node(left, right)) } else { None })
            .collect();
    }
    Ok(hashes.first().copied().unwrap_or(TreeHash::ZERO))
}

/// The root of the records from `first` up to `end`, which is not among them. `first` is a multiple of a power of two
/// that is not smaller than what is asked for, as all ranges of RFC 6962 are.
fn range<N: Nodes>(nodes: &N, first: u64, end: u64) -> Result<TreeHash, N::Error> {
    let size = end - first;
    if size == 0 {
        return Ok(TreeHash::of_nothing());
    }
    if size.is_power_of_two() {
        return complete(nodes, first, size.trailing_zeros());
    }
    let middle = first + split(size);
    Ok(TreeHash::of_node(&range(nodes, first, middle)?, &range(nodes, middle, end)?))
}

/// The largest power of two that is smaller than `size`, which is 2 at least.
const fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The root of the first `size` records.
pub fn root<N: Nodes>(nodes: &N, size: u64) -> Result<TreeHash, N::Error> {
    range(nodes, 0, size)
}

/// The proof that the record `index` is in the tree of the first `size`: RFC 6962, 2.1.1.
/// A record that is not there has no proof.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<TreeHash>, N::Error> {
    let mut proof = Vec::new();
    if index >= size {
        return Ok(proof);
    }
    let (mut first, mut end) = (0, size);
    while end - first > 1 {
        let middle = first + split(end - first);
        if index < middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, first, middle)?);
            first = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `old` records is the beginning of the tree of `new`: RFC 6962, 2.1.2.
/// It is empty for an empty tree and for the same.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<TreeHash>, N::Error> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    let (mut first, mut end) = (0, new);
    while old < end {
        let middle = first + split(end - first);
        if old <= middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, first, middle)?);
            first = middle;
        }
    }
    // Who checks knows the root of the old tree; of a part of it he does not.
    if first > 0 {
        proof.push(range(nodes, first, end)?);
    }
    proof.reverse();
    Ok(proof)
}

impl Frontier {
    /// The tree of the first `size` records.
    pub fn load<N: Nodes>(nodes: &N, size: u64) -> Result<Self, N::Error> {
        let mut peaks = Vec::new();
        let mut first = 0;
        for height in (0..u64::BITS).rev().filter(|height| size >> height & 1 == 1) {
            peaks.push(complete(nodes, first, height)?);
            first += 1 << height;
        }
        Ok(Frontier::of(size, peaks))
    }
}
