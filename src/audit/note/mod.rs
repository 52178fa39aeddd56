//! Text that is signed, as C2SP has it: signed notes, checkpoints of a tree, cosignatures of witnesses, proofs as files.

mod checkpoint;
mod key;
mod proof;
mod signed;

pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use key::{KeyKind, SigningKey, VerifyingKey};
pub use proof::{ConsistencyProof, InclusionProof};
pub use signed::{BadNote, Note, Signature};
