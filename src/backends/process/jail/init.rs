use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use rustix::fs::{Access, CWD, FileType, accessat, stat};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use rustix::process::{Pid, Signal, WaitOptions, set_parent_process_death_signal, setsid, wait};
use serde::{Deserialize, Serialize};

use super::super::order::{Failure, Fence, How, Order, Why, receive, send};
use super::calls::Filters;
use super::kernel::{self, Forked};
use super::root::Root;
use super::{paths, shed};

/// What the first process is told from outside.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outside {
    /// It is somebody now.
    Go,
    /// The folders are filled. Of each, what may not be changed; and what they take.
    Copied { pins: Vec<Vec<OsString>>, bytes: u64, files: u64 },
}

/// What it says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Inside {
    /// The folder where copies go comes after this.
    Room,
    Built(Fence),
    Ended(How),
    Failed(Failure),
}

/// The first process of the new namespaces. It builds the fence, starts the command in it and ends with it.
pub(super) fn init(order: &Order, outside: UnixStream, streams: [OwnedFd; 3], filters: &Filters) -> ! {
    let code = match build(order, &outside) {
        Ok(own_proc) => run(order, own_proc, &outside, streams, filters),
        Err(failure) => Err(failure),
    };
    if let Err(failure) = code {
        let _ = send(&outside, &Inside::Failed(failure));
    }
    // Whatever is left of the namespace ends here.
    exit(0)
}

/// Everything but what binds the command alone. Says whether there is a `/proc`.
fn build(order: &Order, outside: &UnixStream) -> Result<bool, Failure> {
    let failed = Failure::fence::<io::Error>;
    let gone = || Failure::new(Why::Fence, "the supervisor", "it is gone");
    let Ok(Some(Outside::Go)) = receive(outside) else { return Err(gone()) };
    kernel::own_groups().map_err(failed("a view of its own group"))?;
    shed::become_guest().map_err(failed("another user"))?;
    // After the change of user, which takes it back. If the supervisor went before this, its socket says so.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|errno| failed("a signal of death")(errno.into()))?;
    shed::hide().map_err(failed("hiding the first process"))?;
    let root = Root::begin(&order.bounds)?;
    root.system(&order.system)?;
    let room = root.room(order.mounts.len())?;
    send(outside, &Inside::Room).map_err(failed("the supervisor"))?;
    send_folder(outside, room.as_fd()).map_err(failed("the room for files"))?;
    drop(room);
    let Ok(Some(Outside::Copied { pins, bytes, files })) = receive(outside) else { return Err(gone()) };
    for (index, (folder, pins)) in order.mounts.iter().zip(pins).enumerate() {
        root.mount(index, &folder.guest, &pins)?;
    }
    root.bound(&order.bounds, bytes, files)?;
    let own_proc = root.finish()?;
    rustix::system::sethostname(b"ringfence").map_err(|errno| failed("a name of its own")(errno.into()))?;
    shed::capabilities().map_err(failed("giving up capabilities"))?;
    Ok(own_proc)
}

/// The last steps bind only the command's process, which takes them; then it says that the fence stands.
fn run(
    order: &Order,
    own_proc: bool,
    outside: &UnixStream,
    streams: [OwnedFd; 3],
    filters: &Filters,
) -> Result<(), Failure> {
    in_a_child(outside, || {
        let prepared = order.command.first().map(|program| prepare(order, program, streams)).transpose()?;
        kernel::keep_only_streams().map_err(Failure::fence("descriptors"))?;
        let fence = confine(order, own_proc, filters)?;
        let _ = send(outside, &Inside::Built(fence));
        let Some(mut command) = prepared else {
            shed::bounds(&order.bounds).map_err(Failure::fence("limits of processes"))?;
            exit(0)
        };
        // They bind us as well: whatever takes memory is done before.
        let bounds = order.bounds.clone();
        kernel::at_last(&mut command, move || shed::bounds(&bounds));
        let error = command.exec();
        Err(Failure { why: Why::Command, message: format!("{}: {error}", command.get_program().display()) })
    })
}

/// Waits for the child, and for all that become children of the first process meanwhile.
fn in_a_child(outside: &UnixStream, child: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let forked = kernel::fork(0).map_err(Failure::fence("the process of the command"))?;
    let pid = match forked {
        Forked::Parent(pid) => pid,
        Forked::Child => {
            if let Err(failure) = child() {
                let _ = send(outside, &Inside::Failed(failure));
            }
            exit(127);
        }
    };
    let how = wait_for(pid).map_err(Failure::fence("waiting"))?;
    let _ = send(outside, &Inside::Ended(how));
    Ok(())
}

fn wait_for(command: Pid) -> io::Result<How> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == command => {
                return Ok(match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => How::Exited(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
                    (None, Some(signal)) => How::Signal(signal),
                    (None, None) => continue,
                });
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The path of a program: as it is, or in the folders where programs are.
fn find(program: &str) -> Result<PathBuf, Failure> {
    let missing = |why: String| Failure { why: Why::Command, message: why };
    let fits = |path: &Path| {
        let file = stat(path).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
        file && accessat(CWD, path, Access::EXEC_OK, rustix::fs::AtFlags::empty()).is_ok()
    };
    if program.contains('/') {
        // Looked at from where the command starts; the kernel has the last word.
        return Ok(program.into());
    }
    const WHERE: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"];
    let found = WHERE.iter().map(|folder| Path::new(folder).join(program)).find(|path| fits(path));
    found.ok_or_else(|| missing(format!("no program `{program}` in {}", WHERE.join(", "))))
}

/// In this order: the filter has no call for what comes before it.
fn confine(order: &Order, own_proc: bool, filters: &Filters) -> Result<Fence, Failure> {
    let writable: Vec<&str> = order.mounts.iter().map(|folder| folder.guest.as_str()).collect();
    let landlock = paths::restrict(&writable, own_proc).map_err(Failure::fence("Landlock"))?;
    filters.put_on().map_err(Failure::fence("the filter of system calls"))?;
    // What its group has is known outside.
    Ok(Fence { landlock, own_proc, ..Fence::default() })
}

/// A session of its own, the folder that it starts in, and nothing but what was granted.
fn prepare(order: &Order, program: &str, streams: [OwnedFd; 3]) -> Result<Command, Failure> {
    setsid().map_err(|errno| Failure::fence("a session of its own")(io::Error::from(errno)))?;
    rustix::process::chdir(order.folder.as_str())
        .map_err(|errno| Failure::new(Why::Folder, &order.folder, io::Error::from(errno)))?;
    let mut command = Command::new(find(program)?);
    command.arg0(program).args(order.command.iter().skip(1));
    command.env_clear().envs(order.env.iter().map(|(name, value)| (name, value)));
    let [stdin, stdout, stderr] = streams;
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    Ok(command)
}

fn send_folder(to: &UnixStream, folder: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let folders = [folder];
    ancillary.push(SendAncillaryMessage::ScmRights(&folders));
    sendmsg(to, &[IoSlice::new(b"r")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

pub(super) fn receive_folder(from: &UnixStream) -> io::Result<OwnedFd> {
    let mut byte = [0; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let found = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    found.ok_or_else(|| io::Error::other("no descriptor came"))
}
