use std::sync::Arc;

use super::ending::lost;
use super::error::SandboxError;
use super::hall::{Hall, covers};
use super::ledger::Much;
use super::live::{Event, Happened, Live, Look, Place, Seen};
use super::record::RunState;
use crate::authz::{Action, Permit};
use crate::model::{CallId, RunId, TenantId};

/// Who is asked before what a run returned is taken into memory to be told, as long as it is watched.
pub type HasRoom = Arc<dyn Fn(u64) -> bool + Send + Sync>;

/// What happens in a run, one thing after the other. Whoever reads slowly is waited for by nobody: the output of one that
/// is at work is there once, however many read it, and that of one that is over is read piece by piece from the ledger.
pub struct Events {
    hall: Hall,
    live: Arc<Live>,
    after: u64,
    seen: Seen,
    /// The last call that was told.
    called: Option<CallId>,
    room: HasRoom,
}

impl Events {
    /// Those of a run that has just begun.
    pub(super) fn of(hall: Hall, live: Arc<Live>, room: HasRoom) -> Self {
        Self { hall, live, after: 0, seen: Seen::default(), called: None, room }
    }

    /// `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Event>, SandboxError> {
        loop {
            let live = Arc::clone(&self.live);
            let news = live.news.notified();
            tokio::pin!(news);
            // From here on nothing is missed, even if it happens before the wait.
            news.as_mut().enable();
            let event = match live.look(self.after, &mut self.seen) {
                Look::Event(event) => event,
                Look::There(place) => self.written(place).await?,
                Look::Gone => {
                    self.seen = Seen::default();
                    self.live = self.hall.over(&live.tenant, &live.id, &self.room).await?;
                    continue;
                }
                Look::Later => {
                    if let Some(asking) = live.calls.after(self.called.as_ref()) {
                        self.called = Some(asking.call.clone());
                        return Ok(Some(Event { number: self.after, what: Happened::Call(asking) }));
                    }
                    news.await;
                    continue;
                }
                Look::Never => return Ok(None),
            };
            self.after = event.number;
            return Ok(Some(event));
        }
    }

    async fn written(&self, place: Place) -> Result<Event, SandboxError> {
        let (tenant, run) = (self.live.tenant.clone(), self.live.id.clone());
        let read = self.hall.read(&self.live.tenant, move |ledger| {
            ledger.written(&tenant, &run, (place.stream, place.from), place.most())
        });
        let bytes = read.await?.ok_or_else(|| SandboxError::NoRun(self.live.id.clone()))?;
        match place.cut(&bytes, true) {
            Some(piece) => Ok(Event::output(self.after, place.stream, piece.to_vec())),
            None => Err(SandboxError::Internal(format!("the run {} wrote more than is kept of it", self.live.id))),
        }
    }
}

impl Hall {
    /// What happens in a run, or happened, after an event that was seen.
    pub async fn events(&self, permit: &Permit, id: &RunId, after: u64, room: HasRoom) -> Result<Events, SandboxError> {
        covers(permit, Action::RunsRead, permit.tenant(), id.as_str())?;
        self.events_of(permit.tenant(), id, after, room).await
    }

    pub(super) async fn events_of(
        &self,
        tenant: &TenantId,
        id: &RunId,
        after: u64,
        room: HasRoom,
    ) -> Result<Events, SandboxError> {
        let live = match self.watched(tenant, id) {
            Some(live) => live,
            None => self.over(tenant, id, &room).await?,
        };
        if let Some(last) = live.last().filter(|last| after > *last) {
            let message = format!("the run has no event {after}; its last is {last}");
            return Err(SandboxError::Invalid { field: "Last-Event-ID", message });
        }
        Ok(Events { hall: self.clone(), live, after, seen: Seen::default(), called: None, room })
    }

    /// The events of a run that is over, or of which nobody knows how it would have ended.
    async fn over(&self, tenant: &TenantId, id: &RunId, room: &HasRoom) -> Result<Arc<Live>, SandboxError> {
        let run = self.recorded(tenant, id, Much::Head, room).await?;
        Ok(Live::ended(if run.state == RunState::Running { lost(run, self.now()) } else { run }))
    }
}
