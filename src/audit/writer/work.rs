use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::error::AuditError;
use super::super::event::Prepared;
use super::super::note::SignedCheckpoint;
use super::LogSettings;
use super::log::{Order, Receipt, Shared, Waits};
use super::pen::Pen;
use super::resume::fits;

/// The most records of one write, and the most whose hashes are kept in memory only.
const BATCH: usize = 4096;
const UNSIGNED: usize = 8_192;
/// The part of the time of a sync that is waited for others who may share the next one.
const GATHER: u32 = 4;

/// The thread that writes: takes all that waits, does it, answers, until it is told to stop or something fails.
pub(super) struct Work {
    pen: Pen,
    shared: Arc<Shared>,
    sign_within: Duration,
    sync_within: Duration,
    /// When the first record came that no checkpoint holds.
    unsigned_since: Option<Instant>,
    /// When the first record came that may not be on disk.
    unsynced_since: Option<Instant>,
    /// Who waits for records that are written and not on disk, and since when others are waited for with them.
    waiting: Vec<(Answer<Receipt>, Receipt)>,
    gathering: Option<Instant>,
    /// How many waited for the last sync, and how long it took.
    last: (usize, Duration),
    /// Who asked for the end; he is told when the folder is let go.
    closing: Vec<Answer<()>>,
}

enum Next {
    /// What waits, and whether the disk is to have it now.
    Orders(Vec<Order>, bool),
    SyncIsDue,
    CheckpointIsDue,
    LetGo,
}

impl Work {
    pub(super) fn new(pen: Pen, shared: Arc<Shared>, settings: &LogSettings) -> Self {
        Self {
            pen,
            shared,
            sign_within: settings.checkpoint_every,
            sync_within: settings.sync_within,
            unsigned_since: None,
            unsynced_since: None,
            waiting: Vec::new(),
            gathering: None,
            last: (0, Duration::ZERO),
            closing: Vec::new(),
        }
    }

    pub(super) fn run(mut self) {
        let mut guard = EndsAll(Arc::clone(&self.shared), AuditError::Closed);
        loop {
            let done = match self.next() {
                Next::Orders(orders, sync) => self.obey(orders, sync),
                Next::SyncIsDue => self.sync().map(|()| true),
                Next::CheckpointIsDue => self.publish(false).map(|_| {
                    self.announce();
                    true
                }),
                Next::LetGo => self.finish().map(|()| false),
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
                    self.waiting.into_iter().for_each(|(answer, _)| drop(answer.send(Err(guard.1.clone()))));
                    return;
                }
            }
        }
    }

    fn next(&mut self) -> Next {
        let shared = Arc::clone(&self.shared);
        let mut queue = shared.queue();
        loop {
            let there = queue.orders.len() + self.waiting.len();
            if there == 0 && queue.let_go {
                return Next::LetGo;
            }
            if std::mem::take(&mut queue.hurry) {
                // However many come like this, nobody waits for the disk longer than he would without them.
                let gathered = self.gathering.is_some_and(|since| since.elapsed() >= self.last.1 / GATHER);
                let overdue = self.unsynced_since.is_some_and(|since| since.elapsed() >= self.sync_within);
                return Next::Orders(std::mem::take(&mut queue.orders), gathered || overdue);
            }
            let (wait, due) = if there == 0 {
                queue.wanted = 1;
                self.due()
            } else {
                // Those who were answered just now are about to come again: who would write for the first of them
                // alone makes the others wait for two syncs. A small part of one is enough to gather them.
                let (count, took) = self.last;
                queue.wanted = count.saturating_sub(self.waiting.len());
                let since = self.gathering.get_or_insert_with(Instant::now).elapsed();
                let left = (took / GATHER).saturating_sub(since);
                if there >= count || left.is_zero() {
                    return Next::Orders(std::mem::take(&mut queue.orders), true);
                }
                (Some(left), Next::SyncIsDue)
            };
            queue = match wait {
                None => shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return due,
                Some(left) => shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// What is to be done next if nobody asks for anything, and when.
    fn due(&self) -> (Option<Duration>, Next) {
        let left = |since: Option<Instant>, most: Duration| Some(most.saturating_sub(since?.elapsed()));
        let (sync, sign) = (left(self.unsynced_since, self.sync_within), left(self.unsigned_since, self.sign_within));
        match sync {
            Some(soon) if sign.is_none_or(|sign| soon <= sign) => (sync, Next::SyncIsDue),
            _ => (sign, Next::CheckpointIsDue),
        }
    }

    /// Does what was asked: all records first, in their order, then the rest. Whether to go on.
    fn obey(&mut self, orders: Vec<Order>, sync: bool) -> Result<bool, AuditError> {
        let mut rest = Vec::new();
        let mut batch = Vec::with_capacity(orders.len().min(BATCH));
        let mut failed = None;
        for order in orders {
            match order {
                Order::Append(record, waits) if failed.is_none() => {
                    batch.push((record, waits));
                    if batch.len() == BATCH {
                        failed = self.write(std::mem::take(&mut batch)).err();
                    }
                }
                other => rest.push(other),
            }
        }
        if failed.is_none() {
            failed = self.write(batch).err();
        }
        if failed.is_none() && (sync || !rest.is_empty()) {
            failed = self.sync().err();
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
        self.unsigned_since.is_some_and(|since| since.elapsed() >= self.sign_within)
    }

    /// Puts records into the file and tells those who wait for no more.
    fn write(&mut self, batch: Vec<(Prepared, Waits)>) -> Result<(), AuditError> {
        let records: Vec<&Prepared> = batch.iter().map(|(record, _)| record).collect();
        if records.is_empty() {
            return Ok(());
        }
        let done = self.pen.add(&records).and_then(|receipts| {
            // What is to be found after a crash must be where a start looks for it.
            let ahead = batch.iter().any(|(_, waits)| matches!(waits, Waits::Written(_)));
            if ahead { self.pen.look_at_folder().map(|()| receipts) } else { Ok(receipts) }
        });
        match done {
            Ok(receipts) => {
                self.unsigned_since.get_or_insert_with(Instant::now);
                self.unsynced_since.get_or_insert_with(Instant::now);
                for ((_, waits), receipt) in batch.into_iter().zip(receipts) {
                    match waits {
                        Waits::Written(answer) => drop(answer.send(Ok(()))),
                        Waits::Durable(answer) => self.waiting.push((answer, receipt)),
                    }
                }
                Ok(())
            }
            Err(error) => {
                let stopped = Arc::new(error.clone());
                for (_, waits) in batch {
                    waits.refuse(AuditError::Stopped(Arc::clone(&stopped)));
                }
                Err(error)
            }
        }
    }

    /// Waits for the disk and tells those who wait for it. One that fails is told by the end of this thread.
    fn sync(&mut self) -> Result<(), AuditError> {
        let started = Instant::now();
        self.pen.sync()?;
        self.unsynced_since = None;
        self.gathering = None;
        if !self.waiting.is_empty() {
            self.last = (self.waiting.len(), started.elapsed());
        }
        self.shared.size.send_replace(self.pen.durable);
        for (answer, receipt) in self.waiting.drain(..) {
            let _ = answer.send(Ok(receipt));
        }
        Ok(())
    }

    fn other(&mut self, order: Order, go_on: &mut bool) -> Result<(), AuditError> {
        match order {
            Order::Append(record, waits) => self.write(vec![(record, waits)]).and_then(|()| self.sync()),
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
                match self.finish() {
                    Ok(()) => {
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
        self.sync()?;
        let signed = self.pen.publish(keep)?;
        self.unsigned_since = None;
        Ok(signed)
    }

    fn finish(&mut self) -> Result<(), AuditError> {
        self.sync()?;
        self.pen.finish().map(drop)
    }

    fn announce(&self) {
        self.shared.size.send_replace(self.pen.durable);
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
