//! The one who writes. A thread of its own holds the folder, so that many who append share one sync of the disk.
//!
//! ```text
//! append ─▶ queue ─▶ [ all that waits: write ] ─▶ [ sync, folder still there? ] ─▶ everyone is answered ─▶ queue …
//! write ──▶          │          └─▶ answered  │
//!                    │ any failure            │
//!                      └─▶ stopped: they and all who come later are refused, with the cause
//! ```
//!
//! It never goes on after a failed write or sync: what the disk then holds is known only to a start that reads it.

mod create;
mod levels;
mod log;
mod pen;
mod prune;
mod resume;
mod tail;
mod walk;
mod work;

pub use log::{Log, Pending, Receipt};
pub use resume::{Cut, Opened};

use std::sync::Arc;
use std::time::Duration;

use super::note::SignedCheckpoint;

/// Whether there should be a log already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// There must be one: a folder that lost it is told from one that never had it only by who asks.
    Continue,
    /// There may be none yet.
    OrCreate,
}

/// How much of what is there is read before the first append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenCheck {
    /// Each byte.
    Everything,
    /// What came after the last checkpoint, the whole last segment, and both ends of the others.
    Ends,
}

pub type Clock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

#[derive(Clone)]
pub struct LogSettings {
    /// The name of the log, as its checkpoints say it: a host and a word, `ringfence.example.com/audit`.
    pub origin: String,
    pub begin: Begin,
    pub check: OpenCheck,
    /// A segment that is this long is followed by a new one.
    pub segment_bytes: u64,
    /// How long a record waits for a checkpoint at most.
    pub checkpoint_every: Duration,
    /// How long a record that nobody waits for stays off the disk at most.
    pub sync_within: Duration,
    /// More records than this do not wait; one more is refused.
    pub queue_records: usize,
    /// Checkpoints that somebody kept elsewhere: the log must hold what they say.
    pub known: Vec<SignedCheckpoint>,
    pub clock: Clock,
}

impl LogSettings {
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            begin: Begin::Continue,
            check: OpenCheck::Everything,
            segment_bytes: 64 << 20,
            checkpoint_every: Duration::from_secs(10),
            sync_within: Duration::from_millis(50),
            queue_records: 16_384,
            known: Vec::new(),
            clock: Arc::new(jiff::Timestamp::now),
        }
    }
}
