use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};
use rustix::process::{PidfdFlags, WaitId, WaitIdOptions, pidfd_open, setsid, waitid};

use super::calls::Filters;
use super::cgroup::Home;
use super::kernel::{self, Forked};
use super::supervise::supervise;

/// What comes with each order: the control socket, and the three streams of the command.
pub(super) struct Given {
    pub(super) control: UnixStream,
    pub(super) streams: [OwnedFd; 3],
}

/// The whole life of a keeper: a supervisor for each order, until the host is gone.
pub fn serve() -> io::Result<()> {
    // A fork takes one thread along: another could hold what the child waits for.
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("the keeper of fences has more than one thread"));
    }
    // What is typed into the host's terminal is for the host.
    let _ = setsid();
    let socket = kernel::take_stdin();
    let filters = Filters::new().map_err(io::Error::other)?;
    let home = Home::find();
    if let Some(home) = &home {
        home.sweep();
    }
    let mut supervisors: Vec<OwnedFd> = Vec::new();
    loop {
        let mut waiting = vec![PollFd::new(&socket, PollFlags::IN)];
        waiting.extend(supervisors.iter().map(|supervisor| PollFd::new(supervisor, PollFlags::IN)));
        match poll(&mut waiting, None) {
            Err(rustix::io::Errno::INTR) => continue,
            done => done?,
        };
        let ready: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ended = ready.iter().skip(1).copied();
        supervisors.retain(|supervisor| {
            let over = ended.next().unwrap_or(false);
            if over {
                let _ = waitid(WaitId::PidFd(std::os::fd::AsFd::as_fd(supervisor)), WaitIdOptions::EXITED);
            }
            !over
        });
        if ready.first().copied().unwrap_or(false) {
            let Some(given) = receive(&socket)? else { return Ok(()) };
            match kernel::fork(0)? {
                Forked::Parent(pid) => supervisors.push(pidfd_open(pid, PidfdFlags::empty())?),
                Forked::Child => {
                    drop((socket, supervisors));
                    supervise(given, &filters, home.as_ref());
                    std::process::exit(0);
                }
            }
        }
    }
}

/// `None`: the host is gone.
fn receive(socket: &OwnedFd) -> io::Result<Option<Given>> {
    let mut byte = [0; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes == 0 {
        return Ok(None);
    }
    if got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("an order without its descriptors"));
    }
    let mut fds = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    let mut fds = fds.next().into_iter().flatten();
    let mut next = || fds.next().ok_or_else(|| io::Error::other("an order without its descriptors"));
    Ok(Some(Given { control: next()?.into(), streams: [next()?, next()?, next()?] }))
}
