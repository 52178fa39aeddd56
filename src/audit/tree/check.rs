//! The other side: what somebody who has only a root can check. Written after RFC 9162, 2.1.3.2 and 2.1.4.2, which
//! describe it without a tree, so that it has nothing in common with the code that makes proofs.

use super::super::hash::TreeHash;

/// Whether the proof shows that `leaf` is the record `index` of the tree of `size` records with this root.
pub fn check_inclusion(leaf: TreeHash, index: u64, size: u64, root: TreeHash, proof: &[TreeHash]) -> bool {
    if index >= size {
        return false;
    }
    let (mut fnode, mut snode) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if snode == 0 {
            return false;
        }
        if fnode & 1 == 1 || fnode == snode {
            hash = TreeHash::of_node(sibling, &hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            hash = TreeHash::of_node(&hash, sibling);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    snode == 0 && hash == root
}

/// Whether the proof shows that the tree of `old` records is the beginning of that of `new`.
pub fn check_consistency(old: u64, old_root: TreeHash, new: u64, new_root: TreeHash, proof: &[TreeHash]) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && old_root == TreeHash::of_nothing();
    }
    let mut proof = proof.iter();
    // The old tree is a subtree of the new one: its root begins the proof and is not sent.
    let first = if old.is_power_of_two() { Some(&old_root) } else { proof.next() };
    let Some(first) = first else { return false };
    let (mut fnode, mut snode) = (old - 1, new - 1);
    while fnode & 1 == 1 {
        fnode >>= 1;
        snode >>= 1;
    }
    let (mut from_old, mut from_new) = (*first, *first);
    for sibling in proof {
        if snode == 0 {
            return false;
        }
        if fnode & 1 == 1 || fnode == snode {
            from_old = TreeHash::of_node(sibling, &from_old);
            from_new = TreeHash::of_node(sibling, &from_new);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            from_new = TreeHash::of_node(&from_new, sibling);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    snode == 0 && from_old == old_root && from_new == new_root
}
