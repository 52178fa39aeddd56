use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;

use super::problem::Problem;
use super::settings::HttpSettings;
use crate::model::{TenantId, show_bytes};
use crate::sandbox::SandboxError;

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
    /// The same, and told apart whether it is only now too much, or whenever it comes.
    fn grow_if_ever(&mut self, more: u64, of: Contents) -> Result<(), Problem> {
        let most = self.bodies.most.min(self.bodies.share);
        if self.bytes.saturating_add(more) > most { Err(of.never(most)) } else { self.grow(more) }
    }

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

impl InMemory {
    /// Gives back all but so many bytes.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let less = self.bytes.saturating_sub(bytes);
        self.bodies.held().give_back(&self.tenant, less);
        self.bytes -= less;
    }
}

impl Held {
    fn give_back(&mut self, tenant: &TenantId, bytes: u64) {
        self.all = self.all.saturating_sub(bytes);
        if let Some(own) = self.of.get_mut(tenant) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                self.of.remove(tenant);
            }
        }
    }
}

/// The same for work on another thread, which asks as it goes, and of which nobody knows before how much it takes.
#[derive(Debug)]
pub(super) struct Growing {
    of: Contents,
    state: Mutex<(InMemory, Option<Problem>)>,
}

/// What is too large when it never has room.
#[derive(Debug, Clone, Copy)]
pub(super) enum Contents {
    Files,
    Run,
    Events,
}

impl Contents {
    fn never(self, most: u64) -> Problem {
        let most = show_bytes(most);
        let (code, detail) = match self {
            Contents::Files => (
                "too_many_files",
                format!(
                    "the files are so many, and their paths so long, that to look through them takes more than {most} in \
                     memory; remove some, or read them folder by folder"
                ),
            ),
            Contents::Events => (
                "too_large",
                format!(
                    "what the run returned takes more than {most} in memory, and so its end cannot be told; it can where \
                     `http.tenant_bodies_bytes` is higher"
                ),
            ),
            Contents::Run => (
                "too_large",
                format!(
                    "what the run returned and wrote takes more than {most} in memory; read what it wrote piece by piece: \
                     GET /v1/runs/{{id}}/events"
                ),
            ),
        };
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail)
    }
}

impl Growing {
    pub(super) fn new(of: Contents, held: InMemory) -> Arc<Self> {
        Arc::new(Self { of, state: Mutex::new((held, None)) })
    }

    fn state(&self) -> MutexGuard<'_, (InMemory, Option<Problem>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the work asks with.
    pub(super) fn ask(self: &Arc<Self>) -> impl Fn(u64) -> bool + Send + Sync + 'static {
        let growing = Arc::clone(self);
        move |more| {
            let mut state = growing.state();
            let (held, refused) = &mut *state;
            *refused = held.grow_if_ever(more, growing.of).err();
            refused.is_none()
        }
    }

    /// What came of the work, or why there was no room for it.
    pub(super) fn done<T>(&self, done: Result<T, SandboxError>) -> Result<T, Problem> {
        done.map_err(|error| self.state().1.take().unwrap_or_else(|| error.into()))
    }

    /// What it took, to be held on.
    pub(super) fn held(&self) -> InMemory {
        let held = &mut self.state().0;
        let empty = held.bodies.of(&held.tenant);
        std::mem::replace(held, empty)
    }
}

impl Drop for InMemory {
    fn drop(&mut self) {
        self.bodies.held().give_back(&self.tenant, self.bytes);
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
