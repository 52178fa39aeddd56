use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
/// Tenants of which it is known; more are not at work in one minute.
const TENANTS: usize = 10_000;

/// How much of the log each tenant has filled in its minute: none may fill the disk for all.
#[derive(Debug, Default)]
pub(super) struct Spent(Mutex<HashMap<String, Spending>>);

#[derive(Debug)]
struct Spending {
    since: Instant,
    bytes: u64,
}

impl Spent {
    pub(super) fn add(&self, tenant: &str, bytes: u64, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get_mut(tenant) {
            if now.duration_since(known.since) >= MINUTE {
                *known = Spending { since: now, bytes: 0 };
            }
            known.bytes = known.bytes.saturating_add(bytes);
            return;
        }
        if all.len() >= TENANTS {
            all.retain(|_, known| now.duration_since(known.since) < MINUTE);
        }
        all.insert(tenant.to_owned(), Spending { since: now, bytes });
    }

    /// Whether a tenant has filled less than this; else in how many seconds it has room again.
    pub(super) fn room(&self, tenant: &str, most: u64, now: Instant) -> Result<(), u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = all.get(tenant).filter(|known| known.bytes >= most) else { return Ok(()) };
        let left = MINUTE.saturating_sub(now.duration_since(known.since));
        if left.is_zero() { Ok(()) } else { Err(left.as_secs() + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_its_own_minute() {
        let (spent, began) = (Spent::default(), Instant::now());
        let at = |seconds: u64| began + Duration::from_secs(seconds);
        assert_eq!(spent.room("a", 100, at(0)), Ok(()));
        spent.add("a", 99, at(0));
        assert_eq!(spent.room("a", 100, at(1)), Ok(()));
        spent.add("a", 50, at(1));
        assert_eq!((spent.room("a", 100, at(10)), spent.room("b", 100, at(10))), (Err(51), Ok(())));
        assert_eq!((spent.room("a", 200, at(10)), spent.room("a", 100, at(60))), (Ok(()), Ok(())));
        spent.add("a", 1, at(61));
        assert_eq!((spent.room("a", 2, at(61)), spent.room("a", 1, at(61))), (Ok(()), Err(61)));
        assert_eq!(spent.room("a", 0, at(200)), Ok(()), "a minute after the last");
    }
}
