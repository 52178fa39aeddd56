use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, chmodat, fchmod, fchown, fstat, fstatvfs, futimens, mkdirat,
    openat, readlinkat, renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::super::failure::{Failure, Why};
use super::Folder;
use super::survey::Survey;
use super::tree::{FOLDER, Guise, Held, Stamp, errno_of, in_parts, names, times};
use crate::fs_policy::{Level, Spot};
use crate::model::{Denial, LimitName};

/// Denials that are told one by one.
const DENIALS: usize = 128;

/// Folders within folders that are brought back.
const NESTED: usize = 256;

/// What was brought back, and what was not.
#[derive(Default)]
pub(in crate::backends) struct Back {
    pub(in crate::backends) bytes: u64,
    pub(in crate::backends) created: u64,
    pub(in crate::backends) denials: Vec<Denial>,
}

/// What may be brought back, and as long as what.
pub(in crate::backends) struct Allowed<'a> {
    /// By how much the host's files may grow, and how many more there may be.
    pub(in crate::backends) bytes: u64,
    pub(in crate::backends) files: u64,
    /// What is left free on the disk.
    pub(in crate::backends) reserve_bytes: u64,
    /// Whether there is anybody still for whom it is done.
    pub(in crate::backends) goes_on: &'a dyn Fn() -> bool,
}

/// More than may be brought back, so nothing was.
#[derive(Debug, Clone, Copy)]
pub(in crate::backends) struct Over {
    pub(in crate::backends) name: LimitName,
    pub(in crate::backends) used: u64,
}

/// Brings to the host's folders what the guest changed in its copies and might change: first what is gone, then what is
/// new. Nobody is alive in the fence by now, so nothing moves; and what the guest made is opened a name at a time.
pub(in crate::backends) fn write_back(
    folders: &[Folder],
    allowed: &Allowed<'_>,
    held: Vec<Held>,
    guise: &Guise,
) -> Result<Result<Back, Over>, Failure> {
    let mut back = Back::default();
    open_copies(folders, &held, guise)?;
    let mut surveys = Vec::new();
    for (folder, held) in folders.iter().zip(&held) {
        surveys.push(Survey::of(held, guise).map_err(told(folder))?);
    }
    for (name, most, of) in [
        (LimitName::WrittenBytes, allowed.bytes, (|survey| survey.bytes) as fn(&Survey) -> u64),
        (LimitName::FilesCreated, allowed.files, |survey| survey.files),
    ] {
        let used = surveys.iter().map(of).fold(0, u64::saturating_add);
        if used > most {
            return Ok(Err(Over { name, used }));
        }
    }
    for ((folder, held), survey) in folders.iter().zip(held).zip(&surveys) {
        let mut writing = Writing { held: &held, guise, guest: &folder.guest, allowed, survey, back: &mut back };
        let done =
            writing.gone().and_then(|()| writing.folder(&held.copy, &held.host, Path::new(""), held.policy.root(), 0));
        done.map_err(told(folder))?;
    }
    Ok(Ok(back))
}

fn told(folder: &Folder) -> impl Fn((Errno, PathBuf)) -> Failure {
    move |(errno, path)| {
        let path = folder.host.join(path).display().to_string();
        Failure::new(Why::WriteBack, &path, io::Error::from(errno))
    }
}

/// Opens the copies to us, which a guest may have closed to itself.
pub(in crate::backends) fn open_copies(folders: &[Folder], held: &[Held], guise: &Guise) -> Result<(), Failure> {
    for (folder, held) in folders.iter().zip(held) {
        open_copy(held, guise).map_err(told(folder))?;
    }
    Ok(())
}

pub(super) type Walk<T> = Result<T, (Errno, PathBuf)>;

pub(super) fn at<T>(path: &Path, done: rustix::io::Result<T>) -> Walk<T> {
    done.map_err(|errno| (errno, path.to_owned()))
}

struct Writing<'a> {
    held: &'a Held,
    guise: &'a Guise,
    guest: &'a str,
    allowed: &'a Allowed<'a>,
    survey: &'a Survey,
    back: &'a mut Back,
}

impl Writing<'_> {
    /// What was in the copy and is there no more, or is something else: the deepest first.
    fn gone(&mut self) -> Walk<()> {
        // A folder that could not be removed keeps those above it.
        let mut kept = BTreeSet::new();
        for (path, stamp) in self.held.seen.iter().rev() {
            let Some(name) = path.file_name().and_then(|name| CString::new(name.as_bytes()).ok()) else { continue };
            let above = path.parent().unwrap_or(Path::new(""));
            if self.is_there(above, &name, *stamp).map_err(|errno| (errno, path.clone()))? {
                continue;
            }
            at(path, self.wanted())?;
            if self.survey.misplaced.contains(&stamp.ino) {
                self.deny("move to where it may not be", path);
                kept.insert(above.to_owned());
                continue;
            }
            if self.held.level(path) != Level::Write || kept.contains(path) {
                self.deny("remove", path);
                kept.insert(above.to_owned());
                continue;
            }
            let Some(host) = self.open_host(above) else { continue };
            let flags = if stamp.folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
            match unlinkat(&host, &name, flags) {
                // Somebody else was there before.
                Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR) => {}
                // It holds what the guest did not see.
                Err(Errno::NOTEMPTY | Errno::EXIST) => {
                    self.deny("remove a folder that holds what is hidden", path);
                    kept.insert(above.to_owned());
                }
                Err(errno) => return Err((errno, path.clone())),
            }
        }
        Ok(())
    }

    /// What is in a folder of the copy, into the same one of the host.
    fn folder(&mut self, from: &OwnedFd, to: &OwnedFd, path: &Path, spot: Spot, depth: usize) -> Walk<()> {
        for name in at(path, self.guise.over(|| names(from)))? {
            at(path, self.wanted())?;
            let inner = path.join(OsStr::from_bytes(name.to_bytes()));
            let below = self.held.policy.step(&spot, name.to_bytes());
            let stat = at(&inner, statat(from, &name, AtFlags::SYMLINK_NOFOLLOW))?;
            let known = self.held.seen.get(&inner).is_some_and(|stamp| *stamp == Stamp::of(&stat));
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => self.inner(from, to, &name, &inner, below, depth, known)?,
                _ if known => {}
                kind => self.changed(from, to, &name, &inner, &below, depth, kind, &stat)?,
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "where it is on both sides, and what the rules say there")]
    fn inner(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        path: &Path,
        spot: Spot,
        depth: usize,
        known: bool,
    ) -> Walk<()> {
        if !known {
            if self.held.policy.level(&spot) != Level::Write {
                self.deny("create a folder", path);
                return Ok(());
            }
            match mkdirat(to, name, Mode::from_raw_mode(0o755)) {
                Ok(()) => self.back.created += 1,
                Err(Errno::EXIST) => {}
                Err(errno) => return Err((errno, path.to_owned())),
            }
        }
        let into = match openat(to, name, FOLDER, Mode::empty()) {
            Ok(into) => into,
            // It is something else there by now.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {
                self.deny("write into a folder that is gone", path);
                return Ok(());
            }
            Err(errno) => return Err((errno, path.to_owned())),
        };
        // What is mounted there was not shown, and is not written to.
        if at(path, fstat(&into))?.st_dev != at(path, fstat(&self.held.host))?.st_dev {
            self.deny("write into a folder of another file system", path);
            return Ok(());
        }
        let copy = at(path, self.guise.over(|| openat(from, name, FOLDER, Mode::empty())))?;
        self.folder(&copy, &into, path, spot, depth + 1)
    }

    #[expect(clippy::too_many_arguments, reason = "where it is on both sides, and what is there")]
    fn changed(
        &mut self,
        from: &OwnedFd,
        to: &OwnedFd,
        name: &CStr,
        path: &Path,
        spot: &Spot,
        depth: usize,
        kind: FileType,
        stat: &Stat,
    ) -> Walk<()> {
        if self.held.policy.level(spot) != Level::Write {
            self.deny(if self.held.seen.contains_key(path) { "change" } else { "create" }, path);
            return Ok(());
        }
        if self.survey.husks.contains(&stat.st_ino) {
            self.deny("move what may only be viewed", path);
            return Ok(());
        }
        let aside = at(path, aside())?;
        match kind {
            FileType::RegularFile => at(path, self.file(from, to, name, &aside, stat))?,
            FileType::Symlink => {
                let target = at(path, readlinkat(from, name, Vec::new()))?;
                if leads_out(target.to_bytes(), depth) {
                    self.deny("create a link that leads out", path);
                    return Ok(());
                }
                at(path, symlinkat(&target, to, &aside))?;
            }
            _ => {
                self.deny("create what is neither file, folder nor link", path);
                return Ok(());
            }
        }
        let is_new = statat(to, name, AtFlags::SYMLINK_NOFOLLOW).is_err();
        if let Err(errno) = renameat(to, &aside, to, name) {
            let _ = unlinkat(to, &aside, AtFlags::empty());
            if matches!(errno, Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) {
                self.deny("put a file in the place of a folder", path);
                return Ok(());
            }
            return Err((errno, path.to_owned()));
        }
        self.back.created += u64::from(is_new);
        Ok(())
    }

    /// Writes beside the place and only then takes it: others that share the file keep it as it was.
    fn file(&mut self, from: &OwnedFd, to: &OwnedFd, name: &CStr, aside: &CStr, stat: &Stat) -> rustix::io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let copy = self.guise.over(|| match openat(from, name, flags, Mode::empty()) {
            Err(Errno::ACCESS) => {
                chmodat(from, name, Mode::RUSR, AtFlags::empty())?;
                openat(from, name, flags, Mode::empty())
            }
            opened => opened,
        })?;
        let bytes = u64::try_from(stat.st_size).unwrap_or(0);
        let room = fstatvfs(to)?;
        if room.f_bavail.saturating_mul(room.f_frsize) < bytes.saturating_add(self.allowed.reserve_bytes) {
            return Err(Errno::NOSPC);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut made = File::from(openat(to, aside, flags, Mode::RUSR | Mode::WUSR)?);
        let copied = in_parts(&mut File::from(copy).take(bytes), &mut made, self.allowed.goes_on);
        let copied = copied.map_err(errno_of).and_then(|copied| copied.ok_or(Errno::CANCELED));
        let written = copied.and_then(|written| {
            // It stays whose it was.
            let owner = statat(to, name, AtFlags::SYMLINK_NOFOLLOW).or_else(|_| fstat(to));
            if let (true, Ok(owner)) = (rustix::process::geteuid().is_root(), owner) {
                let _ = fchown(&made, Some(Uid::from_raw(owner.st_uid)), Some(Gid::from_raw(owner.st_gid)));
            }
            fchmod(&made, Mode::from_raw_mode(stat.st_mode & 0o777))?;
            futimens(&made, &times(stat))?;
            Ok(written)
        });
        match written {
            Ok(written) => self.back.bytes = self.back.bytes.saturating_add(written),
            Err(errno) => {
                let _ = unlinkat(to, aside, AtFlags::empty());
                return Err(errno);
            }
        }
        Ok(())
    }

    /// Nobody is left who would hear of it, or answer for it.
    fn wanted(&self) -> rustix::io::Result<()> {
        if (self.allowed.goes_on)() { Ok(()) } else { Err(Errno::CANCELED) }
    }

    /// Whether the copy has the same kind of thing under a name. Only what is surely not there is gone: a copy that cannot
    /// be looked at must not cost the host its files.
    fn is_there(&self, above: &Path, name: &CStr, stamp: Stamp) -> rustix::io::Result<bool> {
        let found = self.guise.over(|| {
            let folder = down(&self.held.copy, above)?;
            statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)
        });
        match found {
            Ok(now) => Ok(Stamp::of(&now).folder == stamp.folder),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    fn open_host(&self, path: &Path) -> Option<OwnedFd> {
        down(&self.held.host, path).ok()
    }

    fn deny(&mut self, tried: &str, path: &Path) {
        let shown = format!("{}/{}", self.guest.trim_end_matches('/'), path.display());
        if self.back.denials.len() < DENIALS {
            self.back.denials.push(Denial {
                tried: tried.to_owned(),
                path: Some(shown),
                missing: "a rule that lets it be changed (write)".to_owned(),
                times: 1,
            });
        } else if let Some(last) = self.back.denials.last_mut() {
            last.path = None;
            last.times += 1;
        }
    }
}

/// Opens the copy to us, the folder itself and all in it: a guest may have closed some of it to itself.
fn open_copy(held: &Held, guise: &Guise) -> Walk<()> {
    let root = Path::new("");
    at(root, guise.over(|| fchmod(&held.copy, Mode::RWXU)))?;
    open_up(guise, &held.copy, root, 0)
}

/// A guest may have nested folders deeper than any stack: what is so deep is not brought back, nor anything beside it.
fn open_up(guise: &Guise, folder: &OwnedFd, path: &Path, depth: usize) -> Walk<()> {
    if depth > NESTED {
        return Err((Errno::NAMETOOLONG, path.iter().take(4).collect()));
    }
    for name in at(path, guise.over(|| names(folder)))? {
        let inner = path.join(OsStr::from_bytes(name.to_bytes()));
        let stat = at(&inner, guise.over(|| statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            continue;
        }
        let opened = guise.over(|| {
            if stat.st_mode & 0o700 != 0o700 {
                chmodat(folder, &name, Mode::RWXU, AtFlags::empty())?;
            }
            openat(folder, &name, FOLDER, Mode::empty())
        });
        open_up(guise, &at(&inner, opened)?, &inner, depth + 1)?;
    }
    Ok(())
}

/// A name at a time, following nothing.
fn down(from: &OwnedFd, path: &Path) -> rustix::io::Result<OwnedFd> {
    let mut folder = openat(from, c".", FOLDER, Mode::empty())?;
    for name in path.iter() {
        folder = openat(&folder, name, FOLDER, Mode::empty())?;
    }
    Ok(folder)
}

/// A name that nobody has.
fn aside() -> rustix::io::Result<CString> {
    let mut random = [0u8; 16];
    let mut filled = 0;
    while let Some(rest) = random.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
    }
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    CString::new(format!(".ringfence-{digits}")).map_err(|_| Errno::INVAL)
}

/// Whether a link in a folder with `depth` names above it leads out of the whole, as far as its words tell.
pub(super) fn leads_out(target: &[u8], depth: usize) -> bool {
    crate::engine::leads_out(&String::from_utf8_lossy(target), depth)
}
