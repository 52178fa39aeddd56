use proptest::prelude::*;
use ringfence::audit::TreeHash;
use ringfence::audit::tree::{
    Frontier, LEVELS, Nodes, STEP, check_consistency, check_inclusion, consistency, inclusion, root,
};

/// The levels in memory.
#[derive(Default)]
struct Memory(Vec<Vec<TreeHash>>);

impl Nodes for Memory {
    type Error = String;

    fn read(&self, level: usize, first: u64, count: usize) -> Result<Vec<TreeHash>, String> {
        let first = usize::try_from(first).unwrap();
        Ok(self.0[level].get(first..first + count).ok_or("not there")?.to_vec())
    }
}

fn grow(leaves: &[TreeHash]) -> (Frontier, Memory) {
    let mut frontier = Frontier::new();
    let mut memory = Memory(vec![Vec::new(); LEVELS]);
    for leaf in leaves {
        frontier.push(*leaf, |height, hash| {
            if height % STEP == 0 {
                memory.0[(height / STEP) as usize].push(hash);
            }
        });
    }
    (frontier, memory)
}

/// RFC 6962, 2.1, word for word.
fn naive(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => TreeHash::of_nothing(),
        [one] => *one,
        many => {
            let k = 1 << (usize::BITS - 1 - (many.len() - 1).leading_zeros());
            TreeHash::of_node(&naive(&many[..k]), &naive(&many[k..]))
        }
    }
}

/// RFC 6962, 2.1.1, word for word.
fn naive_path(index: usize, leaves: &[TreeHash]) -> Vec<TreeHash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, other) = match index < left.len() {
        true => (naive_path(index, left), right),
        false => (naive_path(index - left.len(), right), left),
    };
    path.push(naive(other));
    path
}

/// SUBPROOF of RFC 6962, 2.1.2, word for word.
fn naive_proof(old: usize, leaves: &[TreeHash], whole: bool) -> Vec<TreeHash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![naive(leaves)] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut proof, other) = match old <= left.len() {
        true => (naive_proof(old, left, whole), right),
        false => (naive_proof(old - left.len(), right, false), left),
    };
    proof.push(naive(other));
    proof
}

fn leaves(count: usize) -> Vec<TreeHash> {
    (0..count).map(|n| TreeHash::of_leaf(&n.to_be_bytes())).collect()
}

fn hex(hashes: &[TreeHash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

/// The tree of the reference implementation of Certificate Transparency.
fn published() -> Vec<TreeHash> {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    inputs.iter().map(|input| TreeHash::of_leaf(input)).collect()
}

#[test]
fn roots_are_those_that_were_published() {
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    for (size, expected) in roots.iter().enumerate() {
        assert_eq!(grow(&published()[..size]).0.root().to_string(), *expected);
    }
}

#[test]
fn proofs_are_those_that_were_published() {
    let (_, memory) = grow(&published());
    let first = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(hex(&inclusion(&memory, 0, 8).unwrap()), first);
    assert_eq!(hex(&consistency(&memory, 1, 8).unwrap()), first);
    let sixth = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(hex(&inclusion(&memory, 5, 8).unwrap()), sixth);
    let six = ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", sixth[1], sixth[2]];
    assert_eq!(hex(&consistency(&memory, 6, 8).unwrap()), six);
    let two = [first[1], sixth[0]];
    assert_eq!(hex(&consistency(&memory, 2, 5).unwrap()), two);
}

/// Any one hash of a proof changed, and it proves nothing.
fn spoiled(proof: &[TreeHash], n: usize) -> Option<Vec<TreeHash>> {
    let mut spoiled = proof.to_vec();
    *spoiled.get_mut(n % proof.len().max(1))? = TreeHash::ZERO;
    Some(spoiled)
}

#[test]
fn small_trees_prove_everything_and_nothing_else() {
    let all = leaves(40);
    let (_, memory) = grow(&all);
    for size in 0..=40_u64 {
        let there = root(&memory, size).unwrap();
        assert_eq!(there, naive(&all[..size as usize]));
        for index in 0..size {
            let proof = inclusion(&memory, index, size).unwrap();
            let leaf = all[index as usize];
            assert!(check_inclusion(leaf, index, size, there, &proof));
            assert!(!check_inclusion(leaf, index + 1, size, there, &proof), "{index} of {size}");
            assert!(!check_inclusion(TreeHash::ZERO, index, size, there, &proof));
            let longer: Vec<_> = proof.iter().copied().chain([TreeHash::ZERO]).collect();
            assert!(!check_inclusion(leaf, index, size, there, &longer));
        }
        for old in 0..=size {
            let before = naive(&all[..old as usize]);
            let proof = consistency(&memory, old, size).unwrap();
            assert!(check_consistency(old, before, size, there, &proof), "{old} to {size}");
            if old < size {
                assert!(!check_consistency(old, TreeHash::ZERO, size, there, &proof));
                assert!(old == 0 || !check_consistency(old, before, size, TreeHash::ZERO, &proof));
            }
            if let [rest @ .., _] = proof.as_slice() {
                assert!(!check_consistency(old, before, size, there, rest));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn large_trees_are_as_a_naive_one(count in 1..2000_usize, a in any::<u64>(), b in any::<u64>()) {
        let all = leaves(count);
        let (frontier, memory) = grow(&all);
        let size = count as u64;
        prop_assert_eq!(frontier.root(), naive(&all));
        prop_assert_eq!(&Frontier::load(&memory, size).unwrap(), &frontier);
        let (index, old) = (a % size, b % size + 1);
        let proof = inclusion(&memory, index, size).unwrap();
        prop_assert_eq!(&proof, &naive_path(index as usize, &all));
        prop_assert!(check_inclusion(all[index as usize], index, size, frontier.root(), &proof));
        if let Some(spoiled) = spoiled(&proof, b as usize) {
            prop_assert!(!check_inclusion(all[index as usize], index, size, frontier.root(), &spoiled));
        }
        let proof = consistency(&memory, old, size).unwrap();
        prop_assert_eq!(&proof, &naive_proof(old as usize, &all, true));
        prop_assert!(check_consistency(old, naive(&all[..old as usize]), size, frontier.root(), &proof));
        if let Some(spoiled) = spoiled(&proof, a as usize) {
            prop_assert!(!check_consistency(old, naive(&all[..old as usize]), size, frontier.root(), &spoiled));
        }
        // Another tree of the same size and beginning is not the same.
        let mut forked = all.clone();
        forked[old as usize - 1] = TreeHash::ZERO;
        prop_assert!(!check_consistency(old, naive(&forked[..old as usize]), size, frontier.root(), &proof));
    }
}
