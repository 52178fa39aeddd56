use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::{Receiver, Sender};

use super::super::streams::{Hit, Kept, READ_BYTES};
use crate::model::Captured;

/// Our ends of the three pipes.
pub(super) struct Streams {
    pub(super) stdin: Sender,
    pub(super) stdout: Receiver,
    pub(super) stderr: Receiver,
}

impl Streams {
    /// With the ends of the command.
    pub(super) fn new() -> io::Result<(Self, [OwnedFd; 3])> {
        let pipe = || pipe_with(PipeFlags::CLOEXEC);
        let ((stdin, writes), (reads, stdout), (hears, stderr)) = (pipe()?, pipe()?, pipe()?);
        let ours = Self {
            stdin: Sender::from_owned_fd(writes)?,
            stdout: Receiver::from_owned_fd(reads)?,
            stderr: Receiver::from_owned_fd(hears)?,
        };
        Ok((ours, [stdin, stdout, stderr]))
    }
}

/// Keeps what the command writes until nobody can write any more. At the limit `over` is called once.
pub(super) async fn collect(mut from: Receiver, mut kept: Kept, over: impl Fn(Hit)) -> Captured {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let part = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return kept.end(),
            Ok(count) => buffer.get(..count).unwrap_or_default(),
        };
        kept.take(part).into_iter().for_each(&over);
    }
}
