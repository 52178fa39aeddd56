use std::fmt;

use cedar_policy::ffi::DetailedError;
use serde::Serialize;

use super::check::{POLICY_BYTES, TENANT_BYTES, TENANT_PARTS, TENANT_POLICIES};
use super::role::TENANT_ROLES;
use crate::model::{PolicyName, RoleName};

/// The most faults that one answer tells, and the most characters that it takes for each.
pub(super) const FAULTS: usize = 10;
const FAULT_CHARS: usize = 300;

/// What is wrong with a policy, and where in its text. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Fault {
    pub(super) fn at(text: &str, offset: usize, message: &str) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count()) + 1;
        Self { line: before.matches('\n').count() + 1, column, message: one_line(message) }
    }

    /// Cedar tells several errors as one with the others beside it. Where it tells no place, the fault is that of the
    /// policy, which begins at `start`.
    pub(super) fn all(text: &str, start: usize, error: &DetailedError) -> Vec<Self> {
        let related = error.related.iter().flat_map(|more| Self::all(text, start, more));
        std::iter::once(Self::of(text, start, error)).chain(related).take(FAULTS).collect()
    }

    fn of(text: &str, start: usize, error: &DetailedError) -> Self {
        let offset = error.source_locations.first().map_or(start, |label| label.loc.start);
        match &error.help {
            Some(help) => Self::at(text, offset, &format!("{}; {help}", error.message)),
            None => Self::at(text, offset, &error.message),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// Text that quotes what somebody wrote, fit for one line of an answer or a log.
fn one_line(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        match c {
            _ if count == FAULT_CHARS => {
                out.push('…');
                break;
            }
            '\n' => out.push(' '),
            '"' | '\'' | '\\' => out.push(c),
            // What does not print, or turns the direction of what does.
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// Why the rules of a tenant were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy `{policy}` has {bytes} bytes; the most is {POLICY_BYTES}")]
    TooLong { policy: PolicyName, bytes: usize },
    #[error("the policies of the tenant have {bytes} bytes together; the most is {TENANT_BYTES}")]
    TooLongTogether { bytes: usize },
    #[error("the tenant has {policies} policies (each `permit` and `forbid` counts); the most is {TENANT_POLICIES}")]
    TooMany { policies: usize },
    #[error(
        "the conditions of all policies of the tenant have {parts} operators and operands together (`a == b` has three); \
         the most is {TENANT_PARTS}, since each decision may look at all of them; name roles or labels instead of many objects"
    )]
    TooMuchTogether { parts: usize },
    #[error("the policy `{policy}` is too complicated: {fault}")]
    TooComplicated { policy: PolicyName, fault: Fault },
    #[error("the policy `{policy}` holds no `permit` and no `forbid`")]
    Empty { policy: PolicyName },
    #[error("the policy `{policy}` cannot be read: {}", list(.faults))]
    Syntax { policy: PolicyName, faults: Vec<Fault> },
    #[error("the policy `{policy}` is a template; write the principal and the resource instead of a slot")]
    Template { policy: PolicyName },
    #[error("the policy `{policy}` does not hold: {}", list(.faults))]
    Invalid { policy: PolicyName, faults: Vec<Fault> },
    #[error("in the policy `{policy}`: an @id is 1 to 64 of a-z, 0-9, `-`, `_`, `.` and `@`: {fault}")]
    BadId { policy: PolicyName, fault: Fault },
    #[error("the id `{id}` in the policy `{policy}` is taken; give each `permit` and `forbid` an @id of its own")]
    DuplicateId { policy: PolicyName, id: String },
    #[error("two policies are called `{policy}`")]
    DuplicatePolicy { policy: PolicyName },
    #[error("two roles are called `{role}`")]
    DuplicateRole { role: RoleName },
    #[error("the tenant has {roles} roles; the most is {TENANT_ROLES}")]
    TooManyRoles { roles: usize },
    #[error("the role `{role}` is built in and stays as it is; choose another name")]
    ReservedRole { role: RoleName },
    #[error("the role `{role}` allows nothing; name at least one action")]
    EmptyRole { role: RoleName },
    #[error("the role `{role}` names {actions} actions; name each once, or all of a kind as runs:*")]
    LongRole { role: RoleName, actions: usize },
    #[error("the role `{role}` names what no role can give: `{action}`; write actions like runs:create or runs:*")]
    RoleAction { role: RoleName, action: String },
    /// A defect of ours: rules that we wrote ourselves do not hold together.
    #[error("the rules of the service do not hold together: {0}")]
    Internal(String),
}

impl PolicyError {
    /// The same word for the same kind of mistake, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            PolicyError::TooLong { .. } => "policy_too_long",
            PolicyError::TooLongTogether { .. } => "policies_too_long",
            PolicyError::TooMany { .. } => "policies_too_many",
            PolicyError::TooMuchTogether { .. } => "policies_too_complicated",
            PolicyError::TooComplicated { .. } => "policy_too_complicated",
            PolicyError::Empty { .. } => "policy_empty",
            PolicyError::Syntax { .. } => "policy_syntax",
            PolicyError::Template { .. } => "policy_template",
            PolicyError::Invalid { .. } => "policy_invalid",
            PolicyError::BadId { .. } => "policy_id_invalid",
            PolicyError::DuplicateId { .. } => "policy_id_taken",
            PolicyError::DuplicatePolicy { .. } => "policy_name_taken",
            PolicyError::DuplicateRole { .. } => "role_name_taken",
            PolicyError::TooManyRoles { .. } => "roles_too_many",
            PolicyError::ReservedRole { .. } => "role_reserved",
            PolicyError::EmptyRole { .. } => "role_empty",
            PolicyError::LongRole { .. } => "role_too_long",
            PolicyError::RoleAction { .. } => "role_action_invalid",
            PolicyError::Internal(_) => "rules_broken",
        }
    }

    /// The places in the text, where there are any.
    pub fn faults(&self) -> &[Fault] {
        match self {
            PolicyError::Syntax { faults, .. } | PolicyError::Invalid { faults, .. } => faults,
            PolicyError::TooComplicated { fault, .. } | PolicyError::BadId { fault, .. } => std::slice::from_ref(fault),
            _ => &[],
        }
    }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}
