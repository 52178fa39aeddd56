//! The ignore files on the way from the folder to an entry.
//!
//! `.sandboxignore` speaks first, from the deepest folder up, then `.gitignore` in the same order; the first that has a
//! matching pattern decides. `.gitignore` goes on above the folder, to the top of its repository. As in git, nothing
//! inside an ignored folder can be brought back, for it is never entered.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::SelectError;
use super::pattern;

pub const SANDBOXIGNORE: &str = ".sandboxignore";
pub const GITIGNORE: &str = ".gitignore";

/// Real ones are a few KiB; every pattern costs memory for as long as its folder is walked.
pub const MOST_IGNORE_FILE_BYTES: u64 = 256 * 1024;

/// The rules of one folder and, through `above`, of those around it.
pub struct Rules {
    above: Option<Arc<Rules>>,
    place: Place,
    sandbox: Option<Gitignore>,
    git: Option<Gitignore>,
    /// What `git` is called in a report.
    by: &'static str,
}

/// Where the rules were written, seen from the folder that was named.
pub enum Place {
    /// In a folder of it, with a trailing slash, empty for itself: what to cut off a path before matching.
    Inside(String),
    /// In a folder above: what to put before a path.
    Above(PathBuf),
}

impl Rules {
    /// `None` when neither this folder nor one above has an ignore file.
    pub fn read(above: Option<Arc<Rules>>, root: &Path, folder: &str) -> Result<Option<Arc<Rules>>, SelectError> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let one = |name| {
            let path = format!("{prefix}{name}");
            read_one(&root.join(&path), path)
        };
        let (sandbox, git) = (one(SANDBOXIGNORE)?, one(GITIGNORE)?);
        if sandbox.is_none() && git.is_none() {
            return Ok(above);
        }
        Ok(Some(Arc::new(Rules { above, place: Place::Inside(prefix), sandbox, git, by: GITIGNORE })))
    }

    /// With the rules of one file of git that is not in the folder; `shown` is what an error calls it.
    pub fn of_git(
        above: Option<Arc<Rules>>,
        file: &Path,
        shown: String,
        by: &'static str,
        place: Place,
    ) -> Result<Option<Arc<Rules>>, SelectError> {
        let git = read_one(file, shown)?;
        Ok(if git.is_some() { Some(Arc::new(Rules { above, place, sandbox: None, git, by })) } else { above })
    }

    /// What leaves `path` out.
    pub fn ignored_by(&self, path: &str, is_folder: bool) -> Option<&'static str> {
        match self.nearest_match(path, is_folder, |rules| rules.sandbox.as_ref()) {
            Some((true, _)) => Some(SANDBOXIGNORE),
            Some((false, _)) => None,
            None => {
                let (ignored, by) = self.nearest_match(path, is_folder, |rules| rules.git.as_ref())?;
                ignored.then_some(by)
            }
        }
    }

    /// Whether the nearest pattern that matches ignores (`true`) or brings back (`false`), and whose it is.
    fn nearest_match(
        &self,
        path: &str,
        is_folder: bool,
        pick: fn(&Rules) -> Option<&Gitignore>,
    ) -> Option<(bool, &'static str)> {
        let mut next = Some(self);
        while let Some(rules) = next {
            let seen = pick(rules).and_then(|patterns| match &rules.place {
                Place::Inside(prefix) => Some(patterns.matched(path.strip_prefix(prefix)?, is_folder)),
                Place::Above(inner) => Some(patterns.matched(inner.join(path), is_folder)),
            });
            match seen {
                Some(Match::Ignore(_)) => return Some((true, rules.by)),
                Some(Match::Whitelist(_)) => return Some((false, rules.by)),
                Some(Match::None) | None => {}
            }
            next = rules.above.as_deref();
        }
        None
    }
}

/// `path` is what an error calls it.
fn read_one(on_disk: &Path, path: String) -> Result<Option<Gitignore>, SelectError> {
    match on_disk.symlink_metadata() {
        Ok(found) if found.is_file() => {}
        // A link could lead anywhere and a FIFO would block; git does not follow them either.
        Ok(_) => return Err(SelectError::IgnoreFileNotPlain { path }),
        Err(missing) if matches!(missing.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return Err(SelectError::read(&path, source)),
    }
    let mut bytes = Vec::new();
    let read = File::open(on_disk).and_then(|file| file.take(MOST_IGNORE_FILE_BYTES + 1).read_to_end(&mut bytes));
    let length = read.map_err(|source| SelectError::read(&path, source))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MOST_IGNORE_FILE_BYTES {
        return Err(SelectError::IgnoreFileTooLarge { path, most_bytes: MOST_IGNORE_FILE_BYTES });
    }
    // A name that is no UTF-8 is never taken, so a pattern that is none has nothing to match.
    build(path, &String::from_utf8_lossy(&bytes)).map(Some)
}

fn build(path: String, text: &str) -> Result<Gitignore, SelectError> {
    let mut builder = GitignoreBuilder::new("");
    for (index, line) in text.trim_start_matches('\u{feff}').split('\n').enumerate() {
        let Some(pattern) = pattern::as_glob(line) else { continue };
        if let Err(source) = builder.add_line(None, &pattern) {
            return Err(SelectError::Pattern { path, line: index + 1, source });
        }
    }
    builder.build().map_err(|source| SelectError::Patterns { path, source })
}
