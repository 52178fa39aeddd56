use std::collections::HashMap;

use super::action::Action;
use super::authorizer::Authorizer;
use super::builtin::BUILT_IN_ROLES;
use super::role::CustomRole;
use super::rules::{Rules, can_apply};
use crate::model::{RoleName, TenantId};

/// How far somebody has an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
}

/// What the built-in roles give, read off their policies once.
pub(super) struct BuiltinReach(HashMap<(&'static str, Action), Reach>);

impl BuiltinReach {
    /// Each built-in role is a policy of its name, without a condition, and one that ends in `:own`.
    pub fn of(rules: &Rules) -> Self {
        let mut reach = HashMap::new();
        for role in BUILT_IN_ROLES {
            let (all, own) = (format!("role:{role}"), format!("role:{role}:own"));
            for policy in rules.all().policies() {
                let far = match policy.id().to_string() {
                    id if id == all => Reach::All,
                    id if id == own => Reach::Own,
                    _ => continue,
                };
                for &action in Action::ALL.iter().filter(|action| can_apply(policy, **action)) {
                    let known = reach.entry((role, action)).or_insert(far);
                    *known = far.max(*known);
                }
            }
        }
        Self(reach)
    }

    fn get(&self, role: &str, action: Action) -> Reach {
        let name = BUILT_IN_ROLES.into_iter().find(|name| *name == role);
        name.and_then(|name| self.0.get(&(name, action)).copied()).unwrap_or(Reach::None)
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
            self.builtin().reach.get(name.as_str(), action).max(own.unwrap_or(Reach::None))
        };
        roles.into_iter().map(of).max().unwrap_or(Reach::None)
    }

    /// Whether policies that the tenant wrote ask who the principal is. While none does, what somebody may follows from
    /// his roles alone. Where it is not known, it is so.
    pub fn tells_apart(&self, tenant: &TenantId) -> bool {
        self.in_force(tenant).is_none_or(|in_force| in_force.rules.tells_apart)
    }
}
