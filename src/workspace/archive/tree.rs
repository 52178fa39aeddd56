//! The names an archive has used so far, to find those that clash.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Fault;
use super::error::quoted;
use super::name::{EntryPath, Names};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
}

/// Every component once, below the number of its folder: a list of whole paths would hold the same long parents again
/// for each entry, and a small archive could fill the memory.
pub(super) struct Tree {
    nodes: HashMap<(u64, Box<str>), Node>,
    /// How a name was spelt first, below the number of its folder and folded.
    spelt: HashMap<(u64, Box<str>), Box<str>>,
    limit: u64,
}

struct Node {
    number: u64,
    kind: Kind,
    /// Known only as the parent of something.
    implied: bool,
}

/// What to tell the receiver of an entry that fits.
pub(super) struct Placement<'p> {
    pub(super) new_parents: Vec<&'p str>,
    /// A folder that was told before, as a parent.
    pub(super) told: bool,
}

const ROOT: u64 = 0;

impl Tree {
    pub(super) fn new(limit: u64) -> Self {
        Tree { nodes: HashMap::new(), spelt: HashMap::new(), limit }
    }

    pub(super) fn place<'p>(&mut self, path: &'p EntryPath, kind: Kind, names: Names) -> Result<Placement<'p>, Fault> {
        let mut placement = Placement { new_parents: Vec::new(), told: false };
        let mut parent = ROOT;
        for (step, name) in path.steps() {
            let last = step.len() == path.as_str().len();
            let number = u64::try_from(self.nodes.len()).unwrap_or(u64::MAX).saturating_add(1);
            match self.nodes.entry((parent, name.into())) {
                Entry::Vacant(vacant) => {
                    match self.spelt.entry((parent, folded(name))) {
                        Entry::Occupied(first) if names == Names::Everywhere => {
                            return Err(Fault::CaseTwin { of: quoted(twin(step, first.get()).as_bytes()) });
                        }
                        Entry::Occupied(_) => {}
                        Entry::Vacant(new) => drop(new.insert(name.into())),
                    }
                    if number > self.limit {
                        return Err(Fault::TooManyEntries { limit: self.limit });
                    }
                    let kind = if last { kind } else { Kind::Folder };
                    vacant.insert(Node { number, kind, implied: !last });
                    parent = number;
                    if !last {
                        placement.new_parents.push(step);
                    }
                }
                Entry::Occupied(mut occupied) => {
                    let node = occupied.get_mut();
                    if last {
                        // Archives often name a folder after what lies in it.
                        if !(node.implied && kind == Kind::Folder) {
                            return Err(Fault::Duplicate);
                        }
                        node.implied = false;
                        placement.told = true;
                    }
                    match node.kind {
                        Kind::Folder => parent = node.number,
                        Kind::File => return Err(Fault::BelowFile { parent: quoted(step.as_bytes()) }),
                        Kind::Link => return Err(Fault::BelowLink { parent: quoted(step.as_bytes()) }),
                    }
                }
            }
        }
        Ok(placement)
    }
}

/// The path at `step`, as the entry that was there first spelt it.
fn twin(step: &str, name: &str) -> String {
    match step.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{name}"),
        None => name.to_owned(),
    }
}

/// Up and down again, one character at a time, so that letters with two small forms (ς and σ, s and ſ) meet, as they
/// do in file systems that fold case.
fn folded(name: &str) -> Box<str> {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}
