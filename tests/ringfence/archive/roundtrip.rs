//! Trees that nobody thought of.

use std::collections::BTreeMap;
use std::io::Cursor;

use proptest::prelude::*;
use ringfence::workspace::archive::{Bounds, TarWriter, ZipWriter, format_of};

use super::support::*;

#[derive(Debug, Clone)]
enum Node {
    Folder(BTreeMap<String, Node>),
    File(bool, Vec<u8>),
    Link(String),
}

/// Told apart by a number, so that no two are case twins.
fn names(nodes: Vec<(String, Node)>) -> BTreeMap<String, Node> {
    nodes.into_iter().enumerate().map(|(number, (name, node))| (format!("{number}{name}"), node)).collect()
}

fn tree() -> impl Strategy<Value = BTreeMap<String, Node>> {
    let leaf = prop_oneof![
        (any::<bool>(), prop::collection::vec(any::<u8>(), 0..1500)).prop_map(|(exe, bytes)| Node::File(exe, bytes)),
        (any::<bool>(), 0usize..70_000).prop_map(|(exe, count)| Node::File(exe, vec![b'z'; count])),
        "[a-z]{1,8}(/[a-zé]{1,150}){0,3}".prop_map(Node::Link),
    ];
    let name = "[a-zA-Z0-9 ._é漢\\-\n:*]{0,20}|[x]{90,230}";
    let node = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop::collection::vec((name, inner), 0..6).prop_map(|nodes| Node::Folder(names(nodes)))
    });
    prop::collection::vec((name, node), 0..8).prop_map(names)
}

/// What a reader is to tell, in the order of the writers.
fn flat(tree: &BTreeMap<String, Node>) -> Vec<Seen> {
    fn walk(prefix: &str, tree: &BTreeMap<String, Node>, all: &mut BTreeMap<String, Seen>) {
        for (name, node) in tree {
            let path = format!("{prefix}{name}");
            let seen = match node {
                Node::Folder(inner) => {
                    walk(&format!("{path}/"), inner, all);
                    folder(&path)
                }
                Node::File(exe, bytes) => Seen::File(path.clone(), *exe, bytes.clone()),
                Node::Link(target) => link(&path, target),
            };
            all.insert(path, seen);
        }
    }
    let mut all = BTreeMap::new();
    walk("", tree, &mut all);
    all.into_values().collect()
}

macro_rules! written {
    ($writer:expr, $entries:expr) => {{
        let mut writer = $writer;
        for entry in $entries {
            match entry {
                Seen::Folder(path) => writer.folder(path),
                Seen::File(path, exe, bytes) => writer.file(path, *exe, bytes.len() as u64, &mut bytes.as_slice()),
                Seen::Link(path, target) => writer.link(path, target),
            }
            .unwrap();
        }
        writer.finish().unwrap()
    }};
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(tree in tree()) {
        let entries = flat(&tree);
        let bounds = Bounds { ratio: u64::MAX, ..Bounds::ordinary() };
        let tar = written!(TarWriter::new(Vec::new()), &entries);
        let zip = written!(ZipWriter::new(Cursor::new(Vec::new())), &entries).into_inner();
        let gz = gzip(&tar);
        for (bytes, name, (notes, outcome)) in [
            (&tar, "a.tar", tar_with(&tar, &bounds)),
            (&gz, "a.tar.gz", tar_with(&gz, &bounds)),
            (&zip, "a.zip", zip_with(&zip, &bounds)),
        ] {
            let summary = outcome.unwrap();
            prop_assert_eq!(summary.folders + summary.files + summary.links, entries.len() as u64);
            prop_assert_eq!(&notes.seen, &entries);
            prop_assert!(format_of(bytes, name).unwrap().is_some());
        }
        prop_assert_eq!(&tar, &written!(TarWriter::new(Vec::new()), &entries));
        let again = written!(ZipWriter::new(Cursor::new(Vec::new())), &entries);
        prop_assert_eq!(&zip, again.get_ref());
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000), magic in 0usize..5) {
        let start: &[u8] = [b"".as_slice(), b"\x1f\x8b\x08\0", b"PK\x03\x04", b"PK\x05\x06", b"PK\x01\x02"][magic];
        let bytes = [start, &bytes].concat();
        let _ = format_of(&bytes, "a");
        prop_assert!(untar(&bytes).1.is_err());
        prop_assert!(unzip(&bytes).1.is_err());
    }

    /// Random bytes rarely pass the first check; these are archives with a few bytes changed, sealed anew for tar.
    #[test]
    fn damaged_archives_never_panic_and_never_escape(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        reseal in any::<bool>(),
    ) {
        let tar = Tar::default().pax(&[("path", b"a/b"), ("size", b"600")]).file("x", &[7; 600]).link("a/l", "../z")
            .entry(b"L", b'L', b"long\0").entry(b"y", b'5', b"").end();
        let zip = zip(&[Member::deflated(b"a/b", &[7; 600]), Member::link("a/l", b"../z"), Member::stored(b"q/", b"").mode(0o040_755)]);
        for (mut bytes, is_tar) in [(gzip(&tar), true), (tar, true), (zip, false)] {
            for (index, value) in &changes {
                let at = index.index(bytes.len());
                bytes[at] = *value;
                if is_tar && reseal && bytes.len().is_multiple_of(512) {
                    let start = at / 512 * 512;
                    let block = sealed(bytes[start..start + 512].try_into().unwrap());
                    bytes[start..start + 512].copy_from_slice(&block);
                }
            }
            let (notes, _) = if is_tar { untar(&bytes) } else { unzip(&bytes) };
            for seen in notes.seen {
                let (Seen::Folder(path) | Seen::File(path, ..) | Seen::Link(path, _)) = seen;
                prop_assert!(!path.is_empty() && !path.starts_with('/') && !path.ends_with('/'));
                prop_assert!(path.split('/').all(|part| !["", ".", ".."].contains(&part)));
            }
        }
    }
}
