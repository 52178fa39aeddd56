//! What both writers ask of their entries, so that the same tree gives the same bytes and the readers take them back.

use std::io::{self, Read, Write};

use super::error::quoted;
use super::name::{EntryPath, Name, Names, name, target};
use super::tree::{Kind, Tree};
use super::{Bounds, Fault, WriteError};

const COPY_BYTES: usize = 64 << 10;

/// The entries written so far.
pub(super) struct Order {
    bounds: Bounds,
    /// What names the format can say.
    widest: Names,
    /// What names it had to say so far.
    pub(super) names: Names,
    tree: Tree,
    last: String,
    broken: bool,
}

impl Order {
    pub(super) fn new(widest: Names) -> Self {
        let bounds = Bounds { entries: u64::MAX, ..Bounds::ordinary() };
        let tree = Tree::new(bounds.entries);
        Order { bounds, widest, names: Names::Everywhere, tree, last: String::new(), broken: false }
    }

    /// Admits the next entry. Until [`Order::written`], the archive counts as broken.
    pub(super) fn begin(&mut self, path: &str, kind: Kind) -> Result<EntryPath, WriteError> {
        self.check()?;
        self.broken = true;
        let entry = || quoted(path.as_bytes());
        let admitted = self.widening(|order| order.admit(path, kind));
        let checked = admitted.map_err(|fault| WriteError::Entry { entry: entry(), fault })?;
        if checked.as_str() <= self.last.as_str() {
            return Err(WriteError::OutOfOrder { entry: entry(), after: quoted(self.last.as_bytes()) });
        }
        checked.as_str().clone_into(&mut self.last);
        Ok(checked)
    }

    fn admit(&mut self, path: &str, kind: Kind) -> Result<EntryPath, Fault> {
        let checked = match name(path.as_bytes(), &self.bounds, self.names)? {
            Name::Below { folder: true, .. } if kind != Kind::Folder => return Err(Fault::NamedLikeFolder),
            Name::Below { path, .. } => path,
            Name::Root => return Err(Fault::NameEmpty),
        };
        // A twin is found before anything is placed, so that it can be placed after all.
        self.tree.place(&checked, kind, self.names)?;
        Ok(checked)
    }

    pub(super) fn target(&mut self, to: &str, at: &EntryPath) -> Result<String, WriteError> {
        let target = self.widening(|order| target(to.as_bytes(), at, &order.bounds, order.names));
        target.map_err(|fault| WriteError::Entry { entry: quoted(at.as_str().as_bytes()), fault })
    }

    /// Tries again with wider names, where the format can say these and they are all that is in the way.
    fn widening<V>(&mut self, mut attempt: impl FnMut(&mut Self) -> Result<V, Fault>) -> Result<V, Fault> {
        match attempt(self) {
            Err(fault) if fault.is_elsewhere() && self.names != self.widest => {
                self.names = self.widest;
                attempt(self)
            }
            done => done,
        }
    }

    pub(super) fn written(&mut self) {
        self.broken = false;
    }

    /// Whether the archive may go on.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        if self.broken { Err(WriteError::Broken) } else { Ok(()) }
    }
}

/// Copies content that must have exactly this size.
pub(super) fn copy(
    path: &EntryPath,
    size: u64,
    content: &mut dyn Read,
    into: &mut dyn Write,
) -> Result<(), WriteError> {
    let entry = || quoted(path.as_str().as_bytes());
    let mut buffer = vec![0; COPY_BYTES];
    let mut left = size;
    loop {
        // One byte more than is left, to see whether there is more.
        let most = usize::try_from(left.saturating_add(1)).unwrap_or(COPY_BYTES).min(COPY_BYTES);
        let count = match content.read(buffer.get_mut(..most).unwrap_or_default()) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(WriteError::Content { entry: entry(), source }),
        };
        if count == 0 {
            return if left == 0 { Ok(()) } else { Err(WriteError::SizeWrong { entry: entry(), size }) };
        }
        let read = u64::try_from(count).unwrap_or(u64::MAX);
        left = left.checked_sub(read).ok_or_else(|| WriteError::SizeWrong { entry: entry(), size })?;
        into.write_all(buffer.get(..count).unwrap_or_default()).map_err(WriteError::Output)?;
    }
}
