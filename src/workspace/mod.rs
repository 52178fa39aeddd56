//! Trees of files with a name and a digest, and what a run did to one, before it counts.
//!
//! ```text
//! folder, tar, zip, file ─▶ intake ─▶ Tree (by content) ─▶ a workspace ──┬─▶ export
//!                                                   ▲                    └─▶ draft ─▶ a run changes it
//!                                                   └── apply ◀── diff ◀──────┘
//! ```
//!
//! A tree is a list of paths with the digests of what is there; each content is kept once. A draft is a folder that
//! looks like the workspace and shares its files: whoever changes one changes a copy (`engine::Mount::copy_on_write`).
//! Nothing that is done in a draft touches the workspace until it is applied, and that is one change of one row: a
//! crash leaves the state before or the state after.
//!
//! This area must never write through a shared file, never follow a link out of a folder, and never take an upload in
//! part.

pub mod archive;
mod blobs;
mod catalog;
mod changes;
mod copy;
mod draft;
mod entered;
mod error;
mod export;
mod fell;
mod files;
mod intake;
mod lists;
mod name;
mod parcels;
pub mod scan;
pub mod select;
mod shelf;
mod sweep;
mod tree;
mod upload;
mod weigh;

pub use catalog::{Catalog, CatalogError, DraftRecord, WorkspaceRecord};
pub use changes::{Change, ChangeKind, Changes, DIFF_BYTES, shown};
pub use copy::{Copying, hold_contents, make_folder};
pub use entered::{Entered, Held};
pub use error::WorkspaceError;
pub use export::{Destination, receive};
pub use files::{FileEntry, FileKind, Looked};
pub use intake::{Found, Intake, Left, Source};
pub use lists::Lists;
pub use name::{BadName, DraftId, WorkspaceName};
pub use parcels::Packed;
pub use shelf::{Applied, Workspaces};
pub use tree::{Entry, Node, Tree};
pub use upload::Upload;
