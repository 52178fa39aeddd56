use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::error::AuditError;
use super::super::event::Prepared;
use super::super::note::SignedCheckpoint;
use super::log::{Order, Receipt, Shared};
use super::pen::Pen;
use super::resume::fits;

/// The most records of one write, and the most whose hashes are kept in memory only.
const BATCH: usize = 4096;
const UNSIGNED: usize = 65_536;
/// The part of the time of a sync that is waited for others who may share the next one.
const GATHER: u32 = 4;

/// The thread that writes: takes all that waits, does it, answers, until it is told to stop or something fails.
pub(super) struct Work {
    pen: Pen,
    shared: Arc<Shared>,
    every: Duration,
    /// When the first record came that no checkpoint holds.
    unsigned_since: Option<Instant>,
    /// How many records the last batch had, and how long it took.
    last: (usize, Duration),
    /// Who asked for the end; he is told when the folder is let go.
    closing: Vec<Answer<()>>,
}

enum Next {
    Orders(Vec<Order>),
    CheckpointIsDue,
    LetGo,
}

impl Work {
    pub(super) fn new(pen: Pen, shared: Arc<Shared>, every: Duration) -> Self {
        Self { pen, shared, every, unsigned_since: None, last: (0, Duration::ZERO), closing: Vec::new() }
    }

    pub(super) fn run(mut self) {
        let mut guard = EndsAll(Arc::clone(&self.shared), AuditError::Closed);
        loop {
            let done = match self.next() {
                Next::Orders(orders) => self.obey(orders),
                Next::CheckpointIsDue => self.publish(false).map(|_| {
                    self.announce();
                    true
                }),
                Next::LetGo => self.publish(true).map(|_| false),
            };
            match done {
                Ok(true) => {}
                Ok(false) => {
                    drop(self.pen);
                    drop(guard);
                    self.closing.into_iter().for_each(|answer| drop(answer.send(Ok(()))));
                    return;
                }
                Err(error) => {
                    tracing::error!(code = error.code(), "the audit log stopped: {error}");
                    guard.1 = AuditError::Stopped(Arc::new(error));
                    return;
                }
            }
        }
    }

    fn next(&self) -> Next {
        let mut queue = self.shared.queue();
        let mut gathered = None;
        loop {
            if queue.orders.is_empty() && queue.let_go {
                return Next::LetGo;
            }
            let wait = if queue.orders.is_empty() {
                queue.wanted = 1;
                self.unsigned_since.map(|since| self.every.saturating_sub(since.elapsed()))
            } else {
                // Those who were answered just now are about to come again: who would write for the first of them
                // alone makes the others wait for two syncs. A small part of one is enough to gather them.
                let (count, took) = self.last;
                queue.wanted = count;
                let since = gathered.get_or_insert_with(Instant::now).elapsed();
                let left = (took / GATHER).saturating_sub(since);
                if queue.orders.len() >= count || left.is_zero() {
                    return Next::Orders(std::mem::take(&mut queue.orders));
                }
                Some(left)
            };
            queue = match wait {
                None => self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Next::CheckpointIsDue,
                Some(left) => self.shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Does what was asked: all records first, in their order, then the rest. Whether to go on.
    fn obey(&mut self, orders: Vec<Order>) -> Result<bool, AuditError> {
        let mut rest = Vec::new();
        let mut batch = Vec::with_capacity(orders.len().min(BATCH));
        let mut failed = None;
        for order in orders {
            match order {
                Order::Append(record, answer) if failed.is_none() => {
                    batch.push((record, answer));
                    if batch.len() == BATCH {
                        failed = self.append(std::mem::take(&mut batch)).err();
                    }
                }
                other => rest.push(other),
            }
        }
        if failed.is_none() {
            failed = self.append(batch).err();
        }
        let mut go_on = true;
        for order in rest {
            match &failed {
                Some(error) => order.refuse(AuditError::Stopped(Arc::new(error.clone()))),
                None => failed = self.other(order, &mut go_on).err(),
            }
        }
        if failed.is_none() && go_on && (self.pen.levels.waiting() >= UNSIGNED || self.is_due()) {
            failed = self.publish(false).err();
            self.announce();
        }
        failed.map_or(Ok(go_on), Err)
    }

    fn is_due(&self) -> bool {
        self.unsigned_since.is_some_and(|since| since.elapsed() >= self.every)
    }

    fn append(&mut self, batch: Vec<(Prepared, Answer<Receipt>)>) -> Result<(), AuditError> {
        let records: Vec<&Prepared> = batch.iter().map(|(record, _)| record).collect();
        if records.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        match self.pen.append(&records) {
            Ok(receipts) => {
                self.last = (records.len(), started.elapsed());
                self.unsigned_since.get_or_insert_with(Instant::now);
                self.shared.size.send_replace(self.pen.tree.size());
                for ((_, answer), receipt) in batch.into_iter().zip(receipts) {
                    let _ = answer.send(Ok(receipt));
                }
                Ok(())
            }
            Err(error) => {
                let stopped = Arc::new(error.clone());
                for (_, answer) in batch {
                    let _ = answer.send(Err(AuditError::Stopped(Arc::clone(&stopped))));
                }
                Err(error)
            }
        }
    }

    fn other(&mut self, order: Order, go_on: &mut bool) -> Result<(), AuditError> {
        match order {
            Order::Append(record, answer) => self.append(vec![(record, answer)]),
            Order::Checkpoint(answer) => tell(self.publish(false), answer),
            // What is refused before anything was written is no failure of the log.
            Order::AddKey(key, answer) => match fits(&key, &self.pen.origin) {
                Err(error) => refuse(error, answer),
                Ok(()) => tell(self.pen.add_key(*key), answer),
            },
            Order::RemoveKey(id, answer) => match self.pen.remove_key(id) {
                Err(AuditError::NoKey) => refuse(AuditError::NoKey, answer),
                done => tell(done, answer),
            },
            Order::Look(answer) => tell(self.pen.look_at_folder(), answer),
            Order::Prune(before, answer) => tell(self.pen.prune(before), answer),
            Order::Close(answer) => {
                *go_on = false;
                match self.publish(true) {
                    Ok(_) => {
                        self.closing.push(answer);
                        Ok(())
                    }
                    Err(error) => tell(Err(error), answer),
                }
            }
        }?;
        self.announce();
        Ok(())
    }

    fn publish(&mut self, keep: bool) -> Result<SignedCheckpoint, AuditError> {
        // A folder that is not ours any more gets no checkpoint of ours.
        self.pen.look_at_folder()?;
        let signed = self.pen.publish(keep)?;
        self.unsigned_since = None;
        Ok(signed)
    }

    fn announce(&self) {
        self.shared.size.send_replace(self.pen.tree.size());
        self.shared.checkpoint.send_replace(self.pen.checkpoint.clone());
    }
}

type Answer<T> = oneshot::Sender<Result<T, AuditError>>;

/// Tells who asked; what failed is then the failure of the log as well.
fn tell<T>(done: Result<T, AuditError>, answer: Answer<T>) -> Result<(), AuditError> {
    // Who asked may have gone away.
    match done {
        Ok(done) => {
            let _ = answer.send(Ok(done));
            Ok(())
        }
        Err(error) => {
            let _ = answer.send(Err(AuditError::Stopped(Arc::new(error.clone()))));
            Err(error)
        }
    }
}

fn refuse<T>(error: AuditError, answer: Answer<T>) -> Result<(), AuditError> {
    let _ = answer.send(Err(error));
    Ok(())
}

/// However the thread ends, by a panic too, nobody waits for ever.
struct EndsAll(Arc<Shared>, AuditError);

impl Drop for EndsAll {
    fn drop(&mut self) {
        let orders = {
            let mut queue = self.0.queue();
            queue.ended.get_or_insert_with(|| self.1.clone());
            std::mem::take(&mut queue.orders)
        };
        for order in orders {
            order.refuse(self.1.clone());
        }
    }
}
