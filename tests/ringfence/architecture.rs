//! Reads the edge table of `docs/architecture.md` and every `use crate::` path, and fails on an edge that is not listed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Rows `| area | may use |` between the markers of the table.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let table = page.split("<!-- edges -->").nth(1).expect("the page has its table of edges");
    table
        .lines()
        .filter_map(|line| {
            let mut cells = line.trim().strip_prefix('|')?.split('|').map(str::trim);
            let area = cells.next()?.trim_matches('`').to_owned();
            let uses = cells.next()?;
            if area == "area" || area.starts_with('-') {
                return None;
            }
            let uses = uses.split(',').map(|name| name.trim().trim_matches('`').to_owned());
            Some((area, uses.filter(|name| !name.is_empty() && name != "—").collect()))
        })
        .collect()
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn area_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Every `crate::name` in the code, and each name of `use crate::{…}`.
fn edges() -> BTreeSet<(String, String)> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let mut found = BTreeSet::new();
    for file in files {
        let area = area_of(&file);
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for rest in line.split("crate::").skip(1) {
                let names = match rest.strip_prefix('{') {
                    Some(group) => group.split('}').next().unwrap_or("").split(',').collect(),
                    None => vec![rest],
                };
                for name in names {
                    let to: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if !to.is_empty() && to != area {
                        found.insert((area.clone(), to));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn every_edge_between_areas_is_in_the_table() {
    let allowed = allowed();
    for (from, to) in edges() {
        let uses = allowed.get(&from).unwrap_or_else(|| panic!("the area `{from}` is not in the table"));
        assert!(uses.contains(&to), "`{from}` uses `{to}`, which docs/architecture.md does not allow");
    }
}

#[test]
fn the_table_lists_the_areas_that_there_are() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let there: BTreeSet<String> =
        files.iter().map(|file| area_of(file)).filter(|area| area != "lib" && area != "main").collect();
    let listed: BTreeSet<String> = allowed().into_keys().collect();
    assert_eq!(there, listed);
}

#[test]
fn every_area_says_why_it_exists() {
    for area in std::fs::read_dir(root().join("src")).unwrap() {
        let header = area.unwrap().path().join("mod.rs");
        if header.exists() {
            assert!(std::fs::read_to_string(&header).unwrap().starts_with("//!"), "{}", header.display());
        }
    }
}

#[test]
fn each_technology_has_one_home() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    for (word, home) in [("wasmtime", "engine"), ("clap::", "cli"), ("env::var", "config"), ("unsafe {", "engine")] {
        for file in &files {
            let code = std::fs::read_to_string(file).unwrap();
            let used = code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word));
            // What no library asks the kernel for.
            let kernel = ["egress/unacked.rs", "backends/process/jail/kernel.rs"];
            let asks = word == "unsafe {" && kernel.iter().any(|known| file.ends_with(known));
            assert!(!used || asks || area_of(file) == home, "{} uses {word}", file.display());
        }
    }
}

#[test]
fn no_file_is_two_things() {
    let mut files = Vec::new();
    for dir in ["src", "tests", "benches"] {
        sources(&root().join(dir), &mut files);
    }
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 500, "{}: {lines} lines", file.display());
    }
}
