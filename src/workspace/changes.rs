use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;

use serde::Serialize;

use super::error::WorkspaceError;
use super::tree::{Node, Tree};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Added,
    Changed,
    Removed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub path: String,
    pub change: ChangeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Node>,
    /// A unified diff, where both sides are text of an ordinary size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// The texts of the changes before took all the room that there is for them, so this was not compared.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// What all unified diffs of one answer take together, written as JSON; changes after that come without.
pub const DIFF_BYTES: u64 = 16 << 20;

/// The most that a text takes as JSON.
pub(super) fn json_bytes(text: &str) -> u64 {
    let each = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(each).sum()
}

/// What differs between two trees, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes(pub Vec<Change>);

impl Changes {
    pub(super) fn between(before: &Tree, after: &Tree) -> Self {
        let paths: BTreeSet<&str> = before.iter().chain(after.iter()).map(|(path, _)| path).collect();
        let change = |path: &str| {
            let (old, new) = (before.get(path), after.get(path));
            let change = match (old, new) {
                (Some(old), Some(new)) if old == new => return None,
                (Some(_), Some(_)) => ChangeKind::Changed,
                (None, _) => ChangeKind::Added,
                (_, None) => ChangeKind::Removed,
            };
            Some(Change {
                path: path.to_owned(),
                change,
                before: old.cloned(),
                after: new.cloned(),
                diff: None,
                truncated: false,
            })
        };
        Self(paths.into_iter().filter_map(change).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn count(&self, kind: ChangeKind) -> usize {
        self.0.iter().filter(|change| change.change == kind).count()
    }

    pub(super) fn paths(&self) -> BTreeSet<&str> {
        self.0.iter().map(|change| change.path.as_str()).collect()
    }

    /// Those at or below the chosen paths, with the new folders that they are in; all where none is chosen.
    pub(super) fn pick(&self, chosen: &[String]) -> Result<Self, WorkspaceError> {
        if chosen.is_empty() {
            return Ok(self.clone());
        }
        let known = self.paths();
        let new = self.0.iter().filter(|change| change.change == ChangeKind::Added);
        let new: BTreeSet<&str> = new.map(|change| change.path.as_str()).collect();
        let (mut seen, mut wanted) = (HashSet::new(), BTreeSet::new());
        // What somebody meant to fill in must not stand for everything, as `.` does.
        if chosen.iter().any(String::is_empty) {
            let what = "it names nothing; write a path, or `.` for all".to_owned();
            return Err(WorkspaceError::NoPath { what });
        }
        for path in chosen {
            let names: Vec<&str> = path.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
            let path = names.join("/");
            if !seen.insert(path.clone()) {
                continue;
            }
            let inside: Vec<&str> = match path.as_str() {
                "" => known.iter().copied().collect(),
                path => known.get(path).copied().into_iter().chain(below(&known, path)).collect(),
            };
            if inside.is_empty() {
                return Err(WorkspaceError::NoChange(path));
            }
            wanted.extend(inside);
            wanted.extend(above(&path).filter_map(|above| new.get(above).copied()));
        }
        Ok(Self(self.0.iter().filter(|change| wanted.contains(change.path.as_str())).cloned().collect()))
    }
}

/// The folders that a path is in.
pub(super) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(move |(end, _)| path.get(..end))
}

/// What is in a folder, of sorted paths.
pub(super) fn below<'a>(paths: &BTreeSet<&'a str>, folder: &str) -> impl Iterator<Item = &'a str> {
    let inside = format!("{folder}/");
    let from = (Bound::Included(inside.as_str()), Bound::Unbounded);
    let after = paths.range::<str, _>(from);
    after.copied().take_while(move |path| path.starts_with(&inside))
}

/// A path on one line, whatever a guest called it: in quotes as git writes it, where it has anything unusual.
pub fn shown(path: &str) -> String {
    let bidi = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = |c: char| !c.is_control() && !bidi(c) && c != '"' && c != '\\';
    if path.chars().all(plain) {
        return path.to_owned();
    }
    let mut out = String::from("\"");
    for c in path.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' => out.extend(['\\', c]),
            c if plain(c) => out.push(c),
            c => out.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\{byte:03o}"))),
        }
    }
    out.push('"');
    out
}

/// A unified diff of two texts; `None` where one is no text or too large to be read by a person.
pub(super) fn unified(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Option<String> {
    const MOST: usize = 1 << 20;
    let text = |side: Option<&[u8]>| -> Option<String> {
        let bytes = side.unwrap_or_default();
        if bytes.len() > MOST || bytes.contains(&0) {
            return None;
        }
        String::from_utf8(bytes.to_vec()).ok()
    };
    let (old, new) = (text(before)?, text(after)?);
    let name =
        |prefix: &str, there: bool| if there { shown(&format!("{prefix}/{path}")) } else { "/dev/null".to_owned() };
    // A line ends at `\n` and nowhere else, as it does for `patch`.
    let lines = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (lines(&old), lines(&new));
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
    let config =
        similar::TextDiff::configure().newline_terminated(true).timeout(std::time::Duration::from_secs(2)).to_owned();
    let diff = config.diff_slices(&old, &new);
    let header = (name("a", before.is_some()), name("b", after.is_some()));
    Some(diff.unified_diff().context_radius(3).header(&header.0, &header.1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(paths: impl Iterator<Item = String>) -> Tree {
        let mut tree = Tree::default();
        paths.for_each(|path| tree.insert(path, Node::Folder));
        tree
    }

    #[test]
    fn what_is_chosen_comes_with_what_is_in_it_and_the_new_folders_on_the_way() {
        let all = ["a", "a-b", "a/b", "a/b/c", "a/d", "e"].map(str::to_owned);
        let changes = Changes::between(&Tree::default(), &folders(all.into_iter()));
        let picked = |chosen: &[&str]| {
            let chosen: Vec<String> = chosen.iter().map(|path| (*path).to_owned()).collect();
            changes.pick(&chosen).map(|picked| picked.0.into_iter().map(|change| change.path).collect::<Vec<_>>())
        };
        assert_eq!(picked(&["a"]).unwrap(), ["a", "a/b", "a/b/c", "a/d"]);
        assert_eq!(picked(&["a//b/./"]).unwrap(), ["a", "a/b", "a/b/c"]);
        assert_eq!(picked(&["a/b", "a/b/c", "a/b"]).unwrap(), ["a", "a/b", "a/b/c"], "also what is chosen twice");
        assert_eq!(picked(&["."]).unwrap().len(), 6);
        assert_eq!(picked(&["e", "a/x"]).unwrap_err().code(), "no_change");
    }

    /// Each of them looked for in all the others would take minutes.
    #[test]
    fn many_are_picked_from_many() {
        let all: Vec<String> = (0..100_000).map(|n| format!("f{n}")).collect();
        let changes = Changes::between(&Tree::default(), &folders(all.iter().cloned()));
        assert_eq!(changes.pick(&all).unwrap().0.len(), all.len());
    }
}
