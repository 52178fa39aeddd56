use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::{oneshot, watch};

use super::super::disk::Disk;
use super::super::error::AuditError;
use super::super::event::{Event, Prepared};
use super::super::hash::TreeHash;
use super::super::note::{SignedCheckpoint, SigningKey};
use super::work::Work;
use super::{LogSettings, Opened, resume};

/// The log, open for writing. It can be shared; the last one to let it go ends it as `close` does, without waiting.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    _end: Arc<End>,
}

/// Where a record came to lie. It is on disk when somebody holds this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub seq: u64,
    pub hash: TreeHash,
}

type Answer<T> = oneshot::Sender<Result<T, AuditError>>;

/// What whoever hands a record in waits for.
pub(super) enum Waits {
    /// It is in the file, before all that come later.
    Written(Answer<()>),
    /// It is on disk as well.
    Durable(Answer<Receipt>),
}

impl Waits {
    pub(super) fn refuse(self, why: AuditError) {
        // Who asked may have gone away.
        let _ = match self {
            Waits::Written(answer) => answer.send(Err(why)).is_ok(),
            Waits::Durable(answer) => answer.send(Err(why)).is_ok(),
        };
    }
}

pub(super) enum Order {
    Append(Prepared, Waits),
    Checkpoint(Answer<SignedCheckpoint>),
    AddKey(Box<SigningKey>, Answer<SignedCheckpoint>),
    RemoveKey(u32, Answer<SignedCheckpoint>),
    Prune(u64, Answer<u64>),
    Look(Answer<()>),
    Close(Answer<()>),
}

impl Order {
    pub(super) fn refuse(self, why: AuditError) {
        // Who asked may have gone away.
        let _ = match self {
            Order::Append(_, waits) => return waits.refuse(why),
            Order::Checkpoint(answer) | Order::AddKey(_, answer) | Order::RemoveKey(_, answer) => {
                answer.send(Err(why)).is_ok()
            }
            Order::Prune(_, answer) => answer.send(Err(why)).is_ok(),
            Order::Look(answer) | Order::Close(answer) => answer.send(Err(why)).is_ok(),
        };
    }
}

#[derive(Default)]
pub(super) struct Queue {
    pub(super) orders: Vec<Order>,
    /// The one who writes sleeps until so many wait.
    pub(super) wanted: usize,
    /// Unless one of them does not wait for the disk.
    pub(super) hurry: bool,
    /// Why nothing is taken any more.
    pub(super) ended: Option<AuditError>,
    /// Nobody holds the log any more.
    pub(super) let_go: bool,
}

pub(super) struct Shared {
    queue: Mutex<Queue>,
    pub(super) wake: Condvar,
    most: usize,
    pub(super) size: watch::Sender<u64>,
    pub(super) checkpoint: watch::Sender<Option<SignedCheckpoint>>,
}

impl Shared {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T>(&self, order: impl FnOnce(Answer<T>) -> Order) -> Pending<T> {
        let (answer, waits) = oneshot::channel();
        let order = order(answer);
        let mut queue = self.queue();
        let refused = match &queue.ended {
            Some(why) => Some(why.clone()),
            None if queue.orders.len() >= self.most => Some(AuditError::Busy),
            None => None,
        };
        match refused {
            Some(why) => {
                drop(queue);
                order.refuse(why);
            }
            None => {
                let hurry = matches!(order, Order::Append(_, Waits::Written(_)));
                queue.hurry |= hurry;
                queue.orders.push(order);
                if hurry || queue.orders.len() == queue.wanted.max(1) {
                    self.wake.notify_one();
                }
            }
        }
        Pending(waits)
    }
}

struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.queue().let_go = true;
        self.0.wake.notify_one();
    }
}

impl Log {
    /// Opens the log of a folder, or makes it, and begins to write. It reads and checks first; see `OpenCheck`.
    pub fn open(
        disk: Box<dyn Disk>,
        settings: &LogSettings,
        keys: Vec<SigningKey>,
    ) -> Result<(Self, Opened), AuditError> {
        let (pen, opened) = resume::open(disk, settings, keys)?;
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            most: settings.queue_records,
            size: watch::Sender::new(opened.size),
            checkpoint: watch::Sender::new(pen.checkpoint.clone()),
        });
        let work = Work::new(pen, Arc::clone(&shared), settings);
        let started = std::thread::Builder::new().name("audit".into()).spawn(move || work.run());
        started.map_err(AuditError::disk("start the thread of the audit log"))?;
        let end = Arc::new(End(Arc::clone(&shared)));
        Ok((Self { shared, _end: end }, opened))
    }

    /// Hands a record in. What it returns is ready when the record is on disk for certain, or refused; the record is
    /// written even if nobody waits for that.
    pub fn append(&self, event: &Event) -> Pending<Receipt> {
        self.append_prepared(event.prepare())
    }

    pub(in super::super) fn append_prepared(&self, prepared: Prepared) -> Pending<Receipt> {
        self.shared.ask(|answer| Order::Append(prepared, Waits::Durable(answer)))
    }

    /// Hands a record in that nobody is told of before a later one of the same act. What it returns is ready when the
    /// record is in the file, before all that come later: it outlives the process, and is on disk when any of those is,
    /// or a moment later by itself.
    pub fn write(&self, event: &Event) -> Pending<()> {
        self.write_prepared(event.prepare())
    }

    pub(in super::super) fn write_prepared(&self, prepared: Prepared) -> Pending<()> {
        self.shared.ask(|answer| Order::Append(prepared, Waits::Written(answer)))
    }

    /// A checkpoint of all that was handed in before.
    pub fn checkpoint(&self) -> Pending<SignedCheckpoint> {
        self.shared.ask(Order::Checkpoint)
    }

    /// From now on this key signs as well; the checkpoint that it gives has the signatures of the old and the new.
    pub fn add_key(&self, key: SigningKey) -> Pending<SignedCheckpoint> {
        self.shared.ask(|answer| Order::AddKey(Box::new(key), answer))
    }

    /// From now on the key with this id signs no more.
    pub fn remove_key(&self, id: u32) -> Pending<SignedCheckpoint> {
        self.shared.ask(|answer| Order::RemoveKey(id, answer))
    }

    /// Takes whole segments of records before `before` away; gives the first record that is left.
    pub fn prune(&self, before: u64) -> Pending<u64> {
        self.shared.ask(|answer| Order::Prune(before, answer))
    }

    /// Looks whether the folder is still what it was, as each append does; for who asks whether all is well.
    pub fn look(&self) -> Pending<()> {
        self.shared.ask(Order::Look)
    }

    /// Writes what waits, signs the end and lets the folder go.
    pub fn close(&self) -> Pending<()> {
        self.shared.ask(Order::Close)
    }

    /// How many records are on disk for certain; it wakes who waits for the next.
    pub fn size(&self) -> watch::Receiver<u64> {
        self.shared.size.subscribe()
    }

    /// The newest checkpoint, for those who keep them elsewhere.
    pub fn checkpoints(&self) -> watch::Receiver<Option<SignedCheckpoint>> {
        self.shared.checkpoint.subscribe()
    }

    /// Why nothing can be written any more, if so.
    pub fn ended(&self) -> Option<AuditError> {
        self.shared.queue().ended.clone()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("size", &*self.shared.size.borrow()).finish_non_exhaustive()
    }
}

/// The answer of the log, to be awaited or, where there is no runtime, waited for.
#[derive(Debug)]
#[must_use = "until it is ready, nothing is written"]
pub struct Pending<T>(oneshot::Receiver<Result<T, AuditError>>);

impl<T> Pending<T> {
    /// Blocks the thread; not for use in a runtime.
    pub fn wait(self) -> Result<T, AuditError> {
        self.0.blocking_recv().unwrap_or(Err(AuditError::Closed))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, AuditError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(AuditError::Closed)))
    }
}
