//! How much an archive may hold.

/// Most that an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Entries, folders that are only implied by a path included.
    pub entries: u64,
    /// Decompressed bytes of all files together.
    pub bytes: u64,
    /// Decompressed bytes of one file.
    pub file_bytes: u64,
    /// Decompressed bytes for each compressed byte, looked at beyond 1 MiB decompressed.
    pub ratio: u64,
    /// Bytes of a whole path, and of the target of a link.
    pub path_bytes: usize,
    /// Bytes of one component of a path.
    pub name_bytes: usize,
    /// Components of a path; a folder is uploaded to the same depth, so that what was written can be read again.
    pub depth: usize,
}

impl Bounds {
    /// Bounds that the archives of ordinary projects keep to.
    pub const fn ordinary() -> Self {
        Bounds {
            entries: 100_000,
            bytes: 4 << 30,
            file_bytes: 1 << 30,
            ratio: 200,
            path_bytes: 4096,
            name_bytes: 255,
            // As deep as the engine moves a folder.
            depth: 200,
        }
    }
}
