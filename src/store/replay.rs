use super::error::StoreError;
use super::open::Store;
use super::runs;
use crate::model::{RunId, TenantId};
use crate::sandbox::Replayable;

impl Store {
    /// What is kept of a run so that it can be run again: nothing inside where it is none of those, and nothing at all
    /// where the run is not known (any more). It is not checked here.
    pub fn replayable(&self, tenant: &TenantId, id: &RunId) -> Result<Option<Option<Replayable>>, StoreError> {
        let read = self.reader(|connection| runs::replayable(connection, tenant, id));
        read.map_err(|error| StoreError::sql(self.path(), &error))
    }
}
