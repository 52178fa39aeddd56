use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lists::Share;
use crate::model::Digest;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Node {
    Folder,
    File { digest: Digest, bytes: u64, executable: bool },
    Link { target: String },
}

impl Node {
    /// Of the content, where it is a file.
    pub fn digest(&self) -> Option<Digest> {
        if let Node::File { digest, .. } = self { Some(*digest) } else { None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub path: String,
    #[serde(flatten)]
    pub node: Node,
}

/// Paths and what is there, sorted; written down it is the same text for the same files, and so has a digest.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
    /// What it counts for in memory, where somebody counts that.
    share: Option<Arc<Share>>,
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes
    }
}

impl Eq for Tree {}

#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    entries: Vec<Entry>,
}

const FORMAT: u32 = 1;

impl Tree {
    /// Counts in memory for as long as it or a copy of it is there.
    pub(super) fn counted(mut self, share: Share) -> Self {
        self.share = Some(Arc::new(share));
        self
    }

    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    pub fn insert(&mut self, path: impl Into<String>, node: Node) {
        self.nodes.insert(path.into(), node);
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
    }

    /// In the order of the bytes of their paths: a folder before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// Those that come after a path in that order; all where none is given.
    pub fn after(&self, path: Option<&str>) -> impl Iterator<Item = (&str, &Node)> {
        let from = path.map_or(Bound::Unbounded, Bound::Excluded);
        self.nodes.range::<str, _>((from, Bound::Unbounded)).map(|(path, node)| (path.as_str(), node))
    }

    pub fn files(&self) -> u64 {
        self.iter().filter(|(_, node)| matches!(node, Node::File { .. })).map(|_| 1).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.iter().map(|(_, node)| if let Node::File { bytes, .. } = node { *bytes } else { 0 }).sum()
    }

    pub(super) fn contents(&self) -> impl Iterator<Item = Digest> {
        self.nodes.values().filter_map(Node::digest)
    }

    pub(super) fn to_text(&self) -> Result<Vec<u8>, serde_json::Error> {
        let entries = self.iter().map(|(path, node)| Entry { path: path.to_owned(), node: node.clone() }).collect();
        serde_json::to_vec(&Written { format: FORMAT, entries })
    }

    pub(super) fn from_text(text: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(text).ok()?;
        let entries = written.entries.into_iter().map(|entry| (entry.path, entry.node)).collect();
        (written.format == FORMAT).then_some(Self { nodes: entries, share: None })
    }

    /// The first entry whose parent is no folder, with that parent.
    pub(super) fn orphan(&self) -> Option<(String, String)> {
        self.nodes.keys().find_map(|path| {
            let (parent, _) = path.rsplit_once('/')?;
            let folder = matches!(self.get(parent), Some(Node::Folder));
            (!folder).then(|| (path.clone(), parent.to_owned()))
        })
    }
}
