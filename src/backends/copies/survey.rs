use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, openat, readlinkat, statat};

use super::tree::{FOLDER, Guise, Held, Stamp, names};
use super::writeback::{Walk, at, leads_out};
use crate::fs_policy::{Level, Spot};

/// What bringing a folder back would come to: looked at as a whole before anything of the host's is touched.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// By how much the host's files would grow. A file counts under each of its names, as long as it says it is.
    pub(super) bytes: u64,
    pub(super) files: u64,
    /// Files of the host's that the guest put where it may not: they stay where they were.
    pub(super) misplaced: BTreeSet<u64>,
    /// Files of which the guest saw the name alone, wherever it put that.
    pub(super) husks: BTreeSet<u64>,
}

/// A file under a name that was not there, or that was something else.
struct Found {
    ino: u64,
    bytes: u64,
    before: Option<u64>,
    denied: bool,
}

struct Looking<'a> {
    held: &'a Held,
    guise: &'a Guise,
    present: BTreeSet<PathBuf>,
    found: Vec<Found>,
}

impl Survey {
    pub(super) fn of(held: &Held, guise: &Guise) -> Walk<Self> {
        let mut looking = Looking { held, guise, present: BTreeSet::new(), found: Vec::new() };
        looking.folder(&held.copy, Path::new(""), &held.policy.root(), 0, false)?;
        let Looking { present, found, .. } = looking;
        let mut survey = Self::default();
        // What is gone from where it was may be somewhere else now, and takes no more room there.
        let mut moved: BTreeMap<u64, u64> = BTreeMap::new();
        for (path, stamp) in held.seen.iter().filter(|(_, stamp)| !stamp.folder) {
            if held.level(path) == Level::View {
                survey.husks.insert(stamp.ino);
            } else if !present.contains(path) {
                moved.insert(stamp.ino, stamp.bytes);
            }
        }
        for Found { ino, bytes, before, denied } in found {
            if denied {
                survey.misplaced.insert(ino);
            } else if !survey.husks.contains(&ino) {
                let from = moved.remove(&ino);
                let had = before.unwrap_or(0).saturating_add(from.unwrap_or(0));
                survey.bytes = survey.bytes.saturating_add(bytes.saturating_sub(had));
                survey.files += u64::from(before.is_none() && from.is_none());
            }
        }
        Ok(survey)
    }
}

impl Looking<'_> {
    /// In a folder that is lost nothing is brought back, whatever the rules say of what is in it.
    fn folder(&mut self, from: &OwnedFd, path: &Path, spot: &Spot, depth: usize, lost: bool) -> Walk<()> {
        for name in at(path, self.guise.over(|| names(from)))? {
            let inner = path.join(OsStr::from_bytes(name.to_bytes()));
            let below = self.held.policy.step(spot, name.to_bytes());
            let stat = at(&inner, statat(from, &name, AtFlags::SYMLINK_NOFOLLOW))?;
            let now = Stamp::of(&stat);
            let before = self.held.seen.get(&inner);
            if before.is_some_and(|before| before.folder == now.folder) {
                self.present.insert(inner.clone());
            }
            let kind = FileType::from_raw_mode(stat.st_mode);
            let may = self.held.policy.level(&below) == Level::Write;
            if kind == FileType::Directory {
                let lost = lost || before.is_none() && !may;
                if before.is_none() {
                    self.found.push(Found { ino: now.ino, bytes: 0, before: None, denied: lost });
                }
                let folder = at(&inner, self.guise.over(|| openat(from, &name, FOLDER, Mode::empty())))?;
                self.folder(&folder, &inner, &below, depth + 1, lost)?;
            } else if before.is_none_or(|before| *before != now) {
                let out = kind == FileType::Symlink && {
                    let target = at(&inner, readlinkat(from, &name, Vec::new()))?;
                    leads_out(target.to_bytes(), depth)
                };
                let other = kind != FileType::Symlink && kind != FileType::RegularFile;
                let denied = lost || !may || out || other;
                let before = before.filter(|before| !before.folder).map(|before| before.bytes);
                self.found.push(Found { ino: now.ino, bytes: now.bytes, before, denied });
            }
        }
        Ok(())
    }
}
