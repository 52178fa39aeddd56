use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, StatVfsMountFlags, open, statvfs};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, mount_remount, unmount,
};
use rustix::process::{chdir, pivot_root};

use super::super::order::{Bounds, Failure, Why};
use super::supervise::GUEST;

/// The devices that there are.
pub(super) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Where the host's files are while the new root is built, where it is built, and where what can be written is.
const OLD: &str = "/old";
const NEW: &str = "/new";
const ROOM: &str = "/room";

const PAGE: u64 = 4_096;
/// Names that are in the new root before the guest makes any.
const OWN_NAMES: u64 = 64;

const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// A root that holds nothing but what is put into it. First a bare one with the host's below it, so that nothing of the
/// host is hidden by where it is made; then the new one alone.
pub(super) struct Root(());

type Step<T> = Result<T, Failure>;

fn failed(what: &str) -> impl Fn(Errno) -> Failure {
    move |errno| Failure::new(Why::Fence, what, io::Error::from(errno))
}

fn disk(what: &str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::new(Why::Fence, what, error)
}

impl Root {
    pub(super) fn begin(bounds: &Bounds) -> Step<Self> {
        let nothing_shared = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", nothing_shared).map_err(failed("mounts of its own"))?;
        let base = ["/tmp", "/var", "/usr"].into_iter().find(|path| Path::new(path).is_dir()).unwrap_or("/");
        tmpfs(base, 16 * PAGE, OWN_NAMES, 0o755)?;
        let old = format!("{base}{OLD}");
        make(&old)?;
        pivot_root(base, &*old).map_err(failed("a new root"))?;
        chdir("/").map_err(failed("a new root"))?;
        for folder in [NEW, ROOM] {
            make(folder)?;
        }
        tmpfs(NEW, 64 * PAGE, 4_096, 0o755)?;
        // What the folders hold is not known yet: what is copied has a bound of its own, and so has the guest afterwards.
        let bytes = bounds.copied_bytes.saturating_add(bounds.written_bytes);
        let names = bounds.copied_files.saturating_add(bounds.files_created);
        tmpfs(ROOM, bytes, names, 0o700)?;
        let root = Self(());
        root.devices()?;
        root.etc()?;
        for (at, inside, mode) in [("/tmp", "tmp", 0o1777), ("/dev/shm", "shm", 0o1777)] {
            let from = format!("{ROOM}/{inside}");
            make(&from)?;
            chmod(&from, mode)?;
            let to = place(at);
            make(&to)?;
            bind(&from, &to, SAFE)?;
        }
        Ok(root)
    }

    fn devices(&self) -> Step<()> {
        make(&place("/dev"))?;
        for name in DEVICES {
            let (from, to) = (format!("{OLD}/dev/{name}"), place(&format!("/dev/{name}")));
            fs::write(&to, "").map_err(disk("a device"))?;
            bind(&from, &to, MountFlags::NOSUID | MountFlags::NOEXEC)?;
        }
        let links = [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")];
        for (name, target) in links {
            symlink(format!("/proc/self/{target}"), place(&format!("/dev/{name}"))).map_err(disk("a device"))?;
        }
        Ok(())
    }

    /// What programs look up, said of nobody but the guest.
    fn etc(&self) -> Step<()> {
        make(&place("/etc"))?;
        let files = [
            ("passwd", format!("guest:x:{GUEST}:{GUEST}::/tmp:/bin/sh\n")),
            ("group", format!("guest:x:{GUEST}:\n")),
            ("hosts", "127.0.0.1 localhost\n".to_owned()),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".to_owned()),
        ];
        for (name, text) in files {
            fs::write(place(&format!("/etc/{name}")), text).map_err(disk("/etc"))?;
        }
        // Where libraries are, and which program stands for which.
        for name in ["/etc/ld.so.cache", "/etc/alternatives"] {
            let from = format!("{OLD}{name}");
            let to = place(name);
            match fs::symlink_metadata(&from) {
                Ok(found) if found.is_dir() => make(&to)?,
                Ok(found) if found.is_file() => fs::write(&to, "").map_err(disk("/etc"))?,
                _ => continue,
            }
            bind(&from, &to, SAFE | MountFlags::RDONLY)?;
        }
        Ok(())
    }

    /// Folders of the machine, to be read and executed. A link to one stays a link.
    pub(super) fn system(&self, folders: &[PathBuf]) -> Step<()> {
        for folder in folders {
            let shown = folder.to_string_lossy();
            let (from, to) = (format!("{OLD}{shown}"), place(&shown));
            let Ok(found) = fs::symlink_metadata(&from) else { continue };
            if found.is_symlink() {
                let target = fs::read_link(&from).map_err(disk(&shown))?;
                symlink(target, &to).map_err(disk(&shown))?;
            } else if found.is_dir() {
                make(&to)?;
                bind(&from, &to, SAFE | MountFlags::RDONLY)?;
            }
        }
        Ok(())
    }

    /// The folder in which each folder of the guest's gets its copy.
    pub(super) fn room(&self, count: usize) -> Step<OwnedFd> {
        for index in 0..count {
            make(&copy(index))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(ROOM, flags, Mode::empty()).map_err(failed("the room for files"))
    }

    /// Now that it is known what the folders hold, the guest may add so much and no more.
    pub(super) fn bound(&self, bounds: &Bounds, bytes: u64, files: u64) -> Step<()> {
        let options = options(
            bytes.saturating_add(bounds.written_bytes),
            files.saturating_add(bounds.files_created).saturating_add(OWN_NAMES),
            0o700,
        )?;
        mount_remount(ROOM, SAFE, &*options).map_err(failed("a bound for files"))
    }

    /// Shows a copy where the guest looks for it, and what may not be changed so that it cannot be.
    pub(super) fn mount(&self, index: usize, guest: &str, pins: &[OsString]) -> Step<()> {
        let wrong = |why: &str| Failure::new(Why::Folder, guest, why);
        let to = place(guest);
        fs::create_dir_all(&to).map_err(|error| match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => wrong("it is within a folder of the system; choose another place"),
            _ => wrong(&error.to_string()),
        })?;
        bind(&copy(index), &to, SAFE)?;
        for pin in pins {
            let whole = pin.is_empty();
            let path = if whole { PathBuf::from(&to) } else { Path::new(&to).join(pin) };
            if !whole {
                mount_bind(&path, &path).map_err(failed("a file that may not be changed"))?;
            }
            mount_remount(&path, MountFlags::BIND | SAFE | MountFlags::RDONLY, c"")
                .map_err(failed("a file that may not be changed"))?;
        }
        Ok(())
    }

    /// Leaves the host's files behind. Says whether there is a `/proc`.
    pub(super) fn finish(self) -> Step<bool> {
        make(&place("/proc"))?;
        let flags = SAFE | MountFlags::NOEXEC | MountFlags::RDONLY;
        let mounted = [c"hidepid=invisible,subset=pid", c"hidepid=2"]
            .into_iter()
            .any(|options| mount("proc", place("/proc"), "proc", flags, options).is_ok());
        chdir(NEW).map_err(failed("the new root"))?;
        pivot_root(".", ".").map_err(failed("the new root"))?;
        unmount(".", UnmountFlags::DETACH).map_err(failed("the new root"))?;
        chdir("/").map_err(failed("the new root"))?;
        mount_remount("/", MountFlags::BIND | SAFE | MountFlags::RDONLY, c"").map_err(failed("the new root"))?;
        Ok(mounted)
    }
}

fn place(path: &str) -> String {
    format!("{NEW}{path}")
}

fn copy(index: usize) -> String {
    format!("{ROOM}/folder-{index}")
}

fn make(path: &str) -> Step<()> {
    fs::create_dir_all(path).map_err(disk(path))
}

fn chmod(path: &str, mode: u32) -> Step<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(disk(path))
}

/// Zero would be no bound at all.
fn options(bytes: u64, names: u64, mode: u32) -> Step<CString> {
    let (pages, names) = (bytes.div_ceil(PAGE).max(1), names.max(1));
    CString::new(format!("size={},nr_inodes={names},mode={mode:o}", pages.saturating_mul(PAGE)))
        .map_err(|error| Failure::new(Why::Fence, "a file system in memory", error))
}

fn tmpfs(at: &str, bytes: u64, names: u64, mode: u32) -> Step<()> {
    let options = options(bytes, names.saturating_add(OWN_NAMES), mode)?;
    mount("ringfence", at, "tmpfs", SAFE, &*options).map_err(failed("a file system in memory"))
}

/// Binds and then says how: the kernel takes flags only from the second call. What the host forbids stays forbidden.
fn bind(from: &str, to: &str, flags: MountFlags) -> Step<()> {
    mount_bind(from, to).map_err(|errno| match errno {
        Errno::INVAL => Failure::new(Why::Fence, from.trim_start_matches(OLD), "something is mounted in this folder"),
        errno => failed(from.trim_start_matches(OLD))(errno),
    })?;
    let has = statvfs(to).map_err(failed("a mount"))?.f_flag;
    let mut all = MountFlags::BIND | flags;
    for (is, keep) in [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ] {
        if has.contains(is) {
            all |= keep;
        }
    }
    mount_remount(to, all, c"").map_err(failed(from.trim_start_matches(OLD)))
}
