use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, fchmod, fstat, fstatvfs, ftruncate, futimens,
    mkdirat, open, openat, readlinkat, statat, symlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};

use super::super::failure::{Failure, Why};
use super::{Folder, Most};
use crate::engine::is_window;
use crate::fs_policy::{Level, Policy, Spot};
use crate::model::LimitName;

/// Files and folders that may not be changed within folders that may: each takes a mount.
const PINS: usize = 1_000;
const PAGE: u64 = 4_096;
/// Names of one folder that are looked at, shown or not.
const NAMES: usize = 1_000_000;
/// As deep as a draft may be.
const DEPTH: usize = 128;

pub(in crate::backends) const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Who makes the copies: where the supervisor is root, the guest's user outside, since they are to be the guest's.
pub(in crate::backends) struct Guise(Option<(Uid, Gid)>);

impl Guise {
    pub(in crate::backends) fn new(guest: Option<(Uid, Gid)>) -> Self {
        Self(guest)
    }

    pub(in crate::backends) fn over<T>(&self, work: impl FnOnce() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
        let Some((uid, gid)) = self.0 else { return work() };
        let back = || {
            set_thread_res_uid(None, Uid::ROOT, None)?;
            set_thread_res_gid(None, Gid::ROOT, None)
        };
        set_thread_res_gid(None, gid, None)?;
        if let Err(errno) = set_thread_res_uid(None, uid, None) {
            back()?;
            return Err(errno);
        }
        let done = work();
        back()?;
        done
    }
}

/// What a copy was when the guest got it: nothing that it does leaves all of these as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends) struct Stamp {
    pub(in crate::backends) folder: bool,
    pub(super) ino: u64,
    pub(super) bytes: u64,
    changed: (i64, u64),
}

impl Stamp {
    pub(in crate::backends) fn of(stat: &Stat) -> Self {
        let folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        // A folder changes with each name in it, and those are looked at one by one.
        let changed = if folder { (0, 0) } else { (stat.st_ctime, stat.st_ctime_nsec) };
        let bytes = if folder { 0 } else { u64::try_from(stat.st_size).unwrap_or(0) };
        Self { folder, ino: stat.st_ino, bytes, changed }
    }
}

/// A folder of the host and its copy.
pub(in crate::backends) struct Held {
    pub(in crate::backends) host: OwnedFd,
    pub(in crate::backends) copy: OwnedFd,
    pub(in crate::backends) policy: Policy,
    /// What is in the copy, by its path.
    pub(in crate::backends) seen: BTreeMap<PathBuf, Stamp>,
    pins: Vec<PathBuf>,
    pub(in crate::backends) bytes: u64,
    /// The same in whole pages, which is how they take room.
    pub(in crate::backends) room_bytes: u64,
}

impl Held {
    /// As they are sent: a name need not be text.
    pub(in crate::backends) fn pins(&self) -> Vec<OsString> {
        self.pins.iter().map(|path| path.clone().into_os_string()).collect()
    }

    /// What the rules say of a path in it.
    pub(super) fn level(&self, path: &Path) -> Level {
        let policy = &self.policy;
        let spot = path.iter().fold(policy.root(), |spot, name| policy.step(&spot, name.as_bytes()));
        policy.level(&spot)
    }

    pub(in crate::backends) fn files(&self) -> u64 {
        u64::try_from(self.seen.len()).unwrap_or(u64::MAX)
    }
}

/// Which limit the guest's files have come to: there is no room left for them, or for their names.
pub(in crate::backends) fn full(room: &OwnedFd) -> Option<LimitName> {
    let room = fstatvfs(room).ok()?;
    let none = |left, name| (left == 0).then_some(name);
    none(room.f_bfree, LimitName::WrittenBytes).or_else(|| none(room.f_ffree, LimitName::FilesCreated))
}

/// Copies what the rules show of each folder. Every name is opened without following it: nothing outside is touched.
pub(in crate::backends) fn copy_in(
    folders: &[Folder],
    most: Most,
    room: &OwnedFd,
    guise: &Guise,
    deadline: Instant,
) -> Result<Vec<Held>, Failure> {
    let mut left = Left { bytes: most.bytes, files: most.files, deadline };
    let mut held = Vec::new();
    for (index, folder) in folders.iter().enumerate() {
        let name = CString::new(format!("folder-{index}")).map_err(Failure::fence("the room for files"))?;
        let copy = guise.over(|| openat(room, &name, FOLDER, Mode::empty()));
        let copy = copy.map_err(|errno| Failure::fence("the room for files")(io::Error::from(errno)))?;
        held.push(one(folder, copy, guise, &mut left)?);
    }
    Ok(held)
}

fn one(folder: &Folder, copy: OwnedFd, guise: &Guise, left: &mut Left) -> Result<Held, Failure> {
    let shown = folder.host.display().to_string();
    let wrong = |why: &dyn std::fmt::Display| Failure::new(Why::Folder, &shown, why);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let host = open(&folder.host, flags, Mode::empty()).map_err(|errno| wrong(&io::Error::from(errno)))?;
    if is_window(&host).unwrap_or(true) {
        return Err(wrong(&"it is a window into the kernel (proc, sys or the like), not a folder"));
    }
    let policy = Policy::new(folder.rules.clone(), folder.folded).map_err(|error| wrong(&error))?;
    let dev = fstat(&host).map_err(|errno| wrong(&io::Error::from(errno)))?.st_dev;
    let mut copying =
        Copying { policy: &policy, guise, left, dev, seen: BTreeMap::new(), pins: Vec::new(), bytes: 0, room_bytes: 0 };
    let at = At { path: PathBuf::new(), spot: policy.root(), pinned: false, depth: 0 };
    copying.folder(&host, &copy, at).map_err(|stop| match stop {
        Stop::Errno(errno, path) => Failure::new(Why::Folder, &format!("{shown}/{path}"), io::Error::from(errno)),
        Stop::Said(why) => wrong(&why),
    })?;
    let Copying { seen, pins, bytes, room_bytes, .. } = copying;
    Ok(Held { host, copy, policy, seen, pins, bytes, room_bytes })
}

/// What may still be copied.
struct Left {
    bytes: u64,
    files: u64,
    deadline: Instant,
}

struct Copying<'a> {
    policy: &'a Policy,
    guise: &'a Guise,
    left: &'a mut Left,
    dev: u64,
    seen: BTreeMap<PathBuf, Stamp>,
    pins: Vec<PathBuf>,
    bytes: u64,
    room_bytes: u64,
}

/// Where in a folder the copying is.
struct At {
    path: PathBuf,
    spot: Spot,
    /// Something above cannot be changed, so nothing here can.
    pinned: bool,
    depth: usize,
}

enum Stop {
    Errno(Errno, String),
    Said(&'static str),
}

type Walk<T> = Result<T, Stop>;

fn at<T>(path: &Path, done: rustix::io::Result<T>) -> Walk<T> {
    done.map_err(|errno| Stop::Errno(errno, path.display().to_string()))
}

impl Copying<'_> {
    /// Fills a folder that is there. Says whether anything of it shows.
    fn folder(&mut self, from: &OwnedFd, into: &OwnedFd, mut here: At) -> Walk<bool> {
        // Where nothing can ever be written, one mount holds for all that is below.
        let (policy, spot) = (self.policy, &here.spot);
        let fixed = policy.is_uniform(spot) && policy.level(spot) < Level::Write;
        if !here.pinned && (fixed || !policy.may_be_made_below(spot)) {
            self.pin(&here.path)?;
            here.pinned = true;
        }
        let mut shows = false;
        for name in at(&here.path, names(from))? {
            let path = here.path.join(OsStr::from_bytes(name.to_bytes()));
            let spot = self.policy.step(&here.spot, name.to_bytes());
            let next = At { path, spot, pinned: here.pinned, depth: here.depth + 1 };
            shows |= match self.entry(from, into, &name, next) {
                // Removed or replaced a moment ago.
                Err(Stop::Errno(Errno::NOENT | Errno::LOOP | Errno::NOTDIR, _)) => false,
                done => done?,
            };
        }
        Ok(shows)
    }

    fn entry(&mut self, from: &OwnedFd, into: &OwnedFd, name: &CStr, here: At) -> Walk<bool> {
        let level = self.policy.level(&here.spot);
        if level == Level::None && !self.policy.is_passable(&here.spot) {
            return Ok(false);
        }
        if Instant::now() >= self.left.deadline {
            return Err(Stop::Said(TOO_LONG));
        }
        let stat = at(&here.path, statat(from, name, AtFlags::SYMLINK_NOFOLLOW))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory {
            return self.inner(from, into, name, here, &stat, level);
        }
        // What is no file is nobody's; and what only leads somewhere is a folder.
        let (file, link) = (kind == FileType::RegularFile, kind == FileType::Symlink);
        if level == Level::None || !(file || link) {
            return Ok(false);
        }
        self.count()?;
        let done = match level {
            Level::View => self.husk(into, name, &stat),
            _ if link => self.link(from, into, name),
            _ => return self.file(from, into, name, here, level),
        };
        at(&here.path, done)?;
        self.made(into, name, here, level)
    }

    /// A folder that is hidden itself is there if something in it shows.
    fn inner(
        &mut self,
        from: &OwnedFd,
        into: &OwnedFd,
        name: &CStr,
        here: At,
        stat: &Stat,
        level: Level,
    ) -> Walk<bool> {
        if here.depth > DEPTH || stat.st_dev != self.dev {
            return Ok(false);
        }
        let inner = at(&here.path, openat(from, name, FOLDER, Mode::empty()))?;
        self.count()?;
        at(&here.path, self.guise.over(|| mkdirat(into, name, Mode::RWXU)))?;
        let made = at(&here.path, self.guise.over(|| openat(into, name, FOLDER, Mode::empty())))?;
        let (path, pins) = (here.path.clone(), self.pins.len());
        let shows = self.folder(&inner, &made, here)? || level > Level::None;
        if !shows {
            self.pins.truncate(pins);
            at(&path, self.guise.over(|| rustix::fs::unlinkat(into, name, AtFlags::REMOVEDIR)))?;
            return Ok(false);
        }
        let mode = Mode::from_raw_mode(stat.st_mode & 0o777) | Mode::RWXU;
        at(&path, self.guise.over(|| fchmod(&made, mode)))?;
        self.seen.insert(path, Stamp::of(&at(Path::new(""), fstat(&made))?));
        Ok(true)
    }

    /// Its name, its size and its time; nothing to be read.
    fn husk(&self, into: &OwnedFd, name: &CStr, stat: &Stat) -> rustix::io::Result<()> {
        self.guise.over(|| {
            let made = create(into, name)?;
            ftruncate(&made, u64::try_from(stat.st_size).unwrap_or(0))?;
            futimens(&made, &times(stat))?;
            fchmod(&made, Mode::empty())
        })
    }

    fn link(&self, from: &OwnedFd, into: &OwnedFd, name: &CStr) -> rustix::io::Result<()> {
        let target = readlinkat(from, name, Vec::new())?;
        self.guise.over(|| symlinkat(&target, into, name))
    }

    fn file(&mut self, from: &OwnedFd, into: &OwnedFd, name: &CStr, here: At, level: Level) -> Walk<bool> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = at(&here.path, openat(from, name, flags, Mode::empty()))?;
        let stat = at(&here.path, fstat(&file))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(false);
        }
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        self.left.bytes = self.left.bytes.checked_sub(bytes).ok_or(Stop::Said(TOO_LARGE))?;
        let mut made = File::from(at(&here.path, self.guise.over(|| create(into, name)))?);
        // No more than there was: somebody may write to it faster than this reads.
        let deadline = self.left.deadline;
        let copied = in_parts(&mut File::from(file).take(bytes), &mut made, || Instant::now() < deadline);
        let Some(copied) = at(&here.path, copied.map_err(errno_of))? else { return Err(Stop::Said(TOO_LONG)) };
        self.bytes = self.bytes.saturating_add(copied);
        self.room_bytes = self.room_bytes.saturating_add(copied.next_multiple_of(PAGE));
        // A file that may not be written by its owner may belong to a workspace as well; the copy is the guest's alone.
        let more = if level == Level::Write { Mode::WUSR } else { Mode::empty() };
        let mode = Mode::from_raw_mode(stat.st_mode & 0o777) | more | Mode::RUSR;
        let dressed = self.guise.over(|| fchmod(&made, mode).and_then(|()| futimens(&made, &times(&stat))));
        at(&here.path, dressed)?;
        self.made(into, name, here, level)
    }

    fn made(&mut self, into: &OwnedFd, name: &CStr, here: At, level: Level) -> Walk<bool> {
        let stat = at(&here.path, self.guise.over(|| statat(into, name, AtFlags::SYMLINK_NOFOLLOW)))?;
        let link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        // A link has no mount; what becomes of one is looked at when it is brought back.
        if level < Level::Write && !here.pinned && !link {
            self.pin(&here.path)?;
        }
        self.seen.insert(here.path, Stamp::of(&stat));
        Ok(true)
    }

    fn pin(&mut self, path: &Path) -> Walk<()> {
        if self.pins.len() >= PINS {
            return Err(Stop::Said(TOO_MIXED));
        }
        self.pins.push(path.to_owned());
        Ok(())
    }

    fn count(&mut self) -> Walk<()> {
        self.left.files = self.left.files.checked_sub(1).ok_or(Stop::Said(TOO_LARGE))?;
        Ok(())
    }
}

const TOO_LONG: &str = "copying it took longer than the whole run may (deadline_ms)";
const TOO_LARGE: &str =
    "it is too large to be copied for a command; give the part of it that is needed, or hide what is not";
const TOO_MIXED: &str = "more than 1,000 files in folders that may be written may not be; give rules for whole folders";

fn create(into: &OwnedFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(into, name, flags, Mode::RUSR | Mode::WUSR)
}

/// Copies a part at a time, as long as it is to go on; `None` where it is not.
pub(super) fn in_parts(
    from: &mut impl Read,
    to: &mut impl Write,
    goes_on: impl Fn() -> bool,
) -> io::Result<Option<u64>> {
    const PART: u64 = 4 << 20;
    let mut copied = 0;
    loop {
        if !goes_on() {
            return Ok(None);
        }
        match io::copy(&mut from.by_ref().take(PART), to)? {
            0 => return Ok(Some(copied)),
            part => copied += part,
        }
    }
}

/// The names in a folder, in an order that is the same each time.
pub(in crate::backends) fn names(folder: impl AsFd) -> rustix::io::Result<Vec<CString>> {
    let readable = openat(folder, c".", FOLDER, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::new(readable)? {
        let name = entry?.file_name().to_owned();
        if names.len() >= NAMES {
            return Err(Errno::NOMEM);
        }
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

pub(in crate::backends) fn times(stat: &Stat) -> Timestamps {
    let time = |tv_sec, nanos: u64| Timespec { tv_sec, tv_nsec: nanos.cast_signed() };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}

pub(in crate::backends) fn errno_of(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
}
