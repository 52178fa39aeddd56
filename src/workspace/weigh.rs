use std::collections::HashMap;
use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, Stat, fstat, open, openat, statat};

use super::catalog::{Catalog, DraftRecord};
use super::draft::FOLDER;
use super::error::WorkspaceError;
use super::name::DraftId;
use super::shelf::Workspaces;
use super::tree::Tree;
use crate::model::{Digest, Weight};

/// What a folder holds, however wide and deep it is: every name, and the bytes of files that are not shared. Two folders
/// are open at most. If somebody moves a folder meanwhile, this fails instead of telling something wrong.
pub(super) fn weight(folder: &Path) -> std::io::Result<Weight> {
    let mut here = open(folder, FOLDER, Mode::empty())?;
    let mut weight = Weight::default();
    // The folders on the way down, with those that are to be looked through still.
    let mut way = vec![(place(&here)?, look(&here, &mut weight)?)];
    while let Some((_, folders)) = way.last_mut() {
        if let Some(name) = folders.pop() {
            here = openat(&here, name, FOLDER, Mode::empty())?;
            let inside = look(&here, &mut weight)?;
            way.push((place(&here)?, inside));
            continue;
        }
        way.pop();
        if let Some((above, _)) = way.last() {
            here = openat(&here, "..", FOLDER, Mode::empty())?;
            if place(&here)? != *above {
                return Err(std::io::Error::other("a folder was moved while it was counted"));
            }
        }
    }
    Ok(weight)
}

fn place(folder: &OwnedFd) -> std::io::Result<(u64, u64)> {
    let stat = fstat(folder)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Adds what is in a folder, and gives the folders in it.
fn look(dir: &OwnedFd, weight: &mut Weight) -> std::io::Result<Vec<CString>> {
    let mut folders = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = match statat(dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            // Removed a moment ago.
            Err(rustix::io::Errno::NOENT) => continue,
            stat => stat?,
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        *weight = weight.plus(Weight { bytes: own_bytes(kind, &stat), files: 1 });
        if kind == FileType::Directory {
            folders.push(entry.file_name().to_owned());
        }
    }
    Ok(folders)
}

/// Those of a file that belongs to the draft alone; one of several names has its share.
fn own_bytes(kind: FileType, stat: &Stat) -> u64 {
    if kind != FileType::RegularFile || stat.st_mode & 0o200 == 0 {
        return 0;
    }
    u64::try_from(stat.st_size).unwrap_or(0).div_ceil(stat.st_nlink.max(1))
}

pub(super) fn of_tree(tree: &Tree) -> Weight {
    Weight { bytes: tree.bytes(), files: tree.iter().map(|_| 1).sum() }
}

impl<C: Catalog> Workspaces<C> {
    /// What a draft takes besides what it shares.
    pub fn draft_weight(&self, id: &DraftId) -> Result<Weight, WorkspaceError> {
        let folder = self.drafts_dir().join(id.as_str());
        let whole = weight(&folder).map_err(|reason| match folder.try_exists() {
            // Not if it is only something in it that went while it was counted.
            Ok(false) => WorkspaceError::NoDraft(id.clone()),
            _ => WorkspaceError::io(id, reason),
        })?;
        // The two folders that every draft has.
        Ok(whole.less(Weight { bytes: 0, files: 2 }))
    }

    /// What all workspaces take, each one file besides its own, with what drafts began from that no workspace holds any
    /// more; and whether there is any of that.
    pub fn kept_weight(&self) -> Result<(Weight, bool), WorkspaceError> {
        // In this order: a state that leaves a workspace in between is still found as one that a draft began from, or
        // whoever made that draft asks again.
        let heads = self.list()?;
        let mut said: HashMap<Digest, Weight> =
            heads.iter().map(|head| (head.tree, Weight { bytes: head.bytes, files: head.files })).collect();
        let held = said.len();
        for draft in self.drafts()?.into_iter().filter(|draft| draft.workspace.is_some()) {
            said.entry(draft.base).or_default();
        }
        let behind = said.len() > held;
        let mut known = self.tree_weights();
        known.retain(|digest, _| said.contains_key(digest));
        let mut all = Weight { bytes: 0, files: heads.iter().map(|_| 1).sum() };
        for (digest, said) in said {
            let weight = match known.get(&digest) {
                Some(weight) => *weight,
                None => match self.read_tree_weight(digest) {
                    Ok(weight) => *known.entry(digest).or_insert(weight),
                    Err(error) => {
                        tracing::warn!("counted as its workspace says: {error}");
                        said
                    }
                },
            };
            all = all.plus(weight);
        }
        Ok((all, behind))
    }

    /// What a draft began from, which it may share: so much more it may come to have for itself.
    pub fn base_bytes(&self, draft: &DraftRecord) -> Result<u64, WorkspaceError> {
        if draft.workspace.is_none() {
            return Ok(0);
        }
        if let Some(known) = self.tree_weights().get(&draft.base) {
            return Ok(known.bytes);
        }
        Ok(self.read_tree_weight(draft.base)?.bytes)
    }

    /// Whether a draft began from something else than its workspace holds now.
    pub fn is_behind(&self, draft: &DraftRecord) -> Result<bool, WorkspaceError> {
        let Some(name) = &draft.workspace else { return Ok(false) };
        Ok(!self.list()?.iter().any(|head| head.name == *name && head.tree == draft.base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_wide_and_deep_folders_and_shares_of_names() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = 0;
        for n in 0..1_500 {
            std::fs::create_dir(dir.path().join(format!("wide{n}"))).unwrap();
            std::fs::write(dir.path().join(format!("wide{n}/f")), b"four").unwrap();
            files += 2;
        }
        let mut deep = dir.path().to_owned();
        for _ in 0..300 {
            deep.push("d");
            std::fs::create_dir(&deep).unwrap();
            files += 1;
        }
        std::fs::write(deep.join("f"), b"ten bytes!").unwrap();
        std::fs::hard_link(deep.join("f"), dir.path().join("again")).unwrap();
        std::os::unix::fs::symlink("/etc", dir.path().join("link")).unwrap();
        files += 3;
        assert_eq!(weight(dir.path()).unwrap(), Weight { bytes: 1_500 * 4 + 10, files });
    }
}
