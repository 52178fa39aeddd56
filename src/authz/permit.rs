use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::builtin::CROSS_TENANT;
use super::question::{Question, Resource, ResourceKind, Wants};
use crate::model::{Labels, PrincipalId, TenantId};

/// Somebody may do something to something. Only `Authorizer::decide` makes one, so what asks for a `Permit` cannot be
/// called without a decision. It remembers the question, so that it can be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    action: Action,
    principal: PrincipalId,
    caller_tenant: TenantId,
    tenant: TenantId,
    kind: ResourceKind,
    id: String,
    owner: Option<PrincipalId>,
    labels: Labels,
    wants: Option<Wants>,
    policies: Arc<[String]>,
}

impl Permit {
    pub(super) fn new(question: &Question<'_>, policies: &Arc<[String]>) -> Self {
        let Question { caller, action, resource, ask } = *question;
        Self {
            action,
            principal: caller.principal.clone(),
            caller_tenant: caller.tenant.clone(),
            tenant: resource.tenant.clone(),
            kind: resource.kind,
            id: resource.id.to_owned(),
            owner: resource.owner.cloned(),
            labels: resource.labels.clone(),
            wants: ask.wants.cloned(),
            policies: Arc::clone(policies),
        }
    }

    pub fn action(&self) -> Action {
        self.action
    }

    pub fn principal(&self) -> &PrincipalId {
        &self.principal
    }

    /// The tenant of the principal. It is the tenant of the object too, unless the house manages tenants.
    pub fn caller_tenant(&self) -> &TenantId {
        &self.caller_tenant
    }

    /// The tenant of the object.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose the object was when it was decided.
    pub fn owner(&self) -> Option<&PrincipalId> {
        self.owner.as_ref()
    }

    /// The ids of the policies that allow it, sorted.
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// What it was asked about.
    pub(super) fn resource(&self) -> Resource<'_> {
        let Self { kind, tenant, id, owner, labels, .. } = self;
        Resource { kind: *kind, tenant, id, owner: owner.as_ref(), labels }
    }

    pub(super) fn wants(&self) -> Option<&Wants> {
        self.wants.as_ref()
    }

    /// Whether this is the permit for exactly that.
    pub fn covers(&self, action: Action, kind: ResourceKind, tenant: &TenantId, id: &str) -> bool {
        self.action == action && self.kind == kind && &self.tenant == tenant && self.id == id
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeniedReason {
    /// No policy permits it.
    NoPolicy,
    /// The policies that are named forbid it.
    Forbidden,
    /// The key or token was cut down to other actions.
    Scope,
    /// The key or token has run out.
    Expired,
    /// A policy failed, or the question makes no sense.
    Error,
    /// The rules of the tenant are not loaded.
    Poisoned,
}

impl DeniedReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            DeniedReason::NoPolicy => "no_policy",
            DeniedReason::Forbidden => "forbidden",
            DeniedReason::Scope => "scope",
            DeniedReason::Expired => "expired",
            DeniedReason::Error => "error",
            DeniedReason::Poisoned => "poisoned",
        }
    }
}

/// Somebody may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    pub action: Action,
    pub reason: DeniedReason,
    /// The ids of the policies that forbid it, or that failed.
    pub policies: Vec<String>,
}

impl Denied {
    /// The object is another tenant's. To the caller it does not exist, and an answer must not tell otherwise.
    pub fn is_foreign(&self) -> bool {
        self.reason == DeniedReason::Forbidden && self.policies.iter().any(|id| id == CROSS_TENANT)
    }
}

impl std::error::Error for Denied {}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is denied: ", self.action)?;
        match self.reason {
            DeniedReason::NoPolicy => f.write_str("none of your roles and no policy permits it"),
            DeniedReason::Forbidden => write!(f, "forbidden by {}", self.policies.join(", ")),
            DeniedReason::Scope => f.write_str("the key or token is not meant for it; use one with this scope"),
            DeniedReason::Expired => f.write_str("the key or token has expired"),
            DeniedReason::Error if self.policies.is_empty() => f.write_str("the question could not be answered"),
            DeniedReason::Error => write!(f, "a policy failed, and what fails denies: {}", self.policies.join(", ")),
            DeniedReason::Poisoned => f.write_str("the rules of the tenant are not loaded; tell who runs the service"),
        }
    }
}
