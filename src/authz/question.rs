use serde::{Deserialize, Serialize};

use super::action::Action;
use crate::model::{Caller, Labels, Limits, Preset, PrincipalId, TenantId};

/// What a question can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    Tenant,
    Component,
    Run,
    Sandbox,
    Workspace,
    Key,
    Token,
    Principal,
    Role,
    Policy,
    Audit,
    Service,
}

impl ResourceKind {
    pub const ALL: [ResourceKind; 12] = [
        ResourceKind::Tenant,
        ResourceKind::Component,
        ResourceKind::Run,
        ResourceKind::Sandbox,
        ResourceKind::Workspace,
        ResourceKind::Key,
        ResourceKind::Token,
        ResourceKind::Principal,
        ResourceKind::Role,
        ResourceKind::Policy,
        ResourceKind::Audit,
        ResourceKind::Service,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            ResourceKind::Tenant => "tenant",
            ResourceKind::Component => "component",
            ResourceKind::Run => "run",
            ResourceKind::Sandbox => "sandbox",
            ResourceKind::Workspace => "workspace",
            ResourceKind::Key => "key",
            ResourceKind::Token => "token",
            ResourceKind::Principal => "principal",
            ResourceKind::Role => "role",
            ResourceKind::Policy => "policy",
            ResourceKind::Audit => "audit",
            ResourceKind::Service => "service",
        }
    }

    /// Its entity type in the schema. A principal that is asked about is a `Member`: names of principals are those of
    /// one tenant, so were it a `Principal`, another tenant's `alice` would be taken for the `alice` who asks.
    pub(super) const fn entity_type(self) -> &'static str {
        match self {
            ResourceKind::Tenant => "Tenant",
            ResourceKind::Component => "Component",
            ResourceKind::Run => "Run",
            ResourceKind::Sandbox => "Sandbox",
            ResourceKind::Workspace => "Workspace",
            ResourceKind::Key => "Key",
            ResourceKind::Token => "Token",
            ResourceKind::Principal => "Member",
            ResourceKind::Role => "Role",
            ResourceKind::Policy => "Policy",
            ResourceKind::Audit => "Audit",
            ResourceKind::Service => "Service",
        }
    }
}

/// The object of a question, as the store knows it.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    pub kind: ResourceKind,
    pub tenant: &'a TenantId,
    /// For a tenant, its own name.
    pub id: &'a str,
    /// A principal of the tenant of the object. Where something is to be created, whom it will belong to.
    pub owner: Option<&'a PrincipalId>,
    pub labels: &'a Labels,
}

/// What else a rule may look at. The address is in the caller.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Seconds since 1970.
    pub now: u64,
    /// `None` where nothing is to be run.
    pub wants: Option<&'a Wants>,
}

/// What a run asks for, or a sandbox for the runs in it, before the ceilings of the tenant cut it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wants {
    pub fuel: u64,
    pub memory_bytes: u64,
    pub deadline_ms: u64,
    pub network: bool,
    pub backend: String,
}

impl Wants {
    /// What is asked for with these limits.
    pub fn of(limits: &Limits, backend: Option<&str>) -> Self {
        let Limits { fuel, memory_bytes, deadline_ms, .. } = *limits;
        Self { fuel, memory_bytes, deadline_ms, network: false, backend: backend.unwrap_or("wasm").to_owned() }
    }

    /// What is asked for where nothing was said, as far as an action is about a run or about what runs will have.
    pub fn usual(action: Action) -> Option<Self> {
        let about_runs = matches!(action, Action::RunsCreate | Action::SandboxesCreate | Action::SandboxesRun);
        about_runs.then(|| Self::of(&Preset::Small.limits(), None))
    }
}

/// One question, whole.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub caller: &'a Caller,
    pub action: Action,
    pub resource: &'a Resource<'a>,
    pub ask: &'a Ask<'a>,
}
