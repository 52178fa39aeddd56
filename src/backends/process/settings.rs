use std::path::PathBuf;

/// What the host gives to commands, and to what fences them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSettings {
    /// The program that is started, with `jail-worker` as its argument, to build fences: this one.
    pub worker: PathBuf,
    /// Folders of the machine that commands read and execute from.
    pub system: Vec<PathBuf>,
    /// Processes and threads that one run may have at one time.
    pub processes: u64,
    /// What the folders of one run may hold, which are copied for it into memory.
    pub copied_bytes: u64,
    pub copied_files: u64,
    /// What commands leave free on a disk that they may write, whatever their own limits.
    pub disk_reserve_bytes: u64,
}

impl ProcessSettings {
    /// The numbers for a machine of ordinary size.
    pub fn new(worker: PathBuf) -> Self {
        Self {
            worker,
            system: ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"].map(PathBuf::from).to_vec(),
            processes: 64,
            copied_bytes: 1 << 30,
            copied_files: 100_000,
            disk_reserve_bytes: 256 << 20,
        }
    }
}
