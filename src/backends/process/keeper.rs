use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sendmsg, socketpair,
};

/// The process that has supervisors made, started when it is first needed and again if it is gone.
pub(super) struct Keeper {
    worker: PathBuf,
    started: Mutex<Option<Started>>,
}

struct Started {
    socket: OwnedFd,
    child: Child,
}

impl Keeper {
    pub(super) fn new(worker: PathBuf) -> Self {
        Self { worker, started: Mutex::new(None) }
    }

    /// Hands a command's streams to a new supervisor. What comes back is its ear: closing it ends the run.
    pub(super) fn supervisor(&self, streams: [OwnedFd; 3]) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        let [stdin, stdout, stderr] = &streams;
        let fds = [theirs.as_fd(), stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = |kept: &mut Started| matches!(kept.child.try_wait(), Ok(None));
        let kept = match started.take_if(|kept| !alive(kept)) {
            None if started.is_some() => started.as_mut(),
            _ => Some(started.insert(Started::new(&self.worker)?)),
        };
        let Some(kept) = kept else { return Err(io::Error::other("the keeper of fences is gone")) };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        sendmsg(&kept.socket, &[IoSlice::new(b"o")], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(ours)
    }
}

impl Drop for Keeper {
    /// It ends when its socket closes; it is waited for so that it leaves nothing behind.
    fn drop(&mut self) {
        let started = self.started.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Started { socket, mut child }) = started.take() {
            drop(socket);
            let _ = child.wait();
        }
    }
}

impl Started {
    fn new(worker: &Path) -> io::Result<Self> {
        let (socket, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let child = Command::new(worker)
            .arg("jail-worker")
            .env_clear()
            .current_dir("/")
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|reason| io::Error::other(format!("{}: {reason}", worker.display())))?;
        Ok(Self { socket, child })
    }
}
