//! Whether a hidden folder is on the way to something. A rule for any depth (`**/*.md:read`) could lead through every
//! folder there is: only the disk says through which it does. One that leads nowhere is as absent as all that is hidden.
//!
//! What is looked through is as large as the host made it, so a search ends with its run, and is charged for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::{AtFlags, FileType, fstat, statat};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::denied::{Done, Refused, denied};
use super::listing::each;
use super::mount::Folder;
use super::place::Place;
use super::tree;
use crate::fs_policy::Level;

/// How deep is looked, from the mount. Each folder on the way down holds three descriptors of the host.
const DEPTH: usize = 64;

/// Whether something in a folder, at any depth, is there to be seen, or may be made there. `Err` only if the run is over.
pub(super) fn leads(folder: &Folder) -> Done<bool> {
    let mount = &folder.mount;
    let ours = fstat(&folder.dir).is_ok_and(|at| mount.forbids(at.st_dev, &folder.dir).is_none());
    if !ours || folder.depth() > DEPTH {
        return Ok(false);
    }
    if mount.policy.may_be_made_below(&folder.spot) {
        return Ok(true);
    }
    // What is in the folder itself is nearer than what is below it, and mostly enough.
    let near = any(folder, |spot, _, _| Ok(mount.policy.level(spot) > Level::None))?;
    Ok(near
        || any(folder, |spot, name, kind| {
            let further = kind == FileType::Directory && mount.policy.is_passable(spot);
            let inner = if further { tree::open(folder, name).ok().flatten() } else { None };
            inner.map_or(Ok(false), |inner| leads(&inner))
        })?)
}

/// Whether this is so of any name in a folder. What cannot be listed holds nothing.
fn any(
    folder: &Folder,
    mut is_so: impl FnMut(&crate::fs_policy::Spot, &std::ffi::CStr, FileType) -> Done<bool>,
) -> Done<bool> {
    let mount = &folder.mount;
    let mut found = Ok(false);
    let _ = each(folder, |name, kind| {
        mount.searched.fetch_add(1, Ordering::Relaxed);
        let spot = mount.policy.step(&folder.spot, name.to_bytes());
        found = if mount.over.load(Ordering::Relaxed) {
            Err(ErrorCode::Interrupted.into())
        } else {
            is_so(&spot, name, kind)
        };
        // The first is enough.
        if matches!(found, Ok(false)) { Ok(()) } else { Err(ErrorCode::Interrupted.into()) }
    });
    found
}

/// Whether the guest may know of this folder only for what is in it.
pub(super) fn is_hidden(folder: &Folder) -> bool {
    !folder.path.is_empty() && folder.level() == Level::None
}

pub(super) fn absent(folder: &Folder, tried: &'static str) -> Refused {
    denied(tried, &folder.mount.shown(&folder.path), Level::None, Level::View)
}

/// Refuses to go on from a folder that leads nowhere, as if it were not there.
pub(super) fn must_lead(folder: &Folder, tried: &'static str) -> Done<()> {
    if is_hidden(folder) && !leads(folder)? { Err(absent(folder, tried)) } else { Ok(()) }
}

/// The end of a path may not tell of the folder that it is in. Mostly it needs no search: what is there to be seen, or may
/// be made, is what that folder leads to.
pub(super) fn must_lead_to(place: &Place, tried: &'static str) -> Done<()> {
    if place.is_here() || !is_hidden(&place.parent) || place.level() == Level::Write {
        return Ok(());
    }
    let seen = place.level() > Level::None
        && (place.stat.is_some() || statat(&place.parent.dir, place.name.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok());
    if seen { Ok(()) } else { must_lead(&place.parent, tried) }
}

/// Folders of one path that were found to lead somewhere, so that going in and out of one costs one search.
#[derive(Default)]
pub(super) struct Known(Vec<Arc<str>>);

impl Known {
    pub(super) fn must_lead(&mut self, folder: &Folder, tried: &'static str) -> Done<()> {
        if !is_hidden(folder) || self.0.contains(&folder.path) {
            return Ok(());
        }
        must_lead(folder, tried)?;
        self.0.push(Arc::clone(&folder.path));
        Ok(())
    }
}
