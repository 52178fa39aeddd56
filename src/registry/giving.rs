use std::sync::Arc;

use super::error::RegistryError;
use super::register::Book;
use crate::authz::{Action, Ask, Authorizer, BUILT_IN_ROLES, CustomRole, Reach, Resource, ResourceKind};
use crate::identity::covers as has_scope;
use crate::model::{Caller, Labels, RoleName, TenantId};

/// What a caller can hand out, by a role, a policy, a key or a principal: nothing that he may not do himself.
///
/// A **whole administrator** gives anything in his tenant: he has the role `admin`, came with a credential that is not
/// cut down, and may put policies in force and take them out, so there is nothing that he could not give himself.
/// Anybody else gives only actions
///
/// - that his roles give him for every object of the tenant: of what he may do with his own objects alone, the objects
///   of others are more;
/// - that the scopes of his credential name;
/// - while no policy of the tenant asks who the principal is: then rights follow from roles alone. Otherwise a name, a
///   label, a kind or a role could be worth more than what it says, or shake off what is forbidden to the giver.
pub(super) struct Giver {
    authorizer: Arc<Authorizer>,
    caller: Caller,
    whole: bool,
}

fn is_whole(authorizer: &Authorizer, caller: &Caller, now: u64) -> bool {
    let (tenant, labels) = (&caller.tenant, Labels::new());
    let may = |action: Action, id: &str| {
        let owner = (action.kind() == ResourceKind::Tenant).then_some(&caller.principal);
        let resource = Resource { kind: action.kind(), tenant, id, owner, labels: &labels };
        authorizer.decide(caller, action, &resource, &Ask { now, wants: None }).is_ok()
    };
    is_admin(&caller.roles)
        && has_scope(caller.scopes.as_deref(), "*")
        && may(Action::PoliciesCreate, tenant.as_str())
        && may(Action::PoliciesDelete, "*")
}

pub(super) fn is_admin(roles: &[RoleName]) -> bool {
    roles.iter().any(|role| role.as_str() == "admin")
}

impl Giver {
    pub(super) fn new(authorizer: Arc<Authorizer>, caller: Caller, now: u64) -> Self {
        let whole = is_whole(&authorizer, &caller, now);
        Self { authorizer, caller, whole }
    }

    pub(super) fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(super) fn must_be_whole(&self, what: &str) -> Result<(), RegistryError> {
        if self.whole {
            return Ok(());
        }
        Err(RegistryError::TooMuch(format!(
            "{what} only as an administrator whose key or token is not cut down, since it can give anything"
        )))
    }

    /// Whether he has all that these roles give, within scopes.
    pub(super) fn has_roles(
        &self,
        book: &dyn Book,
        roles: &[RoleName],
        scopes: Option<&[String]>,
    ) -> Result<(), RegistryError> {
        if self.whole {
            return Ok(());
        }
        let custom = book.roles(&self.caller.tenant)?;
        let given = |action: Action| {
            let named = scopes.is_none_or(|scopes| scopes.iter().any(|scope| action.fits(scope)));
            named && self.authorizer.reach(roles, &custom, action) > Reach::None
        };
        self.has(&custom, given)
    }

    /// The same of a role, as it is or is to be.
    pub(super) fn has_role(&self, book: &dyn Book, role: &CustomRole) -> Result<(), RegistryError> {
        if self.whole {
            return Ok(());
        }
        let of = [role.clone()];
        let given = |action: Action| self.authorizer.reach([&role.name], &of, action) > Reach::None;
        self.has(&book.roles(&self.caller.tenant)?, given)
    }

    fn has(&self, custom: &[CustomRole], given: impl Fn(Action) -> bool) -> Result<(), RegistryError> {
        if self.authorizer.tells_apart(&self.caller.tenant) {
            return Err(RegistryError::TooMuch(
                "policies of the tenant ask who somebody is, so only an administrator whose key or token is not cut \
                 down can say so"
                    .to_owned(),
            ));
        }
        let (caller, scopes) = (&self.caller, self.caller.scopes.as_deref());
        let has = |action: Action| {
            scopes.is_none_or(|scopes| scopes.iter().any(|scope| action.fits(scope)))
                && self.authorizer.reach(&*caller.roles, custom, action) == Reach::All
        };
        match Action::ALL.iter().copied().find(|action| given(*action) && !has(*action)) {
            None => Ok(()),
            Some(action) => Err(RegistryError::TooMuch(format!(
                "with this key or token you may not do {action} to everything in the tenant, so you cannot give it, \
                 nor act on who has it"
            ))),
        }
    }
}

/// Roles that somebody is to have must be there.
pub(super) fn known(book: &dyn Book, tenant: &TenantId, roles: &[RoleName]) -> Result<(), RegistryError> {
    let own = book.roles(tenant)?;
    let known =
        |role: &&RoleName| BUILT_IN_ROLES.contains(&role.as_str()) || own.iter().any(|custom| custom.name == **role);
    match roles.iter().find(|role| !known(role)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("there is no role {unknown}; see GET /v1/roles");
            Err(RegistryError::Invalid { field: "roles", message })
        }
    }
}
