use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::counting::within;
use super::error::SandboxError;
use super::files::whose;
use super::hall::{Hall, Shelf, covers, covers_in, locked};
use super::ledger::SandboxFilter;
use super::plan::{self, Cut, LimitsAsk, Most, PlaceAsk};
use super::record::{SandboxChange, SandboxRecord, SandboxSpec, Unchanged};
use super::state::{Move, SandboxState};
use super::storage::Reserved;
use super::work::{Files, Place};
use crate::authz::{Action, Permit};
use crate::model::{Ceilings, Labels, SandboxId, TenantId, show_bytes};
use crate::workspace::{Applied, Changes, DraftId, WorkspaceError, WorkspaceName};

/// The longest path of a mount.
const PLACE_BYTES: usize = 255;

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
    /// Makes a sandbox with files of its own, which begin as those of a workspace that may be read, or as none.
    pub async fn create_sandbox(
        &self,
        permit: &Permit,
        ask: SandboxAsk,
        of: Option<&Permit>,
    ) -> Result<SandboxRecord, SandboxError> {
        covers_in(permit, Action::SandboxesCreate)?;
        let whose = may_read(permit.tenant(), &ask.place, of)?;
        let _inside = self.inner().tasks.token();
        self.open()?;
        let tenant = permit.tenant();
        let ceilings = self.ceilings(tenant)?;
        // A thousand rules take their time to be looked at.
        let looked_at = move || {
            let spec = spec(&ask, &ceilings);
            (ask, ceilings, spec)
        };
        let (ask, ceilings, spec) = self.apart(tenant, looked_at).await?;
        let (spec, ttl) = spec?;
        let room = self.room(tenant).await?;
        let created = self.now();
        let record = SandboxRecord {
            id: SandboxId::random(),
            tenant: tenant.clone(),
            owner: permit.principal().clone(),
            state: SandboxState::Making,
            draft: DraftId::random(),
            workspace: ask.place.workspace,
            spec,
            labels: ask.labels,
            created,
            expires: created.saturating_add(ttl.saturating_mul(1_000)),
        };
        let place = self.inner().quota.sandbox(tenant, &ceilings)?;
        let hall = self.clone();
        let made = async move {
            let made = hall.make(record, whose, room).await?;
            place.keep();
            Ok(made)
        };
        self.to_its_end(made).await
    }

    /// It is written down before anything of it is made: whatever ends us in between, what is there of it is known.
    async fn make(
        &self,
        record: SandboxRecord,
        whose: Option<String>,
        room: Arc<Reserved>,
    ) -> Result<SandboxRecord, SandboxError> {
        self.inner().ledger.add_sandbox(record.clone()).await?;
        let made = match self.lay_out(&record, whose, room).await {
            Ok(()) => self.change(&record.tenant, &record.id, SandboxChange::Made).await,
            Err(error) => Err(error),
        };
        if made.is_err() {
            self.give_up(&record).await;
        }
        made
    }

    /// `whose`: the owner of the workspace when it was decided that its files may be read.
    pub(super) async fn lay_out(
        &self,
        record: &SandboxRecord,
        whose: Option<String>,
        room: Arc<Reserved>,
    ) -> Result<(), SandboxError> {
        let (draft, of) = (record.draft.clone(), record.workspace.clone());
        let (hall, names, owner) = (self.clone(), Arc::clone(&room), record.tenant.clone());
        let laid_out = self.on_shelf(&record.tenant, move |shelf| {
            let draft = shelf.start_within(draft, of.as_ref(), whose.as_deref(), &hall.patient(&owner, &names))?;
            hall.draft_made(&owner, &draft, &names);
            Ok(())
        });
        within(laid_out.await, &room)
    }

    /// Clears one that was never there for anybody; what cannot be cleared now the next sweep clears.
    pub(super) async fn give_up(&self, made: &SandboxRecord) {
        match self.change(&made.tenant, &made.id, SandboxChange::GivenUp).await {
            Ok(gone) => {
                if let Err(error) = self.clear(&gone).await {
                    tracing::warn!(sandbox = %gone.id, "a sandbox that was given up is not cleared yet: {error}");
                }
            }
            Err(SandboxError::NoSandbox(_)) => {}
            Err(error) => {
                locked(&self.inner().stuck).give_up(made.clone());
                self.try_again(&made.id, &error);
            }
        }
    }

    /// One that the tenant has and whose time is not over, for whoever is then asked whether he may.
    pub fn known_sandbox(&self, tenant: &TenantId, id: &SandboxId) -> Result<Option<SandboxRecord>, SandboxError> {
        Ok(self.inner().ledger.sandbox(tenant, id)?.filter(|sandbox| sandbox.is_there(self.now())))
    }

    /// In the order in which they were made. This reads from the disk, for as long as the filter needs.
    pub fn sandboxes(
        &self,
        tenant: &TenantId,
        filter: &SandboxFilter,
        after: Option<&SandboxId>,
        most: u32,
    ) -> Result<Vec<SandboxRecord>, SandboxError> {
        Ok(self.inner().ledger.sandboxes(tenant, filter, self.now(), after, most)?)
    }

    /// The sandbox, if the permit is for this and its state allows the move now. Only what is written down by
    /// [`Hall::change`] is sure of that.
    fn allowed(
        &self,
        permit: &Permit,
        action: Action,
        id: &SandboxId,
        asked: Move,
    ) -> Result<SandboxRecord, SandboxError> {
        covers(permit, action, permit.tenant(), id.as_str())?;
        let sandbox = self.found(permit.tenant(), id)?;
        sandbox.state.after(asked)?;
        Ok(sandbox)
    }

    pub(super) fn found(&self, tenant: &TenantId, id: &SandboxId) -> Result<SandboxRecord, SandboxError> {
        self.known_sandbox(tenant, id)?.ok_or_else(|| SandboxError::NoSandbox(id.clone()))
    }

    /// Changes it as it is at that moment, if that allows it.
    pub(super) async fn change(
        &self,
        tenant: &TenantId,
        id: &SandboxId,
        change: SandboxChange,
    ) -> Result<SandboxRecord, SandboxError> {
        match self.inner().ledger.change_sandbox(tenant, id, change, self.now()).await? {
            Ok(changed) => Ok(changed),
            Err(Unchanged::Missing) => Err(SandboxError::NoSandbox(id.clone())),
            Err(Unchanged::Illegal(refused)) => Err(refused.into()),
        }
    }

    /// The same for somebody who may.
    async fn changed_for(
        &self,
        permit: &Permit,
        id: &SandboxId,
        change: SandboxChange,
    ) -> Result<SandboxRecord, SandboxError> {
        covers(permit, Action::SandboxesUpdate, permit.tenant(), id.as_str())?;
        let (hall, tenant, id) = (self.clone(), permit.tenant().clone(), id.clone());
        let stops = change == SandboxChange::Stop;
        let whole = async move {
            let changed = hall.change(&tenant, &id, change).await?;
            if stops {
                hall.cancel_in(&id);
            }
            Ok(changed)
        };
        self.to_its_end(whole).await
    }

    /// Makes room for a run in a sandbox.
    pub(super) async fn enter(&self, tenant: &TenantId, id: &SandboxId) -> Result<Place, SandboxError> {
        let sandbox = self.found(tenant, id)?;
        sandbox.state.after(Move::Run)?;
        let draft = sandbox.draft.clone();
        let entered = self.on_shelf(tenant, move |shelf| shelf.enter(&draft)).await?;
        Ok(Place { sandbox, files: Files::Run { entered: Box::new(entered), own: None } })
    }

    /// Gives it so many seconds from now on, or what it has where that is more.
    pub async fn extend(&self, permit: &Permit, id: &SandboxId, seconds: u64) -> Result<SandboxRecord, SandboxError> {
        let most = self.ceilings(permit.tenant())?.sandbox_seconds;
        let cut = (seconds > most).then(|| Cut::new("ttl_seconds", seconds, most, "tenant"));
        let expires = self.now().saturating_add(seconds.min(most).saturating_mul(1_000));
        self.changed_for(permit, id, SandboxChange::Extend { expires, cut }).await
    }

    pub async fn label(&self, permit: &Permit, id: &SandboxId, labels: Labels) -> Result<SandboxRecord, SandboxError> {
        self.changed_for(permit, id, SandboxChange::Label(labels)).await
    }

    /// Ends what runs in it, and lets nothing more begin.
    pub async fn stop(&self, permit: &Permit, id: &SandboxId) -> Result<SandboxRecord, SandboxError> {
        self.changed_for(permit, id, SandboxChange::Stop).await
    }

    /// The same where a rule of those who run the service says so, and nobody asks.
    pub async fn stop_unasked(&self, tenant: &TenantId, id: &SandboxId) -> Result<(), SandboxError> {
        let (hall, tenant, id) = (self.clone(), tenant.clone(), id.clone());
        let whole = async move {
            hall.change(&tenant, &id, SandboxChange::Stop).await?;
            hall.cancel_in(&id);
            Ok(())
        };
        self.to_its_end(whole).await
    }

    /// It is gone when this returns, and what it took follows. Of several at once one destroys it, and the others find
    /// that it is not there.
    pub async fn destroy(&self, permit: &Permit, id: &SandboxId) -> Result<(), SandboxError> {
        covers(permit, Action::SandboxesDelete, permit.tenant(), id.as_str())?;
        let (hall, tenant, id) = (self.clone(), permit.tenant().clone(), id.clone());
        let whole = async move {
            let gone = hall.take_away(&tenant, &id, SandboxChange::Destroy).await?;
            if let Err(error) = hall.clear(&gone).await {
                tracing::warn!(sandbox = %id, "a sandbox that was destroyed is not cleared yet: {error}");
            }
            Ok(())
        };
        self.to_its_end(whole).await
    }

    /// From here on nobody can find it; whoever made it so gives its place back, and nobody else does.
    pub(super) async fn take_away(
        &self,
        tenant: &TenantId,
        id: &SandboxId,
        change: SandboxChange,
    ) -> Result<SandboxRecord, SandboxError> {
        let gone = self.change(tenant, id, change).await?;
        self.inner().quota.sandbox_gone(tenant);
        self.cancel_in(id);
        Ok(gone)
    }

    /// Removes the files of a sandbox that is gone, and then all that is known of it: after a crash in between it is
    /// still known what is left. False if something works in it still; then the next sweep comes back.
    pub(super) async fn clear(&self, gone: &SandboxRecord) -> Result<bool, SandboxError> {
        let draft = gone.draft.clone();
        // Nobody's turn is waited for: what is over goes, however much its tenant does.
        match self.on_shelf_at_once(&gone.tenant, move |shelf| shelf.discard_alone(&draft)).await {
            Ok(()) | Err(SandboxError::Workspace(WorkspaceError::NoDraft(_))) => {}
            Err(SandboxError::Workspace(WorkspaceError::InUse(_))) => return Ok(false),
            Err(error) => return Err(error),
        }
        self.draft_gone(&gone.tenant, &gone.draft).await;
        locked(&self.inner().untidy).insert(gone.tenant.clone());
        self.inner().ledger.remove_sandbox(&gone.id).await?;
        Ok(true)
    }

    /// What was done in it. Whoever gives up waiting ends the work, and so does who has no more room in memory for it.
    pub async fn diff(
        &self,
        permit: &Permit,
        id: &SandboxId,
        with_text: bool,
        in_memory: impl Fn(u64) -> bool + Send + 'static,
    ) -> Result<Changes, SandboxError> {
        let sandbox = self.allowed(permit, Action::SandboxesReadFiles, id, Move::ReadFiles)?;
        let left = CancellationToken::new();
        let _waiting = left.clone().drop_guard();
        let go_on = move |bytes| !left.is_cancelled() && in_memory(bytes);
        let diff = move |shelf: &Shelf| shelf.diff_while(&sandbox.draft, with_text, &go_on);
        self.on_shelf(permit.tenant(), diff).await
    }

    /// Makes its changes count in the workspace, if that may be changed: those at or below the given paths, or all.
    pub async fn apply(
        &self,
        permit: &Permit,
        of: Option<&Permit>,
        id: &SandboxId,
        paths: Vec<String>,
        in_memory: impl Fn(u64) -> bool + Send + 'static,
    ) -> Result<Applied, SandboxError> {
        self.open()?;
        let sandbox = self.allowed(permit, Action::SandboxesApply, id, Move::Apply)?;
        self.without_sessions(permit.tenant(), id)?;
        let whose = may(permit.tenant(), Action::WorkspacesApply, sandbox.workspace.as_ref(), of)?;
        let (hall, tenant) = (self.clone(), permit.tenant().clone());
        let whole = async move {
            let room = hall.room_to_apply(&tenant, &sandbox.draft).await?;
            let (counts, of) = (hall.clone(), tenant.clone());
            let applied = hall.on_shelf(&tenant, move |shelf| {
                let applied = shelf.apply_and_keep(&sandbox.draft, &paths, whose.as_deref(), &in_memory);
                counts.count_rows(&of, room.used());
                applied
            });
            applied.await
        };
        self.to_its_end(whole).await
    }

    /// Makes its files what those of the workspace were when it began, or were last applied.
    pub async fn discard(&self, permit: &Permit, id: &SandboxId) -> Result<(), SandboxError> {
        self.open()?;
        let sandbox = self.allowed(permit, Action::SandboxesWriteFiles, id, Move::Discard)?;
        self.without_sessions(permit.tenant(), id)?;
        let (hall, tenant) = (self.clone(), permit.tenant().clone());
        let whole = async move {
            let room = hall.room(&tenant).await?;
            let (known, names) = (hall.draft_weight(&tenant, &sandbox.draft), hall.patient(&tenant, &room));
            let taken = Arc::clone(&room);
            let done = hall.on_shelf(&tenant, move |shelf| {
                let done = shelf.reset(&sandbox.draft, known, &names);
                taken.settle_in(&sandbox.draft);
                done
            });
            within(done.await, &room)
        };
        self.to_its_end(whole).await
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

/// Told now, not when the first run fails.
pub(super) fn checked(place: &PlaceAsk) -> Result<(), SandboxError> {
    place.rules.policy(false).map_err(|error| SandboxError::Invalid { field: "rules", message: error.to_string() })?;
    if !is_place(&place.at) {
        let message = "write a path from the root, as /workspace: names of A-Z, a-z, 0-9, `.`, `_` and `-` that do not \
                       begin with a dot, 255 characters at most";
        return Err(SandboxError::Invalid { field: "at", message: message.into() });
    }
    Ok(())
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
    // As each run in it will count them; what no run could have is told now.
    let env: usize = ask.env.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    if env as u64 > limits.env_bytes {
        let (env, most) = (show_bytes(env as u64), show_bytes(limits.env_bytes));
        let message = format!("names and values are {env}, but limits.env_bytes is {most}; write less, or raise it");
        return Err(SandboxError::Invalid { field: "env", message });
    }
    checked(&ask.place)?;
    let (at, rules) = (ask.place.at.clone(), (&ask.place.rules).into());
    Ok((SandboxSpec { at, rules, limits, clocks, randomness, env: ask.env.clone(), cut }, ttl))
}

/// Where files can be for guests; the document of the API says the same. The root itself would hide all else.
fn is_place(at: &str) -> bool {
    let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    let name = |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(good);
    at.len() <= PLACE_BYTES && at.strip_prefix('/').is_some_and(|names| names.split('/').all(name))
}

/// Whose workspace the files come from, as far as there is one and it may be read.
pub(super) fn may_read(
    tenant: &TenantId,
    place: &PlaceAsk,
    permit: Option<&Permit>,
) -> Result<Option<String>, SandboxError> {
    may(tenant, Action::WorkspacesReadFiles, place.workspace.as_ref(), permit)
}

/// Whose a workspace is, as far as there is one and this may be done to it.
fn may(
    tenant: &TenantId,
    action: Action,
    workspace: Option<&WorkspaceName>,
    permit: Option<&Permit>,
) -> Result<Option<String>, SandboxError> {
    let Some(name) = workspace else { return Ok(None) };
    let permit = permit.ok_or(SandboxError::Permit)?;
    covers(permit, action, tenant, name.as_str())?;
    Ok(whose(permit))
}
