use std::fs::File;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, fstat, linkat, mkdirat, openat, readlinkat, renameat,
    symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorStat, ErrorCode, MetadataHashValue, NewTimestamp, OpenFlags,
};

use super::allowance::Allowance;
use super::copy::{Keeps, copy_before_change};
use super::denied::{Done, Refused, denied, never};
use super::mount::{Folder, Open};
use super::place::{Place, find};
use super::{stat, tree};
use crate::fs_policy::Level;

/// What was opened.
pub(super) enum Opened {
    Folder(Folder),
    File { file: File, read: bool, write: bool, level: Level, path: String },
}

pub(super) struct Wish {
    pub(super) follow: bool,
    pub(super) open: OpenFlags,
    pub(super) flags: DescriptorFlags,
}

impl Wish {
    /// Truncating and creating are ways to change a file, whatever the descriptor is for.
    fn changes(&self) -> bool {
        self.flags.contains(DescriptorFlags::WRITE)
            || self.open.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::EXCLUSIVE)
    }

    fn tried(&self) -> &'static str {
        if self.changes() { "open for writing" } else { "open" }
    }
}

const TURNS: usize = 16;

/// Opens a file or a folder.
pub(super) fn open(from: &Folder, path: &str, wish: &Wish, allowed: &Allowance) -> Done<(Opened, bool)> {
    let synced = DescriptorFlags::FILE_INTEGRITY_SYNC
        | DescriptorFlags::DATA_INTEGRITY_SYNC
        | DescriptorFlags::REQUESTED_WRITE_SYNC;
    if wish.flags.intersects(synced) {
        return Err(ErrorCode::Unsupported.into());
    }
    let folder_only = wish.open.contains(OpenFlags::DIRECTORY);
    if folder_only && wish.open.intersects(OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE) {
        return Err(ErrorCode::Invalid.into());
    }
    // Somebody may put a link where a file was between the look and the opening; then it is looked at again.
    for _ in 0..TURNS {
        let place = find(from, path, wish.follow, true, wish.tried())?;
        match open_place(&place, wish, folder_only, allowed) {
            Err(Refused::Code(ErrorCode::Loop)) if wish.follow => continue,
            done => return done,
        }
    }
    Err(ErrorCode::Loop.into())
}

fn open_place(place: &Place, wish: &Wish, folder_only: bool, allowed: &Allowance) -> Done<(Opened, bool)> {
    let level = place.level();
    let absent = place.stat.is_none();
    let creates = absent && wish.open.contains(OpenFlags::CREATE);
    if place.kind() == Some(FileType::Directory) {
        place.visible(wish.tried())?;
        return open_folder(place, wish).map(|folder| (Opened::Folder(folder), false));
    }
    if wish.changes() {
        place.need(Level::Write, wish.tried())?;
    } else if level == Level::None || !absent {
        place.need(Level::Read, wish.tried())?;
    }
    match place.kind() {
        None if creates => allowed.create()?,
        None => return Err(ErrorCode::NoEntry.into()),
        Some(_) if folder_only || place.must_be_folder => return Err(ErrorCode::NotDirectory.into()),
        Some(FileType::Symlink) => return Err(ErrorCode::Loop.into()),
        Some(FileType::RegularFile) => {}
        Some(_) => return Err(never(wish.tried(), &place.shown(), "none: devices, pipes and sockets are no files")),
    }
    if creates && place.must_be_folder {
        return Err(ErrorCode::IsDirectory.into());
    }
    if let Some(stat) = &place.stat {
        // Cutting and creating have their effect at once, so this is asked before.
        place.ours(stat, wish.tried())?;
    }
    let write = wish.changes();
    if write && !absent {
        let keeps = if wish.open.contains(OpenFlags::TRUNCATE) { Keeps::Nothing } else { Keeps::All };
        copy_before_change(place, keeps, allowed)?;
    }
    let read = wish.flags.contains(DescriptorFlags::READ) || !wish.flags.contains(DescriptorFlags::WRITE);
    let mut flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    flags |= match (read, write) {
        (true, true) => OFlags::RDWR,
        (false, true) => OFlags::WRONLY,
        _ => OFlags::RDONLY,
    };
    for (wished, flag) in [
        (OpenFlags::CREATE, OFlags::CREATE),
        (OpenFlags::EXCLUSIVE, OFlags::EXCL),
        (OpenFlags::TRUNCATE, OFlags::TRUNC),
    ] {
        if wish.open.contains(wished) {
            flags |= flag;
        }
    }
    let file = openat(&place.parent.dir, place.name.as_str(), flags, Mode::from_raw_mode(0o666))?;
    // It may have become something else after the look.
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(never(wish.tried(), &place.shown(), "none: devices, pipes and sockets are no files"));
    }
    if let Some(missing) = place.parent.mount.forbids(stat.st_dev, &file) {
        return Err(never(wish.tried(), &place.shown(), missing));
    }
    let path = place.shown();
    // What is shared and was not copied may not even have its times set.
    let level = if write || place.parent.mount.copies.is_none() { level } else { level.min(Level::Read) };
    // Whoever creates or cuts without asking to write may do no more than that.
    let write = wish.flags.contains(DescriptorFlags::WRITE);
    Ok((Opened::File { file: file.into(), read, write, level, path }, creates))
}

fn open_folder(place: &Place, wish: &Wish) -> Done<Folder> {
    if wish.open.contains(OpenFlags::EXCLUSIVE) {
        return Err(ErrorCode::Exist.into());
    }
    if wish.changes() {
        return Err(ErrorCode::IsDirectory.into());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let dir = match openat(&place.parent.dir, place.name.as_str(), flags, Mode::empty()) {
        // It can be passed though not be listed.
        Err(Errno::ACCESS) => openat(
            &place.parent.dir,
            place.name.as_str(),
            flags.difference(OFlags::NONBLOCK) | OFlags::PATH,
            Mode::empty(),
        ),
        other => other,
    }?;
    let stat = fstat(&dir)?;
    if let Some(missing) = place.parent.mount.forbids(stat.st_dev, &dir) {
        if place.level() == Level::None {
            place.need(Level::View, wish.tried())?;
        }
        return Err(never(wish.tried(), &place.shown(), missing));
    }
    Ok(if place.is_here() {
        Folder { dir: Arc::new(dir.into()), ..place.parent.clone() }
    } else {
        place.parent.below(&place.name, dir.into())
    })
}

pub(super) fn look(from: &Folder, path: &str, follow: bool) -> Done<(DescriptorStat, MetadataHashValue)> {
    let place = find(from, path, follow, true, "look")?;
    let found = place.visible("look")?;
    Ok((stat::of(&place.parent.mount, &found), stat::hash(&found)))
}

pub(super) fn create_folder(from: &Folder, path: &str, allowed: &Allowance) -> Done<()> {
    let place = find(from, path, false, false, "create a folder")?;
    place.need(Level::Write, "create a folder")?;
    allowed.create()?;
    Ok(mkdirat(&place.parent.dir, place.name.as_str(), Mode::from_raw_mode(0o777))?)
}

pub(super) fn remove_folder(from: &Folder, path: &str) -> Done<()> {
    let place = find(from, path, false, false, "remove a folder")?;
    place.need(Level::Write, "remove a folder")?;
    tree::may_be_removed(&place, "remove a folder")?;
    Ok(unlinkat(&place.parent.dir, place.name.as_str(), AtFlags::REMOVEDIR)?)
}

pub(super) fn remove_file(from: &Folder, path: &str) -> Done<()> {
    let mut place = find(from, path, false, false, "remove")?;
    place.need(Level::Write, "remove")?;
    if place.must_be_folder {
        place.look()?;
        place.visible("remove")?;
    }
    match unlinkat(&place.parent.dir, place.name.as_str(), AtFlags::empty()) {
        // Linux says EISDIR where POSIX says EPERM; a guest gets the clearer one either way.
        Err(Errno::PERM) => Err(ErrorCode::IsDirectory.into()),
        done => Ok(done?),
    }
}

pub(super) fn rename(from: &Folder, old: &str, to: &Folder, new: &str) -> Done<Option<Moved>> {
    let mut old = find(from, old, false, true, "rename")?;
    let mut new = find(to, new, false, true, "rename to this")?;
    old.need(Level::Write, "rename")?;
    new.need(Level::Write, "rename to this")?;
    if !Arc::ptr_eq(&from.mount, &to.mount) {
        return Err(ErrorCode::CrossDevice.into());
    }
    old.look()?;
    new.look()?;
    old.visible("rename")?;
    match old.kind() {
        Some(FileType::Directory) => tree::may_move(&old, &new, "rename")?,
        Some(FileType::Symlink) => tree::link_may_move(&old, new.parent.depth(), "rename")?,
        _ if new.must_be_folder => return Err(ErrorCode::NotDirectory.into()),
        _ => {}
    }
    if new.kind() == Some(FileType::Directory) {
        tree::may_be_removed(&new, "rename to this")?;
    }
    renameat(&old.parent.dir, old.name.as_str(), &new.parent.dir, new.name.as_str())?;
    let folder = old.kind() == Some(FileType::Directory);
    Ok(folder.then(|| Moved { mount: Arc::clone(&old.parent.mount), from: old.inner(), to: new.inner() }))
}

/// A folder that goes by another path now.
pub(super) struct Moved {
    pub(super) mount: Arc<Open>,
    pub(super) from: String,
    pub(super) to: String,
}

pub(super) fn link(from: &Folder, old: &str, to: &Folder, new: &str, allowed: &Allowance) -> Done<()> {
    let old = find(from, old, false, true, "link")?;
    let new = find(to, new, false, false, "link as this")?;
    // Both ends may be written, so no name gives more than the other.
    old.need(Level::Write, "link")?;
    new.need(Level::Write, "link as this")?;
    if !Arc::ptr_eq(&from.mount, &to.mount) {
        return Err(ErrorCode::CrossDevice.into());
    }
    old.visible("link")?;
    match old.kind() {
        Some(FileType::RegularFile) => {}
        Some(FileType::Directory) => return Err(ErrorCode::NotPermitted.into()),
        _ => return Err(never("link", &old.shown(), "none: only files have second names")),
    }
    if new.must_be_folder {
        return Err(ErrorCode::NoEntry.into());
    }
    allowed.create()?;
    copy_before_change(&old, Keeps::All, allowed)?;
    Ok(linkat(&old.parent.dir, old.name.as_str(), &new.parent.dir, new.name.as_str(), AtFlags::empty())?)
}

pub(super) fn link_to(target: &str, from: &Folder, path: &str, allowed: &Allowance) -> Done<()> {
    let place = find(from, path, false, false, "create a link")?;
    place.need(Level::Write, "create a link")?;
    if target.is_empty() {
        return Err(ErrorCode::NoEntry.into());
    }
    if tree::leads_out(target, place.parent.depth()) {
        return Err(never("create a link", &place.shown(), "none: a link that would lead out of its folder"));
    }
    if place.must_be_folder {
        return Err(ErrorCode::NoEntry.into());
    }
    allowed.create()?;
    Ok(symlinkat(target, &place.parent.dir, place.name.as_str())?)
}

pub(super) fn read_link(from: &Folder, path: &str) -> Done<String> {
    let place = find(from, path, false, true, "read a link")?;
    place.visible("read a link")?;
    if place.level() != Level::None {
        place.need(Level::Read, "read a link")?;
    }
    let target = readlinkat(&place.parent.dir, place.name.as_str(), Vec::new())?;
    let target = target.into_string().map_err(|_| Refused::Code(ErrorCode::IllegalByteSequence))?;
    if target.starts_with('/') {
        return Err(never("read a link", &place.shown(), "none: a link to a path of the host"));
    }
    Ok(target)
}

pub(super) fn set_times(
    from: &Folder,
    path: &str,
    follow: bool,
    read: NewTimestamp,
    changed: NewTimestamp,
    allowed: &Allowance,
) -> Done<()> {
    let place = find(from, path, follow, true, "set times")?;
    if place.level() < Level::Write {
        return Err(denied("set times", &place.shown(), place.level(), Level::Write));
    }
    place.visible("set times")?;
    if place.kind() == Some(FileType::RegularFile) {
        copy_before_change(&place, Keeps::All, allowed)?;
    }
    let times = Timestamps { last_access: timespec(read), last_modification: timespec(changed) };
    Ok(utimensat(&place.parent.dir, place.name.as_str(), &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn timespec(time: NewTimestamp) -> Timespec {
    match time {
        NewTimestamp::NoChange => Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT },
        NewTimestamp::Now => Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
        NewTimestamp::Timestamp(at) => Timespec {
            tv_sec: i64::try_from(at.seconds).unwrap_or(i64::MAX),
            tv_nsec: i64::from(at.nanoseconds.min(999_999_999)),
        },
    }
}
