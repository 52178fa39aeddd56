use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::question::ResourceKind;

/// One table makes the type, the names, what each is asked about and the words for it. The Cedar schema and
/// `matrix.txt` are held to this table by tests.
macro_rules! actions {
    ($($name:literal $variant:ident $kind:ident $about:literal)*) => {
        /// Something that a caller may or may not do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum Action { $(#[doc = $about] $variant,)* }

        impl Action {
            pub const ALL: &[Action] = &[$(Action::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Action::$variant => $name,)* }
            }

            /// What the question is about: the tenant where something is to be created, else the object itself.
            pub const fn kind(self) -> ResourceKind {
                match self { $(Action::$variant => ResourceKind::$kind,)* }
            }

            /// What it allows, for people.
            pub const fn about(self) -> &'static str {
                match self { $(Action::$variant => $about,)* }
            }
        }
    };
}

actions! {
    "components:create" ComponentsCreate Tenant "submit a component"
    "components:read" ComponentsRead Component "see a component: its digest, exports and needs"
    "components:delete" ComponentsDelete Component "delete a component"
    "runs:create" RunsCreate Tenant "run a component or a snippet"
    "runs:read" RunsRead Run "see a run: its state, outcome, output and events"
    "runs:cancel" RunsCancel Run "end a run"
    "runs:answer" RunsAnswer Run "answer the calls of tools that a run makes to its caller"
    "sandboxes:create" SandboxesCreate Tenant "create a sandbox"
    "sandboxes:read" SandboxesRead Sandbox "see a sandbox: its state, limits and grants"
    "sandboxes:update" SandboxesUpdate Sandbox "extend, label or stop a sandbox"
    "sandboxes:run" SandboxesRun Sandbox "run something in a sandbox"
    "sandboxes:read_files" SandboxesReadFiles Sandbox "list and read the files of a sandbox"
    "sandboxes:write_files" SandboxesWriteFiles Sandbox "write and remove files of a sandbox"
    "sandboxes:apply" SandboxesApply Sandbox "carry the changes of a sandbox over to its workspace"
    "sandboxes:delete" SandboxesDelete Sandbox "destroy a sandbox"
    "workspaces:create" WorkspacesCreate Tenant "create a workspace"
    "workspaces:read" WorkspacesRead Workspace "see a workspace: its name, size and owner"
    "workspaces:read_files" WorkspacesReadFiles Workspace "list, read and mount the files of a workspace"
    "workspaces:apply" WorkspacesApply Workspace "change the files of a workspace"
    "workspaces:delete" WorkspacesDelete Workspace "delete a workspace"
    "keys:create" KeysCreate Tenant "make an API key; the owner in the question is whom it is for"
    "keys:read" KeysRead Key "see a key: its prefix, scopes and last use"
    "keys:revoke" KeysRevoke Key "revoke a key"
    "tokens:create" TokensCreate Tenant "make a short-lived token; the owner in the question is whom it is for"
    "tokens:revoke" TokensRevoke Token "revoke a token"
    "principals:create" PrincipalsCreate Tenant "make a principal known"
    "principals:read" PrincipalsRead Principal "see a principal: its roles and labels"
    "principals:update" PrincipalsUpdate Principal "change the roles and labels of a principal, or suspend it"
    "principals:delete" PrincipalsDelete Principal "forget a principal"
    "roles:create" RolesCreate Tenant "define a role"
    "roles:read" RolesRead Role "see a role"
    "roles:delete" RolesDelete Role "delete a role"
    "policies:create" PoliciesCreate Tenant "put a policy in force"
    "policies:read" PoliciesRead Policy "see a policy"
    "policies:explain" PoliciesExplain Policy "ask who may do what, and by which policy"
    "policies:delete" PoliciesDelete Policy "take a policy out of force"
    "tenants:create" TenantsCreate Tenant "create a tenant"
    "tenants:read" TenantsRead Tenant "see a tenant and its ceilings"
    "tenants:update" TenantsUpdate Tenant "change the ceilings of a tenant, or close it"
    "audit:read" AuditRead Audit "read the audit log"
    "service:read" ServiceRead Service "read the metrics of the service and what is not ready"
}

impl Action {
    /// `runs` of `runs:create`.
    pub fn group(self) -> &'static str {
        self.as_str().split_once(':').map_or(self.as_str(), |(group, _)| group)
    }

    /// Whether a scope names this action: `runs:create`, `runs:*` or `*`.
    pub fn fits(self, scope: &str) -> bool {
        scope == self.as_str() || scope == "*" || scope.strip_suffix(":*") == Some(self.group())
    }

    /// Whether a text names anything at all as a scope, so that a typing error is told and does not just deny.
    pub fn is_scope(text: &str) -> bool {
        Action::ALL.iter().any(|action| action.fits(text))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such action; one is written like runs:create")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Action::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

impl TryFrom<String> for Action {
    type Error = UnknownAction;

    fn try_from(text: String) -> Result<Self, UnknownAction> {
        text.parse()
    }
}

impl From<Action> for &'static str {
    fn from(action: Action) -> &'static str {
        action.as_str()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
