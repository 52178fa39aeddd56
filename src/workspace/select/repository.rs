//! The git repository that a folder is in: what it has to say of files in the folder is written outside of it.
//!
//! As in git, the nearest folder with a `.git` is its top; `.git/info/exclude` is the weakest, then every `.gitignore`
//! from there down to the folder. What a person excludes for all repositories (`core.excludesFile`) is no part of this
//! one and is not read. A folder that is ignored itself is taken all the same, for it was named; what is in it is
//! judged.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::SelectError;
use super::rules::{GITIGNORE, Place, Rules};

const EXCLUDE: &str = ".git/info/exclude";
const ABOVE: &str = "a .gitignore above the folder";
/// A path, with a word before it.
const MOST_POINTER_BYTES: u64 = 8 * 1024;

/// The rules around `folder`; `None` if it is in no repository, or if that has none.
pub fn around(folder: &Path) -> Result<Option<Arc<Rules>>, SelectError> {
    let folder = fs::canonicalize(folder).map_err(|source| SelectError::read("", source))?;
    let Some((top, git)) = folder.ancestors().find_map(|place| Some((place, git_folder(place)?))) else {
        return Ok(None);
    };
    let inner = folder.strip_prefix(top).unwrap_or(Path::new(""));
    let place = Place::Above(inner.to_owned());
    let exclude = common_folder(git).join("info/exclude");
    // Unlike a `.gitignore`, git follows it where it is a link.
    let exclude = fs::canonicalize(&exclude).unwrap_or(exclude);
    let mut rules = Rules::of_git(None, &exclude, EXCLUDE.to_owned(), EXCLUDE, place)?;
    let names: Vec<_> = inner.components().collect();
    for (at, _) in names.iter().enumerate() {
        let (above, below) = names.split_at(at);
        let file = top.join(above.iter().collect::<PathBuf>()).join(GITIGNORE);
        // As seen from the folder, so that no path of the host is told.
        let shown = "../".repeat(below.len()) + GITIGNORE;
        rules = Rules::of_git(rules, &file, shown, ABOVE, Place::Above(below.iter().collect()))?;
    }
    Ok(rules)
}

/// What git keeps of the repository whose top is here. Git as well goes on upwards where it is not whole.
fn git_folder(place: &Path) -> Option<PathBuf> {
    let git = place.join(".git");
    let about = fs::metadata(&git).ok()?;
    if about.is_dir() {
        return git.join("HEAD").symlink_metadata().is_ok().then_some(git);
    }
    // Work trees and submodules have a file that says where it is.
    let text = about.is_file().then(|| pointer(&git)).flatten()?;
    Some(place.join(text.strip_prefix("gitdir:")?.trim()))
}

/// Work trees share the rules of the repository that they were made from.
fn common_folder(git: PathBuf) -> PathBuf {
    let file = git.join("commondir");
    let is_file = fs::metadata(&file).is_ok_and(|about| about.is_file());
    match is_file.then(|| pointer(&file)).flatten() {
        Some(common) => git.join(common.trim()),
        None => git,
    }
}

fn pointer(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(MOST_POINTER_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}
