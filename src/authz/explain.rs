use serde::Serialize;

use super::action::Action;
use super::authorizer::Authorizer;
use super::permit::{Denied, DeniedReason};
use super::question::{Ask, Question, Resource};
use super::reach::Reach;
use crate::model::{Caller, RoleName};

/// Who may do what, and by which policy: what `decide` would answer, with all that is known of why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub action: Action,
    pub allowed: bool,
    /// `None` where it is allowed.
    pub reason: Option<DeniedReason>,
    /// The same in words.
    pub message: String,
    /// The ids of the policies that permit it, or forbid it, or failed.
    pub policies: Vec<String>,
    /// What went wrong in those that failed.
    pub errors: Vec<String>,
    /// The scopes of the credential that name the action; `None` where it is not cut down.
    pub scopes: Option<Vec<String>>,
    /// What each role of the principal gives of the action, before policies and fences.
    pub roles: Vec<RoleReach>,
}

/// What a role gives of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleReach {
    pub role: RoleName,
    pub reach: Reach,
}

impl Authorizer {
    /// Asks the policies themselves, not what was remembered of them.
    pub fn explain(&self, caller: &Caller, action: Action, resource: &Resource<'_>, ask: &Ask<'_>) -> Explanation {
        let question = Question { caller, action, resource, ask };
        let (reason, policies, errors) = match self.admit(&question) {
            Err(reason) => (Some(reason), Vec::new(), Vec::new()),
            Ok(in_force) => {
                let verdict = self.judged(&in_force, &question);
                (verdict.denied, verdict.policies.to_vec(), verdict.errors)
            }
        };
        let message = match reason {
            None => format!("{action} is allowed by {}", policies.join(", ")),
            Some(reason) => Denied { action, reason, policies: policies.clone() }.to_string(),
        };
        let fitting = |scopes: &[String]| scopes.iter().filter(|scope| action.fits(scope)).cloned().collect();
        let scopes = caller.scopes.as_deref().map(fitting);
        let roles = self.roles(caller, action);
        Explanation { action, allowed: reason.is_none(), reason, message, policies, errors, scopes, roles }
    }

    fn roles(&self, caller: &Caller, action: Action) -> Vec<RoleReach> {
        let in_force = self.in_force(&caller.tenant);
        let of = |role: &RoleName| {
            let own =
                in_force.as_ref().map_or(Reach::None, |in_force| Reach::of(&in_force.rules, role.as_str(), action));
            Reach::of(&self.builtin().rules, role.as_str(), action).max(own)
        };
        caller.roles.iter().map(|role| RoleReach { role: role.clone(), reach: of(role) }).collect()
    }

    /// All that can be done with an object of this kind, each with whether the caller may.
    pub fn rights(&self, caller: &Caller, resource: &Resource<'_>, ask: &Ask<'_>) -> Vec<Explanation> {
        let actions = Action::ALL.iter().copied().filter(|action| action.kind() == resource.kind);
        actions.map(|action| self.explain(caller, action, resource, ask)).collect()
    }
}
