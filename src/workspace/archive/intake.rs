//! The way from a checked header to the receiver, the same for all formats.

use super::error::quoted;
use super::meter::Content;
use super::name::{EntryPath, Name, Names, name, target};
use super::tree::{Kind, Tree};
use super::{ArchiveError, Bounds, Fault, Receiver, Summary};

pub(super) struct Intake<'a, T> {
    pub(super) bounds: &'a Bounds,
    pub(super) names: Names,
    into: &'a mut T,
    tree: Tree,
    seen: u64,
    summary: Summary,
}

impl<'a, T: Receiver> Intake<'a, T> {
    pub(super) fn new(bounds: &'a Bounds, into: &'a mut T) -> Self {
        Intake {
            bounds,
            names: Names::Everywhere,
            into,
            tree: Tree::new(bounds.entries),
            seen: 0,
            summary: Summary::default(),
        }
    }

    /// Begins an entry: counts it and checks its name.
    pub(super) fn begin(&mut self, raw: &[u8]) -> Result<Name, Fault> {
        self.seen = self.seen.saturating_add(1);
        if self.seen > self.bounds.entries {
            return Err(Fault::TooManyEntries { limit: self.bounds.entries });
        }
        name(raw, self.bounds, self.names)
    }

    /// Whether a file of this size may come, asked before any of it is handed over.
    pub(super) fn check_size(&self, size: u64) -> Result<(), Fault> {
        if size > self.bounds.file_bytes {
            return Err(Fault::FileTooLarge { limit: self.bounds.file_bytes });
        }
        if self.summary.bytes.saturating_add(size) > self.bounds.bytes {
            return Err(Fault::TooManyBytes { limit: self.bounds.bytes });
        }
        Ok(())
    }

    pub(super) fn folder(&mut self, name: &Name) -> Result<(), ArchiveError<T::Error>> {
        let Name::Below { path, .. } = name else {
            return Ok(());
        };
        if !self.place(path, Kind::Folder)? {
            self.into.folder(path.as_str()).map_err(|source| receiver_failed(path, source))?;
            self.summary.folders += 1;
        }
        Ok(())
    }

    /// The size must have passed [`Intake::check_size`].
    pub(super) fn file(
        &mut self,
        name: &Name,
        executable: bool,
        size: u64,
        mut content: Content<'_>,
    ) -> Result<(), ArchiveError<T::Error>> {
        let path = plain(name)?;
        self.place(path, Kind::File)?;
        let taken = self.into.file(path.as_str(), executable, &mut content);
        // A receiver fails because its input does: the cause is the archive, then.
        if let Some(fault) = content.take_fault() {
            return Err(refused(path, fault));
        }
        taken.map_err(|source| receiver_failed(path, source))?;
        content.settle().map_err(|fault| refused(path, fault))?;
        self.summary.files += 1;
        self.summary.bytes = self.summary.bytes.saturating_add(size);
        Ok(())
    }

    pub(super) fn link(&mut self, name: &Name, raw_target: &[u8]) -> Result<(), ArchiveError<T::Error>> {
        let path = plain(name)?;
        let to = target(raw_target, path, self.bounds, self.names).map_err(|fault| refused(path, fault))?;
        self.place(path, Kind::Link)?;
        self.into.link(path.as_str(), &to).map_err(|source| receiver_failed(path, source))?;
        self.summary.links += 1;
        Ok(())
    }

    pub(super) fn summary(&self) -> Summary {
        self.summary
    }

    /// Tells the parents not told yet; true when the receiver knows the entry itself already.
    fn place(&mut self, path: &EntryPath, kind: Kind) -> Result<bool, ArchiveError<T::Error>> {
        let placement = self.tree.place(path, kind, self.names).map_err(|fault| refused(path, fault))?;
        for parent in placement.new_parents {
            self.into.folder(parent).map_err(|source| receiver_failed(path, source))?;
            self.summary.folders += 1;
        }
        Ok(placement.told)
    }
}

/// The path of something that is no folder, and so is not named like one.
fn plain<E: std::error::Error>(name: &Name) -> Result<&EntryPath, ArchiveError<E>> {
    match name {
        Name::Below { path, folder: false } => Ok(path),
        Name::Below { path, folder: true } => Err(refused(path, Fault::NamedLikeFolder)),
        Name::Root => Err(ArchiveError::Entry { entry: quoted(b"."), fault: Fault::NameEmpty }),
    }
}

fn refused<E: std::error::Error>(path: &EntryPath, fault: Fault) -> ArchiveError<E> {
    ArchiveError::Entry { entry: quoted(path.as_str().as_bytes()), fault }
}

fn receiver_failed<E: std::error::Error>(path: &EntryPath, source: E) -> ArchiveError<E> {
    ArchiveError::Receiver { entry: quoted(path.as_str().as_bytes()), source }
}
