use std::sync::Arc;

use super::counting::within;
use super::error::SandboxError;
use super::hall::{Hall, covers, covers_in, now};
use super::plan::{self, Cut, LimitsAsk, Most, PlaceAsk};
use super::record::{SandboxRecord, SandboxSpec};
use super::state::{Move, SandboxState};
use super::work::Place;
use crate::authz::{Action, Permit};
use crate::model::{Ceilings, Labels, SandboxId, TenantId};
use crate::workspace::{Applied, Changes};

/// What a caller asks of a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxAsk {
    pub place: PlaceAsk,
    pub limits: LimitsAsk,
    pub clocks: Option<bool>,
    pub randomness: Option<bool>,
    pub env: Vec<(String, String)>,
    pub labels: Labels,
    pub ttl_seconds: u64,
}

impl Hall {
    /// Makes a sandbox with files of its own, which begin as those of a workspace or as none.
    pub async fn create_sandbox(&self, permit: &Permit, ask: SandboxAsk) -> Result<SandboxRecord, SandboxError> {
        covers_in(permit, Action::SandboxesCreate)?;
        self.open()?;
        let tenant = permit.tenant();
        let ceilings = self.ceilings(tenant)?;
        let place = self.inner().quota.sandbox(tenant, &ceilings)?;
        let (spec, ttl) = spec(&ask, &ceilings)?;
        let workspace = ask.place.workspace.clone();
        let of = workspace.clone();
        let room = self.room(tenant).await?;
        let (hall, names, owner) = (self.clone(), Arc::clone(&room), tenant.clone());
        let draft = self
            .on_shelf(tenant, move |shelf| {
                let draft = match &of {
                    Some(name) => shelf.start_within(name, &hall.patient(&owner, &names)),
                    None => shelf.start_empty(),
                }?;
                hall.draft_made(&owner, &draft, &names);
                Ok(draft)
            })
            .await;
        let draft = within(draft, &room)?;
        let created = now();
        let record = SandboxRecord {
            id: SandboxId::random(),
            tenant: tenant.clone(),
            owner: permit.principal().clone(),
            state: SandboxState::Ready,
            draft: draft.id.clone(),
            workspace,
            spec,
            labels: ask.labels,
            created,
            expires: created.saturating_add(ttl.saturating_mul(1_000)),
        };
        if let Err(error) = self.inner().ledger.put_sandbox(record.clone()).await {
            // Nobody knows of it, so nobody else would throw it away.
            let _ = self.on_shelf(tenant, move |shelf| shelf.discard(&draft.id)).await;
            return Err(error.into());
        }
        place.keep();
        Ok(record)
    }

    /// One that the tenant has and whose time is not over, for whoever is then asked whether he may.
    pub fn known_sandbox(&self, tenant: &TenantId, id: &SandboxId) -> Result<Option<SandboxRecord>, SandboxError> {
        let found = self.inner().ledger.sandbox(tenant, id)?;
        Ok(found.filter(|sandbox| sandbox.state != SandboxState::Gone && sandbox.expires > now()))
    }

    /// In the order in which they were made.
    pub fn sandboxes(
        &self,
        tenant: &TenantId,
        after: Option<&SandboxId>,
        most: u32,
    ) -> Result<Vec<SandboxRecord>, SandboxError> {
        let mut found = self.inner().ledger.sandboxes(tenant, after, most)?;
        found.retain(|sandbox| sandbox.state != SandboxState::Gone && sandbox.expires > now());
        Ok(found)
    }

    /// The sandbox, if the permit is for this and its state allows the move.
    fn allowed(
        &self,
        permit: &Permit,
        action: Action,
        id: &SandboxId,
        asked: Move,
    ) -> Result<SandboxRecord, SandboxError> {
        covers(permit, action, permit.tenant(), id.as_str())?;
        let mut sandbox = self.found(permit.tenant(), id)?;
        sandbox.state = sandbox.state.after(asked)?;
        Ok(sandbox)
    }

    fn found(&self, tenant: &TenantId, id: &SandboxId) -> Result<SandboxRecord, SandboxError> {
        self.known_sandbox(tenant, id)?.ok_or_else(|| SandboxError::NoSandbox(id.clone()))
    }

    /// Makes room for a run in a sandbox.
    pub(super) async fn enter(&self, tenant: &TenantId, id: &SandboxId) -> Result<Place, SandboxError> {
        let sandbox = self.found(tenant, id)?;
        sandbox.state.after(Move::Run)?;
        let draft = sandbox.draft.clone();
        let entered = self.on_shelf(tenant, move |shelf| shelf.enter(&draft)).await?;
        Ok(Place { sandbox, entered })
    }

    /// Gives it so many seconds from now on.
    pub async fn extend(&self, permit: &Permit, id: &SandboxId, seconds: u64) -> Result<SandboxRecord, SandboxError> {
        let mut sandbox = self.allowed(permit, Action::SandboxesUpdate, id, Move::Extend)?;
        let most = self.ceilings(permit.tenant())?.sandbox_seconds;
        if seconds > most {
            sandbox.spec.cut.push(Cut::new("ttl_seconds", seconds, most, "tenant"));
        }
        sandbox.expires = now().saturating_add(seconds.min(most).saturating_mul(1_000));
        self.inner().ledger.put_sandbox(sandbox.clone()).await?;
        Ok(sandbox)
    }

    pub async fn label(&self, permit: &Permit, id: &SandboxId, labels: Labels) -> Result<SandboxRecord, SandboxError> {
        let mut sandbox = self.allowed(permit, Action::SandboxesUpdate, id, Move::Extend)?;
        sandbox.labels = labels;
        self.inner().ledger.put_sandbox(sandbox.clone()).await?;
        Ok(sandbox)
    }

    /// Ends what runs in it, and lets nothing more begin.
    pub async fn stop(&self, permit: &Permit, id: &SandboxId) -> Result<SandboxRecord, SandboxError> {
        let sandbox = self.allowed(permit, Action::SandboxesUpdate, id, Move::Stop)?;
        self.inner().ledger.put_sandbox(sandbox.clone()).await?;
        self.cancel_in(id);
        Ok(sandbox)
    }

    /// It is gone when this returns, and what it took follows.
    pub async fn destroy(&self, permit: &Permit, id: &SandboxId) -> Result<(), SandboxError> {
        let sandbox = self.allowed(permit, Action::SandboxesDelete, id, Move::Destroy)?;
        self.end_sandbox(sandbox, true).await
    }

    /// First nobody can find it any more, then its files go: after a crash in between it is still known what is left.
    /// `counts`: it is one of the living until now.
    pub(super) async fn end_sandbox(&self, mut sandbox: SandboxRecord, counts: bool) -> Result<(), SandboxError> {
        sandbox.state = SandboxState::Gone;
        self.inner().ledger.put_sandbox(sandbox.clone()).await?;
        if counts {
            self.inner().quota.sandbox_gone(&sandbox.tenant);
        }
        self.cancel_in(&sandbox.id);
        self.clear(sandbox).await
    }

    /// Removes the files of a sandbox that is gone. What still runs in it keeps them a moment longer: then the next
    /// sweep comes back for them.
    pub(super) async fn clear(&self, sandbox: SandboxRecord) -> Result<(), SandboxError> {
        let draft = sandbox.draft.clone();
        let gone = self.on_shelf(&sandbox.tenant, move |shelf| shelf.discard(&draft)).await;
        match gone {
            Ok(()) | Err(SandboxError::Workspace(crate::workspace::WorkspaceError::NoDraft(_))) => {
                self.draft_gone(&sandbox.tenant, &sandbox.draft).await;
                Ok(self.inner().ledger.remove_sandbox(&sandbox.id).await?)
            }
            Err(SandboxError::Workspace(crate::workspace::WorkspaceError::InUse(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub async fn diff(&self, permit: &Permit, id: &SandboxId, with_text: bool) -> Result<Changes, SandboxError> {
        let sandbox = self.allowed(permit, Action::SandboxesReadFiles, id, Move::ReadFiles)?;
        self.on_shelf(permit.tenant(), move |shelf| shelf.diff(&sandbox.draft, with_text)).await
    }

    /// Makes its changes count in the workspace: those at or below the given paths, or all.
    pub async fn apply(&self, permit: &Permit, id: &SandboxId, paths: Vec<String>) -> Result<Applied, SandboxError> {
        let sandbox = self.allowed(permit, Action::SandboxesApply, id, Move::Apply)?;
        let tenant = permit.tenant();
        let room = self.room_to_apply(tenant, &sandbox.draft).await?;
        let (hall, of) = (self.clone(), tenant.clone());
        let applied = self.on_shelf(tenant, move |shelf| {
            let applied = shelf.apply_and_keep(&sandbox.draft, &paths);
            hall.count_rows(&of, room.used());
            applied
        });
        applied.await
    }

    /// Makes its files what those of the workspace were when it began, or were last applied.
    pub async fn discard(&self, permit: &Permit, id: &SandboxId) -> Result<(), SandboxError> {
        let sandbox = self.allowed(permit, Action::SandboxesWriteFiles, id, Move::Discard)?;
        let tenant = permit.tenant();
        let room = self.room(tenant).await?;
        let (known, names) = (self.draft_weight(tenant, &sandbox.draft), self.patient(tenant, &room));
        let taken = Arc::clone(&room);
        let done = self.on_shelf(tenant, move |shelf| {
            let done = shelf.reset(&sandbox.draft, known, &names);
            taken.settle_in(&sandbox.draft);
            done
        });
        within(done.await, &room)
    }

    /// For reading and writing files in it from outside.
    pub(super) fn for_files(
        &self,
        permit: &Permit,
        id: &SandboxId,
        write: bool,
    ) -> Result<SandboxRecord, SandboxError> {
        match write {
            true => self.allowed(permit, Action::SandboxesWriteFiles, id, Move::WriteFiles),
            false => self.allowed(permit, Action::SandboxesReadFiles, id, Move::ReadFiles),
        }
    }
}

fn spec(ask: &SandboxAsk, ceilings: &Ceilings) -> Result<(SandboxSpec, u64), SandboxError> {
    let mut cut = Vec::new();
    let limits = plan::limits(&ask.limits, &Most { ceilings, sandbox: None }, &mut cut)?;
    let mut grant = |what: &str, asked: Option<bool>, may: bool| {
        if asked == Some(true) && !may {
            cut.push(Cut::new(what, 1, 0, "tenant"));
        }
        asked.unwrap_or(true) && may
    };
    let clocks = grant("clocks", ask.clocks, ceilings.clocks);
    let randomness = grant("randomness", ask.randomness, ceilings.randomness);
    let ttl = ask.ttl_seconds.min(ceilings.sandbox_seconds);
    if ttl < ask.ttl_seconds {
        cut.push(Cut::new("ttl_seconds", ask.ttl_seconds, ttl, "tenant"));
    }
    // Told now, not when the first run fails.
    let rules = ask.place.rules.clone();
    rules.policy(false).map_err(|error| SandboxError::Invalid { field: "rules", message: error.to_string() })?;
    if !ask.place.at.starts_with('/') {
        return Err(SandboxError::Invalid { field: "at", message: "write a path from the root, as /workspace".into() });
    }
    let at = ask.place.at.clone();
    Ok((SandboxSpec { at, rules, limits, clocks, randomness, env: ask.env.clone(), cut }, ttl))
}
