//! Where the entries of an archive go.

use std::io::Read;

/// Takes the entries of an archive, in the order they come. The reader itself writes nothing.
///
/// Paths are relative, UTF-8, joined by `/`, without empty, `.` or `..` components. Each parent is told as a folder
/// before what lies in it, once, whether or not the archive has an entry for it.
pub trait Receiver {
    type Error: std::error::Error;

    fn folder(&mut self, path: &str) -> Result<(), Self::Error>;

    /// `content` fails when the archive turns out to be refused; pass the failure on in whatever form, the reader
    /// remembers the cause. What is not read is read and checked by the reader.
    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), Self::Error>;

    /// `target` is relative to the folder of the link and stays within the root, but need not exist.
    fn link(&mut self, path: &str, target: &str) -> Result<(), Self::Error>;
}

/// What was handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Implied folders included.
    pub folders: u64,
    pub files: u64,
    pub links: u64,
    /// Decompressed bytes of all files.
    pub bytes: u64,
}
