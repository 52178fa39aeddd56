use std::sync::Arc;

use super::error::RegistryError;
use super::giving::Giver;
use super::register::Book;
use super::start::{Door, Registry};
use crate::authz::{Authorizer, Permit};
use crate::identity::{Directory, DirectoryError, KeyPrefix, KeyRecord, Lineage};
use crate::model::{Caller, Credential, KeyId, Principal, PrincipalId, TenantId};

/// Who asks for a change, as he was when it was permitted.
pub(super) struct Asking {
    door: Arc<dyn Door>,
    authorizer: Arc<Authorizer>,
    permit: Permit,
    caller: Caller,
    now: u64,
}

impl Registry {
    pub(super) fn asking(&self, permit: &Permit, caller: &Caller, now: u64) -> Asking {
        let (door, authorizer) = (Arc::clone(&self.0.door), Arc::clone(&self.0.authorizer));
        Asking { door, authorizer, permit: permit.clone(), caller: caller.clone(), now }
    }
}

impl Asking {
    /// To be asked within the step: what he could do may have been taken from him since it was permitted. What he gives
    /// is measured by what he is now.
    pub(super) fn again(&self, book: &dyn Book) -> Result<Giver, RegistryError> {
        let written = Written::of(book, &self.caller)?;
        let caller = self.door.again(&written, &self.caller, self.now)?;
        self.authorizer.again(&self.permit, &caller, self.now)?;
        Ok(Giver::new(Arc::clone(&self.authorizer), caller, self.now))
    }
}

/// What the book says of one caller: all that the door asks of a directory about one whom it let in.
struct Written {
    key: Option<KeyRecord>,
    principal: Option<Principal>,
    open: bool,
    revoked: Vec<String>,
}

impl Written {
    fn of(book: &dyn Book, caller: &Caller) -> Result<Self, RegistryError> {
        let tenant = &caller.tenant;
        let (key, tokens) = match &caller.credential {
            Credential::Key(id) => (Some(id.clone()), Vec::new()),
            Credential::Token { id, .. } => match Lineage::read(id) {
                Some(line) => (Some(line.key().clone()), line.tokens()),
                None => (None, vec![id.clone()]),
            },
        };
        let mut revoked = Vec::new();
        for id in tokens {
            if book.token_revoked(&id)? {
                revoked.push(id);
            }
        }
        Ok(Self {
            key: key.map(|id| book.key(tenant, &id)).transpose()?.flatten(),
            principal: book.principal(tenant, &caller.principal)?,
            open: book.tenant(tenant)?.is_some_and(|tenant| tenant.open),
            revoked,
        })
    }
}

impl Directory for Written {
    fn version(&self) -> Result<u64, DirectoryError> {
        Ok(0)
    }

    fn key(&self, prefix: &KeyPrefix) -> Result<Option<KeyRecord>, DirectoryError> {
        Ok(self.key.clone().filter(|key| key.prefix == *prefix))
    }

    fn key_by_id(&self, id: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        Ok(self.key.clone().filter(|key| key.id == *id))
    }

    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, DirectoryError> {
        Ok(self.principal.clone().filter(|principal| principal.tenant == *tenant && principal.id == *id))
    }

    fn tenant_is_open(&self, _: &TenantId) -> Result<bool, DirectoryError> {
        Ok(self.open)
    }

    fn token_revoked(&self, id: &str) -> Result<bool, DirectoryError> {
        Ok(self.revoked.iter().any(|revoked| revoked == id))
    }

    fn touched(&self, _: &KeyId, _: u64) {}
}
