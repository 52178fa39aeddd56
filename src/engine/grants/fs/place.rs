use std::ffi::CString;
use std::fs::File;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, readlinkat, statat};
use rustix::io::Errno;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::denied::{Done, Refused, denied, never};
use super::mount::Folder;
use super::{tree, way};
use crate::fs_policy::{Level, Spot};

const PATH_BYTES: usize = 4_096;
const NAME_BYTES: usize = 255;
/// Links on one path, as everywhere.
const LINKS: usize = 40;
const STEPS: usize = 4_096;
/// Folders that are held open while a path is resolved.
const DEPTH: usize = 200;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Where a path ends: a name in a folder that is held open, whether or not something has that name.
pub(super) struct Place {
    pub(super) parent: Folder,
    /// One name, or `.` for the folder itself.
    pub(super) name: String,
    pub(super) spot: Spot,
    /// A slash came after it: only a folder will do.
    pub(super) must_be_folder: bool,
    /// What is there, if it was looked at.
    pub(super) stat: Option<Stat>,
}

impl Place {
    pub(super) fn level(&self) -> Level {
        self.parent.mount.policy.level(&self.spot)
    }

    pub(super) fn is_here(&self) -> bool {
        self.name == "."
    }

    /// From the mount.
    pub(super) fn inner(&self) -> String {
        if self.is_here() { self.parent.path.to_string() } else { format!("{}/{}", self.parent.path, self.name) }
    }

    /// As the guest knows it.
    pub(super) fn shown(&self) -> String {
        let inner = self.inner();
        self.parent.mount.shown(if inner.is_empty() { "/" } else { &inner })
    }

    pub(super) fn kind(&self) -> Option<FileType> {
        self.stat.map(|stat| FileType::from_raw_mode(stat.st_mode))
    }

    /// Refuses what needs more than the path has.
    pub(super) fn need(&self, wants: Level, tried: &'static str) -> Done<()> {
        let has = self.level();
        if has >= wants { Ok(()) } else { Err(denied(tried, &self.shown(), has, wants)) }
    }

    /// Looks at what is there, link or not. Absent is not an error yet.
    pub(super) fn look(&mut self) -> Done<()> {
        self.stat = match statat(&self.parent.dir, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat),
            Err(Errno::NOENT) => None,
            // What the disk refuses in a hidden folder would tell that it is there.
            Err(_) if way::is_hidden(&self.parent) => None,
            Err(errno) => return Err(errno.into()),
        };
        Ok(())
    }

    /// Refuses what is a window into the kernel, before it is opened or even looked at.
    pub(super) fn ours(&self, stat: &Stat, tried: &'static str) -> Done<()> {
        let mount = &self.parent.mount;
        if !mount.is_elsewhere(stat.st_dev) {
            return Ok(());
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.parent.dir, self.name.as_str(), flags, Mode::empty())?;
        match mount.forbids(stat.st_dev, file) {
            Some(missing) => Err(never(tried, &self.shown(), missing)),
            None => Ok(()),
        }
    }

    /// The same as absent, for a hidden folder that leads to nothing.
    fn must_lead(&self, tried: &'static str) -> Done<()> {
        if self.is_here() {
            return way::must_lead(&self.parent, tried);
        }
        let name = CString::new(self.name.as_str()).map_err(|_| ErrorCode::Invalid)?;
        match tree::open(&self.parent, &name) {
            Ok(Some(folder)) => way::must_lead(&folder, tried),
            _ => Err(denied(tried, &self.shown(), Level::None, Level::View)),
        }
    }

    /// What is there, if the guest may know of it: it can be seen, or it is a folder on the way to what can be.
    pub(super) fn visible(&self, tried: &'static str) -> Done<Stat> {
        let hidden = || denied(tried, &self.shown(), Level::None, Level::View);
        let level = self.level();
        if level == Level::None && !self.parent.mount.policy.is_passable(&self.spot) {
            return Err(hidden());
        }
        let Some(stat) = self.stat else { return Err(ErrorCode::NoEntry.into()) };
        let folder = self.kind() == Some(FileType::Directory);
        match (level, folder) {
            (Level::None, false) => return Err(hidden()),
            (Level::None, true) => self.must_lead(tried)?,
            _ => self.ours(&stat, tried)?,
        }
        if self.must_be_folder && !folder {
            return Err(ErrorCode::NotDirectory.into());
        }
        Ok(stat)
    }
}

/// Finds where a path ends. `follow`: if there is a link at the end, go on where it leads; otherwise the end is taken as
/// it is and not even looked at, unless `look` says so.
pub(super) fn find(from: &Folder, path: &str, follow: bool, look: bool, tried: &'static str) -> Done<Place> {
    let walk = |jumps| Walk {
        stack: vec![from.clone()],
        rest: Vec::new(),
        links: 0,
        steps: 0,
        jumps,
        known: way::Known::default(),
        tried,
    };
    let place = match walk(true).find(path, follow, look)? {
        Some(place) => place,
        // A link at the end may lead up again, so each folder on the way is needed.
        None => walk(false).find(path, follow, look)?.ok_or(Refused::Code(ErrorCode::Io))?,
    };
    way::must_lead_to(&place, tried)?;
    Ok(place)
}

struct Walk {
    /// The folders from the one that was started from down to where we are.
    stack: Vec<Folder>,
    /// Names still to go, the next last.
    rest: Vec<String>,
    links: usize,
    steps: usize,
    /// May take all folders of a path at once.
    jumps: bool,
    known: way::Known,
    tried: &'static str,
}

impl Walk {
    /// `None`: it took folders at once and then met a link.
    fn find(mut self, path: &str, follow: bool, look: bool) -> Done<Option<Place>> {
        let mut must_be_folder = self.push(path)?;
        let jumped = self.jumps && self.jump()?;
        loop {
            let here = self.here()?;
            let Some(name) = self.rest.pop() else {
                let mut place = Place {
                    spot: here.spot.clone(),
                    parent: here,
                    name: ".".to_owned(),
                    must_be_folder: true,
                    stat: None,
                };
                place.look()?;
                return Ok(Some(place));
            };
            self.steps += 1;
            if self.steps > STEPS {
                return Err(ErrorCode::NameTooLong.into());
            }
            match name.as_str() {
                "." => continue,
                ".." => {
                    self.stack.pop();
                    if self.stack.is_empty() {
                        return Err(self.outside(&here));
                    }
                    self.known.must_lead(&here, self.tried)?;
                    continue;
                }
                _ => {}
            }
            let spot = here.mount.policy.step(&here.spot, name.as_bytes());
            if self.rest.is_empty() {
                let mut place = Place { parent: here, name, spot, must_be_folder, stat: None };
                if !follow && !look {
                    return Ok(Some(place));
                }
                place.look()?;
                let link = place.kind() == Some(FileType::Symlink);
                // A hidden link is not followed: that would tell that it is there.
                if !link || !(follow || must_be_folder) || place.level() == Level::None {
                    return Ok(Some(place));
                }
                if jumped {
                    return Ok(None);
                }
                must_be_folder |= self.enter_link(&place.parent, &place.name)?;
                continue;
            }
            self.descend(&here, name, &spot)?;
        }
    }

    fn here(&self) -> Done<Folder> {
        self.stack.last().cloned().ok_or(Refused::Code(ErrorCode::Io))
    }

    /// Takes the names of a path. Whether only a folder will do at its end.
    fn push(&mut self, path: &str) -> Done<bool> {
        if path.is_empty() {
            return Err(ErrorCode::NoEntry.into());
        }
        if path.len() > PATH_BYTES {
            return Err(ErrorCode::NameTooLong.into());
        }
        if path.contains('\0') {
            return Err(ErrorCode::Invalid.into());
        }
        if path.starts_with('/') {
            let here = self.here()?;
            return Err(self.outside(&here));
        }
        let mut names: Vec<String> = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if names.iter().any(|name| name.len() > NAME_BYTES) {
            return Err(ErrorCode::NameTooLong.into());
        }
        let folder = path.ends_with('/') || matches!(names.last().map(String::as_str), Some("." | ".."));
        names.reverse();
        self.rest.append(&mut names);
        Ok(folder)
    }

    fn outside(&self, at: &Folder) -> Refused {
        never(self.tried, &at.mount.shown("/.."), "none: a folder is never left")
    }

    /// All folders of a path in one step where no link is among them and no `..`; else nothing happens.
    fn jump(&mut self) -> Done<bool> {
        let folders = self.rest.get(1..).unwrap_or_default();
        if folders.len() < 2 || self.rest.iter().any(|name| name == "." || name == "..") {
            return Ok(false);
        }
        let mut here = self.here()?;
        let mut path = String::new();
        let mut inner = here.path.to_string();
        for name in folders.iter().rev() {
            here.spot = here.mount.policy.step(&here.spot, name.as_bytes());
            // Where a link is on the way, what is hidden behind it is not what this looks at.
            if here.level() == Level::None && !here.mount.policy.is_passable(&here.spot) {
                return Ok(false);
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name);
            inner.push('/');
            inner.push_str(name);
        }
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            // What lies on another file system is looked at folder by folder.
            | ResolveFlags::NO_XDEV;
        let Ok(dir) = openat2(&here.dir, path.as_str(), FOLDER, Mode::empty(), resolve) else { return Ok(false) };
        here.dir = Arc::new(File::from(dir));
        here.path = inner.into();
        self.stack.push(here);
        self.rest.truncate(1);
        Ok(true)
    }

    /// One folder further, or along a link.
    fn descend(&mut self, here: &Folder, name: String, spot: &Spot) -> Done<()> {
        // Whatever goes wrong at or below what is hidden, there is one answer.
        let policy = &here.mount.policy;
        let hidden = || {
            let shown = here.mount.shown(&format!("{}/{name}", here.path));
            denied(self.tried, &shown, Level::None, Level::View)
        };
        let level = policy.level(spot);
        if level == Level::None && !policy.is_passable(spot) {
            return Err(hidden());
        }
        match openat(&here.dir, name.as_str(), FOLDER, Mode::empty()) {
            Ok(dir) => {
                let hides = level == Level::None;
                if self.stack.len() > DEPTH {
                    return Err(if hides { hidden() } else { ErrorCode::NameTooLong.into() });
                }
                if let Some(missing) = here.mount.forbids(fstat(&dir)?.st_dev, &dir) {
                    let shown = here.mount.shown(&format!("{}/{name}", here.path));
                    return Err(if hides { hidden() } else { never(self.tried, &shown, missing) });
                }
                let folder = Folder {
                    mount: Arc::clone(&here.mount),
                    dir: Arc::new(dir.into()),
                    path: format!("{}/{name}", here.path).into(),
                    spot: spot.clone(),
                };
                self.stack.push(folder);
                Ok(())
            }
            Err(Errno::NOTDIR | Errno::LOOP) if level == Level::None => Err(hidden()),
            Err(Errno::NOTDIR | Errno::LOOP) => self.enter_link(here, &name).map(|_| ()),
            Err(Errno::NOENT) => Err(ErrorCode::NoEntry.into()),
            Err(_) if level == Level::None || way::is_hidden(here) => Err(hidden()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn enter_link(&mut self, here: &Folder, name: &str) -> Done<bool> {
        let target = match readlinkat(&here.dir, name, Vec::new()) {
            Ok(target) => target.into_string().map_err(|_| Refused::Code(ErrorCode::IllegalByteSequence))?,
            // No link: a file where a folder should be.
            Err(Errno::INVAL) => return Err(ErrorCode::NotDirectory.into()),
            Err(errno) => return Err(errno.into()),
        };
        self.links += 1;
        if self.links > LINKS {
            return Err(ErrorCode::Loop.into());
        }
        self.push(&target)
    }
}
