use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe::{Receiver, Sender};

use crate::engine::{OutputListener, Stdin};
use crate::model::{Captured, LimitName, Limits, Stream};

/// What one read may bring at most.
const READ_BYTES: usize = 64 << 10;

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

/// A limit of a stream that was reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) name: LimitName,
    pub(super) value: u64,
    pub(super) used: u64,
}

/// Writes what the command reads, and closes it. `Err` is a limit; how many bytes went is told in `taken`.
pub(super) async fn feed(mut to: Sender, from: Stdin, limits: &Limits, taken: &mut u64) -> Result<(), Hit> {
    match from {
        Stdin::Empty => {}
        Stdin::Bytes(bytes) => {
            for part in bytes.chunks(READ_BYTES) {
                // A command that stopped reading hears no more.
                if to.write_all(part).await.is_err() {
                    return Ok(());
                }
                *taken = taken.saturating_add(length(part));
            }
        }
        Stdin::Live(live) => return feed_live(to, Box::into_pin(live), limits.stdin_bytes, taken).await,
    }
    Ok(())
}

async fn feed_live(mut to: Sender, mut from: impl AsyncRead + Unpin, value: u64, taken: &mut u64) -> Result<(), Hit> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return Ok(()) };
        let part = buffer.get(..count).unwrap_or_default();
        let used = taken.saturating_add(length(part));
        if used > value {
            return Err(Hit { name: LimitName::StdinBytes, value, used });
        }
        if part.is_empty() || to.write_all(part).await.is_err() {
            return Ok(());
        }
        *taken = used;
    }
}

/// Keeps what the command writes, up to its limit, until nobody can write any more. At the limit `over` is called once;
/// what comes after it is read and thrown away, since the command may be a moment in ending.
pub(super) async fn collect(
    mut from: Receiver,
    stream: Stream,
    limits: &Limits,
    listener: Option<Arc<dyn OutputListener>>,
    over: impl FnOnce(Hit),
) -> Captured {
    let (name, value) = match stream {
        Stream::Stdout => (LimitName::StdoutBytes, limits.stdout_bytes),
        Stream::Stderr => (LimitName::StderrBytes, limits.stderr_bytes),
    };
    let mut captured = Captured::default();
    let mut over = Some(over);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let part = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return captured,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
        };
        let before = length(&captured.bytes);
        let room = usize::try_from(value.saturating_sub(before)).unwrap_or(usize::MAX);
        let kept = part.get(..room).unwrap_or(part);
        captured.bytes.extend_from_slice(kept);
        if let (Some(listener), false) = (&listener, kept.is_empty()) {
            listener.output(stream, kept);
        }
        if kept.len() < part.len() {
            captured.truncated = true;
            if let Some(over) = over.take() {
                over(Hit { name, value, used: before.saturating_add(length(part)) });
            }
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
