use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;

use super::problem::Problem;
use super::settings::HttpSettings;
use crate::model::{TenantId, show_bytes};

/// Bodies that have to be in memory as a whole, of all callers at one time: so many bytes, and of them each tenant so many.
/// Who comes when they are taken is told to come again, before his own are taken.
#[derive(Debug)]
pub(super) struct Bodies {
    most: u64,
    share: u64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: u64,
    of: HashMap<TenantId, u64>,
}

impl Bodies {
    pub(super) fn new(http: &HttpSettings) -> Arc<Self> {
        Arc::new(Self { most: http.bodies_bytes, share: http.tenant_bodies_bytes, held: Mutex::default() })
    }

    pub(super) fn of(self: &Arc<Self>, tenant: &TenantId) -> InMemory {
        InMemory { bodies: Arc::clone(self), tenant: tenant.clone(), bytes: 0 }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one request has in memory, until this is dropped.
#[derive(Debug)]
pub(super) struct InMemory {
    bodies: Arc<Bodies>,
    tenant: TenantId,
    bytes: u64,
}

impl InMemory {
    /// Asked before the bytes are taken.
    pub(super) fn grow(&mut self, more: u64) -> Result<(), Problem> {
        let Bodies { most, share, .. } = *self.bodies;
        let mut held = self.bodies.held();
        let (all, own) = (held.all, held.of.get(&self.tenant).copied().unwrap_or(0));
        if own.saturating_add(more) > share {
            let detail = format!(
                "the bodies and answers of the tenant that are in memory take {}, which is the most; try again later",
                show_bytes(share)
            );
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_bytes", detail).after(Some(1)));
        }
        if all.saturating_add(more) > most {
            let detail = "the service has as much in memory as it takes; try again later";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).after(Some(1)));
        }
        held.all = all.saturating_add(more);
        held.of.insert(self.tenant.clone(), own.saturating_add(more));
        self.bytes = self.bytes.saturating_add(more);
        Ok(())
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        let mut held = self.bodies.held();
        held.all = held.all.saturating_sub(self.bytes);
        if let Some(own) = held.of.get_mut(&self.tenant) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                held.of.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_share_and_all_have_the_whole() {
        let http = HttpSettings { bodies_bytes: 150, tenant_bodies_bytes: 100, ..HttpSettings::default() };
        let bodies = Bodies::new(&http);
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        let mut first = bodies.of(&one);
        first.grow(60).unwrap();
        let mut second = bodies.of(&one);
        second.grow(40).unwrap();
        assert_eq!(second.grow(1).unwrap_err().status(), 429);
        let mut third = bodies.of(&other);
        third.grow(50).unwrap();
        assert_eq!(third.grow(1).unwrap_err().status(), 503);
        drop(first);
        third.grow(50).unwrap();
        drop((second, third));
        assert!(bodies.held().of.is_empty());
        assert_eq!(bodies.held().all, 0);
    }
}
