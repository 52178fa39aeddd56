use std::collections::BTreeSet;

use serde::Serialize;

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
