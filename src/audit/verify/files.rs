use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::super::folder;
use super::super::hash::TreeHash;
use super::super::lines::Lines;
use super::super::note::{BadNote, Note, SignedCheckpoint};
use super::super::tree::LEVELS;
use super::fault::{Fault, FaultKind, Place};

pub(super) fn unreadable(name: &str, error: &io::Error) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => FaultKind::MissingFile,
        _ => FaultKind::Unreadable,
    };
    Fault::new(kind, Place::file(name), format!("it cannot be read: {error}"))
}

/// The lines of a segment from a place on.
pub(super) fn lines(root: &Path, name: &str, offset: u64) -> Result<Lines<File>, Fault> {
    let open = || -> io::Result<Lines<File>> {
        let mut file = folder::open(root, name)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Lines::at(file, offset))
    };
    open().map_err(|error| unreadable(name, &error))
}

/// A small file whole, as text.
pub(super) fn small(root: &Path, name: &str) -> Result<String, Fault> {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        folder::open(root, name)?.take(Note::MOST_BYTES as u64).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|error| unreadable(name, &error))
}

fn names(root: &Path, folder: &str) -> Result<Vec<String>, Fault> {
    let read = || -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(root.join(folder))?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let mut names = read().map_err(|error| unreadable(folder, &error))?;
    names.sort_unstable();
    Ok(names)
}

/// The first records of all segments, in order.
pub(super) fn segments(root: &Path) -> Result<Vec<u64>, Fault> {
    let mut firsts = Vec::new();
    for name in names(root, folder::LOG)? {
        match folder::segment_first(&name) {
            Some(first) => firsts.push(first),
            None => {
                let place = Place::file(&format!("{}/{}", folder::LOG, super::super::text::clean(&name, 100)));
                return Err(Fault::new(FaultKind::UnexpectedFile, place, "it is no segment"));
            }
        }
    }
    if firsts.is_empty() {
        let place = Place::file(&folder::segment(0));
        return Err(Fault::new(FaultKind::MissingFile, place, "there is no segment at all"));
    }
    Ok(firsts)
}

/// Every checkpoint in the folder, by the file that it is in. What is none is told beside them.
pub(super) fn checkpoints(root: &Path) -> (Vec<(String, SignedCheckpoint)>, Option<Fault>) {
    let mut found = Vec::new();
    let mut fault = None;
    let mut take = |name: String, size: Option<u64>| {
        let bad = |bad: BadNote| Fault::new(FaultKind::BadCheckpoint, Place::file(&name), bad.to_string());
        let read = small(root, &name).and_then(|text| text.parse::<SignedCheckpoint>().map_err(bad));
        match read {
            Ok(signed) if size.is_none_or(|size| size == signed.checkpoint().size) => found.push((name, signed)),
            Ok(_) => drop(fault.get_or_insert_with(|| bad(BadNote::Checkpoint))),
            Err(wrong) => drop(fault.get_or_insert(wrong)),
        }
    };
    take(folder::CHECKPOINT.to_owned(), None);
    match names(root, folder::CHECKPOINTS) {
        Ok(names) => {
            for name in names.iter().filter(|name| !name.ends_with(".new")) {
                match folder::kept_checkpoint_size(name) {
                    Some(size) => take(folder::kept_checkpoint(size), Some(size)),
                    None => take(format!("{}/{name}", folder::CHECKPOINTS), Some(u64::MAX)),
                }
            }
        }
        Err(wrong) => drop(fault.get_or_insert(wrong)),
    }
    (found, fault)
}

/// The kept hashes of each level, read from the beginning on.
pub(super) struct KeptHashes {
    levels: Vec<Option<BufReader<File>>>,
}

impl KeptHashes {
    pub(super) fn open(root: &Path) -> Self {
        let open = |level| folder::open(root, &folder::level(level)).ok();
        Self {
            levels: (0..LEVELS).map(|level| open(level).map(|file| BufReader::with_capacity(1 << 17, file))).collect(),
        }
    }

    /// The next hash of a level.
    pub(super) fn next(&mut self, level: usize, place: u64) -> Result<TreeHash, Fault> {
        let mut bytes = [0; TreeHash::BYTES];
        let reader = self.levels.get_mut(level).and_then(Option::as_mut);
        match reader.map(|reader| reader.read_exact(&mut bytes)) {
            Some(Ok(())) => Ok(TreeHash::from_bytes(bytes)),
            Some(Err(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(unreadable(&folder::level(level), &error))
            }
            _ => {
                let mut at = Place::file(&folder::level(level));
                at.offset = Some(place * TreeHash::BYTES as u64);
                Err(Fault::new(FaultKind::TreeShort, at, "hashes are missing that a checkpoint needs"))
            }
        }
    }
}
