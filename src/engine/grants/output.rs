use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::super::meter::LimitHit;
use super::super::run::OutputListener;
use crate::model::Stream;
use crate::model::{Captured, LimitName};

/// What one write may bring at most.
const WRITE_BYTES: usize = 64 << 10;

/// Where standard output or standard error of one run collects. It never holds more than its limit.
pub(in super::super) struct Sink {
    stream: Stream,
    held: Mutex<Held>,
}

struct Held {
    limit: u64,
    captured: Captured,
    listener: Option<Arc<dyn OutputListener>>,
}

impl Sink {
    pub(in super::super) fn new(stream: Stream, limit: u64, listener: Option<Arc<dyn OutputListener>>) -> Arc<Self> {
        Arc::new(Self { stream, held: Mutex::new(Held { limit, captured: Captured::default(), listener }) })
    }

    /// For the next call of one guest.
    pub(in super::super) fn renew(&self, limit: u64, listener: Option<Arc<dyn OutputListener>>) {
        *self.held() = Held { limit, captured: Captured::default(), listener };
    }

    pub(in super::super) fn take(&self) -> Captured {
        let mut held = self.held();
        held.listener = None;
        std::mem::take(&mut held.captured)
    }

    pub(in super::super) fn len(&self) -> u64 {
        u64::try_from(self.held().captured.bytes.len()).unwrap_or(u64::MAX)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), LimitHit> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut held = self.held();
        let Held { limit, captured, listener } = &mut *held;
        let (limit, before) = (*limit, u64::try_from(captured.bytes.len()).unwrap_or(u64::MAX));
        let room = usize::try_from(limit.saturating_sub(before)).unwrap_or(usize::MAX);
        let kept = bytes.get(..room).unwrap_or(bytes);
        captured.bytes.extend_from_slice(kept);
        captured.truncated |= kept.len() < bytes.len();
        let listener = listener.clone().filter(|_| !kept.is_empty());
        drop(held);
        if let Some(listener) = listener {
            listener.output(self.stream, kept);
        }
        if kept.len() == bytes.len() {
            return Ok(());
        }
        let name = match self.stream {
            Stream::Stdout => LimitName::StdoutBytes,
            Stream::Stderr => LimitName::StderrBytes,
        };
        let used = before.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Err(LimitHit { name, value: limit, used })
    }
}

/// The guest's end of a sink.
pub(super) struct Pen(Arc<Sink>);

impl Pen {
    pub(super) fn new(sink: &Arc<Sink>) -> Self {
        Self(Arc::clone(sink))
    }
}

#[async_trait]
impl Pollable for Pen {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Pen {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.write(&bytes).map_err(|hit| StreamError::Trap(wasmtime::Error::new(hit)))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}
