use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::{Entry, RunRequest, Snippet, Stdin};
use crate::model::{Digest, Grants, Limits, Mode};

/// What a deterministic run was asked for, kept so that it can be run again. The audit log has the digests of it: what is
/// kept can be held against them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayable {
    /// All but the input, as it is kept.
    pub document: Vec<u8>,
    pub stdin: Bytes,
}

/// Written from what is there, without a copy: the tree of arguments may be large.
#[derive(Serialize)]
struct DocumentRef<'a> {
    /// Without it, whoever has the digest could try values of the environment until one fits.
    nonce: [u8; 16],
    /// The function that is called, and what with; a command without it.
    call: Option<(&'a str, &'a Value)>,
    /// Code for a language runtime, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<&'a Snippet>,
    grants: &'a Grants,
    limits: &'a Limits,
    mode: Mode,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "nonce")]
    _nonce: [u8; 16],
    call: Option<(String, Value)>,
    #[serde(default)]
    snippet: Option<Snippet>,
    grants: Grants,
    limits: Limits,
    mode: Mode,
}

/// The name of the program on the command line of each run of a service.
pub(super) const PROGRAM: &str = "program";

impl Replayable {
    /// Nothing of a run that cannot be repeated, or not from this alone: an ordinary one, or one with files.
    pub(super) fn of(request: &RunRequest) -> Option<Arc<Self>> {
        if !matches!(request.mode, Mode::Deterministic { .. }) || !request.mounts.is_empty() {
            return None;
        }
        let stdin = match &request.stdin {
            Stdin::Empty => Bytes::new(),
            Stdin::Bytes(bytes) => bytes.clone(),
            Stdin::Live(_) => return None,
        };
        let (call, snippet) = match &request.entry {
            Entry::Command { .. } => (None, None),
            Entry::Call { function, args } => (Some((function.as_str(), args)), None),
            Entry::Snippet(snippet) => (None, Some(snippet)),
        };
        let (grants, limits) = (&request.grants, &request.limits);
        let document = DocumentRef { nonce: rand::random(), call, snippet, grants, limits, mode: request.mode };
        let document = serde_json::to_vec(&document).ok()?;
        Some(Arc::new(Self { document, stdin }))
    }

    /// The digest by which what was asked is known again; the input has one of its own.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.document)
    }

    /// What the engine was asked, or why this does not say so.
    pub fn request(&self) -> Result<RunRequest, String> {
        let document: Document = serde_json::from_slice(&self.document).map_err(|error| error.to_string())?;
        let entry = match (document.call, document.snippet) {
            (Some((function, args)), None) => Entry::Call { function, args },
            (None, Some(snippet)) => Entry::Snippet(snippet),
            (Some(_), Some(_)) => return Err("it names a function and a snippet".into()),
            (None, None) => Entry::Command { name: PROGRAM.to_owned() },
        };
        let mut request = RunRequest::new(entry, document.limits, document.grants);
        request.mode = document.mode;
        if !self.stdin.is_empty() {
            request.stdin = Stdin::Bytes(self.stdin.clone());
        }
        Ok(request)
    }

    /// What it takes where it is kept.
    pub fn size(&self) -> usize {
        self.document.len().saturating_add(self.stdin.len())
    }
}
