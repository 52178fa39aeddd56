use tokio_util::sync::CancellationToken;

use super::error::SandboxError;
use super::hall::Hall;
use crate::model::TenantId;

impl Hall {
    /// What ends a run of a tenant, together with all others of it or alone.
    pub(super) fn end_for(&self, tenant: &TenantId) -> Result<CancellationToken, SandboxError> {
        let end = self.ends().entry(tenant.clone()).or_insert_with(|| self.inner().cancel.child_token()).clone();
        // Asked after it hangs on the others: a tenant is closed first, and then they are ended.
        if self.inner().tenants.is_open(tenant) { Ok(end) } else { Err(SandboxError::Closed) }
    }

    /// Ends all that runs for a tenant, which is closed. It is recorded as cancelled.
    pub fn end_tenant(&self, tenant: &TenantId) {
        let end = self.ends().remove(tenant);
        if let Some(end) = end {
            end.cancel();
        }
        self.end_sessions_of(tenant);
    }

    /// Ends all that runs now, since its end could not be recorded: `why` names what is in the way. How many there are.
    pub fn end_unrecorded(&self, why: &str) -> usize {
        let all = self.all_live();
        for live in &all {
            live.end_since(why);
        }
        all.len()
    }
}
