use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::model::TenantId;

/// Places of one kind that all tenants share, of which none gets more than half: whatever one does, the others find some.
pub(super) struct Shares {
    places: Arc<Semaphore>,
    /// The most of one tenant.
    most: usize,
    taken: Mutex<HashMap<TenantId, usize>>,
    /// What they are for, as one says that there are too many.
    what: &'static str,
}

/// One of them for anybody, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// One of a tenant's, until it is dropped.
pub(super) struct Share {
    all: Arc<Shares>,
    tenant: TenantId,
}

impl Shares {
    pub(super) fn new(places: u32, what: &'static str) -> Arc<Self> {
        let places = places as usize;
        let most = places.div_ceil(2);
        Arc::new(Self { places: Arc::new(Semaphore::new(places)), most, taken: Mutex::default(), what })
    }

    /// A place, whoever it is for.
    pub(super) fn place(&self) -> Result<Place, Problem> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let detail = format!("the service has as many {} as it takes; try again later", self.what);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).after(Some(1))
        })
    }

    /// The tenant's own share of the places, asked for when it is known who it is.
    pub(super) fn share(self: &Arc<Self>, tenant: &TenantId) -> Result<Share, Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked for first, since most are there already and the name is copied only where it is not.
        match taken.get_mut(tenant) {
            Some(own) if *own >= self.most => {
                let detail = format!("your tenant has {own} {}, which is its share; try again later", self.what);
                return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "share_taken", detail).after(Some(1)));
            }
            Some(own) => *own += 1,
            None => {
                taken.insert(tenant.clone(), 1);
            }
        }
        drop(taken);
        Ok(Share { all: Arc::clone(self), tenant: tenant.clone() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.all.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_gets_half_and_gives_it_back() {
        let shares = Shares::new(5, "streams open");
        let (one, other) = ("one".parse().unwrap(), "other".parse().unwrap());
        let mut held: Vec<_> = (0..3).map(|_| shares.share(&one).unwrap()).collect();
        let refused = shares.share(&one).err().unwrap();
        assert_eq!((refused.status().as_u16(), refused.code()), (429, "share_taken"));
        assert!(shares.share(&other).is_ok());
        held.pop();
        held.push(shares.share(&one).unwrap());
        held.clear();
        assert!(shares.taken.lock().unwrap().is_empty(), "nothing is kept of those who are not here");
    }
}
