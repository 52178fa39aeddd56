use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc as plain;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::mark::{self, Mark};

/// Steps that may wait for the writer; one more is refused, so that a slow disk is told and not queued for.
const WAITING: usize = 8_192;
/// Steps that share one commit.
const TOGETHER: usize = 256;

/// Why a step was not taken. It has left nothing behind.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StepError {
    #[error("the store is behind; try again later")]
    Behind,
    #[error("the store failed: {0}")]
    Failed(String),
    /// It would fail each time.
    #[error("the store cannot do this: {0}")]
    Never(String),
}

impl From<rusqlite::Error> for StepError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{
            ApiMisuse, DatabaseCorrupt, NotADatabase, ParameterOutOfRange, TooBig, TypeMismatch,
        };
        match error.sqlite_error_code() {
            Some(ApiMisuse | DatabaseCorrupt | NotADatabase | ParameterOutOfRange | TooBig | TypeMismatch) => {
                StepError::Never(error.to_string())
            }
            // The disk is full, or somebody else has it: that may pass.
            _ => StepError::Failed(error.to_string()),
        }
    }
}

/// How much a step that was acknowledged outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// The end of the process.
    Process,
    /// A power cut as well.
    Power,
}

trait Step: Send {
    fn lasting(&self) -> Lasting;
    /// Whether what it did is to be kept.
    fn take(&mut self, connection: &Connection) -> bool;
    fn end(self: Box<Self>, connection: &Connection, committed: Result<(), StepError>);
}

struct Typed<T, Work, Reply> {
    lasting: Lasting,
    work: Option<Work>,
    result: Option<rusqlite::Result<T>>,
    reply: Reply,
}

impl<T, Work, Reply> Step for Typed<T, Work, Reply>
where
    T: Send,
    Work: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    Reply: FnOnce(&Connection, Result<T, StepError>) + Send,
{
    fn lasting(&self) -> Lasting {
        self.lasting
    }

    fn take(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn end(self: Box<Self>, connection: &Connection, committed: Result<(), StepError>) {
        let lost = || StepError::Failed("the step was not taken".into());
        let result = self.result.ok_or_else(lost).and_then(|result| result.map_err(StepError::from));
        (self.reply)(connection, committed.and(result));
    }
}

/// The one who writes. Steps that come while it is at work share the next commit, and each is told when its own is done.
pub(super) struct Lane(mpsc::Sender<Box<dyn Step>>);

impl Lane {
    pub(super) fn start(connection: Connection, mark: Mark) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(WAITING);
        std::thread::Builder::new().name("store".into()).spawn(move || write(connection, &mark, receiver))?;
        Ok(Self(sender))
    }

    /// Takes a step, for those who may not block.
    pub(super) async fn step<T: Send + 'static>(
        &self,
        lasting: Lasting,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StepError> {
        self.step_and(lasting, work, |_, _| {}).await
    }

    /// The same, with something to be done before the next commit once this one is durable: what cannot be rolled back.
    pub(super) async fn step_and<T: Send + 'static>(
        &self,
        lasting: Lasting,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(&Connection, &T) + Send + 'static,
    ) -> Result<T, StepError> {
        let (reply, told) = oneshot::channel();
        let reply = move |connection: &Connection, result: Result<T, StepError>| {
            if let Ok(done) = &result {
                then(connection, done);
            }
            drop(reply.send(result));
        };
        self.0
            .try_send(Box::new(Typed { lasting, work: Some(work), result: None, reply }))
            .map_err(|_| StepError::Behind)?;
        told.await.map_err(|_| StepError::Failed("the writer is gone".into()))?
    }

    /// Takes a step that nobody waits for; where there is no room it is not taken.
    pub(super) fn note<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) {
        let (lasting, reply) = (Lasting::Process, |_: &Connection, _: Result<T, StepError>| {});
        let _ = self.0.try_send(Box::new(Typed { lasting, work: Some(work), result: None, reply }));
    }

    /// Takes a step, for those who have a thread of their own.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        lasting: Lasting,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StepError> {
        let (reply, told) = plain::sync_channel(1);
        let reply = move |_: &Connection, result| drop(reply.send(result));
        self.0
            .try_send(Box::new(Typed { lasting, work: Some(work), result: None, reply }))
            .map_err(|_| StepError::Behind)?;
        told.recv().map_err(|_| StepError::Failed("the writer is gone".into()))?
    }
}

fn write(mut connection: Connection, mark: &Mark, mut steps: mpsc::Receiver<Box<dyn Step>>) {
    let mut batch = Vec::with_capacity(TOGETHER);
    let mut lasting = Lasting::Power;
    while steps.blocking_recv_many(&mut batch, TOGETHER) > 0 {
        let wanted =
            if batch.iter().any(|step| step.lasting() == Lasting::Power) { Lasting::Power } else { Lasting::Process };
        let committed =
            set(&connection, &mut lasting, wanted).and_then(|()| commit(&mut connection, &mut batch, wanted));
        if let Ok(Some(count)) = committed {
            mark.set(count);
        }
        let committed = committed.map(drop).map_err(StepError::from);
        for step in batch.drain(..) {
            // Whoever waits for it finds that nobody answers any more.
            let _ = catch_unwind(AssertUnwindSafe(|| step.end(&connection, committed.clone())));
        }
    }
}

/// In write-ahead mode a full synchronisation waits for the disk at each commit, a normal one only when the log is folded in.
fn set(connection: &Connection, now: &mut Lasting, wanted: Lasting) -> rusqlite::Result<()> {
    if *now != wanted {
        let word = if wanted == Lasting::Power { "FULL" } else { "NORMAL" };
        connection.pragma_update(None, "synchronous", word)?;
        *now = wanted;
    }
    Ok(())
}

/// The number of the commit, where it waited for the disk.
fn commit(connection: &mut Connection, batch: &mut [Box<dyn Step>], lasting: Lasting) -> rusqlite::Result<Option<u64>> {
    let before = connection.total_changes();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in batch.iter_mut() {
        transaction.prepare_cached("SAVEPOINT step")?.execute(())?;
        // One that panics is not the last one: it is undone, and told as not taken.
        let taken = catch_unwind(AssertUnwindSafe(|| step.take(&transaction)));
        if !taken.unwrap_or(false) {
            transaction.prepare_cached("ROLLBACK TO step")?.execute(())?;
        }
        transaction.prepare_cached("RELEASE step")?.execute(())?;
    }
    // Where nothing was written there is nothing to wait for.
    let waits = lasting == Lasting::Power && transaction.total_changes() != before;
    let count = if waits { Some(mark::count(&transaction)?) } else { None };
    transaction.commit()?;
    Ok(count)
}
