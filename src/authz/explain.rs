use serde::Serialize;

use super::action::Action;
use super::authorizer::Authorizer;
use super::permit::{Denied, DeniedReason};
use super::question::{Ask, Question, Resource};
use crate::model::Caller;

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
        Explanation { action, allowed: reason.is_none(), reason, message, policies, errors }
    }

    /// All that can be done with an object of this kind, each with whether the caller may.
    pub fn rights(&self, caller: &Caller, resource: &Resource<'_>, ask: &Ask<'_>) -> Vec<Explanation> {
        let actions = Action::ALL.iter().copied().filter(|action| action.kind() == resource.kind);
        actions.map(|action| self.explain(caller, action, resource, ask)).collect()
    }
}
