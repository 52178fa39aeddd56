use std::io;

use super::super::disk::{Disk, DiskFile};
use super::super::error::AuditError;
use super::super::folder;
use super::super::hash::TreeHash;
use super::super::tree::{LEVELS, Nodes, STEP};

const HASH: u64 = TreeHash::BYTES as u64;

/// The kept levels of the tree: a file of hashes for each, and what is not written yet.
///
/// They say nothing that the records do not say. So they are written only for a checkpoint, before it, and what a
/// crash leaves behind it is written over with the same.
pub(super) struct Levels {
    levels: Vec<Level>,
}

#[derive(Default)]
struct Level {
    file: Option<Box<dyn DiskFile>>,
    on_disk: u64,
    waiting: Vec<TreeHash>,
}

impl Levels {
    pub(super) fn new() -> Self {
        Self { levels: std::iter::repeat_with(Level::default).take(LEVELS).collect() }
    }

    /// The levels of a tree of `size` records as they are on disk. A file that is too short is damage.
    pub(super) fn open(disk: &dyn Disk, size: u64) -> Result<Self, AuditError> {
        let mut levels = Self::new();
        for (number, level) in levels.levels.iter_mut().enumerate() {
            level.on_disk = hashes_at(size, number);
            if level.on_disk == 0 {
                continue;
            }
            let name = folder::level(number);
            let file = match disk.open(&name) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(AuditError::MissingFile { file: name });
                }
                Err(error) => return Err(AuditError::disk("open the tree of the audit log")(error)),
            };
            let there = file.size().map_err(AuditError::disk("read the tree of the audit log"))?;
            if there < level.on_disk * HASH {
                return Err(AuditError::damaged(&name, there, "the file is too short"));
            }
            level.file = Some(file);
        }
        Ok(levels)
    }

    pub(super) fn push(&mut self, height: u32, hash: TreeHash) {
        if height.is_multiple_of(STEP)
            && let Some(level) = self.levels.get_mut((height / STEP) as usize)
        {
            level.waiting.push(hash);
        }
    }

    /// Records whose hashes are in memory only.
    pub(super) fn waiting(&self) -> usize {
        self.levels.first().map_or(0, |level| level.waiting.len())
    }

    /// Writes and syncs all that waits.
    pub(super) fn flush(&mut self, disk: &dyn Disk) -> Result<(), AuditError> {
        self.flush_io(disk).map_err(AuditError::disk("write the tree of the audit log"))
    }

    fn flush_io(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let mut made = false;
        for (number, level) in self.levels.iter_mut().enumerate() {
            if level.waiting.is_empty() {
                continue;
            }
            let file = match &mut level.file {
                Some(file) => file,
                none => {
                    made = true;
                    none.insert(open_or_create(disk, &folder::level(number))?)
                }
            };
            let bytes: Vec<u8> = level.waiting.iter().flat_map(|hash| *hash.as_bytes()).collect();
            file.write_at(&bytes, level.on_disk * HASH)?;
            file.sync()?;
            level.on_disk += level.waiting.len() as u64;
            level.waiting.clear();
        }
        if made { disk.sync_folder(folder::TREE) } else { Ok(()) }
    }
}

/// A crash may have left the file without the checkpoint that needs it.
fn open_or_create(disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
    match disk.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => disk.create(name),
        opened => opened,
    }
}

fn hashes_at(size: u64, level: usize) -> u64 {
    let shift = u32::try_from(level).unwrap_or(u32::MAX).saturating_mul(STEP);
    size.checked_shr(shift).unwrap_or(0)
}

impl Nodes for Levels {
    type Error = AuditError;

    fn read(&self, level: usize, first: u64, count: usize) -> Result<Vec<TreeHash>, AuditError> {
        let missing = || AuditError::damaged(&folder::level(level), first * HASH, "hashes are missing");
        let kept = self.levels.get(level).ok_or_else(missing)?;
        let from_disk = usize::try_from(kept.on_disk.saturating_sub(first)).unwrap_or(usize::MAX).min(count);
        let mut hashes = Vec::with_capacity(count);
        if let Some(file) = kept.file.as_ref().filter(|_| from_disk > 0) {
            let mut bytes = vec![0; from_disk * TreeHash::BYTES];
            let read =
                file.read_at(&mut bytes, first * HASH).map_err(AuditError::disk("read the tree of the audit log"))?;
            bytes.truncate(read);
            hashes.extend(bytes.as_chunks().0.iter().map(|hash| TreeHash::from_bytes(*hash)));
        }
        if hashes.len() == from_disk {
            let begin = usize::try_from((first + from_disk as u64).saturating_sub(kept.on_disk)).unwrap_or(usize::MAX);
            hashes.extend(kept.waiting.iter().skip(begin).take(count - from_disk));
        }
        if hashes.len() == count { Ok(hashes) } else { Err(missing()) }
    }
}
