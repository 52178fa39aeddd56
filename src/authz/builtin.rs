use std::collections::HashMap;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, Schema, Validator};

use super::action::Action;
use super::check;
use super::error::PolicyError;
use super::question::ResourceKind;
use super::rules::Rules;

/// The tenant whose administrators manage tenants.
pub const HOUSE: &str = "main";

/// The roles that every tenant has. A tenant cannot give these names to roles of its own.
pub const BUILT_IN_ROLES: [&str; 6] = ["admin", "operator", "developer", "agent", "auditor", "viewer"];

/// The fence between tenants, by the id of its policy.
pub(super) const CROSS_TENANT: &str = "fence:cross-tenant";

const SCHEMA: &str = include_str!("schema.cedarschema");
const POLICIES: &str = include_str!("builtin.cedar");

/// What does not change while the service runs: the schema, the words of it, and the policies that every tenant has.
pub(super) struct Builtin {
    pub validator: Validator,
    pub rules: Rules,
    pub words: Words,
}

impl Builtin {
    pub fn load() -> Result<Self, PolicyError> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(broken)?;
        let words = Words::of(&schema)?;
        let validator = Validator::new(schema);
        let parsed: PolicySet = POLICIES.parse().map_err(broken)?;
        let named = parsed.policies().map(|policy| {
            let id = policy.annotation("id").ok_or_else(|| broken(format!("a policy has no @id: {policy}")))?;
            Ok(policy.new_id(PolicyId::new(id)))
        });
        let named = named.collect::<Result<Vec<_>, PolicyError>>()?;
        let rules = Rules::of(named)?;
        let result = check::validate(&validator, rules.all());
        if !result.validation_passed_without_warnings() {
            return Err(broken(result));
        }
        Ok(Self { validator, rules, words })
    }
}

fn broken(error: impl ToString) -> PolicyError {
    PolicyError::Internal(error.to_string())
}

/// The names of the schema, read once.
pub(super) struct Words {
    pub principal: EntityTypeName,
    pub kind: EntityTypeName,
    pub role: EntityTypeName,
    pub tenant: EntityTypeName,
    resources: HashMap<ResourceKind, EntityTypeName>,
    actions: HashMap<Action, (EntityUid, Entity)>,
}

impl Words {
    fn of(schema: &Schema) -> Result<Self, PolicyError> {
        let named = |name: &str| name.parse::<EntityTypeName>().map_err(broken);
        let action_type = named("Action")?;
        let entities = schema.action_entities().map_err(broken)?;
        let action = |action: &Action| {
            let uid = EntityUid::from_type_name_and_id(action_type.clone(), EntityId::new(action.as_str()));
            let entity = entities.get(&uid).ok_or_else(|| broken(format!("{action} is not in the schema")))?;
            Ok((*action, (uid, entity.clone())))
        };
        Ok(Self {
            principal: named("Principal")?,
            kind: named("Kind")?,
            role: named("Role")?,
            tenant: named("Tenant")?,
            resources: ResourceKind::ALL
                .iter()
                .map(|kind| Ok((*kind, named(kind.entity_type())?)))
                .collect::<Result<_, PolicyError>>()?,
            actions: Action::ALL.iter().map(action).collect::<Result<_, PolicyError>>()?,
        })
    }

    pub fn resource(&self, kind: ResourceKind) -> Option<&EntityTypeName> {
        self.resources.get(&kind)
    }

    /// The action as Cedar knows it, with the groups that it is in.
    pub fn action(&self, action: Action) -> Option<&(EntityUid, Entity)> {
        self.actions.get(&action)
    }

    /// The ids by which a policy can mean an action: its own, and that of its group.
    pub fn ids_of(action: Action) -> [String; 2] {
        [action.as_str().to_owned(), format!("{}:*", action.group())]
    }
}
