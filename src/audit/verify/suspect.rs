use super::super::folder;
use super::super::hash::TreeHash;
use super::fault::{Fault, FaultKind, Place};

/// A record whose hash is not the kept one. Which of the two was changed, the next record tells: it holds the hash that
/// the record had.
pub(super) struct Suspect {
    pub(super) seq: u64,
    pub(super) place: Place,
    pub(super) hash: TreeHash,
}

impl Suspect {
    pub(super) fn by_the_next(self, prev: TreeHash) -> Fault {
        if prev == self.hash { self.tree() } else { self.record() }
    }

    pub(super) fn record(self) -> Fault {
        Fault::new(FaultKind::RecordChanged, self.place, "the record is not the one that was written")
    }

    pub(super) fn tree(self) -> Fault {
        let place = Place {
            offset: Some(self.seq * TreeHash::BYTES as u64),
            seq: Some(self.seq),
            ..Place::file(&folder::level(0))
        };
        Fault::new(FaultKind::TreeChanged, place, "the kept hash is not that of the record")
    }
}
