use std::collections::HashSet;
use std::sync::Arc;

use super::error::SandboxError;
use super::events::HasRoom;
use super::hall::{Hall, covers};
use super::ledger::{Much, RunFilter, RunPage};
use super::record::{RunRecord, RunState, RunSummary};
use super::tools::Answered;
use crate::authz::{Action, Permit};
use crate::model::{CallId, RunId, TenantId};

/// Runs that were asked for: those of the ledger, and those at work that are not written down yet.
impl Hall {
    /// One that the tenant has, for whoever is then asked whether he may see it.
    pub fn known_run(&self, tenant: &TenantId, id: &RunId) -> Result<Option<RunSummary>, SandboxError> {
        let ledger = &self.inner().ledger;
        if let Some(written) = ledger.summary(tenant, id)? {
            return Ok(Some(written));
        }
        match self.as_it_began(tenant, id) {
            Some(run) => Ok(Some(run.summary())),
            // It may have ended in between.
            None => Ok(ledger.summary(tenant, id)?),
        }
    }

    /// With all that it wrote, where there is room for it; of one that is at work, how it began.
    pub async fn read_run(&self, permit: &Permit, id: &RunId, room: &HasRoom) -> Result<RunRecord, SandboxError> {
        covers(permit, Action::RunsRead, permit.tenant(), id.as_str())?;
        match self.recorded(permit.tenant(), id, Much::Whole, room).await {
            Err(SandboxError::NoRun(_)) => {}
            other => return other,
        }
        match self.as_it_began(permit.tenant(), id) {
            Some(run) => Ok(Arc::unwrap_or_clone(run)),
            None => self.recorded(permit.tenant(), id, Much::Whole, room).await,
        }
    }

    pub(super) async fn recorded(
        &self,
        tenant: &TenantId,
        id: &RunId,
        much: Much,
        room: &HasRoom,
    ) -> Result<RunRecord, SandboxError> {
        let (whose, of, room) = (tenant.clone(), id.clone(), Arc::clone(room));
        let run = self.read(tenant, move |ledger| ledger.run(&whose, &of, much, &*room)).await?;
        run.ok_or_else(|| SandboxError::NoRun(id.clone()))
    }

    /// Newest first. This reads from the disk, for as long as the filter needs.
    pub fn runs(
        &self,
        tenant: &TenantId,
        filter: &RunFilter,
        before: Option<&RunId>,
        most: u32,
    ) -> Result<RunPage, SandboxError> {
        // In this order: what ends in between is written down by then.
        let at_work = self.at_work_of(tenant, |run| before.is_none_or(|before| run.id < *before) && filter.takes(run));
        let page = self.inner().ledger.runs(tenant, filter, before, most)?;
        Ok(if at_work.is_empty() { page } else { with(page, &at_work, most) })
    }

    /// Asks for the end of a run. One that is over stays as it is. Whether it was at work.
    pub fn cancel(&self, permit: &Permit, id: &RunId) -> Result<bool, SandboxError> {
        covers(permit, Action::RunsCancel, permit.tenant(), id.as_str())?;
        let live = self.watched(permit.tenant(), id);
        if let Some(live) = &live {
            live.cancel.cancel();
        }
        Ok(live.is_some())
    }

    /// Answers a call of a tool that a run waits for.
    pub fn answer(&self, permit: &Permit, id: &RunId, call: &CallId, answered: Answered) -> Result<(), SandboxError> {
        covers(permit, Action::RunsAnswer, permit.tenant(), id.as_str())?;
        let live = self.watched(permit.tenant(), id).ok_or_else(|| SandboxError::RunOver(id.clone()))?;
        live.calls.answer(call, answered)
    }
}

/// A page with those at work in their places; what has no room on it is on the next.
fn with(page: RunPage, at_work: &[Arc<RunRecord>], most: u32) -> RunPage {
    let RunPage { mut runs, mut looked_to } = page;
    let there: HashSet<_> = runs.iter().map(|run| run.id.clone()).collect();
    let within = |id: &RunId| looked_to.as_ref().is_none_or(|to| id >= to);
    let more = at_work.iter().filter(|run| within(&run.id) && !there.contains(&run.id));
    runs.extend(more.map(|run| run.summary()));
    runs.sort_unstable_by(|one, other| other.id.cmp(&one.id));
    if runs.len() > most as usize {
        runs.truncate(most as usize);
        looked_to = runs.last().map(|run| run.id.clone());
    }
    RunPage { runs, looked_to }
}

impl RunFilter {
    /// Whether one that is at work is wanted; the ledger says the same of what is written down.
    fn takes(&self, run: &RunRecord) -> bool {
        let Self { owner, sandbox, component, state, outcome, since, until, label } = self;
        owner.as_ref().is_none_or(|owner| run.owner == *owner)
            && sandbox.as_ref().is_none_or(|sandbox| run.sandbox.as_ref() == Some(sandbox))
            && component.is_none_or(|component| run.component == Some(component))
            && state.is_none_or(|state| state == RunState::Running)
            && outcome.is_none()
            && since.is_none_or(|since| run.created >= since)
            && until.is_none_or(|until| run.created <= until)
            && label.as_ref().is_none_or(|(name, value)| run.labels.get(name) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::BackendName;
    use crate::model::{Digest, Labels};

    fn runs(count: usize) -> Vec<Arc<RunRecord>> {
        let run = |at: usize| RunRecord {
            id: format!("run_{at:032x}").parse().unwrap(),
            tenant: "t".parse().unwrap(),
            owner: "p".parse().unwrap(),
            backend: BackendName::Wasm,
            component: Some(Digest::from_bytes([0; 32])),
            command: None,
            fence: None,
            sandbox: None,
            session: None,
            state: RunState::Running,
            labels: Labels::new(),
            created: at as u64,
            ended: None,
            report: None,
            failure: None,
            cut: Vec::new(),
            given: None,
            order: Vec::new(),
        };
        (0..count).map(|at| Arc::new(run(at))).collect()
    }

    /// Pages of which each third is at work and another third is in both places.
    fn pages(all: &[Arc<RunRecord>], most: usize) -> Vec<RunId> {
        let (mut told, mut before) = (Vec::new(), None::<RunId>);
        loop {
            let after = all.iter().rev().filter(|run| before.as_ref().is_none_or(|before| run.id < *before));
            let (written, at_work): (Vec<_>, Vec<_>) = (
                after.clone().filter(|run| run.created % 3 > 0).take(most).map(|run| run.summary()).collect(),
                after.filter(|run| run.created % 3 < 2).cloned().collect(),
            );
            let looked_to = written.last().filter(|_| written.len() == most).map(|run| run.id.clone());
            let page = with(RunPage { runs: written, looked_to }, &at_work, u32::try_from(most).unwrap());
            assert!(page.runs.len() <= most);
            told.extend(page.runs.into_iter().map(|run| run.id));
            before = page.looked_to;
            if before.is_none() {
                return told;
            }
        }
    }

    #[test]
    fn pages_tell_of_each_run_once_whether_it_is_written_down_or_not() {
        let all = runs(50);
        let wanted: Vec<_> = all.iter().rev().map(|run| run.id.clone()).collect();
        for most in [1, 2, 7, 50, 100] {
            assert_eq!(pages(&all, most), wanted, "{most}");
        }
    }
}
