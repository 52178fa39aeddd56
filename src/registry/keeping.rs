//! Policies of a tenant are changed by its administrators. Rules under which none of them could are rules for ever, so
//! they are not taken; and who is the last that could stays.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::error::RegistryError;
use super::giving::{Giver, is_admin};
use super::register::Book;
use super::rules::PolicyRecord;
use crate::authz::Candidate;
use crate::model::{Caller, Credential, Principal, RoleName, TenantId};

/// Whether the tenant's administrators, and the one who asks, leave somebody who could change these rules, of which one
/// policy is new.
pub(super) fn leaves_a_keeper(
    book: &dyn Book,
    giver: &Giver,
    rules: &Candidate,
    policy: &PolicyRecord,
) -> Result<(), RegistryError> {
    // He may be nobody of the book, but one whom an issuer vouches for.
    let mut people = vec![giver.caller().clone()];
    people.extend(administrators(book, &giver.caller().tenant)?.into_iter().map(as_caller));
    Ok(giver.authorizer().leaves_a_keeper(rules, &policy.name, &people, policy.created)?)
}

/// Whether one who is changed, or goes, leaves another who can change the rules in force, if he could.
pub(super) fn is_not_the_last(
    book: &dyn Book,
    giver: &Giver,
    before: &Principal,
    after: Option<&Principal>,
    now: u64,
) -> Result<bool, RegistryError> {
    let keeps = |people: Vec<Principal>, unclear| {
        let people: Vec<_> = people.into_iter().map(as_caller).collect();
        giver.authorizer().has_a_keeper(&people, now, unclear)
    };
    // Who may be the one is taken for it, and who may not be is not.
    if !is_active(before) || !keeps(vec![before.clone()], true) {
        return Ok(true);
    }
    let mut others = administrators(book, &before.tenant)?;
    others.retain(|other| other.id != before.id);
    others.extend(after.filter(|after| is_active(after)).cloned());
    Ok(keeps(others, false))
}

fn is_active(principal: &Principal) -> bool {
    !principal.suspended && is_admin(&principal.roles)
}

fn administrators(book: &dyn Book, tenant: &TenantId) -> Result<Vec<Principal>, RegistryError> {
    let role: RoleName = "admin".parse().map_err(|_| RegistryError::Permit)?;
    Ok(book.holders(tenant, &role)?.into_iter().filter(is_active).collect())
}

/// As he would come from this machine with something that is not cut down.
fn as_caller(principal: Principal) -> Caller {
    Caller {
        tenant: principal.tenant,
        principal: principal.id,
        kind: principal.kind,
        roles: principal.roles.into(),
        labels: Arc::new(principal.labels),
        scopes: None,
        credential: Credential::Token { issuer: String::new(), id: String::new() },
        expires: None,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    }
}
