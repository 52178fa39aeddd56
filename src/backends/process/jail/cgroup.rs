use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD, accessat, getxattr};
use rustix::process::{Pid, geteuid};

use super::super::order::{Bounds, Controllers};

/// Runs yield to everything else that is beside them; a group has 100 by itself.
const WEIGHT: &str = "20";
/// How often it is tried to remove a group whose last process is just ending.
const TRIES: u32 = 200;

/// A folder of control groups (version 2) that was given to us, in which each run has a group of its own.
#[derive(Debug, Clone)]
pub(super) struct Home {
    folder: PathBuf,
    pub(super) has: Controllers,
}

impl Home {
    /// The nearest above our own group. What nobody gave to us belongs to another manager of groups.
    pub(super) fn find() -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let (root, mounted) = mounts.lines().find_map(version_2)?;
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
        let within = Path::new(own).strip_prefix(root).ok()?;
        let own = mounted.join(within);
        let above = own.ancestors().skip(1).take_while(|folder| folder.starts_with(&mounted));
        let folder = above.chain([&*mounted]).find(|folder| is_ours(folder))?;
        let has = controllers(folder);
        (has != Controllers::default()).then(|| Self { folder: folder.to_owned(), has })
    }

    /// Groups of supervisors that did not come to their end.
    pub(super) fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix("ringfence-"));
            if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
                // One that still has processes stays: the kernel does not let it go.
                let _ = fs::remove_dir(entry.path());
            }
        }
    }
}

/// The root and the place of a mount, if it is one of groups of version 2.
fn version_2(line: &str) -> Option<(PathBuf, PathBuf)> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(3);
    (kind.split(' ').next() == Some("cgroup2")).then_some(())?;
    Some((fields.next()?.into(), fields.next()?.into()))
}

fn is_ours(folder: &Path) -> bool {
    let writable = |path: &Path| accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok();
    if !writable(folder) || !writable(&folder.join("cgroup.procs")) {
        return false;
    }
    let mut mark = [0; 1];
    let marked = |name: &str, mark: &mut [u8; 1]| getxattr(folder, name, mark).is_ok_and(|length| length == 1);
    if (marked("user.delegate", &mut mark) || marked("trusted.delegate", &mut mark)) && mark == *b"1" {
        return true;
    }
    if !geteuid().is_root() {
        return fs::metadata(folder).is_ok_and(|found| found.uid() == geteuid().as_raw());
    }
    // The root of all groups has no kind. It is ours where nobody manages the machine's groups.
    !folder.join("cgroup.type").exists() && !Path::new("/run/systemd/system").exists()
}

/// What the groups in a folder can have, switched on where it was not.
fn controllers(folder: &Path) -> Controllers {
    let control = folder.join("cgroup.subtree_control");
    for name in ["memory", "pids", "cpu"] {
        // One that is not there, or is another's, stays off.
        let _ = fs::write(&control, format!("+{name}"));
    }
    let on = fs::read_to_string(&control).unwrap_or_default();
    let has = |name: &str| on.split_ascii_whitespace().any(|found| found == name);
    Controllers { memory: has("memory"), pids: has("pids"), cpu: has("cpu") }
}

/// The group of one run. It is gone with this, and so is everything in it.
pub(super) struct Group {
    folder: PathBuf,
    has: Controllers,
}

impl Group {
    pub(super) fn new(home: &Home, bounds: &Bounds) -> io::Result<Self> {
        let folder = home.folder.join(format!("ringfence-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let group = Self { folder, has: home.has };
        if group.has.memory {
            group.write("memory.max", &bounds.memory_bytes.to_string())?;
            // A kernel without swap has no such file.
            match group.write("memory.swap.max", "0") {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            group.write("memory.oom.group", "1")?;
        }
        if group.has.pids {
            // The first process is ours.
            group.write("pids.max", &bounds.processes.saturating_add(1).to_string())?;
        }
        if group.has.cpu {
            group.write("cpu.weight", WEIGHT)?;
        }
        Ok(group)
    }

    /// Takes in a process that has not begun, and with it all that come of it.
    pub(super) fn take(&self, pid: Pid) -> io::Result<()> {
        self.write("cgroup.procs", &pid.as_raw_nonzero().to_string())
    }

    /// Whether the kernel ended it for its memory.
    pub(super) fn out_of_memory(&self) -> bool {
        self.number_of("memory.events", "oom_kill").is_some_and(|killed| killed > 0)
    }

    pub(super) fn peak_bytes(&self) -> Option<u64> {
        self.has.memory.then(|| fs::read_to_string(self.folder.join("memory.peak")).ok()?.trim().parse().ok())?
    }

    /// Of everything that ever was in it, however it ended.
    pub(super) fn cpu_us(&self) -> Option<u64> {
        self.number_of("cpu.stat", "usage_usec")
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let write = || OpenOptions::new().write(true).open(self.folder.join(file))?.write_all(text.as_bytes());
        write().map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))
    }

    fn number_of(&self, file: &str, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.folder.join(file)).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        value.parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A kernel that has no such file has ended everything with the namespace already.
        let _ = self.write("cgroup.kill", "1");
        for _ in 0..TRIES {
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(Duration::from_millis(1)),
                _ => return,
            }
        }
    }
}
