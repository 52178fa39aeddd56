use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::engine::{OutputListener, Stdin};
use crate::model::{Captured, LimitName, Limits, Stream};

/// What one read may bring at most.
pub(super) const READ_BYTES: usize = 64 << 10;

/// A limit of a stream that was reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) name: LimitName,
    pub(super) value: u64,
    pub(super) used: u64,
}

/// Writes what the command reads, and closes it. `Err` is a limit; how many bytes went is told in `taken`.
pub(super) async fn feed(
    mut to: impl AsyncWrite + Unpin,
    from: Stdin,
    limits: &Limits,
    taken: &mut u64,
) -> Result<(), Hit> {
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

async fn feed_live(
    mut to: impl AsyncWrite + Unpin,
    mut from: impl AsyncRead + Unpin,
    value: u64,
    taken: &mut u64,
) -> Result<(), Hit> {
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

/// What a command wrote to one stream, up to its limit.
pub(super) struct Kept {
    stream: Stream,
    name: LimitName,
    value: u64,
    listener: Option<Arc<dyn OutputListener>>,
    captured: Captured,
}

impl Kept {
    pub(super) fn new(stream: Stream, limits: &Limits, listener: Option<Arc<dyn OutputListener>>) -> Self {
        let (name, value) = match stream {
            Stream::Stdout => (LimitName::StdoutBytes, limits.stdout_bytes),
            Stream::Stderr => (LimitName::StderrBytes, limits.stderr_bytes),
        };
        Self { stream, name, value, listener, captured: Captured::default() }
    }

    /// Takes what there is room for, and tells whoever listens. `Some` at the limit, once: what comes after it is thrown
    /// away, since the command may be a moment in ending.
    pub(super) fn take(&mut self, part: &[u8]) -> Option<Hit> {
        let before = length(&self.captured.bytes);
        let room = usize::try_from(self.value.saturating_sub(before)).unwrap_or(usize::MAX);
        let kept = part.get(..room).unwrap_or(part);
        self.captured.bytes.extend_from_slice(kept);
        if let (Some(listener), false) = (&self.listener, kept.is_empty()) {
            listener.output(self.stream, kept);
        }
        if kept.len() == part.len() || std::mem::replace(&mut self.captured.truncated, true) {
            return None;
        }
        Some(Hit { name: self.name, value: self.value, used: before.saturating_add(length(part)) })
    }

    pub(super) fn end(self) -> Captured {
        self.captured
    }
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
