use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{CeilingsBody, CeilingsPatch, Whole, time_s};
use crate::api::strict;
use crate::authz::{Action, CustomRole, Reach, Wants};
use crate::identity::{KeyRecord, TokenInfo};
use crate::model::{Caller, Labels, PrincipalKind};
use crate::registry::{NewKey, PolicyRecord, TenantRecord};

/// A new API key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct KeyBody {
    #[schema(min_length = 1, max_length = 100)]
    pub(in crate::api) name: String,
    /// Whom it is for; yourself, where nobody is named.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$")]
    pub(in crate::api) principal: Option<String>,
    /// What it is cut down to: names of actions (`runs:create`), `runs:*` or `*`.
    #[serde(default)]
    pub(in crate::api) scopes: Option<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 3_162_240_000_i64)]
    pub(in crate::api) ttl_seconds: Option<Whole>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Key {
    id: String,
    principal: String,
    name: String,
    /// How the key begins; no secret.
    prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
}

impl From<&KeyRecord> for Key {
    fn from(record: &KeyRecord) -> Self {
        Self {
            id: record.id.to_string(),
            principal: record.principal.to_string(),
            name: record.name.clone(),
            prefix: record.prefix.to_string(),
            scopes: record.scopes.clone(),
            created: time_s(record.created),
            expires: record.expires.map(time_s),
            revoked: record.revoked.map(time_s),
            last_used: record.last_used.map(time_s),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Keys {
    pub(in crate::api) keys: Vec<Key>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}

/// A key with its text, which is shown now and never again.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct MadeKey {
    key: Key,
    secret: String,
}

impl From<&NewKey> for MadeKey {
    fn from(made: &NewKey) -> Self {
        Self { key: (&made.record).into(), secret: made.key.expose().to_owned() }
    }
}

/// A short-lived token for yourself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TokenBody {
    /// What it is good for; no more than you have.
    pub(in crate::api) scopes: Vec<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub(in crate::api) ttl_seconds: Option<Whole>,
}

#[derive(Serialize, ToSchema)]
pub(in crate::api) struct MadeToken {
    token: String,
    /// Revoke it by this.
    id: String,
    scopes: Vec<String>,
    expires: String,
}

impl MadeToken {
    pub(in crate::api) fn new(token: String, info: TokenInfo) -> Self {
        Self { token, id: info.id, scopes: info.scopes, expires: time_s(info.expires) }
    }
}

/// Who you are to us.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct WhoIAm {
    tenant: String,
    principal: String,
    kind: Value,
    roles: Vec<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    /// What your key or token is cut down to.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// The id of your key, or `token`, its id (where it has one) and its issuer.
    credential: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    address: String,
}

impl From<&Caller> for WhoIAm {
    fn from(caller: &Caller) -> Self {
        Self {
            tenant: caller.tenant.to_string(),
            principal: caller.principal.to_string(),
            kind: serde_json::to_value(caller.kind).unwrap_or_default(),
            roles: caller.roles.iter().map(ToString::to_string).collect(),
            labels: Labels::clone(&caller.labels),
            scopes: caller.scopes.as_ref().map(|scopes| scopes.to_vec()),
            credential: caller.credential.to_string(),
            expires: caller.expires.map(time_s),
            address: caller.address.to_string(),
        }
    }
}

/// Somebody of the tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PrincipalBody {
    #[schema(value_type = String, pattern = "^(person|service|agent)$")]
    pub(in crate::api) kind: PrincipalKind,
    pub(in crate::api) roles: Vec<String>,
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(in crate::api) labels: Labels,
    #[serde(default)]
    pub(in crate::api) suspended: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Principal {
    id: String,
    kind: Value,
    roles: Vec<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    suspended: bool,
    created: String,
}

impl From<&crate::model::Principal> for Principal {
    fn from(principal: &crate::model::Principal) -> Self {
        Self {
            id: principal.id.to_string(),
            kind: serde_json::to_value(principal.kind).unwrap_or_default(),
            roles: principal.roles.iter().map(ToString::to_string).collect(),
            labels: principal.labels.clone(),
            suspended: principal.suspended,
            created: time_s(principal.created),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Principals {
    pub(in crate::api) principals: Vec<Principal>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}

/// A set of rights with a name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RoleBody {
    /// Names of actions (`runs:create`), or all of a kind (`runs:*`).
    pub(in crate::api) actions: Vec<String>,
    /// Only what belongs to the principal.
    #[serde(default)]
    pub(in crate::api) own_only: bool,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub(in crate::api) struct Role {
    name: String,
    actions: Vec<String>,
    own_only: bool,
    built_in: bool,
}

impl Role {
    /// One of ours: what it gives, and whether that is only of one's own.
    pub(in crate::api) fn built_in(name: &str, gives: &[(Action, Reach)]) -> Self {
        Self {
            name: name.to_owned(),
            actions: gives.iter().map(|(action, _)| action.as_str().to_owned()).collect(),
            own_only: gives.iter().all(|(_, reach)| *reach == Reach::Own),
            built_in: true,
        }
    }

    pub(in crate::api) fn name(&self) -> &str {
        &self.name
    }
}

impl From<&CustomRole> for Role {
    fn from(role: &CustomRole) -> Self {
        let CustomRole { name, actions, own_only } = role.clone();
        Self { name: name.to_string(), actions, own_only, built_in: false }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Roles {
    pub(in crate::api) roles: Vec<Role>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}

/// Policies in Cedar.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct PolicyBody {
    pub(in crate::api) text: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Policy {
    name: String,
    text: String,
    created: String,
}

impl From<&PolicyRecord> for Policy {
    fn from(policy: &PolicyRecord) -> Self {
        Self { name: policy.name.to_string(), text: policy.text.clone(), created: time_s(policy.created) }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Policies {
    pub(in crate::api) policies: Vec<Policy>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}

/// A text that may become a policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct CheckBody {
    #[schema(pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$")]
    pub(in crate::api) name: String,
    pub(in crate::api) text: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Checked {
    /// The ids of the policies in the text.
    pub(in crate::api) policies: Vec<String>,
    pub(in crate::api) warnings: Vec<String>,
}

/// Who may do what?
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ExplainBody {
    /// Who; yourself, where nobody is named.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$")]
    pub(in crate::api) principal: Option<String>,
    #[schema(example = "runs:read", pattern = "^[a-z]+:[a-z_]+$")]
    pub(in crate::api) action: String,
    /// The id of what it is about; for what is created nothing.
    #[serde(default)]
    pub(in crate::api) id: Option<String>,
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$")]
    pub(in crate::api) owner: Option<String>,
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(in crate::api) labels: Labels,
    /// What his key or token is cut down to.
    #[serde(default)]
    pub(in crate::api) scopes: Option<Vec<String>>,
    /// When (RFC 3339); now, where nothing is said.
    #[serde(default)]
    pub(in crate::api) at: Option<String>,
    /// From where; from where you ask, where nothing is said.
    #[serde(default)]
    pub(in crate::api) address: Option<String>,
    /// What a run asks for; what it has where it asks for nothing, where nothing is said.
    #[serde(default, deserialize_with = "strict::named_or_none")]
    pub(in crate::api) wants: Option<WantsBody>,
}

/// What a run asks for, as policies see it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct WantsBody {
    fuel: Option<Whole>,
    memory_bytes: Option<Whole>,
    deadline_ms: Option<Whole>,
    network: Option<bool>,
    backend: Option<String>,
}

impl WantsBody {
    /// With what is usual where nothing is said.
    pub(in crate::api) fn wants(self, usual: Option<Wants>) -> Wants {
        let nothing = || Wants { fuel: 0, memory_bytes: 0, deadline_ms: 0, network: false, backend: "wasm".to_owned() };
        let usual = usual.unwrap_or_else(nothing);
        let or = |said: Option<Whole>, usual| said.map_or(usual, |number| number.0);
        Wants {
            fuel: or(self.fuel, usual.fuel),
            memory_bytes: or(self.memory_bytes, usual.memory_bytes),
            deadline_ms: or(self.deadline_ms, usual.deadline_ms),
            network: self.network.unwrap_or(usual.network),
            backend: self.backend.unwrap_or(usual.backend),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Explained {
    allowed: bool,
    /// Why not, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    message: String,
    /// The ids of the policies that decided.
    policies: Vec<String>,
    /// What went wrong in policies that failed.
    errors: Vec<String>,
    /// The scopes that name the action; absent where the credential is not cut down.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// What each role of his gives: `none`, `own` or `all`.
    roles: std::collections::BTreeMap<String, &'static str>,
}

impl From<crate::authz::Explanation> for Explained {
    fn from(told: crate::authz::Explanation) -> Self {
        Self {
            allowed: told.allowed,
            reason: told.reason.map(crate::authz::DeniedReason::as_str),
            message: told.message,
            policies: told.policies,
            errors: told.errors,
            scopes: told.scopes,
            roles: told.roles.into_iter().map(|given| (given.role.to_string(), given.reach.as_str())).collect(),
        }
    }
}

/// A new tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TenantBody {
    #[schema(pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$")]
    pub(in crate::api) id: String,
    /// The most that it may have; what an ordinary tenant has, where nothing is said.
    #[serde(default, deserialize_with = "strict::named_or_none")]
    pub(in crate::api) ceilings: Option<CeilingsBody>,
    /// Somebody who can begin to work in it.
    #[schema(pattern = "^[a-z0-9][a-z0-9._@-]{0,63}$")]
    pub(in crate::api) admin: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TenantPatch {
    #[serde(default, deserialize_with = "strict::named_or_none")]
    pub(in crate::api) ceilings: Option<CeilingsPatch>,
    /// Nobody of a closed tenant is let in.
    #[serde(default)]
    pub(in crate::api) open: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Tenant {
    id: String,
    ceilings: CeilingsBody,
    open: bool,
    created: String,
}

impl From<&TenantRecord> for Tenant {
    fn from(tenant: &TenantRecord) -> Self {
        Self {
            id: tenant.id.to_string(),
            ceilings: (&tenant.ceilings).into(),
            open: tenant.open,
            created: time_s(tenant.created),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Tenants {
    pub(in crate::api) tenants: Vec<Tenant>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}
