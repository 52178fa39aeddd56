//! Reading and writing tar and zip archives that strangers made.
//!
//! An archive is a program that writes files. The readers here run it against a [`Receiver`] and refuse everything
//! that could reach outside the folder meant for it, grow without bound, or mean different things to two readers. They
//! never write anything themselves, never trust a size before it has streamed past, and never hold more than one
//! bounded header and the tree of names in memory.
//!
//! What a refusal leaves behind is the receiver's to undo: entries before the refused one were handed over already, so
//! take them in aside and keep them only when the reader returned `Ok`.
//!
//! Names that mean something else on other systems (case twins, backslashes, drives) are refused as well, unless the tar
//! says of itself that they are meant as they are, as ours does where a tree has such names. Saying so opens nothing
//! that a folder with these names could not bring.
//!
//! A link may point only at `..`s followed by plain names. Because nothing may lie below a link, those `..`s cross
//! real folders only, and so no chain of links, each harmless alone, can leave the root.

mod bounds;
mod error;
mod format;
mod intake;
mod meter;
mod name;
mod order;
mod receiver;
mod tar_extended;
mod tar_read;
mod tar_write;
mod tree;
mod zip_directory;
mod zip_read;
mod zip_write;

pub use bounds::Bounds;
pub use error::{ArchiveError, Fault, WriteError};
pub use format::{Ending, FIRST_BYTES, Format, ending_of, format_of};
pub use receiver::{Receiver, Summary};
pub use tar_read::read_tar;
pub use tar_write::TarWriter;
pub use zip_read::read_zip;
pub use zip_write::ZipWriter;
