use std::fmt;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, fstatfs, open, statat};

use super::super::super::error::EngineError;
use crate::fs_policy::{Level, Policy, Spot};

/// A folder of the host under a name of the guest's, with the rules for what is in it.
#[derive(Debug, Clone)]
pub struct Mount {
    pub host: PathBuf,
    pub guest: String,
    pub policy: Arc<Policy>,
    pub copy_on_write: Option<CopyOnWrite>,
}

/// Files of the mount that may not be written by their owner belong to somebody else as well: who changes one gets a
/// copy.
#[derive(Clone)]
pub struct CopyOnWrite {
    /// Where copies are made: on the same file system, and nowhere in the mount.
    pub copies: PathBuf,
    /// Lives as long as anything of the run may still touch the folder, which may be a moment longer than the run.
    pub held: Arc<dyn Send + Sync>,
}

impl fmt::Debug for CopyOnWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOnWrite").field("copies", &self.copies).finish_non_exhaustive()
    }
}

impl Mount {
    /// Everything in a folder at one level.
    pub fn whole(host: impl Into<PathBuf>, guest: impl Into<String>, level: Level) -> Self {
        Self { host: host.into(), guest: guest.into(), policy: Arc::new(Policy::all(level)), copy_on_write: None }
    }
}

/// Whether names that differ only in case are the same in this folder. Where that cannot be told, it is taken for so: a
/// rule that hides too much is told, one that hides too little is not.
pub fn folds_case(folder: &Path) -> bool {
    open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_or(true, folds)
}

fn folds(folder: impl AsFd) -> bool {
    const CASEFOLD: u32 = 0x4000_0000;
    if rustix::fs::ioctl_getflags(&folder).is_ok_and(|flags| flags.bits() & CASEFOLD != 0) {
        return true;
    }
    let kind = fstatfs(&folder).map_or(0, |of| u64::try_from(of.f_type).unwrap_or(0));
    !KEEPS_CASE.contains(&kind) && tried_out(&folder).unwrap_or(true)
}

/// File systems in which names that differ in case differ, unless a folder is flagged: ext, btrfs, tmpfs, overlayfs, f2fs,
/// bcachefs, ramfs, squashfs, erofs, NFS.
const KEEPS_CASE: [u64; 10] = [
    0xef53,
    0x9123_683e,
    0x0102_1994,
    0x794c_7630,
    0xf2f5_2010,
    0xca45_1a4e,
    0x8584_58f6,
    0x7371_7368,
    0xe0f5_e1e2,
    0x6969,
];

/// Looks up a name that is there in the other case. `None`: nothing is there to be tried.
fn tried_out(folder: impl AsFd) -> Option<bool> {
    for entry in Dir::read_from(&folder).ok()?.take(1_000) {
        let entry = entry.ok()?;
        let name = entry.file_name().to_str().ok()?;
        let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        let other: String = name.chars().map(swap).collect();
        if other == name {
            continue;
        }
        let look = |name: &str| statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        let same = |a: &Stat, b: &Stat| (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino);
        return Some(match (look(name), look(&other)) {
            (Some(one), Some(two)) => same(&one, &two),
            _ => false,
        });
    }
    None
}

/// Where copies of shared files are made, one at a time.
pub(super) struct Copies {
    pub(super) dir: File,
    pub(super) one: Mutex<()>,
    _held: Arc<dyn Send + Sync>,
}

impl Copies {
    fn new(of: &CopyOnWrite) -> Result<Self, EngineError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = open(&of.copies, flags, Mode::empty()).map_err(|errno| EngineError::Dir {
            path: of.copies.display().to_string(),
            reason: std::io::Error::from(errno).into(),
        })?;
        Ok(Self { dir: dir.into(), one: Mutex::new(()), _held: Arc::clone(&of.held) })
    }
}

/// A mount that is open, for one run.
pub(super) struct Open {
    pub(super) root: Arc<File>,
    pub(super) guest: String,
    pub(super) policy: Arc<Policy>,
    pub(super) copies: Option<Copies>,
    /// The rules hide nothing: then there is nothing that counts could give away.
    pub(super) all_shown: bool,
    /// Names that were looked at to find out where hidden folders lead, and not charged for yet.
    pub(super) searched: AtomicU64,
    /// The run is over: nobody waits for what is still being looked for.
    pub(super) over: Arc<AtomicBool>,
    dev: u64,
}

impl Open {
    pub(super) fn new(mount: &Mount, over: Arc<AtomicBool>) -> Result<Self, EngineError> {
        let failed = |errno: rustix::io::Errno| EngineError::Dir {
            path: mount.host.display().to_string(),
            reason: std::io::Error::from(errno).into(),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(&mount.host, flags, Mode::empty()).map_err(failed)?;
        let dev = fstat(&root).map_err(failed)?.st_dev;
        if is_window(&root).map_err(failed)? {
            return Err(EngineError::Dir {
                path: mount.host.display().to_string(),
                reason: std::io::Error::other("it is a window into the kernel (proc, sys or the like), not a folder")
                    .into(),
            });
        }
        let spot = mount.policy.root();
        Ok(Self {
            root: Arc::new(root.into()),
            guest: mount.guest.clone(),
            all_shown: mount.policy.is_uniform(&spot) && mount.policy.level(&spot) > Level::None,
            policy: Arc::clone(&mount.policy),
            copies: mount.copy_on_write.as_ref().map(Copies::new).transpose()?,
            searched: AtomicU64::new(0),
            over,
            dev,
        })
    }

    /// Whether the names of a file may be counted: not where some are hidden, nor where others that share it have theirs.
    pub(super) fn counts_links(&self) -> bool {
        self.all_shown && self.copies.is_none()
    }

    /// Whether it lies on another file system at all.
    pub(super) fn is_elsewhere(&self, dev: u64) -> bool {
        dev != self.dev
    }

    /// What forbids something in the tree that lies on another file system: one that is no place for files, since through
    /// `/proc` a guest would reach the memory of the host; or one that folds case where the rules do not. Asked of each
    /// folder on the way, before anything is done in it.
    pub(super) fn forbids(&self, dev: u64, file: impl AsFd) -> Option<&'static str> {
        if dev == self.dev {
            return None;
        }
        // What cannot be asked is not trusted.
        if is_window(&file).unwrap_or(true) {
            return Some("none: proc, sys and the like are never given to guests");
        }
        let folder = fstat(&file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
        let folds = folder && !self.all_shown && !self.policy.is_folded() && folds(file);
        folds.then_some("none: upper and lower case are the same on this file system; give it as a folder of its own")
    }

    /// A path as the guest knows it.
    pub(super) fn shown(&self, inner: &str) -> String {
        format!("{}{inner}", self.guest.trim_end_matches('/'))
    }
}

/// File systems that show the kernel: proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, configfs, selinux,
/// pstore, efivarfs, binfmt_misc, nsfs, mqueue, devpts, fusectl, apparmor, resctrl, nfsd, binder, smack, rpc_pipefs,
/// anonymous ones, hypfs, futexfs, sockets, pipes.
const WINDOWS: [u64; 28] = [
    0x9fa0,
    0x6265_6572,
    0x0027_e0eb,
    0x6367_7270,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x6265_6570,
    0xf97c_ff8c,
    0x6165_676c,
    0xde5e_81e4,
    0x4249_4e4d,
    0x6e73_6673,
    0x1980_0202,
    0x1cd1,
    0x6573_5543,
    0x5a3c_69f0,
    0x0765_5821,
    0x6e66_7364,
    0x6c6f_6f70,
    0x4341_5d53,
    0x6759_6969,
    0x0904_1934,
    0xc7c6_cdcc,
    0x0bad_1dea,
    0x534f_434b,
    0x5049_5045,
];

/// Whether something lies on a file system that shows the kernel, and no files.
pub fn is_window(file: impl AsFd) -> rustix::io::Result<bool> {
    let kind = u64::try_from(fstatfs(file)?.f_type).unwrap_or(0);
    Ok(WINDOWS.contains(&kind))
}

/// An open folder of a mount: where it is, and where it stands among the rules. The path is that of folders only: no
/// link is on it.
#[derive(Clone)]
pub(super) struct Folder {
    pub(super) mount: Arc<Open>,
    pub(super) dir: Arc<File>,
    /// From the mount, with a slash before each name; empty for the mount itself.
    pub(super) path: Arc<str>,
    pub(super) spot: Spot,
}

impl Folder {
    pub(super) fn root(mount: Arc<Open>) -> Self {
        Self { dir: Arc::clone(&mount.root), path: "".into(), spot: mount.policy.root(), mount }
    }

    pub(super) fn level(&self) -> Level {
        self.mount.policy.level(&self.spot)
    }

    /// How many names are between the mount and this folder.
    pub(super) fn depth(&self) -> usize {
        self.path.matches('/').count()
    }

    /// The same open folder after it, or one above it, went from one path to another.
    pub(super) fn moved(&mut self, from: &str, to: &str) {
        let rest = self.path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(rest) = rest {
            let path = format!("{to}{rest}");
            self.spot = self.mount.policy.spot_of(&path);
            self.path = path.into();
        }
    }

    pub(super) fn below(&self, name: &str, dir: File) -> Self {
        self.below_bytes(name.as_bytes(), dir)
    }

    /// The same for a name that may be no text.
    pub(super) fn below_bytes(&self, name: &[u8], dir: File) -> Self {
        Self {
            mount: Arc::clone(&self.mount),
            dir: Arc::new(dir),
            path: format!("{}/{}", self.path, String::from_utf8_lossy(name)).into(),
            spot: self.mount.policy.step(&self.spot, name),
        }
    }
}
