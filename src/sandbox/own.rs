use super::error::SandboxError;
use super::hall::Hall;
use super::plan::PlaceAsk;
use super::record::{SandboxRecord, SandboxSpec};
use super::sandboxes::{checked, may_read};
use super::state::SandboxState;
use super::work::{Files, Place};
use crate::authz::Permit;
use crate::model::{Caller, Labels, Limits, SandboxId};
use crate::workspace::DraftId;

/// Files that one run has for itself: a sandbox that is never made for anybody, so that nobody finds it, and that a start
/// after a crash clears with all that are half made.
pub(super) struct Own {
    hall: Hall,
    made: Option<SandboxRecord>,
}

impl Own {
    /// When the run is over and nothing touches the files any more.
    pub(super) async fn clear(mut self) {
        if let Some(made) = self.made.take() {
            self.hall.give_up(&made).await;
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(made) = self.made.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let hall = self.hall.clone();
            self.hall.inner().tasks.spawn_on(async move { hall.give_up(&made).await }, &runtime);
        }
    }
}

impl Hall {
    /// Files for a run that begin as those of a workspace. They are written down before they are made.
    pub(super) async fn own_place(
        &self,
        caller: &Caller,
        asked: PlaceAsk,
        of: Option<&Permit>,
        limits: &Limits,
    ) -> Result<Place, SandboxError> {
        let tenant = &caller.tenant;
        let asked = self.apart(tenant, move || checked(&asked).map(|()| asked)).await??;
        let whose = may_read(tenant, &asked, of)?;
        let room = self.room(tenant).await?;
        let (at, rules, limits) = (asked.at, (&asked.rules).into(), limits.clone());
        let spec =
            SandboxSpec { at, rules, limits, clocks: false, randomness: false, env: Vec::new(), cut: Vec::new() };
        let sandbox = SandboxRecord {
            id: SandboxId::random(),
            tenant: tenant.clone(),
            owner: caller.principal.clone(),
            state: SandboxState::Making,
            draft: DraftId::random(),
            workspace: asked.workspace,
            spec,
            labels: Labels::new(),
            created: self.now(),
            expires: self.now(),
        };
        self.inner().ledger.add_sandbox(sandbox.clone()).await?;
        let own = Own { hall: self.clone(), made: Some(sandbox.clone()) };
        self.lay_out(&sandbox, whose, room).await?;
        let draft = sandbox.draft.clone();
        let entered = self.on_shelf(tenant, move |shelf| shelf.enter(&draft)).await?;
        Ok(Place { sandbox, files: Files::Run { entered: Box::new(entered), own: Some(Box::new(own)) } })
    }
}
