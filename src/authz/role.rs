use std::collections::BTreeSet;

use cedar_policy::{Policy, PolicyId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::action::Action;
use super::builtin::BUILT_IN_ROLES;
use super::error::PolicyError;
use super::question::ResourceKind;
use super::reach::Reach;
use crate::model::RoleName;

/// The most roles of its own that a tenant may have.
pub const TENANT_ROLES: usize = 100;

/// A role that a tenant made for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomRole {
    pub name: RoleName,
    /// Names of actions (`runs:create`), or all of a kind (`runs:*`); never of tenants.
    pub actions: Vec<String>,
    /// Only what belongs to the principal. What is asked about the tenant (`runs:create`) stays allowed, except keys
    /// and tokens, which can then be made for oneself alone.
    #[serde(default)]
    pub own_only: bool,
}

impl CustomRole {
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let role = || self.name.clone();
        if BUILT_IN_ROLES.contains(&self.name.as_str()) {
            return Err(PolicyError::ReservedRole { role: role() });
        }
        if self.actions.is_empty() {
            return Err(PolicyError::EmptyRole { role: role() });
        }
        // Each action once, and each of its groups: more only says the same again.
        if self.actions.len() > Action::ALL.len() * 2 {
            return Err(PolicyError::LongRole { role: role(), actions: self.actions.len() });
        }
        match self.actions.iter().find(|name| !may_be_given(name)) {
            Some(action) => Err(PolicyError::RoleAction { role: role(), action: quoted(action) }),
            None => Ok(()),
        }
    }

    /// How far it gives an action.
    pub(super) fn reach(&self, action: Action) -> Reach {
        if !self.actions.iter().any(|name| action.fits(name)) {
            return Reach::None;
        }
        if self.own_only && is_owned(action) { Reach::Own } else { Reach::All }
    }

    /// The policies that the role comes to. They are built as data, so no name can become syntax; and the actions are
    /// ours, found by what the role says and not copied from it.
    pub(super) fn policies(&self) -> Result<Vec<Policy>, PolicyError> {
        self.check()?;
        let actions: BTreeSet<Action> =
            Action::ALL.iter().copied().filter(|action| self.actions.iter().any(|name| action.fits(name))).collect();
        let (own, any): (Vec<_>, Vec<_>) = actions.into_iter().partition(|action| self.own_only && is_owned(*action));
        let id = format!("role:{}", self.name);
        let parts = [(id.clone(), any, json!([])), (format!("{id}:own"), own, owner_is_principal())];
        let filled = parts.into_iter().filter(|(_, actions, _)| !actions.is_empty());
        filled.map(|(id, actions, conditions)| self.policy(id, &actions, conditions)).collect()
    }

    fn policy(&self, id: String, actions: &[Action], conditions: Value) -> Result<Policy, PolicyError> {
        let entities: Vec<Value> =
            actions.iter().map(|action| json!({ "type": "Action", "id": action.as_str() })).collect();
        let json = json!({
            "effect": "permit",
            "principal": { "op": "in", "entity": { "type": "Role", "id": self.name.as_str() } },
            "action": { "op": "in", "entities": entities },
            "resource": { "op": "All" },
            "conditions": conditions,
        });
        let policy = Policy::from_json(Some(PolicyId::new(id)), json);
        policy.map_err(|error| PolicyError::Internal(error.to_string()))
    }
}

fn may_be_given(name: &str) -> bool {
    name != "*" && Action::is_scope(name) && !Action::ALL.iter().any(|a| a.group() == "tenants" && a.fits(name))
}

/// Whether an action is about something that belongs to somebody, or will.
fn is_owned(action: Action) -> bool {
    action.kind() != ResourceKind::Tenant || matches!(action, Action::KeysCreate | Action::TokensCreate)
}

fn owner_is_principal() -> Value {
    let resource = json!({ "Var": "resource" });
    json!([{ "kind": "when", "body": { "&&": {
        "left": { "has": { "left": resource, "attr": "owner" } },
        "right": { "==": {
            "left": { ".": { "left": resource, "attr": "owner" } },
            "right": { "Var": "principal" },
        } },
    } } }])
}

/// What somebody wrote instead of an action, fit for one line.
fn quoted(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
