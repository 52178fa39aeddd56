//! Whether a hidden folder is on the way to something. A rule for any depth (`**/*.md:read`) could lead through every
//! folder there is: only the disk says through which it does. One that leads nowhere is as absent as all that is hidden.

use rustix::fs::{AtFlags, FileType, fstat, statat};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::denied::{Done, denied};
use super::listing::each;
use super::mount::Folder;
use super::place::Place;
use super::tree;
use crate::fs_policy::Level;

/// Names that are looked at for one operation. What is found no sooner does not make its folder show, but opens by name.
const NAMES: usize = 100_000;
const DEPTH: usize = 64;

/// What one operation may still look at.
pub(super) struct Search {
    left: usize,
}

impl Search {
    pub(super) fn new() -> Self {
        Self { left: NAMES }
    }

    /// Whether something in a folder, at any depth, is there to be seen, or may be made there.
    pub(super) fn leads(&mut self, folder: &Folder) -> bool {
        self.leads_from(folder, 0)
    }

    fn leads_from(&mut self, folder: &Folder, depth: usize) -> bool {
        let policy = &folder.mount.policy;
        if policy.may_be_made_below(&folder.spot) {
            return true;
        }
        let ours =
            |folder: &Folder| fstat(&folder.dir).is_ok_and(|at| folder.mount.forbids(at.st_dev, &folder.dir).is_none());
        if depth > DEPTH || !ours(folder) {
            return false;
        }
        let (mut seen, mut further) = (false, Vec::new());
        let looked = each(folder, |name, kind| {
            self.left = self.left.checked_sub(1).ok_or(ErrorCode::Overflow)?;
            let spot = policy.step(&folder.spot, name.to_bytes());
            if policy.level(&spot) > Level::None {
                seen = true;
                // One is enough.
                return Err(ErrorCode::Interrupted.into());
            }
            if kind == FileType::Directory && policy.is_passable(&spot) {
                further.push(name.to_owned());
            }
            Ok(())
        });
        if seen || looked.is_err() {
            return seen;
        }
        further.iter().any(|name| {
            let inner = tree::open(folder, name).ok().flatten();
            inner.is_some_and(|inner| self.leads_from(&inner, depth + 1))
        })
    }
}

/// Whether the guest may know of this folder only for what is in it.
fn is_hidden(folder: &Folder) -> bool {
    !folder.path.is_empty() && folder.level() == Level::None
}

/// Refuses to go on from a folder that leads nowhere, as if it were not there.
pub(super) fn must_lead(folder: &Folder, tried: &'static str) -> Done<()> {
    if is_hidden(folder) && !Search::new().leads(folder) {
        return Err(denied(tried, &folder.mount.shown(&folder.path), Level::None, Level::View));
    }
    Ok(())
}

/// The end of a path may not tell of the folder that it is in. Mostly it needs no search: what is there to be seen, or may
/// be made, is what that folder leads to; and what is hidden is answered as absent anyway.
pub(super) fn must_lead_to(place: &Place, tried: &'static str) -> Done<()> {
    if place.is_here() || !is_hidden(&place.parent) || matches!(place.level(), Level::None | Level::Write) {
        return Ok(());
    }
    let there =
        place.stat.is_some() || statat(&place.parent.dir, place.name.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok();
    if there { Ok(()) } else { must_lead(&place.parent, tried) }
}
