use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{AsyncStdinStream, StdinStream as _};
use wasmtime_wasi::p2::{DynInputStream, InputStream, Pollable, StreamError, StreamResult};

use super::super::error::EngineError;
use super::super::meter::LimitHit;
use crate::model::LimitName;

/// What one read may bring at most, whatever the guest asks for.
const READ_BYTES: usize = 64 << 10;

/// What a guest finds on its standard input.
#[derive(Default)]
pub enum Stdin {
    /// Closed: the first read is the end.
    #[default]
    Empty,
    Bytes(Bytes),
    /// Comes while the guest runs. Bytes beyond `stdin_bytes` end the run.
    Live(Box<dyn AsyncRead + Send + Sync>),
}

/// All of an input that comes live, before anybody reads it. `None`: it was not over at the deadline.
pub(in super::super) async fn whole(
    live: Box<dyn AsyncRead + Send + Sync>,
    limit: u64,
    deadline: Instant,
) -> Result<Option<Bytes>, LimitHit> {
    let mut bytes = Vec::new();
    let mut most = Box::into_pin(live).take(limit.saturating_add(1));
    // As for a live one, an input that breaks off has come to its end.
    if tokio::time::timeout_at(deadline.into(), most.read_to_end(&mut bytes)).await.is_err() {
        return Ok(None);
    }
    let used = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if used > limit {
        return Err(LimitHit { name: LimitName::StdinBytes, value: limit, used });
    }
    Ok(Some(bytes.into()))
}

/// The host's end: one position, however often the guest opens it.
pub(in super::super) enum Input {
    Bytes { rest: Arc<Mutex<Bytes>>, total: usize },
    Live { source: AsyncStdinStream, taken: Arc<Mutex<u64>> },
}

impl Input {
    pub(in super::super) fn new(stdin: Stdin) -> Self {
        match stdin {
            Stdin::Empty => Input::Bytes { rest: Arc::default(), total: 0 },
            Stdin::Bytes(bytes) => Input::Bytes { total: bytes.len(), rest: Arc::new(Mutex::new(bytes)) },
            Stdin::Live(source) => {
                Input::Live { source: AsyncStdinStream::new(Box::into_pin(source)), taken: Arc::default() }
            }
        }
    }

    /// For the next call of one guest, which keeps the stream that it has opened. Only what is whole can follow what was
    /// whole.
    pub(in super::super) fn renew(&mut self, stdin: Stdin) -> Result<(), EngineError> {
        let bytes = match stdin {
            Stdin::Empty => Bytes::new(),
            Stdin::Bytes(bytes) => bytes,
            Stdin::Live(_) => return Err(EngineError::Internal("a session has no live input".into())),
        };
        let Input::Bytes { rest, total } = self else {
            return Err(EngineError::Internal("a session has no live input".into()));
        };
        *total = bytes.len();
        *rest.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
        Ok(())
    }

    /// Bytes that the guest has read.
    pub(in super::super) fn taken(&self) -> u64 {
        match self {
            Input::Bytes { rest, total } => {
                let rest = rest.lock().unwrap_or_else(PoisonError::into_inner).len();
                u64::try_from(total.saturating_sub(rest)).unwrap_or(u64::MAX)
            }
            Input::Live { taken, .. } => *taken.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    pub(super) fn open(&self, limit: u64) -> DynInputStream {
        match self {
            Input::Bytes { rest, .. } => Box::new(FromBytes(Arc::clone(rest))),
            Input::Live { source, taken } => {
                Box::new(FromLive { inner: source.p2_stream(), taken: Arc::clone(taken), limit })
            }
        }
    }
}

struct FromBytes(Arc<Mutex<Bytes>>);

#[async_trait]
impl Pollable for FromBytes {
    async fn ready(&mut self) {}
}

impl InputStream for FromBytes {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.is_empty() {
            return Err(StreamError::Closed);
        }
        let size = size.min(READ_BYTES).min(rest.len());
        Ok(rest.split_to(size))
    }
}

struct FromLive {
    inner: DynInputStream,
    taken: Arc<Mutex<u64>>,
    limit: u64,
}

#[async_trait]
impl Pollable for FromLive {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

impl InputStream for FromLive {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.inner.read(size.min(READ_BYTES))?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let used = taken.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if used > self.limit {
            let hit = LimitHit { name: LimitName::StdinBytes, value: self.limit, used };
            return Err(StreamError::Trap(wasmtime::Error::new(hit)));
        }
        *taken = used;
        Ok(bytes)
    }
}
