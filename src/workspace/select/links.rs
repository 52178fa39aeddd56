//! Links, judged by their text alone: nothing is resolved on the disk.
//!
//! Lexical resolution lies when a `..` comes after a name that is a link itself, or becomes one later: `up/..` is not
//! where it seems to be. So `..` may only begin a target, where it crosses the real folders around the link. Archives
//! and the guarded file system have the same rule.

use super::walk::LeftOut;

/// As for every other name.
const NAME_BYTES: usize = 255;

/// Why the link at `link` is not taken, if it is not.
pub fn fault(link: &str, target: &str) -> Option<LeftOut> {
    if target.is_empty() || target.starts_with('/') {
        return Some(LeftOut::LeavesTheFolder);
    }
    // The folder that holds the link is real: the walk came to it without a link.
    let (mut level, mut down) = (link.matches('/').count(), false);
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." if down => return Some(LeftOut::LinkWinds),
            ".." => match level.checked_sub(1) {
                Some(above) => level = above,
                None => return Some(LeftOut::LeavesTheFolder),
            },
            name if name.len() > NAME_BYTES => return Some(LeftOut::LinkTooLong),
            _ => down = true,
        }
    }
    None
}
