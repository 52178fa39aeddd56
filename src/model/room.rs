/// How much is kept, and in how many files, folders and links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    pub bytes: u64,
    pub files: u64,
}

impl Weight {
    pub const fn plus(self, more: Self) -> Self {
        Self { bytes: self.bytes.saturating_add(more.bytes), files: self.files.saturating_add(more.files) }
    }

    pub const fn less(self, gone: Self) -> Self {
        Self { bytes: self.bytes.saturating_sub(gone.bytes), files: self.files.saturating_sub(gone.files) }
    }
}

/// Room for what is kept, asked for a piece at a time by whoever is about to take it, and before he does.
pub trait Room: Send + Sync {
    /// False if there is no more; then nothing was given.
    fn take(&self, more: Weight) -> bool;
}
