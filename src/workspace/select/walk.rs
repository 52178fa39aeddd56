//! The walk: list, judge each entry, go into the folders that are taken.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use super::error::SelectError;
use super::links;
use super::repository;
use super::rules::Rules;

/// Bounds the time and the memory of a walk over what is left out, which `most_files` does not count.
pub const MOST_ENTRIES: u64 = 1_000_000;

#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Take files whose name says that they hold a secret.
    pub with_secrets: bool,
    /// Files and links; folders are not counted.
    pub most_files: u64,
    pub most_bytes: u64,
    /// Names of a path, its own included.
    pub most_depth: usize,
    /// Ask the git repository that the folder is in as well. Not for what a stranger sent: it lies in no folder of his.
    pub repository: bool,
    /// Device and inode of the folder that holds our own data, which is never taken.
    pub own_data: Option<(u64, u64)>,
    /// Asked before so many bytes of paths are taken into memory.
    pub room: &'a dyn Fn(u64) -> bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    Ignored { by: &'static str },
    OwnData,
    SecretName,
    LeavesTheFolder,
    LinkWinds,
    LinkTooLong,
    NotAFile,
    NotText,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File { executable: bool, bytes: u64 },
    Folder,
    Link { target: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Relative to the folder, with `/` between the names.
    pub path: String,
    pub kind: Kind,
}

/// Both lists are sorted by path, so a folder comes before what is in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub taken: Vec<Selected>,
    pub left_out: Vec<(String, LeftOut)>,
}

/// What of `folder` is uploaded. `is_secret` is asked with a leading slash and without a trailing one, for folders
/// too. Nobody may change the folder meanwhile: what is opened later must be checked again.
pub fn select(
    folder: &Path,
    is_secret: &dyn Fn(&str) -> bool,
    options: &Options<'_>,
) -> Result<Selection, SelectError> {
    if !fs::metadata(folder).map_err(|source| SelectError::read("", source))?.is_dir() {
        return Err(SelectError::NotAFolder);
    }
    let mut walk = Walk { root: folder, is_secret, options, seen: 0, files: 0, bytes: 0, found: Selection::default() };
    // A stack of our own: the depth of somebody's folders must not be the depth of our calls.
    let around = if options.repository { repository::around(folder)? } else { None };
    let mut to_list: Vec<(String, Option<Arc<Rules>>)> = vec![(String::new(), around)];
    while let Some((path, above)) = to_list.pop() {
        let rules = Rules::read(above, folder, &path)?;
        for inner in walk.list(&path, rules.as_deref())? {
            to_list.push((inner, rules.clone()));
        }
    }
    let mut found = walk.found;
    found.taken.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    found.left_out.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

struct Walk<'a> {
    root: &'a Path,
    is_secret: &'a dyn Fn(&str) -> bool,
    options: &'a Options<'a>,
    seen: u64,
    files: u64,
    bytes: u64,
    found: Selection,
}

impl Walk<'_> {
    /// Judges the entries of one folder and returns the folders among them that are taken.
    fn list(&mut self, folder: &str, rules: Option<&Rules>) -> Result<Vec<String>, SelectError> {
        let mut inner = Vec::new();
        let entries = fs::read_dir(self.root.join(folder)).map_err(|source| SelectError::read(folder, source))?;
        for entry in entries {
            let entry = entry.map_err(|source| SelectError::read(folder, source))?;
            self.seen += 1;
            if self.seen > MOST_ENTRIES {
                return Err(SelectError::TooManyEntries { most_entries: MOST_ENTRIES });
            }
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let path = if folder.is_empty() { text.into_owned() } else { format!("{folder}/{text}") };
            if !(self.options.room)(u64::try_from(path.len()).unwrap_or(u64::MAX)) {
                return Err(SelectError::NoRoom);
            }
            if name.to_str().is_none() {
                self.found.left_out.push((path, LeftOut::NotText));
                continue;
            }
            // Of the entry itself: `DirEntry::metadata` does not follow a link.
            let about = match entry.metadata() {
                Ok(about) => about,
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(SelectError::read(&path, source)),
            };
            match self.judge(&path, &entry, &about, rules)? {
                Ok(kind) => {
                    self.count(&path, &kind)?;
                    if kind == Kind::Folder {
                        inner.push(path.clone());
                    }
                    self.found.taken.push(Selected { path, kind });
                }
                Err(why) => self.found.left_out.push((path, why)),
            }
        }
        Ok(inner)
    }

    fn judge(
        &self,
        path: &str,
        entry: &DirEntry,
        about: &Metadata,
        rules: Option<&Rules>,
    ) -> Result<Result<Kind, LeftOut>, SelectError> {
        if let Some(by) = rules.and_then(|rules| rules.ignored_by(path, about.is_dir())) {
            return Ok(Err(LeftOut::Ignored { by }));
        }
        if about.is_dir() && self.options.own_data == Some((about.dev(), about.ino())) {
            return Ok(Err(LeftOut::OwnData));
        }
        if !self.options.with_secrets && (self.is_secret)(&format!("/{path}")) {
            return Ok(Err(LeftOut::SecretName));
        }
        if about.is_symlink() {
            let target = fs::read_link(entry.path()).map_err(|source| SelectError::read(path, source))?;
            let Some(target) = target.to_str() else { return Ok(Err(LeftOut::NotText)) };
            let fault = links::fault(path, target);
            return Ok(fault.map_or_else(|| Ok(Kind::Link { target: target.to_owned() }), Err));
        }
        if about.is_dir() {
            return Ok(Ok(Kind::Folder));
        }
        if about.is_file() {
            let executable = about.permissions().mode() & 0o111 != 0;
            return Ok(Ok(Kind::File { executable, bytes: about.len() }));
        }
        Ok(Err(LeftOut::NotAFile))
    }

    fn count(&mut self, path: &str, kind: &Kind) -> Result<(), SelectError> {
        let Options { most_files, most_bytes, most_depth, .. } = *self.options;
        if path.split('/').count() > most_depth {
            return Err(SelectError::TooDeep { path: shortened(path), most_depth });
        }
        if *kind != Kind::Folder {
            self.files += 1;
        }
        if let Kind::File { bytes, .. } = kind {
            self.bytes = self.bytes.saturating_add(*bytes);
        }
        if self.files > most_files {
            return Err(SelectError::TooManyFiles { most_files });
        }
        if self.bytes > most_bytes {
            return Err(SelectError::TooManyBytes { most_bytes });
        }
        Ok(())
    }
}

/// Enough of a long path to find it by.
fn shortened(path: &str) -> String {
    const SHOWN: usize = 200;
    if path.chars().count() <= SHOWN { path.to_owned() } else { path.chars().take(SHOWN).chain(['…']).collect() }
}
