//! Names that are safe to use, made only by checking.

use super::{Bounds, Fault};

/// A relative path that stays below the root, with at least one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryPath(String);

/// Where names have to mean what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// On every system: no two that differ only by case, no backslash, nothing like a drive.
    Everywhere,
    /// On a system like this one, where only `/` is special.
    Here,
}

/// The name of an entry, as checked.
pub(super) enum Name {
    /// The root itself, as in `./`, with which `tar` likes to begin.
    Root,
    Below {
        path: EntryPath,
        /// Ends in `/`, as the names of folders may.
        folder: bool,
    },
}

impl EntryPath {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Each ancestor below the root and then the path itself, with its last component.
    pub(super) fn steps(&self) -> impl Iterator<Item = (&str, &str)> {
        let ends = self.0.match_indices('/').map(|(at, _)| at).chain([self.0.len()]);
        ends.filter_map(|end| {
            let path = self.0.get(..end)?;
            Some((path, path.rsplit('/').next()?))
        })
    }

    /// Folders between the root and this.
    fn parents(&self) -> usize {
        self.0.matches('/').count()
    }
}

/// Checks the name of an entry.
pub(super) fn name(raw: &[u8], bounds: &Bounds, names: Names) -> Result<Name, Fault> {
    // First, so that nothing below works through a name of 64 KiB.
    if raw.len() > bounds.path_bytes {
        return Err(Fault::PathTooLong { limit: bounds.path_bytes });
    }
    if raw.contains(&0) {
        return Err(Fault::NameNul);
    }
    let text = str::from_utf8(raw).map_err(|_| Fault::NameNotUtf8)?;
    if text.is_empty() {
        return Err(Fault::NameEmpty);
    }
    if is_absolute(text, names) {
        return Err(Fault::NameAbsolute);
    }
    if names == Names::Everywhere && text.contains('\\') {
        return Err(Fault::NameBackslash);
    }
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(Fault::NameClimbs),
            part if part.len() > bounds.name_bytes => {
                return Err(Fault::NameTooLong { limit: bounds.name_bytes });
            }
            part => parts.push(part),
        }
    }
    if parts.len() > bounds.depth {
        return Err(Fault::TooDeep { limit: bounds.depth });
    }
    if parts.is_empty() {
        return Ok(Name::Root);
    }
    // `a/.` names a folder just as `a/` does.
    let folder = text.ends_with('/') || text.ends_with("/.");
    Ok(Name::Below { path: EntryPath(parts.join("/")), folder })
}

/// Checks the target of the link at `at`, and tidies it.
pub(super) fn target(raw: &[u8], at: &EntryPath, bounds: &Bounds, names: Names) -> Result<String, Fault> {
    if raw.len() > bounds.path_bytes {
        return Err(Fault::LinkTooLong { limit: bounds.path_bytes });
    }
    if raw.contains(&0) {
        return Err(Fault::LinkNul);
    }
    let text = str::from_utf8(raw).map_err(|_| Fault::LinkNotUtf8)?;
    if text.is_empty() {
        return Err(Fault::LinkEmpty);
    }
    if is_absolute(text, names) {
        return Err(Fault::LinkAbsolute);
    }
    if names == Names::Everywhere && text.contains('\\') {
        return Err(Fault::LinkBackslash);
    }
    let mut parts = Vec::new();
    let (mut level, mut descended) = (at.parents(), false);
    for part in text.split('/') {
        match part {
            "" | "." => continue,
            ".." => {
                level = level.checked_sub(1).ok_or(Fault::LinkLeaves)?;
                // `b/..` is the folder of `b` only when `b` is not itself a link; see the header of the module.
                if descended {
                    return Err(Fault::LinkWinds);
                }
            }
            part if part.len() > bounds.name_bytes => {
                return Err(Fault::LinkTooLong { limit: bounds.name_bytes });
            }
            _ => {
                level += 1;
                descended = true;
            }
        }
        parts.push(part);
    }
    if parts.is_empty() {
        return Ok(".".to_owned());
    }
    Ok(parts.join("/"))
}

/// Absolute for Unix or for Windows; `C:x` means a folder of its own there, too.
fn is_absolute(text: &str, names: Names) -> bool {
    if names == Names::Here {
        return text.starts_with('/');
    }
    let drive = match text.as_bytes() {
        [letter, b':', ..] => letter.is_ascii_alphabetic(),
        _ => false,
    };
    drive || text.starts_with(['/', '\\'])
}
