//! What goes over the wire, converted by hand from and to what it means. Fields that are not known are refused.

mod asks;
mod audit;
mod backends;
mod components;
mod execute;
mod form;
mod limits;
mod people;
mod runs;
mod sandboxes;
mod sessions;
mod tools;
mod wire;
mod workspaces;

pub(super) use asks::{RunBody, ask, place, variables};
pub(super) use audit::{AuditEvents, AuditStreamed};
pub(super) use backends::Backends;
pub(super) use components::{Component, ComponentSummary, Components};
pub(super) use execute::{ExecuteBody, Runtimes};
pub(super) use form::{ModuleForm, RunForm};
pub(super) use limits::{CeilingsBody, CeilingsPatch, LimitsBody};
pub(super) use people::{
    CheckBody, Checked, ExplainBody, Explained, Key, KeyBody, Keys, MadeKey, MadeToken, Policies, Policy, PolicyBody,
    Principal, PrincipalBody, Principals, Role, RoleBody, Roles, Tenant, TenantBody, TenantPatch, Tenants, TokenBody,
    WhoIAm,
};
pub(super) use runs::{CutBody, Run, RunOver, RunSummary, Runs, text_or_code};
pub(super) use sandboxes::{
    Applied, ApplyBody, Changes, ExtendBody, Files, LabelsBody, Sandbox, SandboxBody, Sandboxes,
};
pub(super) use sessions::{CallBody, ForkBody, Session, SessionBody, Sessions};
pub(super) use tools::{AnswerBody, ToolBody};
pub(super) use wire::{Raw, StreamedEvent, Whole};
pub(super) use workspaces::{MadeWorkspace, Workspace, WorkspaceTree, Workspaces};

use crate::model::Labels;

use super::problem::Problem;

const LABELS: usize = 32;
const LABEL_CHARS: usize = 128;

/// Labels that are few and short.
pub(super) fn labels(given: Labels) -> Result<Labels, Problem> {
    let long = |text: &String| text.chars().count() > LABEL_CHARS || text.chars().any(char::is_control);
    if given.len() > LABELS || given.iter().any(|(name, value)| name.is_empty() || long(name) || long(value)) {
        let most = format!("at most {LABELS} labels of at most {LABEL_CHARS} characters that can be seen");
        return Err(super::failures::invalid("labels", most));
    }
    Ok(given)
}

/// A time as people and programs both read it.
pub(super) fn time(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |at| at.to_string())
}

/// The same of seconds.
pub(super) fn time_s(seconds: u64) -> String {
    time(seconds.saturating_mul(1_000))
}
