use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::PoisonError;

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, renameat, unlinkat};

use super::allowance::Allowance;
use super::denied::Done;
use super::mount::Copies;
use super::place::Place;

/// Copied between two looks at whether anybody still wants it.
const PIECE: u64 = 1 << 20;

/// What of a file's content whoever opens it for writing keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    All,
    /// It is about to be cut to nothing.
    Nothing,
}

/// In a mount of shared files: who is about to change one gets a copy of his own under the same name first. It is made
/// out of the guest's sight and comes into the tree whole.
pub(super) fn copy_before_change(place: &Place, keeps: Keeps, allowed: &Allowance) -> Done<()> {
    let Some(copies) = &place.parent.mount.copies else { return Ok(()) };
    let _one = copies.one.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = &place.parent.dir;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut shared = File::from(openat(dir, place.name.as_str(), flags, Mode::empty())?);
    let stat = fstat(&shared)?;
    if stat.st_mode & 0o200 != 0 {
        return Ok(());
    }
    let name = format!("{:016x}", rand::random::<u64>());
    let made = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode((stat.st_mode & 0o777) | 0o200);
    let copy = File::from(openat(&copies.dir, name.as_str(), made, mode)?);
    let done = fill(&mut shared, copy, keeps, allowed).and_then(|()| {
        allowed.go_on()?;
        Ok(renameat(&copies.dir, name.as_str(), dir, place.name.as_str())?)
    });
    if done.is_err() {
        let Copies { dir, .. } = copies;
        let _ = unlinkat(dir, name.as_str(), AtFlags::empty());
    }
    done
}

fn fill(shared: &mut File, mut copy: File, keeps: Keeps, allowed: &Allowance) -> Done<()> {
    if keeps == Keeps::Nothing {
        return Ok(());
    }
    let mut left = shared.metadata()?.len();
    let mut buffer = vec![0; 64 << 10];
    while left > 0 {
        // Counted and looked for on the disk before it is written, a piece at a time.
        allowed.go_on()?;
        allowed.write(left.min(PIECE))?;
        let mut piece = shared.take(left.min(PIECE));
        loop {
            let count = piece.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            copy.write_all(bytes)?;
        }
        left = left.saturating_sub(PIECE);
    }
    Ok(())
}
