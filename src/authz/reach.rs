use serde::Serialize;

use super::action::Action;
use super::authorizer::Authorizer;
use super::role::CustomRole;
use super::rules::Rules;
use crate::model::{RoleName, TenantId};

/// How far somebody has an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    None,
    /// For what belongs to him.
    Own,
    /// For every object of the tenant.
    All,
}

impl Reach {
    pub const fn as_str(self) -> &'static str {
        match self {
            Reach::None => "none",
            Reach::Own => "own",
            Reach::All => "all",
        }
    }

    /// What a role gives, read off its policies: one of its name, without a condition, and one that ends in `:own`.
    pub(super) fn of(rules: &Rules, role: &str, action: Action) -> Self {
        let far = |policy: &cedar_policy::Policy| match policy.id().to_string().strip_prefix("role:") {
            Some(id) if id == role => Reach::All,
            Some(id) if id.strip_suffix(":own") == Some(role) => Reach::Own,
            _ => Reach::None,
        };
        rules.for_action(action).policies().map(far).max().unwrap_or(Reach::None)
    }
}

impl Authorizer {
    /// How far roles give an action, before any policy of the tenant; `custom` are the roles that it made.
    pub fn reach<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a RoleName>,
        custom: &[CustomRole],
        action: Action,
    ) -> Reach {
        let of = |name: &RoleName| {
            let own = custom.iter().filter(|role| role.name == *name).map(|role| role.reach(action)).max();
            Reach::of(&self.builtin().rules, name.as_str(), action).max(own.unwrap_or(Reach::None))
        };
        roles.into_iter().map(of).max().unwrap_or(Reach::None)
    }

    /// Whether policies that the tenant wrote ask who the principal is. While none does, what somebody may follows from
    /// his roles alone. Where it is not known, it is so.
    pub fn tells_apart(&self, tenant: &TenantId) -> bool {
        self.in_force(tenant).is_none_or(|in_force| in_force.rules.tells_apart)
    }
}
