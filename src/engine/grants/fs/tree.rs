use std::ffi::CStr;
use std::fs::File;

use rustix::fs::{FileType, Mode, OFlags, openat, readlinkat};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::denied::{Done, Refused, never};
use super::listing::each;
use super::mount::Folder;
use super::place::Place;
use crate::fs_policy::{Level, Spot};

/// Entries that are looked at before a folder is moved; who moves more of them moves them in parts.
const ENTRIES: usize = 10_000;
const DEPTH: usize = 200;

const MIXED: &str = "one level for all that is in the folder, where it is and where it goes (write)";

/// Whether a folder may go: all that is in it may be changed. Only what is really there counts.
pub(super) fn may_be_removed(place: &Place, tried: &'static str) -> Done<()> {
    if place.parent.mount.policy.is_uniform(&place.spot) {
        return Ok(());
    }
    let name = std::ffi::CString::new(place.name.as_str()).map_err(|_| ErrorCode::Invalid)?;
    let Some(folder) = open(&place.parent, &name)? else { return Ok(()) };
    each(&folder, |name, _| {
        let spot = folder.mount.policy.step(&folder.spot, name.to_bytes());
        if folder.mount.policy.level(&spot) == Level::Write { Ok(()) } else { Err(never(tried, &place.shown(), MIXED)) }
    })
}

/// Whether all that is in a folder has the same level where it is and where it goes, and no link in it would lead
/// out from there.
pub(super) fn may_move(from: &Place, to: &Place, tried: &'static str) -> Done<()> {
    let policy = &from.parent.mount.policy;
    // What will be created in it later has a level as well, and somebody may hold it open: the rules below must be the
    // same in both places, not only for what is there now.
    if !policy.same_below(&from.spot, &to.spot) {
        return Err(never(tried, &from.shown(), MIXED));
    }
    let rises = to.parent.depth() < from.parent.depth();
    if !rises && policy.is_uniform(&from.spot) {
        return Ok(());
    }
    let name = std::ffi::CString::new(from.name.as_str()).map_err(|_| ErrorCode::Invalid)?;
    let Some(folder) = open(&from.parent, &name)? else { return Ok(()) };
    let mut check = Check { from, tried, left: ENTRIES };
    check.folder(&folder, &to.spot, to.parent.depth() + 1, 0)
}

struct Check<'a> {
    from: &'a Place,
    tried: &'static str,
    left: usize,
}

impl Check<'_> {
    /// `depth`: how many names the folder will have above it, its own included.
    fn folder(&mut self, folder: &Folder, to: &Spot, depth: usize, level: usize) -> Done<()> {
        let policy = &folder.mount.policy;
        if level > DEPTH {
            return Err(self.too_large());
        }
        let mut folders = Vec::new();
        each(folder, |name, kind| {
            self.left = self.left.checked_sub(1).ok_or_else(|| self.too_large())?;
            let here = policy.step(&folder.spot, name.to_bytes());
            let there = policy.step(to, name.to_bytes());
            if policy.level(&here) != Level::Write || policy.level(&there) != Level::Write {
                return Err(never(self.tried, &self.from.shown(), MIXED));
            }
            match kind {
                FileType::Directory => folders.push((name.to_owned(), there)),
                FileType::Symlink => {
                    let target = readlinkat(&folder.dir, name, Vec::new())?;
                    if leads_out(&target.to_string_lossy(), depth) {
                        let missing = "none: a link that would lead out of its folder";
                        return Err(never(self.tried, &self.from.shown(), missing));
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        for (name, there) in folders {
            // It was there a moment ago; what went since is not looked at, so nothing is moved.
            let Some(inner) = open(folder, &name)? else { return Err(ErrorCode::Busy.into()) };
            self.folder(&inner, &there, depth + 1, level + 1)?;
        }
        Ok(())
    }

    fn too_large(&self) -> Refused {
        never(
            self.tried,
            &self.from.shown(),
            "none: a folder of more than 10,000 entries under rules; move it in parts",
        )
    }
}

/// A folder that is a folder; `None` for anything else, which holds nothing.
pub(super) fn open(parent: &Folder, name: &CStr) -> Done<Option<Folder>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(&parent.dir, name, flags, Mode::empty()) {
        Ok(dir) => Ok(Some(parent.below_bytes(name.to_bytes(), File::from(dir)))),
        Err(rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP | rustix::io::Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether a link's target leads out, seen from a folder that has `depth` names above it. `..` counts only at the
/// beginning: after another name, which may be a link itself, nobody can say where it leads.
pub fn leads_out(target: &str, depth: usize) -> bool {
    if target.starts_with('/') || target.contains('\0') {
        return true;
    }
    let names = target.split('/').filter(|name| !name.is_empty() && *name != ".");
    let (mut up, mut down) = (0, false);
    for name in names {
        match name {
            ".." if down => return true,
            ".." => up += 1,
            _ => down = true,
        }
    }
    up > depth
}

/// Whether a single link may be moved to a folder with `depth` names above it.
pub(super) fn link_may_move(from: &Place, depth: usize, tried: &'static str) -> Done<()> {
    let target = readlinkat(&from.parent.dir, from.name.as_str(), Vec::new())?;
    let target = target.into_string().map_err(|_| Refused::Code(ErrorCode::IllegalByteSequence))?;
    if leads_out(&target, depth) {
        return Err(never(tried, &from.shown(), "none: a link that would lead out of its folder"));
    }
    Ok(())
}
