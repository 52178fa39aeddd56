use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{ActionConstraint, EntityUid, Policy, PolicySet, Validator};

use super::action::Action;
use super::builtin::Words;
use super::check::{self, TENANT_BYTES, TENANT_PARTS, TENANT_POLICIES};
use super::error::PolicyError;
use super::reads::{self, Named, Reads};
use super::role::{CustomRole, TENANT_ROLES};
use crate::model::PolicyName;

/// Policies in force together, with what is known of them beforehand.
pub(super) struct Rules {
    all: PolicySet,
    /// Those whose scope an action can pass. The others would be found not to apply, one by one and each time.
    by_action: HashMap<Action, Arc<PolicySet>>,
    pub reads: Reads,
    /// By texts of the tenant that may concern whoever changes policies.
    pub keeping: Named,
    /// Whether a text of the tenant asks who the principal is.
    pub tells_apart: bool,
}

impl Rules {
    pub fn of(policies: Vec<Policy>) -> Result<Self, PolicyError> {
        let reads = Reads::of(&policies)?;
        let all = set(policies.iter())?;
        let mut by_action = HashMap::new();
        // Most actions share one selection; a tenant's text is not copied for each of them.
        let mut shared: BTreeMap<Vec<usize>, Arc<PolicySet>> = BTreeMap::new();
        for &action in Action::ALL {
            let fitting = policies.iter().enumerate().filter(|(_, policy)| can_apply(policy, action));
            let (indices, fitting): (Vec<usize>, Vec<&Policy>) = fitting.unzip();
            let selection = match shared.get(&indices) {
                Some(selection) => Arc::clone(selection),
                None => Arc::new(set(fitting.into_iter())?),
            };
            shared.insert(indices, Arc::clone(&selection));
            by_action.insert(action, selection);
        }
        Ok(Self { all, by_action, reads, keeping: Named::default(), tells_apart: false })
    }

    pub fn all(&self) -> &PolicySet {
        &self.all
    }

    pub fn for_action(&self, action: Action) -> &PolicySet {
        self.by_action.get(&action).map_or(&self.all, Arc::as_ref)
    }

    /// What a tenant wrote: all of it holds, or none of it is taken.
    pub fn of_tenant(
        validator: &Validator,
        texts: &[(PolicyName, String)],
        roles: &[CustomRole],
    ) -> Result<Self, PolicyError> {
        let mut policies = texts_of(validator, texts)?;
        let tells_apart = policies.iter().map(reads::asks_who).collect::<Result<Vec<_>, _>>()?.contains(&true);
        let keeps = |policy: &&Policy| {
            [Action::PoliciesCreate, Action::PoliciesDelete].iter().any(|action| can_apply(policy, *action))
        };
        let keeping = Named::by(&policies.iter().filter(keeps).collect::<Vec<_>>())?;
        policies.extend(roles_of(validator, roles)?);
        Ok(Self { tells_apart, keeping, ..Self::of(policies)? })
    }
}

fn set<'a>(policies: impl Iterator<Item = &'a Policy>) -> Result<PolicySet, PolicyError> {
    PolicySet::from_policies(policies.cloned()).map_err(|error| PolicyError::Internal(error.to_string()))
}

fn can_apply(policy: &Policy, action: Action) -> bool {
    let ids = Words::ids_of(action);
    let means = |uid: &EntityUid| ids.iter().any(|id| id == uid.id().unescaped());
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => means(&uid),
        ActionConstraint::In(uids) => uids.iter().any(means),
    }
}

fn texts_of(validator: &Validator, texts: &[(PolicyName, String)]) -> Result<Vec<Policy>, PolicyError> {
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    if bytes > TENANT_BYTES {
        return Err(PolicyError::TooLongTogether { bytes });
    }
    // Each text holds at least one policy.
    if texts.len() > TENANT_POLICIES {
        return Err(PolicyError::TooMany { policies: texts.len() });
    }
    let mut policies: Vec<Policy> = Vec::new();
    let mut names = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (name, text) in texts {
        if !names.insert(name) {
            return Err(PolicyError::DuplicatePolicy { policy: name.clone() });
        }
        for policy in check::text(validator, name, text)?.policies {
            let id = policy.id().to_string();
            if !ids.insert(id.clone()) {
                return Err(PolicyError::DuplicateId { policy: name.clone(), id });
            }
            policies.push(policy);
        }
    }
    if policies.len() > TENANT_POLICIES {
        return Err(PolicyError::TooMany { policies: policies.len() });
    }
    match policies.iter().map(reads::parts).sum::<Result<usize, _>>()? {
        parts if parts > TENANT_PARTS => Err(PolicyError::TooMuchTogether { parts }),
        _ => Ok(policies),
    }
}

fn roles_of(validator: &Validator, roles: &[CustomRole]) -> Result<Vec<Policy>, PolicyError> {
    if roles.len() > TENANT_ROLES {
        return Err(PolicyError::TooManyRoles { roles: roles.len() });
    }
    let mut policies = Vec::new();
    let mut names = BTreeSet::new();
    for role in roles {
        if !names.insert(&role.name) {
            return Err(PolicyError::DuplicateRole { role: role.name.clone() });
        }
        policies.extend(role.policies()?);
    }
    let result = check::validate(validator, &set(policies.iter())?);
    match result.validation_passed() {
        true => Ok(policies),
        false => Err(PolicyError::Internal(result.to_string())),
    }
}
