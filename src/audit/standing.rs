use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use super::error::AuditError;
use super::event::{Event, Prepared, RECORD_BYTES};
use super::note::SignedCheckpoint;
use super::spent::Spent;
use super::writer::{Log, Pending, Receipt};

type Again = Box<dyn Fn() -> Result<Log, AuditError> + Send + Sync>;

/// The log of a service: where a disk was full, or failed, it is read and opened anew when that is over. Nothing is taken
/// in between.
pub struct Standing {
    current: RwLock<Log>,
    again: Again,
    spent: Spent,
}

impl Standing {
    pub fn new(log: Log, again: impl Fn() -> Result<Log, AuditError> + Send + Sync + 'static) -> Self {
        Self { current: RwLock::new(log), again: Box::new(again), spent: Spent::default() }
    }

    /// As it is now; whoever keeps it keeps one that may have ended.
    pub fn now(&self) -> Log {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn append(&self, event: &Event) -> Pending<Receipt> {
        let prepared = self.counted(event);
        self.now().append_prepared(prepared)
    }

    pub fn write(&self, event: &Event) -> Pending<()> {
        let prepared = self.counted(event);
        self.now().write_prepared(prepared)
    }

    fn counted(&self, event: &Event) -> Prepared {
        let prepared = event.prepare();
        if let Some(tenant) = event.of_tenant() {
            self.spent.add(tenant, prepared.fills(), Instant::now());
        }
        prepared
    }

    /// Whether a tenant has filled less than this of the log in its minute, to be asked before it does something that will be
    /// on record; else in how many seconds it has room again. What is at work by then is recorded, however much it is.
    pub fn room(&self, tenant: &str, most: u64) -> Result<(), u64> {
        self.spent.room(tenant, most, Instant::now())
    }

    /// Whether a tenant that has filled its minute may record one thing more, of those that end what it does: they have this
    /// much to themselves, which nothing else is counted in. Each counts as the longest there is, with its refusal or its end.
    pub fn reserve(&self, tenant: &str, what: &str, most: u64) -> bool {
        let (whose, now) = (format!("{tenant} ({what})"), Instant::now());
        let there = self.spent.room(&whose, most, now).is_ok();
        if there {
            self.spent.add(&whose, 2 * RECORD_BYTES as u64, now);
        }
        there
    }

    pub fn checkpoint(&self) -> Pending<SignedCheckpoint> {
        self.now().checkpoint()
    }

    /// Opens it anew where the disk had failed. Whether it has; an error where it still fails. This reads the log.
    pub fn revive(&self) -> Result<bool, AuditError> {
        let Some(AuditError::Stopped(cause)) = self.now().ended() else { return Ok(false) };
        // A folder that somebody changed is for a person to look at.
        if !matches!(*cause, AuditError::DiskFull { .. } | AuditError::Disk { .. }) {
            return Ok(false);
        }
        let log = (self.again)()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = log;
        Ok(true)
    }
}
