use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::super::problem::Problem;
use super::{CutBody, LimitsBody, Whole, labels, place, time, time_s, variables};
use crate::api::strict;
use crate::model::Labels;
use crate::sandbox::{SandboxAsk, SandboxRecord};
use crate::workspace::{Change, ChangeKind, FileKind, Node};

/// A place that lives across runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct SandboxBody {
    /// The workspace that its files begin as; without it they begin as none.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    pub(in crate::api) workspace: Option<String>,
    /// Where its files are for guests: `/workspace`, where nothing is said.
    #[schema(pattern = "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$", max_length = 255)]
    at: Option<String>,
    /// Rules with a name: agent-safe, development, read-only, full-access, view-only.
    #[schema(pattern = "^(agent-safe|development|read-only|full-access|view-only)$")]
    preset: Option<String>,
    /// Rules on top, as `PATTERN:LEVEL[,TYPE][,priority=N]`. With neither, everything may be written.
    rules: Vec<String>,
    #[serde(deserialize_with = "strict::named")]
    pub(in crate::api) limits: LimitsBody,
    clocks: Option<bool>,
    randomness: Option<bool>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    env: BTreeMap<String, String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    /// An hour, where nothing is said.
    #[schema(value_type = Option<i64>, minimum = 1)]
    ttl_seconds: Option<Whole>,
}

impl SandboxBody {
    pub(in crate::api) fn ask(self) -> Result<SandboxAsk, Problem> {
        const HOUR: u64 = 3_600;
        let ttl_seconds = self.ttl_seconds.map_or(HOUR, |seconds| seconds.0);
        if ttl_seconds == 0 {
            return Err(super::super::failures::invalid("ttl_seconds", "write at least 1"));
        }
        variables(&self.env)?;
        Ok(SandboxAsk {
            place: place(self.workspace, self.at, self.preset, &self.rules)?,
            limits: self.limits.ask(),
            clocks: self.clocks,
            randomness: self.randomness,
            env: self.env.into_iter().collect(),
            labels: labels(self.labels)?,
            ttl_seconds,
        })
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Sandbox {
    id: String,
    /// `ready` or `stopped`.
    state: &'static str,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<String>,
    at: String,
    /// Its rules, one on a line.
    rules: String,
    limits: Value,
    clocks: bool,
    randomness: bool,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    created: String,
    expires: String,
    /// What was asked for and not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: Vec<CutBody>,
}

impl From<&SandboxRecord> for Sandbox {
    fn from(record: &SandboxRecord) -> Self {
        Self {
            id: record.id.to_string(),
            state: record.state.as_str(),
            owner: record.owner.to_string(),
            workspace: record.workspace.as_ref().map(ToString::to_string),
            at: record.spec.at.clone(),
            rules: record.spec.rules.as_str().to_owned(),
            limits: serde_json::to_value(&record.spec.limits).unwrap_or_default(),
            clocks: record.spec.clocks,
            randomness: record.spec.randomness,
            labels: record.labels.clone(),
            created: time(record.created),
            expires: time(record.expires),
            cut: record.spec.cut.iter().map(CutBody::from).collect(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Sandboxes {
    sandboxes: Vec<Sandbox>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Sandboxes {
    pub(in crate::api) fn new(sandboxes: Vec<Sandbox>, next: Option<String>) -> Self {
        Self { sandboxes, next }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ExtendBody {
    /// From now on; time that it has already is not taken away.
    #[schema(value_type = i64, minimum = 1)]
    pub(in crate::api) ttl_seconds: Whole,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct LabelsBody {
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(in crate::api) labels: Labels,
}

#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ApplyBody {
    /// Paths with all that is below them; all changes where none is named.
    pub(in crate::api) paths: Vec<String>,
}

/// What differs from the workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Changes {
    changes: Vec<ChangeBody>,
    /// There are more unified diffs than one answer has room for; changes that lack theirs say so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ChangeBody {
    path: String,
    /// `added`, `changed` or `removed`.
    #[schema(value_type = Value)]
    change: ChangeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    before: Option<Node>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value)]
    after: Option<Node>,
    /// A unified diff, where both sides are text.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    /// There was no room for its unified diff.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

impl From<Change> for ChangeBody {
    fn from(change: Change) -> Self {
        Self {
            path: change.path,
            change: change.change,
            before: change.before,
            after: change.after,
            diff: change.diff,
            truncated: change.truncated,
        }
    }
}

impl From<crate::workspace::Changes> for Changes {
    fn from(changes: crate::workspace::Changes) -> Self {
        let truncated = changes.0.iter().any(|change| change.truncated);
        Self { changes: changes.0.into_iter().map(ChangeBody::from).collect(), truncated }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Applied {
    /// The digest of the workspace from now on.
    pub(in crate::api) tree: String,
    pub(in crate::api) changes: Vec<ChangeBody>,
    /// Changes that were not chosen, and are in the sandbox still.
    pub(in crate::api) left: usize,
}

impl From<crate::workspace::Applied> for Applied {
    fn from(applied: crate::workspace::Applied) -> Self {
        Self {
            tree: applied.workspace.tree.to_string(),
            changes: applied.changes.0.into_iter().map(ChangeBody::from).collect(),
            left: applied.left,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FileEntry {
    path: String,
    /// `file`, `folder`, `link` or `other`.
    kind: &'static str,
    bytes: u64,
    changed: String,
}

/// Something in a folder.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct InFolder {
    name: String,
    /// `file`, `folder`, `link` or `other`.
    kind: &'static str,
    bytes: u64,
    changed: String,
}

impl From<crate::workspace::FileEntry> for InFolder {
    fn from(entry: crate::workspace::FileEntry) -> Self {
        let FileEntry { path: name, kind, bytes, changed } = entry.into();
        Self { name, kind, bytes, changed }
    }
}

impl From<crate::workspace::FileEntry> for FileEntry {
    fn from(entry: crate::workspace::FileEntry) -> Self {
        Self {
            path: entry.path,
            kind: match entry.kind {
                FileKind::File => "file",
                FileKind::Folder => "folder",
                FileKind::Link => "link",
                FileKind::Other => "other",
            },
            bytes: entry.bytes,
            changed: time_s(entry.changed),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Files {
    pub(in crate::api) entry: FileEntry,
    /// What is in it, where it is a folder, by name.
    pub(in crate::api) entries: Vec<InFolder>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}
