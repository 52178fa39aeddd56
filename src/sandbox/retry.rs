use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::SandboxError;
use super::events::{Events, HasRoom};
use super::hall::Hall;
use super::ledger::Much;
use super::record::{RetryRecord, RunRecord};
use crate::model::{Caller, PrincipalId, RunId, TenantId};

/// What makes a request that is sent twice one request: the caller's word for it, and a hash of all that it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryKey {
    pub key: String,
    pub request: [u8; 32],
}

type Known = (TenantId, PrincipalId, String);

/// Keys of requests that are at work.
#[derive(Debug, Default, Clone)]
pub(super) struct AtWork(Arc<Mutex<HashSet<Known>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    all: AtWork,
    known: Known,
    request: [u8; 32],
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.known);
    }
}

impl Held {
    pub(super) fn record(&self, run: &RunId, created: u64) -> RetryRecord {
        let (tenant, principal, key) = self.known.clone();
        RetryRecord { tenant, principal, key, request: self.request, run: run.clone(), created }
    }
}

/// A request with a key: done before, or to be done now.
pub(super) enum Again {
    Done(Before),
    New(Held),
}

/// The run that a request led to when it was made before. Whoever asks again may have its answer again.
#[derive(Debug)]
pub struct Before {
    tenant: TenantId,
    run: RunId,
}

impl Before {
    pub const fn run(&self) -> &RunId {
        &self.run
    }
}

impl Hall {
    /// Whether this was done before. Two at once: one is done, the other is told to come again.
    pub(super) fn again(&self, caller: &Caller, key: RetryKey) -> Result<Again, SandboxError> {
        let known = (caller.tenant.clone(), caller.principal.clone(), key.key);
        let all = &self.inner().at_work;
        if !all.0.lock().unwrap_or_else(PoisonError::into_inner).insert(known.clone()) {
            return Err(SandboxError::KeyInUse(known.2));
        }
        let held = Held { all: all.clone(), known, request: key.request };
        let (tenant, principal, key) = &held.known;
        let Some(before) = self.inner().ledger.retry(tenant, principal, key)? else { return Ok(Again::New(held)) };
        if before.request != held.request {
            return Err(SandboxError::KeyReused(key.clone()));
        }
        let missing = || SandboxError::NoRun(before.run.clone());
        self.known_run(tenant, &before.run)?.ok_or_else(missing)?;
        Ok(Again::Done(Before { tenant: tenant.clone(), run: before.run }))
    }

    /// What a request led to that was made before. Nothing begins by this.
    pub fn before(&self, caller: &Caller, key: RetryKey) -> Result<Option<Before>, SandboxError> {
        Ok(match self.again(caller, key)? {
            Again::Done(before) => Some(before),
            Again::New(_) => None,
        })
    }

    /// What became of it, with all that it wrote, where there is room for that.
    pub async fn read_before(&self, before: &Before, room: &HasRoom) -> Result<RunRecord, SandboxError> {
        self.recorded(&before.tenant, &before.run, Much::Whole, room).await
    }

    /// The same as it happened.
    pub async fn events_before(&self, before: &Before, room: HasRoom) -> Result<Events, SandboxError> {
        self.events_of(&before.tenant, &before.run, 0, room).await
    }
}
