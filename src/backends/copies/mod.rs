//! Folders of the host as a guest of another kind gets them: a copy of what their rules show, and what it changed brought
//! back under the same rules when nothing of it is left.
//!
//! What this must never do: follow a name that somebody else made, or bring back what no rule lets be changed.

mod survey;
mod tree;
mod writeback;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(super) use tree::{FOLDER, Guise, Held, copy_in, full, names};
pub(super) use writeback::{Allowed, Back, Over, open_copies, write_back};

use crate::engine::Mount;
use crate::fs_policy::Rule;

/// A folder of the host's, and the rules for what is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Folder {
    pub(super) host: PathBuf,
    pub(super) guest: String,
    pub(super) rules: Vec<Rule>,
    pub(super) folded: bool,
}

impl Folder {
    pub(super) fn of(mounts: &[Mount]) -> Vec<Self> {
        let folder = |mount: &Mount| Self {
            // What copies them need not stand where we do.
            host: std::path::absolute(&mount.host).unwrap_or_else(|_| mount.host.clone()),
            guest: mount.guest.clone(),
            rules: mount.policy.rules().to_vec(),
            folded: mount.policy.is_folded(),
        };
        mounts.iter().map(folder).collect()
    }
}

/// What the folders of one run may hold together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) bytes: u64,
    pub(super) files: u64,
}
