//! The audit log: what was done, by whom and with what decision, so that a later change of it shows.
//!
//! Records are lines of canonical JSON, each with the hash of the one before; each is also a leaf of the Merkle tree of
//! RFC 6962, whose root is signed as a checkpoint. `docs/audit.md` has the format; this area is one implementation of it.
//!
//! It never acknowledges a record that could be lost, never goes on after a write that failed, never begins anew where
//! something was, and never holds secrets or contents: names, digests, sizes and decisions.

mod copied;
mod detail;
mod event;
mod hash;
mod lines;
mod names;
mod record;
mod scan;
mod settings;
mod spent;
mod standing;
mod text;

pub mod alerts;
pub mod disk;
pub mod folder;
pub mod forward;
pub mod note;
pub mod tree;

mod checked;
mod error;
mod export;
mod key_file;
mod read;
mod report;
mod rotate;
mod verify;
mod witness;
mod writer;

pub use checked::verify_each;
pub use copied::cut_back;
pub use detail::{DETAIL_ENTRIES, Detail};
pub use error::AuditError;
pub use event::{Event, RECORD_BYTES};
pub use export::Format;
pub use hash::TreeHash;
pub use key_file::{keep_signing_keys, kept_signing_keys, signing_keys};
pub use names::{EventName, Severity, Subject, UnknownEvent};
pub use read::{BadTime, Filter, LogTime, Page, Reader};
pub use record::Record;
pub use report::{ReportPage, Survey, survey};
pub use rotate::{Rotated, rotate_signing_key};
pub use scan::{BadRecord, Quoted};
pub use settings::AuditSettings;
pub use standing::Standing;
pub use text::{clean, clean_bytes};
pub use verify::{Fault, FaultKind, Place, VerifyOptions, VerifyReport, verify};
pub use witness::{Witness, WitnessError};
pub use writer::{Begin, Clock, Cut, Log, LogSettings, OpenCheck, Opened, Pending, Receipt};
