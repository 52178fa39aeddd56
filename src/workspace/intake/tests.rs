use std::cell::Cell;
use std::fs::{self, File};
use std::io::Write as _;

use super::super::blobs::Blobs;
use super::super::error::WorkspaceError;
use super::super::lists::{LONGEST, Lists};
use super::super::select::{Kind, Selected};
use super::super::tree::{Node, Tree};
use super::contents::{keep, look};
use super::take::{Intake, Source, take};

fn files_below(folder: &std::path::Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

/// The second look finds something else than the first, which was scanned.
#[test]
fn what_changes_between_the_looks_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in
        [("a", "steady"), ("b", "before"), ("b.shorter", "be"), ("b.longer", "before and after"), ("b.other", "beyond")]
    {
        File::create(dir.path().join(path)).unwrap().write_all(content.as_bytes()).unwrap();
    }
    let blobs = Blobs::open(dir.path().join("files"), Lists::own(None)).unwrap();
    for then in ["b.shorter", "b.longer", "b.other", "b"] {
        let looks = Cell::new(0);
        let open = |path: &str| {
            looks.set(looks.get() + 1);
            let path = if path == "b" && looks.get() > 2 { then } else { path };
            File::open(dir.path().join(path)).map_err(|reason| WorkspaceError::io(path, reason))
        };
        let kind = Kind::File { executable: false, bytes: 6 };
        let selected = ["a", "b"].map(|path| Selected { path: path.to_owned(), kind: kind.clone() });
        let (tree, _) = look(selected.into(), &open).unwrap();
        assert_eq!(files_below(&dir.path().join("files")), 0);
        match keep(&blobs, &tree, &open) {
            Ok(()) => assert_eq!((then, files_below(&dir.path().join("files"))), ("b", 2)),
            Err(WorkspaceError::Changed { path }) => {
                assert_eq!((path.as_str(), files_below(&dir.path().join("files"))), ("b", 0), "{then}");
                assert_ne!(then, "b");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn what_the_disk_cannot_hold_is_refused_before_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path().join("files"), Lists::own(None)).unwrap();
    super::room::check(&blobs, 1).unwrap();
    let error = super::room::check(&blobs, 1 << 60).unwrap_err();
    assert_eq!(error.code(), "insufficient_space");
    assert!(error.to_string().contains("make room"), "{error}");
}

#[test]
fn lists_of_files_are_in_memory_as_far_as_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lists) = (dir.path().join("source"), Lists::new(24_000));
    fs::create_dir(&source).unwrap();
    let blobs = Blobs::open(dir.path().join("files"), lists).unwrap();
    let all = || take(&blobs, &Source::Path(source.clone()), Intake::default()).map(|taken| taken.tree);
    for n in 0..20 {
        fs::write(source.join(format!("{n}-{}", "x".repeat(200))), b"").unwrap();
    }
    let taken = all().unwrap();
    let digest = blobs.keep_tree(&taken).unwrap();
    // While the first is there, another finds no room, and when it is gone it does.
    assert_eq!(all().unwrap_err().code(), "too_many_bytes");
    assert_eq!(blobs.tree(digest).unwrap_err().code(), "too_many_bytes");
    let copy = taken.clone();
    drop(taken);
    assert!(all().is_err(), "a copy is one as well");
    drop(copy);
    let one = blobs.tree(digest).unwrap();
    assert_eq!(one, blobs.tree_of_one(digest).unwrap());
    drop(one);
    for n in 20..40 {
        fs::write(source.join(format!("{n}-{}", "x".repeat(200))), b"").unwrap();
    }
    assert_eq!(all().unwrap_err().code(), "too_many_bytes", "twice as many");
}

#[test]
fn a_list_that_is_too_long_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path().join("files"), Lists::own(None)).unwrap();
    let mut tree = Tree::default();
    for n in 0..=LONGEST >> 20 {
        tree.insert(format!("{n}{}", "x".repeat(1 << 20)), Node::Folder);
    }
    assert_eq!(blobs.keep_tree(&tree).unwrap_err().code(), "too_many_files");
    assert_eq!(files_below(&dir.path().join("files")), 0);
}
