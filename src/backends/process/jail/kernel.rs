//! What is asked of the kernel and has no safe way: six calls, each with its argument.

use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::Pid;

/// New namespaces of each kind that a fence has, but for that of groups: it is made when the process is in its own.
pub(super) const NAMESPACES: i32 = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWNET;

/// Which of two processes goes on.
pub(super) enum Forked {
    Child,
    Parent(Pid),
}

/// Makes a child that goes on from here, in the namespaces that are named.
///
/// Safety: a fork is dangerous where other threads hold locks that the child never sees released. The processes that
/// come here have one thread only: the keeper checks that it has no other before it serves anybody. Without a stack
/// of its own the child goes on with a copy of ours, as after fork(2).
#[expect(unsafe_code, reason = "no library makes a child in new namespaces in a safe way; argued above")]
pub(super) fn fork(namespaces: i32) -> io::Result<Forked> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    let none: libc::c_long = 0;
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    match i32::try_from(pid) {
        Ok(0) => Ok(Forked::Child),
        Ok(pid @ 1..) => Pid::from_raw(pid).map(Forked::Parent).ok_or_else(io::Error::last_os_error),
        _ => Err(io::Error::last_os_error()),
    }
}

/// From here on the group that this process is in looks like the root of all groups.
///
/// Safety: what is told apart is a view of names; no descriptor and no memory changes hands.
#[expect(unsafe_code, reason = "the library marks this call unsafe for what its other flags do; argued above")]
pub(super) fn own_groups() -> io::Result<()> {
    let done = unsafe { libc::unshare(libc::CLONE_NEWCGROUP) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Marks every descriptor but the three streams so that the next program does not get it.
///
/// Safety: a descriptor that is marked stays open here; nothing that owns one loses it.
#[expect(unsafe_code, reason = "no library of ours has this call; argued above")]
pub(super) fn keep_only_streams() -> io::Result<()> {
    const CLOSE_ON_EXEC: u32 = 4;
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, CLOSE_ON_EXEC) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Processor time of children that were waited for, and of theirs, in microseconds.
///
/// Safety: the call writes one `rusage` to where it is told, and all of its numbers may be zero before.
#[expect(unsafe_code, reason = "no library of ours has this call; argued above")]
pub(super) fn children_cpu_us() -> u64 {
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        if libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) != 0 {
            return 0;
        }
        usage
    };
    let micros = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(time.tv_usec).unwrap_or(0))
    };
    micros(usage.ru_utime).saturating_add(micros(usage.ru_stime))
}

/// The descriptor of standard input, to be closed by who has it.
///
/// Safety: a keeper reads nothing by `std::io::stdin`, and it takes its input once, at its start.
#[expect(unsafe_code, reason = "a descriptor that was given to a process has no owner; argued above")]
pub(super) fn take_stdin() -> OwnedFd {
    unsafe { OwnedFd::from_raw_fd(0) }
}

/// Has something done when all else is ready, right before the next program takes this process over.
///
/// Safety: in a child that was forked from a process with other threads, next to nothing may be done there. This is for
/// `exec`, which has no child: it is done in the process that calls it, and that has one thread.
#[expect(unsafe_code, reason = "the library cannot know that there is one thread; argued above")]
pub(super) fn at_last(command: &mut Command, work: impl FnMut() -> io::Result<()> + Send + Sync + 'static) {
    unsafe { command.pre_exec(work) };
}
