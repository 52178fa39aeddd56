use std::fmt;
use std::str::FromStr;

/// How much an event should worry who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Information,
    Low,
    Medium,
    High,
}

/// What an event is about; the classes of OCSF follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The log and the service themselves.
    Service,
    /// Who is calling.
    Login,
    /// Principals, tenants, keys.
    People,
    /// Roles and policies.
    Rules,
    /// Components, sandboxes, runs and files.
    Work,
}

/// One table makes the type and the names; docs/audit.md is held to it by a test.
macro_rules! events {
    ($($name:literal $variant:ident $subject:ident $severity:ident)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventName { $($variant,)* }

        impl EventName {
            pub const ALL: &[EventName] = &[$(EventName::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(EventName::$variant => $name,)* }
            }

            pub const fn subject(self) -> Subject {
                match self { $(EventName::$variant => Subject::$subject,)* }
            }

            pub const fn severity(self) -> Severity {
                match self { $(EventName::$variant => Severity::$severity,)* }
            }
        }
    };
}

events! {
    "log_created" LogCreated Service Information
    "tail_cut" TailCut Service Medium
    "clock_set_back" ClockSetBack Service Medium
    "signing_key_added" SigningKeyAdded Service Low
    "signing_key_removed" SigningKeyRemoved Service Low
    "records_pruned" RecordsPruned Service Low
    "records_not_forwarded" RecordsNotForwarded Service Medium
    "service_started" ServiceStarted Service Information
    "service_stopped" ServiceStopped Service Information
    "configuration_changed" ConfigurationChanged Service Low
    "audit_read" AuditRead Service Information
    "alert_raised" AlertRaised Service High
    "login_refused" LoginRefused Login Medium
    "access_allowed" AccessAllowed Login Information
    "access_denied" AccessDenied Login Medium
    "act_failed" ActFailed Work Low
    "act_unanswered" ActUnanswered Work Low
    "key_created" KeyCreated People Low
    "key_revoked" KeyRevoked People Low
    "key_suspended" KeySuspended People Medium
    "token_created" TokenCreated People Information
    "token_revoked" TokenRevoked People Low
    "principal_created" PrincipalCreated People Low
    "principal_updated" PrincipalUpdated People Low
    "principal_deleted" PrincipalDeleted People Low
    "tenant_created" TenantCreated People Low
    "tenant_updated" TenantUpdated People Low
    "role_created" RoleCreated Rules Low
    "role_deleted" RoleDeleted Rules Low
    "policy_created" PolicyCreated Rules Low
    "policy_deleted" PolicyDeleted Rules Low
    "component_submitted" ComponentSubmitted Work Information
    "component_refused" ComponentRefused Work Low
    "component_deleted" ComponentDeleted Work Information
    "sandbox_created" SandboxCreated Work Information
    "sandbox_updated" SandboxUpdated Work Information
    "sandbox_expired" SandboxExpired Work Information
    "sandbox_destroyed" SandboxDestroyed Work Information
    "session_created" SessionCreated Work Information
    "session_interrupted" SessionInterrupted Work Information
    "session_restarted" SessionRestarted Work Information
    "session_forked" SessionForked Work Information
    "session_ended" SessionEnded Work Information
    "command_started" CommandStarted Work Information
    "command_executed" CommandExecuted Work Information
    "tool_called" ToolCalled Work Information
    "run_cancelled" RunCancelled Work Information
    "command_lost" CommandLost Work Low
    "permission_denied" PermissionDenied Work Medium
    "limit_exceeded" LimitExceeded Work Medium
    "files_read" FilesRead Work Information
    "files_written" FilesWritten Work Information
    "changes_applied" ChangesApplied Work Information
    "changes_discarded" ChangesDiscarded Work Information
    "workspace_created" WorkspaceCreated Work Information
    "workspace_deleted" WorkspaceDeleted Work Information
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such event; docs/audit.md lists them")]
pub struct UnknownEvent;

impl FromStr for EventName {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        EventName::ALL.iter().copied().find(|name| name.as_str() == text).ok_or(UnknownEvent)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
