use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::quota::QuotaError;
use crate::model::{Ceilings, Room, TenantId, Weight};
use crate::workspace::DraftId;

/// Taken at a time, so that small writes do not all ask the tenant's book.
const STEP: Weight = Weight { bytes: 1 << 20, files: 64 };

/// What each tenant keeps on the disk. Room is promised before anything is written, and the promise is let go when what
/// was written is in the book: so those who write at the same time have no more together than one after the other.
///
/// ```text
/// Reserved ──take──▶ promised ──┬── dropped ─────────────────────▶ given back
///                               ├── into the weight of a draft, which is walked later and then known to the byte
///                               └── a row is there: rows are counted again ──▶ kept
/// ```
#[derive(Debug, Default)]
pub(super) struct Storage(Mutex<HashMap<TenantId, Arc<Book>>>);

/// What one tenant keeps.
#[derive(Debug, Default)]
pub(super) struct Book {
    state: Mutex<State>,
    /// Who counts rows is alone: what was counted later is written down later.
    pub(super) rows: Mutex<()>,
    /// The same for who walks through drafts.
    pub(super) walking: Mutex<()>,
    /// Held by whoever counts everything for the first time.
    pub(super) first: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// Before that nothing is promised.
    known: bool,
    /// Components, workspaces, and what drafts began from.
    kept: Weight,
    /// Whether something is kept only because drafts began from it.
    behind: bool,
    drafts: HashMap<DraftId, Draft>,
    /// All drafts together.
    in_drafts: Weight,
    promised: Weight,
    /// For archives on their way out, which are gone when they are taken.
    lent: u64,
}

#[derive(Debug, Default)]
struct Draft {
    /// Never less than what is there.
    weight: Weight,
    /// Added since the last walk began.
    since: Weight,
    /// It may be less than that.
    stale: bool,
    touched: bool,
    /// Runs in it, now and ever: a guest moves files while they are counted.
    working: u32,
    visits: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storage {
    pub(super) fn of(&self, tenant: &TenantId) -> Arc<Book> {
        let mut all = locked(&self.0);
        match all.get(tenant) {
            Some(book) => Arc::clone(book),
            None => Arc::clone(all.entry(tenant.clone()).or_default()),
        }
    }
}

impl State {
    fn all(&self) -> Weight {
        self.kept.plus(self.in_drafts).plus(self.promised)
    }

    fn change(&mut self, id: &DraftId, change: impl FnOnce(&mut Draft)) {
        let draft = self.drafts.entry(id.clone()).or_default();
        let before = draft.weight;
        change(draft);
        self.in_drafts = self.in_drafts.less(before).plus(draft.weight);
    }
}

impl Book {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    pub(super) fn is_known(&self) -> bool {
        self.state().known
    }

    /// Everything, as it was counted while nothing was promised.
    pub(super) fn open(&self, kept: Weight, behind: bool, drafts: Vec<(DraftId, Weight)>) {
        let mut state = self.state();
        (state.kept, state.behind, state.known) = (kept, behind, true);
        for (id, weight) in drafts {
            state.change(&id, |draft| draft.weight = weight);
        }
    }

    pub(super) fn set_kept(&self, kept: Weight, behind: bool) {
        let mut state = self.state();
        (state.kept, state.behind) = (kept, behind);
    }

    /// Rows that could not be counted.
    pub(super) fn add_kept(&self, more: Weight) {
        let mut state = self.state();
        state.kept = state.kept.plus(more);
    }

    pub(super) fn is_behind(&self) -> bool {
        self.state().behind
    }

    /// What is there, with what is promised.
    #[cfg(test)]
    pub(super) fn all(&self) -> Weight {
        self.state().all()
    }

    /// How much more may be kept.
    pub(super) fn left(&self, most: &Ceilings) -> Weight {
        limit(most).less(self.state().all())
    }

    /// What a draft takes at most.
    pub(super) fn draft(&self, id: &DraftId) -> Weight {
        self.state().drafts.get(id).map(|draft| draft.weight).unwrap_or_default()
    }

    pub(super) fn drafts(&self) -> Vec<DraftId> {
        self.state().drafts.keys().cloned().collect()
    }

    /// Something in it was removed or replaced, or nobody knows what.
    pub(super) fn touch(&self, id: &DraftId) {
        self.state().change(id, |draft| (draft.stale, draft.touched) = (true, true));
    }

    pub(super) fn forget(&self, id: &DraftId) {
        let mut state = self.state();
        if let Some(draft) = state.drafts.remove(id) {
            state.in_drafts = state.in_drafts.less(draft.weight);
        }
    }

    /// Those that may take less than is written down, and can be walked through now.
    pub(super) fn stale(&self) -> Vec<DraftId> {
        let state = self.state();
        state.drafts.iter().filter(|(_, draft)| draft.stale && draft.working == 0).map(|(id, _)| id.clone()).collect()
    }

    /// Before a walk; with what this gives the walk is settled.
    pub(super) fn begin_walk(&self, id: &DraftId) -> Option<u64> {
        let mut state = self.state();
        let draft = state.drafts.get_mut(id).filter(|draft| draft.working == 0)?;
        (draft.since, draft.touched) = (Weight::default(), false);
        Some(draft.visits)
    }

    /// What a walk found. What was added meanwhile it may have seen or not, so that counts as well, until the next; and if
    /// a guest was in it meanwhile, the walk counts for nothing.
    pub(super) fn settle_walk(&self, id: &DraftId, visits: u64, found: Weight) {
        let mut state = self.state();
        if state.drafts.get(id).is_some_and(|draft| draft.working == 0 && draft.visits == visits) {
            state.change(id, |draft| {
                draft.weight = found.plus(draft.since);
                draft.stale = draft.touched;
            });
        }
    }

    /// Lets a run work in a draft.
    pub(super) fn visit(self: &Arc<Self>, id: &DraftId, room: Arc<Reserved>) -> Visit {
        self.state().change(id, |draft| {
            draft.working += 1;
            draft.visits += 1;
        });
        Visit { book: Arc::clone(self), draft: id.clone(), room }
    }

    pub(super) fn reserve(self: &Arc<Self>, most: &Ceilings, purse: Purse) -> Arc<Reserved> {
        Arc::new(Reserved { book: Arc::clone(self), most: limit(most), purse, taken: Mutex::default() })
    }

    fn promise(&self, most: Weight, purse: Purse, more: Weight) -> Result<(), QuotaError> {
        let mut state = self.state();
        if purse == Purse::Lent {
            let lent = state.lent.saturating_add(more.bytes);
            if lent > most.bytes {
                return Err(QuotaError::Lent(most.bytes));
            }
            state.lent = lent;
            return Ok(());
        }
        let all = state.all().plus(more);
        if more.bytes > 0 && all.bytes > most.bytes {
            return Err(QuotaError::Storage(most.bytes));
        }
        if more.files > 0 && all.files > most.files {
            return Err(QuotaError::StorageFiles(most.files));
        }
        state.promised = state.promised.plus(more);
        Ok(())
    }
}

fn limit(most: &Ceilings) -> Weight {
    Weight { bytes: most.storage_bytes, files: most.storage_files }
}

/// What room is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purse {
    /// It stays.
    Kept,
    /// It goes out; who has no room left may still fetch what he has.
    Lent,
}

/// Room that grows as it is taken, and is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    book: Arc<Book>,
    most: Weight,
    purse: Purse,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    used: Weight,
    promised: Weight,
    refused: Option<QuotaError>,
    closed: bool,
}

impl Reserved {
    pub(super) fn used(&self) -> Weight {
        locked(&self.taken).used
    }

    /// From here on there is no more of it.
    pub(super) fn close(&self) {
        locked(&self.taken).closed = true;
    }

    pub(super) fn is_open(&self) -> bool {
        !locked(&self.taken).closed
    }

    /// Why there was no more.
    pub(super) fn refusal(&self) -> QuotaError {
        let refused = locked(&self.taken).refused.clone();
        refused.unwrap_or(QuotaError::Storage(self.most.bytes))
    }

    /// What was written is in a draft: from now on its weight is what counts.
    pub(super) fn settle_in(&self, id: &DraftId) {
        let mut taken = locked(&self.taken);
        let mut state = self.book.state();
        let used = std::mem::take(&mut taken.used);
        state.promised = state.promised.less(std::mem::take(&mut taken.promised));
        taken.closed = true;
        state.change(id, |draft| {
            draft.weight = draft.weight.plus(used);
            draft.since = draft.since.plus(used);
            (draft.stale, draft.touched) = (true, true);
        });
    }
}

impl Room for Reserved {
    fn take(&self, more: Weight) -> bool {
        let mut taken = locked(&self.taken);
        if taken.closed {
            return false;
        }
        let used = taken.used.plus(more);
        let missing = used.less(taken.promised);
        if missing != Weight::default() {
            let step = |missing: u64, step: u64| if missing == 0 { 0 } else { missing.max(step) };
            let some = Weight { bytes: step(missing.bytes, STEP.bytes), files: step(missing.files, STEP.files) };
            // Near the end a step is too much, and what is needed may fit.
            let promise = |more| self.book.promise(self.most, self.purse, more).map(|()| more);
            match promise(some).or_else(|_| promise(missing)) {
                Ok(given) => taken.promised = taken.promised.plus(given),
                Err(refused) => {
                    taken.refused = Some(refused);
                    return false;
                }
            }
        }
        taken.used = used;
        true
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let promised = locked(&self.taken).promised;
        let mut state = self.book.state();
        match self.purse {
            Purse::Kept => state.promised = state.promised.less(promised),
            Purse::Lent => state.lent = state.lent.saturating_sub(promised.bytes),
        }
    }
}

impl Visit {
    /// What is in the draft now that was not before, where it may be more than room was taken for: it is there, and counts.
    pub(super) fn brought_back(&self, bytes: u64) {
        let mut taken = locked(&self.room.taken);
        taken.used.bytes = taken.used.bytes.max(bytes);
    }
}

/// A run in a draft. What it wrote counts from its end on as the draft's.
#[derive(Debug)]
pub(super) struct Visit {
    book: Arc<Book>,
    draft: DraftId,
    room: Arc<Reserved>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.room.settle_in(&self.draft);
        self.book.state().change(&self.draft, |draft| draft.working = draft.working.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(bytes: u64, files: u64) -> (Arc<Book>, Ceilings) {
        let book = Arc::new(Book::default());
        book.open(Weight::default(), false, Vec::new());
        (book, Ceilings { storage_bytes: bytes, storage_files: files, ..Ceilings::ordinary() })
    }

    const fn bytes(bytes: u64) -> Weight {
        Weight { bytes, files: 0 }
    }

    #[test]
    fn many_at_once_get_no_more_than_there_is() {
        let (book, most) = book(50 << 20, 1_000);
        let draft: DraftId = "draft-1".parse().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let room = book.reserve(&most, Purse::Kept);
                    while room.take(Weight { bytes: 70_001, files: 1 }) {
                        assert!(book.all().bytes <= most.storage_bytes);
                    }
                    room.settle_in(&draft);
                });
            }
        });
        let kept = book.all();
        assert!(kept.bytes <= 50 << 20 && kept.bytes > (50 << 20) - 70_001, "{kept:?}");
        assert_eq!((kept, kept.bytes % 70_001), (book.draft(&draft), 0));
        let (book, most) = self::book(u64::MAX, 100);
        let room = book.reserve(&most, Purse::Kept);
        assert!(room.take(Weight { bytes: 0, files: 100 }) && !room.take(Weight { bytes: 0, files: 1 }));
        assert_eq!(room.refusal().code(), "too_many_files");
    }

    #[test]
    fn what_is_dropped_is_given_back_and_what_is_lent_is_counted_apart() {
        let (book, most) = book(100, 10);
        let (room, lent) = (book.reserve(&most, Purse::Kept), book.reserve(&most, Purse::Lent));
        assert!(room.take(bytes(100)) && lent.take(bytes(100)));
        assert!(!book.reserve(&most, Purse::Kept).take(bytes(1)) && !book.reserve(&most, Purse::Lent).take(bytes(1)));
        drop(room);
        lent.close();
        assert!(!lent.is_open() && !lent.take(bytes(0)), "nobody waits for it any more");
        drop(lent);
        assert!(book.reserve(&most, Purse::Kept).take(bytes(100)) && book.reserve(&most, Purse::Lent).take(bytes(100)));
        assert_eq!(book.all(), Weight::default());
    }

    #[test]
    fn a_walk_never_hides_what_was_added_meanwhile_nor_what_a_guest_moved() {
        let (book, most) = book(1_000, 1_000);
        let draft: DraftId = "draft-1".parse().unwrap();
        let add = |more| {
            let room = book.reserve(&most, Purse::Kept);
            assert!(room.take(bytes(more)));
            room.settle_in(&draft);
        };
        add(300);
        let visits = book.begin_walk(&draft).unwrap();
        add(50);
        book.settle_walk(&draft, visits, bytes(100));
        assert_eq!((book.all(), book.stale()), (bytes(150), vec![draft.clone()]));
        let visits = book.begin_walk(&draft).unwrap();
        let visit = book.visit(&draft, book.reserve(&most, Purse::Kept));
        assert_eq!((book.begin_walk(&draft), book.stale()), (None, vec![]));
        book.settle_walk(&draft, visits, bytes(0));
        drop(visit);
        book.settle_walk(&draft, visits, bytes(0));
        assert_eq!(book.all(), bytes(150));
        let visits = book.begin_walk(&draft).unwrap();
        book.settle_walk(&draft, visits, bytes(120));
        assert_eq!((book.all(), book.stale()), (bytes(120), vec![]));
        book.forget(&draft);
        assert_eq!(book.all(), bytes(0));
    }
}
