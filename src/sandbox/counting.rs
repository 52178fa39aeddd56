use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::error::SandboxError;
use super::hall::Hall;
use super::quota::QuotaError;
use super::storage::{Book, Purse, Reserved, Visit};
use crate::model::{Room, TenantId, Weight};
use crate::workspace::{DraftId, WorkspaceError};

/// How long somebody who wants room waits until what is there is counted for the first time.
const FIRST: Duration = Duration::from_secs(2);

impl Hall {
    fn book(&self, tenant: &TenantId) -> Arc<Book> {
        self.inner().storage.of(tenant)
    }

    /// The book of a tenant, once it is known what is there. Until then nothing is written for that tenant.
    async fn open_book(&self, tenant: &TenantId) -> Result<Arc<Book>, SandboxError> {
        let book = self.book(tenant);
        if book.is_known() {
            return Ok(book);
        }
        let first = tokio::time::timeout(FIRST, self.count_all(tenant)).await;
        let _ = first.map_err(|_| QuotaError::Uncounted)?;
        if book.is_known() { Ok(book) } else { Err(QuotaError::Uncounted.into()) }
    }

    /// Room for what a tenant is about to keep.
    pub(super) async fn room(&self, tenant: &TenantId) -> Result<Arc<Reserved>, SandboxError> {
        let ceilings = self.ceilings(tenant)?;
        Ok(self.open_book(tenant).await?.reserve(&ceilings, Purse::Kept))
    }

    /// How much of what a run wants to write there is room for; where it is less, what was removed is counted first.
    pub(super) async fn room_to_work(&self, tenant: &TenantId, wanted: Weight) -> Result<Weight, SandboxError> {
        let (book, most) = (self.open_book(tenant).await?, self.ceilings(tenant)?);
        if wanted.less(book.left(&most)) != Weight::default() {
            let (hall, of) = (self.clone(), tenant.clone());
            self.apart(tenant, move || hall.count_stale(&of)).await?;
        }
        Ok(book.left(&most))
    }

    pub(super) fn visit(&self, tenant: &TenantId, draft: &DraftId, room: Arc<Reserved>) -> Visit {
        self.book(tenant).visit(draft, room)
    }

    /// Room for what a tenant is about to fetch.
    pub(super) fn lend(&self, tenant: &TenantId) -> Result<Arc<Reserved>, SandboxError> {
        Ok(self.book(tenant).reserve(&*self.ceilings(tenant)?, Purse::Lent))
    }

    /// Takes room; before it is refused, what was removed is counted.
    pub(super) async fn take(&self, tenant: &TenantId, room: &Reserved, more: Weight) -> Result<(), SandboxError> {
        if room.take(more) {
            return Ok(());
        }
        let (hall, of) = (self.clone(), tenant.clone());
        self.apart(tenant, move || hall.count_stale(&of)).await?;
        if room.take(more) { Ok(()) } else { Err(room.refusal().into()) }
    }

    /// For those who have a thread of their own.
    pub(super) fn patient(&self, tenant: &TenantId, room: &Arc<Reserved>) -> Patient {
        Patient { hall: self.clone(), tenant: tenant.clone(), room: Arc::clone(room) }
    }

    /// Counts everything that a tenant keeps, once.
    pub(super) async fn count_all(&self, tenant: &TenantId) -> Result<(), SandboxError> {
        let book = self.book(tenant);
        let alone = Arc::clone(&book.first).lock_owned().await;
        if book.is_known() {
            return Ok(());
        }
        let (hall, of) = (self.clone(), tenant.clone());
        let counted = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            let found = hall.count_for_the_first_time(&of, &book);
            if let Err(error) = &found {
                tracing::error!(tenant = %of, "what the tenant keeps cannot be counted, so it may keep no more: {error}");
            }
            found
        });
        counted.await.map_err(|error| SandboxError::Internal(error.to_string()))?
    }

    fn count_for_the_first_time(&self, tenant: &TenantId, book: &Book) -> Result<(), SandboxError> {
        let shelf = self.shelf(tenant)?;
        shelf.tidy();
        let mut drafts = Vec::new();
        for draft in shelf.drafts()? {
            match shelf.draft_weight(&draft.id) {
                Ok(weight) => drafts.push((draft.id, weight)),
                Err(WorkspaceError::NoDraft(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (kept, behind) = shelf.kept_weight()?;
        book.open(kept.plus(self.inner().ledger.components_weight(tenant)?), behind, drafts);
        Ok(())
    }

    /// Counts rows, after some came or went. `meanwhile` is what the change took at most.
    pub(super) fn count_rows(&self, tenant: &TenantId, meanwhile: Weight) {
        let book = self.book(tenant);
        let _alone = book.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = || -> Result<(Weight, bool), SandboxError> {
            let (kept, behind) = self.shelf(tenant)?.kept_weight()?;
            Ok((kept.plus(self.inner().ledger.components_weight(tenant)?), behind))
        };
        match counted() {
            Ok((kept, behind)) => book.set_kept(kept, behind),
            Err(error) => {
                tracing::warn!(%tenant, "what the tenant keeps is estimated until it can be counted: {error}");
                book.add_kept(meanwhile);
            }
        }
    }

    /// The same where nobody may wait for the disk.
    pub(super) async fn count_rows_apart(&self, tenant: &TenantId, meanwhile: Weight) {
        let (hall, of) = (self.clone(), tenant.clone());
        if self.apart(tenant, move || hall.count_rows(&of, meanwhile)).await.is_err() {
            self.book(tenant).add_kept(meanwhile);
        }
    }

    /// Walks through drafts that may take less than is written down.
    pub(super) fn count_stale(&self, tenant: &TenantId) {
        let book = self.book(tenant);
        let _alone = book.walking.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(shelf) = self.shelf(tenant) else { return };
        for id in book.stale() {
            let Some(visits) = book.begin_walk(&id) else { continue };
            match shelf.draft_weight(&id) {
                Ok(weight) => book.settle_walk(&id, visits, weight),
                Err(WorkspaceError::NoDraft(_)) => book.forget(&id),
                // It is counted as it was.
                Err(error) => tracing::warn!(%tenant, "a draft could not be counted: {error}"),
            }
        }
    }

    /// Brings the book of a tenant in line with what is there, also by what others did to it.
    pub(super) fn count_again(&self, tenant: &TenantId) -> Result<(), SandboxError> {
        let book = self.book(tenant);
        let known = book.drafts();
        let there: std::collections::HashSet<DraftId> =
            self.shelf(tenant)?.drafts()?.into_iter().map(|draft| draft.id).collect();
        known.iter().filter(|id| !there.contains(id)).for_each(|id| book.forget(id));
        let known: std::collections::HashSet<DraftId> = known.into_iter().collect();
        there.difference(&known).for_each(|id| book.touch(id));
        self.count_stale(tenant);
        self.count_rows(tenant, Weight::default());
        Ok(())
    }

    /// A draft that was made just now, with room for its names.
    pub(super) fn draft_made(&self, tenant: &TenantId, draft: &crate::workspace::DraftRecord, room: &Reserved) {
        room.settle_in(&draft.id);
        let behind = self.shelf(tenant).and_then(|shelf| Ok(shelf.is_behind(draft)?));
        if behind.unwrap_or(true) {
            self.count_rows(tenant, Weight::default());
        }
    }

    /// What a draft takes at most.
    pub(super) fn draft_weight(&self, tenant: &TenantId, draft: &DraftId) -> Weight {
        self.book(tenant).draft(draft)
    }

    /// Something in a draft was removed.
    pub(super) fn draft_touched(&self, tenant: &TenantId, draft: &DraftId) {
        self.book(tenant).touch(draft);
    }

    pub(super) async fn draft_gone(&self, tenant: &TenantId, draft: &DraftId) {
        let book = self.book(tenant);
        book.forget(draft);
        if book.is_behind() {
            self.count_rows_apart(tenant, Weight::default()).await;
        }
    }

    /// Room for all that an apply may bring into a workspace.
    pub(super) async fn room_to_apply(
        &self,
        tenant: &TenantId,
        draft: &DraftId,
    ) -> Result<Arc<Reserved>, SandboxError> {
        let room = self.room(tenant).await?;
        let most = |hall: &Hall| hall.book(tenant).draft(draft);
        if !room.take(most(self)) {
            // It may be less than is written down.
            let (hall, of) = (self.clone(), tenant.clone());
            self.apart(tenant, move || hall.count_stale(&of)).await?;
            self.take(tenant, &room, most(self)).await?;
        }
        Ok(room)
    }
}

/// Room that is asked for by somebody who can wait until what was removed is counted.
pub(super) struct Patient {
    hall: Hall,
    tenant: TenantId,
    room: Arc<Reserved>,
}

impl Room for Patient {
    fn take(&self, more: Weight) -> bool {
        self.room.take(more) || {
            self.hall.count_stale(&self.tenant);
            self.room.take(more)
        }
    }
}

/// What the disk had no room for is what the tenant may not have.
pub(super) fn within<T>(done: Result<T, SandboxError>, room: &Reserved) -> Result<T, SandboxError> {
    match done {
        Err(SandboxError::Workspace(WorkspaceError::NoRoom)) => Err(room.refusal().into()),
        done => done,
    }
}
