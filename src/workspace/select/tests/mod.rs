mod against_git;
mod ignoring;
mod leaving_out;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{LeftOut, Options, Selection, select};

pub const WIDE: Options<'static> = Options {
    room: &|_| true,
    with_secrets: false,
    most_files: 100_000,
    most_bytes: 1 << 30,
    most_depth: 2_000,
    repository: true,
    own_data: None,
};

/// A tree from paths and contents; a path that ends with a slash is an empty folder.
pub fn tree(entries: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in entries {
        put(dir.path(), path, content);
    }
    dir
}

pub fn put(root: &Path, path: &str, content: &str) {
    let on_disk = root.join(path);
    if path.ends_with('/') {
        fs::create_dir_all(on_disk).unwrap();
    } else {
        fs::create_dir_all(on_disk.parent().unwrap()).unwrap();
        fs::write(on_disk, content).unwrap();
    }
}

pub fn no_secret(_: &str) -> bool {
    false
}

pub fn selected(root: &Path) -> Selection {
    select(root, &no_secret, &WIDE).unwrap()
}

pub fn taken(selection: &Selection) -> Vec<&str> {
    selection.taken.iter().map(|one| one.path.as_str()).collect()
}

pub fn left_out(selection: &Selection) -> Vec<(&str, LeftOut)> {
    selection.left_out.iter().map(|(path, why)| (path.as_str(), *why)).collect()
}
