use std::path::PathBuf;

/// What the host gives to its engine. Each number is a bound on the host's own resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Where compiled code is kept between processes; `None` keeps none.
    pub cache_dir: Option<PathBuf>,
    /// The cache is trimmed to this size, the least recently used first.
    pub cache_bytes: u64,
    /// Runs alive at one time; one more is refused as `busy`.
    pub concurrent_runs: u32,
    /// Sessions that hold an interpreter at one time, at work or not: beside the runs there is room for so many instances.
    pub live_sessions: u32,
    /// What programs that are kept ready in memory may take, the least recently used dropped.
    pub program_bytes: u64,
    /// The largest program that is looked at.
    pub module_bytes: u64,
    pub compile_deadline_ms: u64,
    /// Address space of the process that compiles.
    pub compile_memory_bytes: u64,
    /// Compilations at one time; others wait.
    pub compilations: usize,
    /// What the programs that wait to be compiled may take in all; one more is refused as `busy`.
    pub waiting_bytes: u64,
    /// What guests leave free on a disk that they may write, whatever their own limits.
    pub disk_reserve_bytes: u64,
    /// The program that is started, with `compile-worker` as its argument, to compile: this one.
    pub worker: PathBuf,
}

impl EngineSettings {
    /// The numbers for a machine of ordinary size, compiling with the program at `worker`.
    pub fn new(worker: PathBuf) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cache_dir: None,
            cache_bytes: 4 << 30,
            concurrent_runs: 1_000,
            live_sessions: 1_000,
            program_bytes: 2 << 30,
            module_bytes: 256 << 20,
            compile_deadline_ms: 180_000,
            compile_memory_bytes: 6 << 30,
            compilations: (processors / 2).max(1),
            waiting_bytes: 512 << 20,
            disk_reserve_bytes: 256 << 20,
            worker,
        }
    }
}
