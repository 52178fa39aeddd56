use axum::http::StatusCode;

use super::problem::Problem;
use crate::authz::{Denied, DeniedReason, PolicyError, ResourceKind};
use crate::backends::BackendError;
use crate::engine::{CallError, EngineError};
use crate::identity::{AuthError, TokenError};
use crate::model::LimitsError;
use crate::registry::{RegisterError, RegistryError};
use crate::sandbox::{LedgerError, SandboxError, Sort};
use crate::workspace::{Found, WorkspaceError};

/// The same answer for all that are refused; the reason is in the log.
pub(super) fn auth(error: &AuthError) -> Problem {
    match error {
        AuthError::Missing => Problem::new(
            StatusCode::UNAUTHORIZED,
            "no_credential",
            "send an API key as `X-API-Key`, or a key or token as `Authorization: Bearer …`",
        ),
        AuthError::Refused(_) => Problem::new(StatusCode::UNAUTHORIZED, "bad_credential", error.to_string()),
        AuthError::TooManyAttempts { retry_after_s } => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", error.to_string())
                .after(Some(*retry_after_s))
        }
        AuthError::Unavailable(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "identity_unavailable", error.to_string()).after(Some(1))
        }
    }
}

/// What belongs to another tenant does not exist.
pub(super) fn denied(denied: &Denied, kind: ResourceKind) -> Problem {
    if denied.is_foreign() {
        return Problem::missing(kind.as_str());
    }
    let code = match denied.reason {
        DeniedReason::Expired => return Problem::new(StatusCode::UNAUTHORIZED, "bad_credential", denied.to_string()),
        DeniedReason::Scope => "scope",
        _ => "denied",
    };
    Problem::new(StatusCode::FORBIDDEN, code, denied.to_string())
}

impl From<SandboxError> for Problem {
    fn from(error: SandboxError) -> Self {
        match error {
            // It went away this moment: that is told as of one that was gone before.
            SandboxError::NoSandbox(_) => return Problem::missing("sandbox"),
            SandboxError::NoRun(_) => return Problem::missing("run"),
            SandboxError::NoSession(_) => return Problem::missing("session"),
            _ => {}
        }
        let status = match error.sort() {
            Sort::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Sort::NotFound => StatusCode::NOT_FOUND,
            Sort::Forbidden => StatusCode::FORBIDDEN,
            Sort::Conflict => StatusCode::CONFLICT,
            Sort::Lost => StatusCode::GONE,
            Sort::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Sort::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Sort::Unavailable | Sort::Failing => StatusCode::SERVICE_UNAVAILABLE,
            Sort::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let detail = match error.sort() {
            Sort::Internal | Sort::Failing => failed(error.code(), &error, status).to_owned(),
            Sort::Lost => {
                tracing::error!(code = error.code(), "contents are lost: {error}");
                told(&error)
            }
            _ => told(&error),
        };
        let problem = Problem::new(status, error.code(), detail).after(error.retry_after());
        match field(&error) {
            Some(field) => problem.at(field),
            None => problem,
        }
    }
}

/// What of the request is at fault.
fn field(error: &SandboxError) -> Option<String> {
    let limits = |name| format!("limits.{name}");
    let name = match error {
        SandboxError::Invalid { field, .. } => field,
        SandboxError::TooLittle { name, .. } => return Some(limits(*name)),
        SandboxError::NotOffered { .. } => "backend",
        SandboxError::Backend { field: Some(field), .. } => return Some(field.clone()),
        SandboxError::Backend { error: BackendError::Command(_), .. } => "command",
        SandboxError::Backend { error: BackendError::Folder(_), .. } => "rules",
        SandboxError::KeyReused(_) | SandboxError::KeyInUse(_) => "Idempotency-Key",
        SandboxError::NoComponent(_) | SandboxError::Ledger(LedgerError::Damaged(_)) => "component",
        SandboxError::Engine(EngineError::Limits(LimitsError::OutOfRange { name, .. })) => return Some(limits(*name)),
        SandboxError::Engine(EngineError::Limits(LimitsError::StackNotPowerOfTwo(_))) => "limits.stack_bytes",
        SandboxError::Engine(EngineError::Limits(LimitsError::UnknownPreset(_))) => "limits.preset",
        // `$[0].x` is the place in what stands in `args`.
        SandboxError::Engine(EngineError::Call(CallError::Argument { at, .. })) => {
            return Some(format!("args{}", at.trim_start_matches('$')));
        }
        SandboxError::Engine(EngineError::Call(CallError::OtherBuild)) => return None,
        SandboxError::Engine(EngineError::Call(_)) => "function",
        SandboxError::Workspace(error) => match error {
            WorkspaceError::NoWorkspace(_) => "workspace",
            WorkspaceError::NoFile(_)
            | WorkspaceError::BadPath { .. }
            | WorkspaceError::TooDeep { .. }
            | WorkspaceError::FileTooLarge { .. }
            | WorkspaceError::Occupied(_) => "path",
            WorkspaceError::NoChange(_) | WorkspaceError::NoPath { .. } | WorkspaceError::Incomplete { .. } => "paths",
            WorkspaceError::Credentials(_) => "allow_credentials",
            _ => return None,
        },
        _ => return None,
    };
    Some(name.to_owned())
}

/// The same as on the command line, but for what is named otherwise here and for what is done about it.
fn told(error: &SandboxError) -> String {
    let SandboxError::Workspace(error) = error else { return error.to_string() };
    match error {
        WorkspaceError::NoWorkspace(name) => {
            format!("there is no workspace `{name}`; GET /v1/workspaces lists those that you may see")
        }
        WorkspaceError::NoDraft(_) => "the files of the sandbox are gone".into(),
        WorkspaceError::InUse(_) => {
            "something is at work with the files of the sandbox: a run, an apply or a discard; try again when it is over".into()
        }
        WorkspaceError::OfNothing(_) => {
            "the sandbox began empty: there is no workspace to apply it to; download its files instead".into()
        }
        WorkspaceError::HasDrafts(name, _) => {
            format!(
                "a sandbox or a run works on the workspace `{name}`: destroy the sandboxes that began with it, which GET \
                 /v1/sandboxes lists, and wait for the runs that began with it, which GET /v1/runs lists, or cancel them"
            )
        }
        WorkspaceError::NoChange(path) => format!("nothing changed at {path}; the diff of the sandbox says what did"),
        WorkspaceError::Credentials(found) => format!(
            "{} of the files look like they hold credentials: {}; take them out, or add allow_credentials=true",
            found.len(),
            Found::some_of(found)
        ),
        other => other.to_string(),
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let status = match &error {
            RegistryError::Caller(error) => return auth(error),
            RegistryError::Denied(error) => return denied(error, error.action.kind()),
            RegistryError::Missing { .. } => StatusCode::NOT_FOUND,
            RegistryError::Taken { .. }
            | RegistryError::LastAdmin(_)
            | RegistryError::LockedOut(_)
            | RegistryError::RoleInUse { .. }
            | RegistryError::Contended => StatusCode::CONFLICT,
            RegistryError::TooMuch(_) => StatusCode::FORBIDDEN,
            RegistryError::TooManyKeys(_) | RegistryError::TooManyPrincipals(_) => StatusCode::TOO_MANY_REQUESTS,
            RegistryError::Invalid { .. }
            | RegistryError::Policy(_)
            | RegistryError::Scope(_)
            | RegistryError::UnknownScope(_)
            | RegistryError::Token(_) => StatusCode::UNPROCESSABLE_ENTITY,
            RegistryError::Register(RegisterError::Behind) => StatusCode::SERVICE_UNAVAILABLE,
            RegistryError::Register(RegisterError::Failed(_)) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Problem::new(status, error.code(), failed(error.code(), &error, status)).after(Some(5));
            }
            RegistryError::Random(_) | RegistryError::Permit => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                return Problem::new(status, error.code(), failed(error.code(), &error, status));
            }
        };
        let after = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some(1),
            // When somebody removes one.
            StatusCode::TOO_MANY_REQUESTS => Some(30),
            _ => None,
        };
        let problem = Problem::new(status, error.code(), error.to_string()).after(after);
        match &error {
            RegistryError::Invalid { field, .. } => problem.at(*field),
            RegistryError::LastAdmin(Some(field)) => problem.at(*field),
            RegistryError::LockedOut(_) => problem.at("text"),
            RegistryError::Policy(policy) => at_fault(problem, policy),
            RegistryError::Token(TokenError::Ttl { .. } | TokenError::OutlivesMaker { .. }) => {
                problem.at("ttl_seconds")
            }
            RegistryError::Token(TokenError::NotOurs | TokenError::MakerExpired | TokenError::TooManyGenerations) => {
                problem.at("Authorization")
            }
            RegistryError::Scope(_) | RegistryError::UnknownScope(_) | RegistryError::Token(_) => problem.at("scopes"),
            // Only what a body names can be there already; what it names and is not there is a principal.
            RegistryError::Taken { .. } => problem.at("id"),
            RegistryError::Missing { kind: "principal", .. } => problem.at("principal"),
            _ => problem,
        }
    }
}

/// Paths and causes are for the log.
fn failed(code: &str, error: &dyn std::fmt::Display, status: StatusCode) -> &'static str {
    tracing::error!(code, "a request failed: {error}");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        return "the host has no room, no descriptors or no disk for this; try again later: the log says more";
    }
    "the service failed; the log says more under this request's id"
}

fn at_fault(problem: Problem, error: &PolicyError) -> Problem {
    if let Some(fault) = error.faults().first() {
        return problem.at(format!("text, line {}, column {}", fault.line, fault.column));
    }
    match error {
        PolicyError::EmptyRole { .. } | PolicyError::LongRole { .. } | PolicyError::RoleAction { .. } => {
            problem.at("actions")
        }
        PolicyError::ReservedRole { .. } | PolicyError::DuplicateRole { .. } | PolicyError::DuplicatePolicy { .. } => {
            problem.at("name")
        }
        PolicyError::TooLong { .. } | PolicyError::Empty { .. } | PolicyError::Template { .. } => problem.at("text"),
        _ => problem,
    }
}

/// A field that makes no sense.
pub(super) fn invalid(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RunId, SandboxId};

    /// Whether it went before the request looked for it, or after.
    #[test]
    fn what_went_away_is_told_as_what_was_never_there() {
        let sandbox = Problem::from(SandboxError::NoSandbox(SandboxId::random()));
        let run = Problem::from(SandboxError::NoRun(RunId::random()));
        for (late, early) in [(sandbox, Problem::missing("sandbox")), (run, Problem::missing("run"))] {
            assert_eq!((late.code(), late.detail(), late.status()), (early.code(), early.detail(), early.status()));
        }
    }
}
