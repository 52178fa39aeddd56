//! The ignore files on the way from the folder to an entry.
//!
//! `.sandboxignore` speaks first, from the deepest folder up, then `.gitignore` in the same order; the first that has a
//! matching pattern decides. As in git, nothing inside an ignored folder can be brought back, for it is never entered.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::SelectError;
use super::pattern;

pub const SANDBOXIGNORE: &str = ".sandboxignore";
pub const GITIGNORE: &str = ".gitignore";

/// Real ones are a few KiB; every pattern costs memory for as long as its folder is walked.
pub const MOST_IGNORE_FILE_BYTES: u64 = 256 * 1024;

/// The rules of one folder and, through `above`, of the folders around it up to the one that was named.
pub struct Rules {
    above: Option<Arc<Rules>>,
    /// With a trailing slash, empty for the outermost: what to cut off a path before matching.
    prefix: String,
    sandbox: Option<Gitignore>,
    git: Option<Gitignore>,
}

impl Rules {
    /// `None` when neither this folder nor one above has an ignore file.
    pub fn read(above: Option<Arc<Rules>>, root: &Path, folder: &str) -> Result<Option<Arc<Rules>>, SelectError> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let sandbox = read_one(root, &prefix, SANDBOXIGNORE)?;
        let git = read_one(root, &prefix, GITIGNORE)?;
        if sandbox.is_none() && git.is_none() {
            return Ok(above);
        }
        Ok(Some(Arc::new(Rules { above, prefix, sandbox, git })))
    }

    /// The name of the ignore file that leaves `path` out.
    pub fn ignored_by(&self, path: &str, is_folder: bool) -> Option<&'static str> {
        match self.nearest_match(path, is_folder, |rules| rules.sandbox.as_ref()) {
            Some(true) => Some(SANDBOXIGNORE),
            Some(false) => None,
            None => self.nearest_match(path, is_folder, |rules| rules.git.as_ref())?.then_some(GITIGNORE),
        }
    }

    /// Whether the nearest pattern that matches ignores (`true`) or brings back (`false`).
    fn nearest_match(&self, path: &str, is_folder: bool, pick: fn(&Rules) -> Option<&Gitignore>) -> Option<bool> {
        let mut next = Some(self);
        while let Some(rules) = next {
            let inside = path.strip_prefix(&rules.prefix);
            if let (Some(patterns), Some(inside)) = (pick(rules), inside) {
                match patterns.matched(inside, is_folder) {
                    Match::Ignore(_) => return Some(true),
                    Match::Whitelist(_) => return Some(false),
                    Match::None => {}
                }
            }
            next = rules.above.as_deref();
        }
        None
    }
}

fn read_one(root: &Path, prefix: &str, name: &str) -> Result<Option<Gitignore>, SelectError> {
    let path = format!("{prefix}{name}");
    let on_disk = root.join(&path);
    match on_disk.symlink_metadata() {
        Ok(found) if found.is_file() => {}
        // A link could lead anywhere and a FIFO would block; git does not follow them either.
        Ok(_) => return Err(SelectError::IgnoreFileNotPlain { path }),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(SelectError::read(&path, source)),
    }
    let mut bytes = Vec::new();
    let read = File::open(&on_disk).and_then(|file| file.take(MOST_IGNORE_FILE_BYTES + 1).read_to_end(&mut bytes));
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
