use std::time::{Duration, Instant};

use rustix::process::Pid;

/// Between two looks at the memory of a tree: soon at first, then less often.
const FIRST: Duration = Duration::from_millis(4);
const LONGEST: Duration = Duration::from_millis(32);

/// Looks at what a whole tree of processes has in memory, now and then. The kernel bounds each process at once; this is
/// what ends many that are too much together, a moment later.
pub(super) struct Watch {
    init: Pid,
    most_bytes: u64,
    peak: u64,
    next: Instant,
    pause: Duration,
}

impl Watch {
    pub(super) fn new(init: Pid, most_bytes: u64) -> Self {
        Self { init, most_bytes, peak: 0, next: Instant::now() + FIRST, pause: FIRST }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    pub(super) fn peak_bytes(&self) -> u64 {
        self.peak
    }

    /// What is used, where that is too much.
    pub(super) fn look(&mut self, now: Instant) -> Option<u64> {
        if now < self.next {
            return None;
        }
        self.pause = (self.pause * 2).min(LONGEST);
        self.next = now + self.pause;
        // The first process is ours, and what it has is not the guest's.
        let mut used = 0u64;
        let mut left = children(self.init.as_raw_nonzero().get());
        while let Some(pid) = left.pop() {
            used = used.saturating_add(resident(pid));
            left.extend(children(pid));
        }
        self.peak = self.peak.max(used);
        (used > self.most_bytes).then_some(used)
    }
}

/// Of all that is below a process: what those that were killed with it have spent is told to nobody afterwards.
pub(super) fn cpu_us(init: Pid) -> u64 {
    /// A tick of what the kernel counts for others, whatever its own are.
    const TICK_US: u64 = 10_000;
    let mut ticks = 0u64;
    let mut left = vec![init.as_raw_nonzero().get()];
    while let Some(pid) = left.pop() {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, which may hold anything: the state is the first field, and times are the 12th to the 15th.
        let fields = text.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
        let spent: u64 = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
        ticks = ticks.saturating_add(spent);
        left.extend(children(pid));
    }
    ticks.saturating_mul(TICK_US)
}

/// The children of all threads of a process.
fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    threads
        .flatten()
        .flat_map(|thread| of(thread).split_ascii_whitespace().flat_map(str::parse).collect::<Vec<i32>>())
        .collect()
}

/// What a process has in memory that is not of files. What processes share since a fork counts for each of them.
fn resident(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let counts = matches!(name, "RssAnon" | "RssShmem");
        counts.then(|| value.trim().strip_suffix(" kB")?.parse::<u64>().ok()).flatten()
    };
    text.lines().filter_map(of).sum::<u64>().saturating_mul(1 << 10)
}
