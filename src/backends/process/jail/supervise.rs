use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Gid, Pid, PidfdFlags, Signal, Uid, WaitId, WaitIdOptions, getegid, geteuid, pidfd_open, pidfd_send_signal, waitid,
};

use super::super::super::copies::{Allowed, Back, Guise, Held, Most, Over, copy_in, full, write_back};
use super::super::order::{Ended, Failure, Fence, How, Order, Told, Why, receive, send};
use super::calls::Filters;
use super::cgroup::{Group, Home};
use super::init::{Inside, Outside, init, receive_folder};
use super::keeper::Given;
use super::kernel::{self, Forked, NAMESPACES};
use super::watch::{Watch, cpu_us};

/// How long the parts of a fence may take to build.
const PATIENCE: Duration = Duration::from_secs(20);
/// Users whose numbers no machine gives to anybody: each run of a host that is root has one of its own.
const NOBODY_ELSE: u32 = 2_000_000_000;
/// Who owns nothing, by the custom of all machines.
const NOBODY: u32 = 65_534;
/// Who the guest is to itself.
pub(super) const GUEST: u32 = 1_000;

/// The whole life of a supervisor: one order, one tree of processes, one answer.
pub(super) fn supervise(given: Given, filters: &Filters, home: Option<&Home>) {
    let Given { control, streams } = given;
    let told = match receive::<Order>(&control) {
        Ok(Some(order)) => match fence(order, &control, streams, filters, home) {
            Ok(Some(ended)) => Told::Ended(ended),
            // Nobody is there to be told.
            Ok(None) => return,
            Err(failure) => Told::Failed(failure),
        },
        Ok(None) => return,
        Err(error) => Told::Failed(Failure::new(Why::Fence, "the order", error)),
    };
    let _ = send(&control, &told);
}

/// A tree of processes that does not outlive this.
struct Tree {
    pidfd: OwnedFd,
    pid: Pid,
    over: bool,
}

impl Tree {
    fn new(pid: Pid) -> io::Result<Self> {
        Ok(Self { pidfd: pidfd_open(pid, PidfdFlags::empty())?, pid, over: false })
    }

    /// The kernel ends a whole PID namespace with its first process, and lets it be waited for when the last is gone.
    fn end(&mut self) {
        if !self.over {
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED) {}
            self.over = true;
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.end();
    }
}

/// `None`: the host is gone, and so is the tree.
fn fence(
    order: Order,
    control: &UnixStream,
    streams: [OwnedFd; 3],
    filters: &Filters,
    home: Option<&Home>,
) -> Result<Option<Ended>, Failure> {
    let start = Instant::now();
    let deadline = start + Duration::from_millis(order.bounds.deadline_ms);
    let group = own_group(&order, home)?;
    let (ours, theirs) = UnixStream::pair().map_err(Failure::fence("a socket"))?;
    let forked = kernel::fork(NAMESPACES).map_err(Failure::fence("new namespaces"))?;
    let pid = match forked {
        Forked::Child => {
            // It must hear when we are gone. What it has of the host's socket closes when the command starts.
            drop(ours);
            init(&order, theirs, streams, filters);
        }
        Forked::Parent(pid) => pid,
    };
    drop((theirs, streams));
    let mut tree = Tree::new(pid).map_err(Failure::fence("the first process"))?;
    let guise = map_user(pid)?;
    if let Some(group) = &group {
        group.take(pid).map_err(Failure::fence("its control group"))?;
    }
    let (room, held, mut fence) = build(&order, &ours, &guise, deadline)?;
    fence.controllers = home.map(|home| home.has).unwrap_or_default();
    if send(control, &Told::Built(fence)).is_err() {
        return Ok(None);
    }
    let mut watch = Watch::new(pid, order.bounds.memory_bytes);
    let how = wait(&tree, &ours, control, deadline, &mut watch)?;
    let how = how.map(|how| told_by(group.as_ref(), how, &order));
    // What is killed is not counted by the kernel for anybody.
    let cut_us = if matches!(how, Some(How::Exited(_) | How::Signal(_))) { 0 } else { cpu_us(tree.pid) };
    tree.end();
    let wall = start.elapsed();
    let Some(how) = how else { return Ok(None) };
    let copied_in = held.iter().map(|held| held.bytes).sum();
    let full = full(&room);
    let allowed = Allowed {
        bytes: order.bounds.written_bytes,
        files: order.bounds.files_created,
        reserve_bytes: order.bounds.reserve_bytes,
        goes_on: &|| is_heard(control),
    };
    let (back, over) = match write_back(&order.mounts, &allowed, held, &guise)? {
        Ok(back) => (back, None),
        Err(Over { name, used }) => (Back::default(), Some((name, used))),
    };
    let ended = Ended {
        how,
        wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        cpu_us: group.as_ref().and_then(Group::cpu_us).unwrap_or_else(|| kernel::children_cpu_us().max(cut_us)),
        peak_memory_bytes: group.as_ref().and_then(Group::peak_bytes).unwrap_or_else(|| watch.peak_bytes()),
        copied_in,
        copied_back: back.bytes,
        files_created: back.created,
        denials: back.denials,
        full,
        over,
    };
    Ok(Some(ended))
}

/// Whether the host is still there: without it nothing is brought back any more.
fn is_heard(control: &UnixStream) -> bool {
    let mut waiting = [PollFd::new(control, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    !matches!(poll(&mut waiting, Some(&now)), Ok(1..))
}

/// A group for the run, with no less than was claimed of it.
fn own_group(order: &Order, home: Option<&Home>) -> Result<Option<Group>, Failure> {
    let has = home.map(|home| home.has).unwrap_or_default();
    if order.controllers.is_some_and(|claimed| claimed != has) {
        let message = "the control groups are not what they were; start again to see what there is".to_owned();
        return Err(Failure { why: Why::Fence, message });
    }
    home.map(|home| Group::new(home, &order.bounds)).transpose().map_err(Failure::fence("a control group"))
}

/// The kernel kills a whole group that is out of memory, and the signal alone does not say why.
fn told_by(group: Option<&Group>, how: How, order: &Order) -> How {
    match (how, group) {
        (How::Exited(_) | How::Signal(_), Some(group)) if group.out_of_memory() => {
            How::Memory { used_bytes: group.peak_bytes().unwrap_or(0).max(order.bounds.memory_bytes) }
        }
        _ => how,
    }
}

/// From a process that is nobody to a fence that stands, with what the command finds in it.
fn build(
    order: &Order,
    inside: &UnixStream,
    guise: &Guise,
    deadline: Instant,
) -> Result<(OwnedFd, Vec<Held>, Fence), Failure> {
    let failed = Failure::fence::<io::Error>;
    // A folder of the system that does not answer must not keep us for ever.
    inside.set_read_timeout(Some(PATIENCE)).map_err(failed("a socket"))?;
    send(inside, &Outside::Go).map_err(failed("the first process"))?;
    let Inside::Room = hear(inside)? else { return Err(too_soon()) };
    let room = receive_folder(inside).map_err(failed("the room for files"))?;
    let most = Most { bytes: order.bounds.copied_bytes, files: order.bounds.copied_files };
    let held = copy_in(&order.mounts, most, &room, guise, deadline)?;
    let copied = Outside::Copied {
        pins: held.iter().map(Held::pins).collect(),
        bytes: held.iter().map(|held| held.room_bytes).sum(),
        files: held.iter().map(Held::files).sum(),
    };
    send(inside, &copied).map_err(failed("the first process"))?;
    let Inside::Built(fence) = hear(inside)? else { return Err(too_soon()) };
    Ok((room, held, fence))
}

fn too_soon() -> Failure {
    Failure::new(Why::Fence, "the first process", "it ended before its time")
}

fn hear(from: &UnixStream) -> Result<Inside, Failure> {
    match receive(from) {
        Ok(Some(Inside::Failed(failure))) => Err(failure),
        Ok(Some(said)) => Ok(said),
        Ok(None) => Err(too_soon()),
        Err(error) => Err(Failure::new(Why::Fence, "the first process", error)),
    }
}

/// Waits for the first of: the command ends, the deadline, too much memory, the host asks for the end or is gone.
fn wait(
    tree: &Tree,
    inside: &UnixStream,
    mut control: &UnixStream,
    deadline: Instant,
    watch: &mut Watch,
) -> Result<Option<How>, Failure> {
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Ok(Some(How::Deadline));
        }
        if let Some(used_bytes) = watch.look(now) {
            return Ok(Some(How::Memory { used_bytes }));
        }
        let until = deadline.min(watch.next()).saturating_duration_since(now);
        let timeout = Timespec {
            tv_sec: i64::try_from(until.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: until.subsec_nanos().into(),
        };
        let mut waiting = [
            PollFd::new(inside, PollFlags::IN),
            PollFd::new(control, PollFlags::IN | PollFlags::RDHUP),
            PollFd::new(&tree.pidfd, PollFlags::IN),
        ];
        match poll(&mut waiting, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => continue,
            done => done.map_err(Failure::fence("waiting"))?,
        };
        let [said, asked, gone] = waiting.map(|fd| !fd.revents().is_empty());
        if said || gone {
            return match receive(inside) {
                Ok(Some(Inside::Ended(how))) => Ok(Some(how)),
                Ok(Some(Inside::Failed(failure))) => Err(failure),
                // The first process was killed from outside.
                _ => Ok(Some(How::Signal(Signal::KILL.as_raw()))),
            };
        }
        if asked {
            let mut word = [0; 1];
            // A word asks for the end; without one the host is gone.
            let stopped = matches!(control.read(&mut word), Ok(1));
            return Ok(stopped.then_some(How::Stopped));
        }
    }
}

/// Says who the guest is outside: us, or where we are root, a user whom nobody else is.
fn map_user(pid: Pid) -> Result<Guise, Failure> {
    let failed = Failure::fence("the map of users");
    let file = |name: &str| format!("/proc/{}/{name}", pid.as_raw_nonzero());
    let map = |uid: u32, gid: u32| {
        std::fs::write(file("uid_map"), format!("{GUEST} {uid} 1"))?;
        std::fs::write(file("gid_map"), format!("{GUEST} {gid} 1"))
    };
    let ourselves = || {
        std::fs::write(file("setgroups"), "deny")?;
        map(geteuid().as_raw(), getegid().as_raw())
    };
    if !geteuid().is_root() {
        ourselves().map_err(failed)?;
        return Ok(Guise::new(None));
    }
    let own = NOBODY_ELSE + pid.as_raw_nonzero().get().unsigned_abs();
    // A container that has few users has not this one, and one with a single user has nobody else. What failed was not
    // written.
    for number in [own, NOBODY] {
        if map(number, number).is_ok() {
            return Ok(Guise::new(Some((Uid::from_raw(number), Gid::from_raw(number)))));
        }
    }
    if is_somebody_outside() {
        ourselves().map_err(failed)?;
        return Ok(Guise::new(None));
    }
    Err(failed(io::Error::other("this root may let nobody else run anything, and a command does not run as root")))
}

/// Whether we are root only in here, and an ordinary user to who started us.
fn is_somebody_outside() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut words = map.split_ascii_whitespace();
    words.next() == Some("0") && words.next().is_some_and(|outside| outside != "0")
}
