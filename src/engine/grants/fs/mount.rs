use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, fstat, fstatfs, open};

use super::super::super::error::EngineError;
use crate::fs_policy::{Level, Policy, Spot};

/// A folder of the host under a name of the guest's, with the rules for what is in it.
#[derive(Debug, Clone)]
pub struct Mount {
    pub host: PathBuf,
    pub guest: String,
    pub policy: Arc<Policy>,
    /// Files that may not be written by their owner belong to somebody else as well: who changes one gets a copy.
    pub copy_on_write: bool,
}

impl Mount {
    /// Everything in a folder at one level.
    pub fn whole(host: impl Into<PathBuf>, guest: impl Into<String>, level: Level) -> Self {
        Self { host: host.into(), guest: guest.into(), policy: Arc::new(Policy::all(level)), copy_on_write: false }
    }
}

/// Whether names that differ only in case are the same in this folder.
pub fn folds_case(folder: &Path) -> bool {
    const CASEFOLD: u32 = 0x4000_0000;
    const FOLDING: [u64; 5] = [0x4d44, 0x2011_bab0, 0x5346_544e, 0x7366_746e, 0xff53_4d42];
    let Ok(folder) = open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
        return false;
    };
    let flagged = rustix::fs::ioctl_getflags(&folder).is_ok_and(|flags| flags.bits() & CASEFOLD != 0);
    flagged || fstatfs(&folder).is_ok_and(|of| u64::try_from(of.f_type).is_ok_and(|kind| FOLDING.contains(&kind)))
}

/// A mount that is open, for one run.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) root: Arc<File>,
    pub(super) guest: String,
    pub(super) policy: Arc<Policy>,
    pub(super) copy_on_write: bool,
    /// Copies of shared files are made one at a time.
    pub(super) copying: Mutex<()>,
    /// The rules hide nothing: then there is nothing that counts could give away.
    pub(super) all_shown: bool,
    dev: u64,
}

impl Open {
    pub(super) fn new(mount: &Mount) -> Result<Self, EngineError> {
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
            copy_on_write: mount.copy_on_write,
            copying: Mutex::new(()),
            dev,
        })
    }

    /// Whether something in the tree lies on another file system that is no place for files: through `/proc` a guest
    /// would reach the memory of the host.
    pub(super) fn is_foreign(&self, dev: u64, file: impl AsFd) -> bool {
        // What cannot be asked is not trusted.
        dev != self.dev && is_window(file).unwrap_or(true)
    }

    /// A path as the guest knows it.
    pub(super) fn shown(&self, inner: &str) -> String {
        format!("{}{inner}", self.guest.trim_end_matches('/'))
    }
}

/// File systems that show the kernel: proc, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, configfs, selinux,
/// pstore, efivarfs, binfmt_misc, nsfs, mqueue, devpts.
const WINDOWS: [u64; 16] = [
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
];

fn is_window(file: impl AsFd) -> rustix::io::Result<bool> {
    let kind = u64::try_from(fstatfs(file)?.f_type).unwrap_or(0);
    Ok(WINDOWS.contains(&kind))
}

/// An open folder of a mount: where it is, and where it stands among the rules. The path is that of folders only: no
/// link is on it.
#[derive(Debug, Clone)]
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

    pub(super) fn below(&self, name: &str, dir: File) -> Self {
        Self {
            mount: Arc::clone(&self.mount),
            dir: Arc::new(dir),
            path: format!("{}/{name}", self.path).into(),
            spot: self.mount.policy.step(&self.spot, name.as_bytes()),
        }
    }
}
