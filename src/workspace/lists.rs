use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::WorkspaceError;

/// The most that the lists of files of one set of workspaces take in memory: two of the longest, while they are read.
const OWN: u64 = 512 << 20;

/// The longest list of files that is kept, as it is written down.
pub(super) const LONGEST: u64 = 64 << 20;

/// How much the lists of files take that are in memory: whoever reads one more asks before, and is told to come again where
/// that would be too much. Nobody waits here, since whoever waits may hold what others wait for.
#[derive(Debug)]
pub struct Lists {
    most: u64,
    held: AtomicU64,
    /// All of several sets.
    all: Option<Arc<Lists>>,
}

/// What somebody holds of it, until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Arc<Lists>,
    bytes: u64,
}

impl Lists {
    pub fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, held: AtomicU64::new(0), all: None })
    }

    /// Those of one set, among others.
    pub(super) fn own(all: Option<&Arc<Self>>) -> Arc<Self> {
        Arc::new(Self { most: OWN, held: AtomicU64::new(0), all: all.map(Arc::clone) })
    }

    pub(super) fn share(self: &Arc<Self>, bytes: u64) -> Result<Share, WorkspaceError> {
        let mut share = Share { of: Arc::clone(self), bytes: 0 };
        share.grow(bytes).map(|()| share)
    }

    fn add(&self, more: u64) -> bool {
        let sum = |held: u64| held.checked_add(more).filter(|sum| *sum <= self.most);
        if self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_err() {
            return false;
        }
        let all = self.all.as_ref().is_none_or(|all| all.add(more));
        if !all {
            self.held.fetch_sub(more, Ordering::Relaxed);
        }
        all
    }

    fn give_back(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(all) = &self.all {
            all.give_back(bytes);
        }
    }
}

impl Share {
    /// Asked before so many bytes are taken.
    pub(super) fn grow(&mut self, more: u64) -> Result<(), WorkspaceError> {
        if !self.of.add(more) {
            return Err(WorkspaceError::TooManyLists);
        }
        self.bytes = self.bytes.saturating_add(more);
        Ok(())
    }

    /// Gives back all but so many bytes.
    pub(super) fn shrink(&mut self, bytes: u64) {
        let less = self.bytes.saturating_sub(bytes);
        self.of.give_back(less);
        self.bytes -= less;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_set_has_its_own_and_all_have_the_whole() {
        let all = Lists::new(OWN + 10);
        let (one, other) = (Lists::own(Some(&all)), Lists::own(Some(&all)));
        let mut first = one.share(OWN).unwrap();
        assert!(first.grow(1).is_err() && one.share(1).is_err(), "the set has no more");
        let second = other.share(10).unwrap();
        assert!(other.share(1).is_err(), "all have no more");
        first.shrink(5);
        drop(other.share(5).unwrap());
        drop((first, second));
        assert_eq!([&all, &one, &other].map(|lists| lists.held.load(Ordering::Relaxed)), [0, 0, 0]);
    }
}
