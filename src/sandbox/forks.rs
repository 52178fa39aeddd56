use std::sync::Arc;

use super::error::SandboxError;
use super::hall::Hall;
use super::sessions::{Kept, Seat, SessionRecord};
use super::turn::Turn;
use crate::authz::Permit;
use crate::engine::{EngineError, Program, Saved, Session};
use crate::model::SessionId;

/// So many new sessions one may be copied into at a time.
const FORKS: u32 = 16;

/// What came of a fork.
#[derive(Debug)]
pub struct Forked {
    /// All that were asked for, or why there are none.
    pub made: Result<Vec<SessionRecord>, SandboxError>,
    /// What the guest spent in either case.
    pub fuel: u64,
}

impl Hall {
    /// Copies what was done in a session into new ones of the same sandbox, which go separate ways from there. An error where
    /// nothing was asked of the guest.
    pub async fn fork(&self, permit: &Permit, id: &SessionId, count: u32) -> Result<Forked, SandboxError> {
        let kept = self.session_for(permit, id)?;
        let _inside = self.inner().tasks.token();
        self.open()?;
        if !(1..=FORKS).contains(&count) {
            let message = format!("write how many, from 1 to {FORKS}");
            return Err(SandboxError::Invalid { field: "count", message });
        }
        // To its end, also when whoever asked goes away: half a copy is none.
        let (hall, permit) = (self.clone(), permit.clone());
        self.to_its_end(async move { hall.forked(&permit, &kept, count).await }).await
    }

    async fn forked(&self, permit: &Permit, kept: &Arc<Kept>, count: u32) -> Result<Forked, SandboxError> {
        let mut limits = self.limits_in(&self.found(&kept.tenant, &kept.sandbox)?)?;
        // What there may be no room for comes before anything is done.
        let mut seats = Vec::new();
        for _ in 0..count {
            seats.push(self.seat(&kept.tenant, &kept.sandbox).await?);
        }
        // Counted as a run: to come to rest is work of the guest.
        let ceilings = self.ceilings(&kept.tenant)?;
        let mut running = self.inner().quota.run(&kept.tenant, &ceilings, limits.fuel, self.now())?;
        limits.fuel = running.fuel();
        let mut turn = Turn::begin(self.clone(), Arc::clone(kept), None)?;
        let program = Arc::clone(turn.program()?);
        running.begins();
        let saved = self.inner().guests.run(async move { turn.save(limits).await }).await;
        let saved = saved.unwrap_or_else(|error| Err(EngineError::Internal(error.to_string()).into()));
        let (state, fuel) = match saved {
            Ok(saved) => saved,
            Err(error) => {
                // Of what went wrong in us nobody knows what it spent.
                if !matches!(error, SandboxError::Engine(EngineError::Internal(_))) {
                    running.ends(0, self.now());
                }
                return Err(error);
            }
        };
        running.ends(fuel, self.now());
        let made = match state {
            Ok(state) => self.copies(permit, kept, (&program, state), seats),
            // It may have been ended meanwhile, and its copy with it.
            Err(unsaved) => Err(self.session(&kept.tenant, &kept.id).err().unwrap_or_else(|| unsaved.into())),
        };
        Ok(Forked { made, fuel })
    }

    fn copies(
        &self,
        permit: &Permit,
        kept: &Kept,
        (program, state): (&Arc<Program>, Option<Arc<Saved>>),
        seats: Vec<Seat>,
    ) -> Result<Vec<SessionRecord>, SandboxError> {
        let copy = |seat| {
            let session = Session::from(Arc::clone(program), state.clone()).map_err(EngineError::from)?;
            Ok::<_, SandboxError>((session, seat))
        };
        let new = seats.into_iter().map(copy).collect::<Result<Vec<_>, _>>()?;
        self.keep_sessions(permit, &kept.sandbox, (&kept.runtime, &kept.labels), new)
    }
}
