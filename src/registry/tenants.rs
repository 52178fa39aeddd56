use super::error::RegistryError;
use super::register::{Book, Part, TenantRecord};
use super::start::{About, Registry, covers};
use crate::authz::{Action, HOUSE, Permit};
use crate::model::{Caller, Ceilings, TenantId};

/// What is made of the ceilings of a tenant as they are at that moment.
pub type CeilingChange = Box<dyn FnOnce(Ceilings) -> Ceilings + Send>;

impl Registry {
    /// Some of them, in the order of their names.
    pub fn tenants(&self, part: Part<'_>) -> Result<Vec<TenantRecord>, RegistryError> {
        Ok(self.0.register.tenants(part)?)
    }

    pub fn tenant(&self, id: &TenantId) -> Result<TenantRecord, RegistryError> {
        self.0.register.tenant(id)?.ok_or_else(|| missing(id))
    }

    /// Changes what a tenant may have, or closes it.
    pub async fn update_tenant(
        &self,
        permit: &Permit,
        caller: &Caller,
        id: &TenantId,
        ceilings: Option<CeilingChange>,
        open: Option<bool>,
        now: u64,
    ) -> Result<TenantRecord, RegistryError> {
        covers(permit, Action::TenantsUpdate, id, id.as_str())?;
        if id.as_str() == HOUSE && open == Some(false) {
            let message = "the house itself stays open: nobody could open it again".to_owned();
            return Err(RegistryError::Invalid { field: "open", message });
        }
        let (asking, id) = (self.asking(permit, caller, now), id.clone());
        self.change(About::Tenant(id.clone()), move |book| {
            asking.again(book)?;
            let mut record = book.tenant(&id)?.ok_or_else(|| missing(&id))?;
            if let Some(change) = ceilings {
                record.ceilings = change(record.ceilings);
                check(&record.ceilings)?;
            }
            record.open = open.unwrap_or(record.open);
            book.put_tenant(&record)?;
            Ok(record)
        })
        .await
    }
}

fn missing(id: &TenantId) -> RegistryError {
    RegistryError::Missing { kind: "tenant", name: id.to_string() }
}

/// What a tenant may have at this step.
pub(super) fn ceilings(book: &dyn Book, id: &TenantId) -> Result<Ceilings, RegistryError> {
    Ok(book.tenant(id)?.ok_or_else(|| missing(id))?.ceilings)
}

pub(super) fn check(ceilings: &Ceilings) -> Result<(), RegistryError> {
    ceilings
        .limits
        .check()
        .map_err(|error| RegistryError::Invalid { field: "ceilings.limits", message: error.to_string() })
}
