use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, chown, fstatvfs, mkdirat, open, openat, renameat, statat};
use rustix::process::{Gid, Uid};

use super::super::copies::{
    Allowed, Back, FOLDER, Folder, Guise, Held, Most, Over, copy_in, names, open_copies, write_back,
};
use super::super::failure::{Failure, Why};
use super::super::streams::Hit;
use super::plan::Guest;
use super::settings::DockerSettings;
use crate::model::{LimitName, Limits};

/// As deep as anything of a guest's is looked at.
const DEPTH: usize = 256;

/// The first look at how large folders have grown comes so soon.
const LOOK: Duration = Duration::from_millis(100);
/// Of all time, so much goes into looking.
const SHARE: u32 = 10;

/// What a container shows of a folder, or of a part of it that may not be changed.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) host: PathBuf,
    pub(super) guest: PathBuf,
    pub(super) fixed: bool,
}

/// The copies of a run's folders, in a folder of their own. They are removed with it.
pub(super) struct Room {
    dir: PathBuf,
    folders: Vec<Folder>,
    held: Vec<Held>,
    owner: Option<(u32, u32)>,
    reserve_bytes: u64,
    looker: Arc<Looker>,
    first: Size,
}

impl Room {
    /// Copies what the rules show. For a thread of its own: it waits for disks, and is somebody else now and then.
    pub(super) fn fill(
        settings: &DockerSettings,
        name: &str,
        folders: Vec<Folder>,
        guest: Guest,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let dir = settings.copies_dir.join(name);
        let place = |error: io::Error| Failure::new(Why::Folder, &settings.copies_dir.display().to_string(), error);
        DirBuilder::new().mode(0o700).create(&dir).map_err(place)?;
        // From here on whatever is there is removed with this.
        let reserve_bytes = settings.disk_reserve_bytes;
        let looker = Arc::new(Looker { copies: Vec::new(), reserve_bytes });
        let mut room =
            Self { dir, folders, held: Vec::new(), owner: guest.owner, reserve_bytes, looker, first: Size::default() };
        let copies = room.open().map_err(place)?;
        let most = Most { bytes: settings.copied_bytes, files: settings.copied_files };
        room.held = copy_in(&room.folders, most, &copies, &room.guise(), deadline)?;
        let copies = room.held.iter().map(|held| held.copy.try_clone()).collect::<io::Result<_>>().map_err(place)?;
        room.looker = Arc::new(Looker { copies, reserve_bytes });
        room.first = room.looker.size();
        if room.looker.disk_is_full() {
            return Err(place(io::Error::other("the disk has no room left for copies of folders")));
        }
        Ok(room)
    }

    /// A folder of the guest's in one of ours, and in it one for each copy.
    fn open(&self) -> io::Result<OwnedFd> {
        let inner = self.copies();
        DirBuilder::new().mode(0o700).create(&inner)?;
        if let Some((uid, gid)) = self.owner {
            chown(&inner, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        let copies = open(&inner, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        for index in 0..self.folders.len() {
            self.guise().over(|| mkdirat(&copies, format!("folder-{index}"), Mode::RWXU))?;
        }
        Ok(copies)
    }

    fn copies(&self) -> PathBuf {
        self.dir.join("copies")
    }

    fn guise(&self) -> Guise {
        Guise::new(self.owner.map(|(uid, gid)| (Uid::from_raw(uid), Gid::from_raw(gid))))
    }

    pub(super) fn looker(&self) -> Arc<Looker> {
        Arc::clone(&self.looker)
    }

    /// How large they were when the command got them.
    pub(super) fn first(&self) -> Size {
        self.first
    }

    /// Bytes that were copied.
    pub(super) fn bytes(&self) -> u64 {
        self.held.iter().map(|held| held.bytes).sum()
    }

    /// What is to be mounted: each folder, and what in it may not be changed.
    pub(super) fn shown(&self) -> Result<Vec<Shown>, Failure> {
        let mut all = Vec::new();
        for (index, (folder, held)) in self.folders.iter().zip(&self.held).enumerate() {
            let (host, guest) = (self.copies().join(format!("folder-{index}")), Path::new(&folder.guest));
            let pins = held.pins();
            let whole = pins.iter().any(|pin| pin.is_empty());
            all.push(Shown { host: host.clone(), guest: guest.to_owned(), fixed: whole });
            for pin in pins.iter().filter(|pin| !pin.is_empty()) {
                if pin.to_str().is_none() {
                    let why =
                        "a file in it may not be changed and has a name that is no text, which no engine can be told";
                    return Err(Failure::new(Why::Folder, &folder.guest, why));
                }
                all.push(Shown { host: host.join(pin), guest: guest.join(pin), fixed: true });
            }
        }
        Ok(all)
    }

    /// Brings back what the command changed, if it is no more than it may be. For a thread of its own as well, when nothing
    /// of the command is alive.
    pub(super) fn bring_back(mut self, limits: &Limits) -> Result<Result<Back, Hit>, Failure> {
        let held = std::mem::take(&mut self.held);
        open_copies(&self.folders, &held, &self.guise())?;
        if let Some(hit) = self.looker.over(&self.first, limits) {
            return Ok(Err(hit));
        }
        let allowed = Allowed {
            bytes: limits.written_bytes,
            files: limits.files_created,
            reserve_bytes: self.reserve_bytes,
            goes_on: &|| true,
        };
        let back = write_back(&self.folders, &allowed, held, &self.guise())?;
        Ok(back.map_err(|Over { name, used }| Hit { name, value: limits.get(name), used }))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        remove(&self.dir);
    }
}

/// Removes a folder with all in it: also what its owner has closed to himself, and what is nested deeper than anybody goes
/// down at once.
pub(super) fn remove(dir: &Path) {
    if let Ok(top) = open(dir, FOLDER, Mode::empty()) {
        let mut moved = 0;
        while flatten(&top, &top, DEPTH, &mut moved) {}
    }
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("the copies of folders in {} could not be removed: {error}", dir.display());
        }
        _ => {}
    }
}

/// Opens what is in a folder, and moves what is too deep to the top. Says whether it moved anything.
fn flatten(top: &OwnedFd, folder: &OwnedFd, depth: usize, moved: &mut u64) -> bool {
    let before = *moved;
    for name in names(folder).unwrap_or_default() {
        let Ok(stat) = statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            continue;
        }
        let _ = rustix::fs::chmodat(folder, &name, Mode::RWXU, AtFlags::empty());
        if depth == 0 {
            let free = format!("deep-{}-{moved}", uuid::Uuid::now_v7());
            *moved += u64::from(renameat(folder, &name, top, free).is_ok());
        } else if let Ok(inner) = openat(folder, &name, FOLDER, Mode::empty()) {
            flatten(top, &inner, depth - 1, moved);
        }
    }
    *moved > before
}

/// How much is in the copies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    bytes: u64,
    files: u64,
}

/// Looks at how large the copies are, which are on a disk that has no bound for them.
pub(super) struct Looker {
    copies: Vec<OwnedFd>,
    reserve_bytes: u64,
}

impl Looker {
    pub(super) fn size(&self) -> Size {
        let mut size = Size::default();
        self.copies.iter().for_each(|copy| size.add(copy, DEPTH));
        size
    }

    /// Which limit the copies are beyond, if they began with so much.
    pub(super) fn over(&self, first: &Size, limits: &Limits) -> Option<Hit> {
        let now = self.size();
        let grown = |now: u64, first: u64| now.saturating_sub(first);
        let (bytes, files) = (grown(now.bytes, first.bytes), grown(now.files, first.files));
        let hit = |name, value, used| Hit { name, value, used };
        if bytes > limits.written_bytes || (bytes > 0 && self.disk_is_full()) {
            return Some(hit(LimitName::WrittenBytes, limits.written_bytes, bytes));
        }
        (files > limits.files_created).then(|| hit(LimitName::FilesCreated, limits.files_created, files))
    }

    fn disk_is_full(&self) -> bool {
        let room = self.copies.first().and_then(|copy| fstatvfs(copy).ok());
        room.is_some_and(|room| room.f_bavail.saturating_mul(room.f_frsize) < self.reserve_bytes)
    }

    /// Ends when they are beyond a limit, and never where there is nothing to look at.
    pub(super) async fn watch(self: Arc<Self>, first: Size, limits: Limits) -> Hit {
        if self.copies.is_empty() {
            return std::future::pending().await;
        }
        let mut pause = LOOK;
        loop {
            tokio::time::sleep(pause).await;
            let (looker, limits, since) = (Arc::clone(&self), limits.clone(), Instant::now());
            let over = tokio::task::spawn_blocking(move || looker.over(&first, &limits)).await;
            if let Ok(Some(hit)) = over {
                return hit;
            }
            pause = LOOK.max(since.elapsed().saturating_mul(SHARE));
        }
    }
}

impl Size {
    /// A file counts as long as it says it is or as much as it takes, whichever is more: either may be brought back.
    fn add(&mut self, folder: &OwnedFd, depth: usize) {
        for name in names(folder).unwrap_or_default() {
            let Ok(stat) = statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            self.files = self.files.saturating_add(1);
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                // Deeper than this nothing is brought back.
                if let (Ok(inner), 1..) = (openat(folder, &name, FOLDER, Mode::empty()), depth) {
                    self.add(&inner, depth - 1);
                }
                continue;
            }
            let (long, takes) = (u64::try_from(stat.st_size), u64::try_from(stat.st_blocks));
            let takes = takes.unwrap_or(0).saturating_mul(512);
            // The last block of a file need not be full.
            let takes = if takes > long.unwrap_or(0).next_multiple_of(4_096) { takes } else { 0 };
            self.bytes = self.bytes.saturating_add(long.unwrap_or(0).max(takes));
        }
    }
}

/// Does something on a thread of its own, and waits for it.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, is_done) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("folders".to_owned()).spawn(move || {
        let _ = done.send(work());
    })?;
    is_done.await.map_err(io::Error::other)
}
