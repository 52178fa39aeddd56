use serde::Serialize;

use super::error::BenchError;

/// What was measured on. Figures without it say nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub system: String,
    /// How many wanted to compute in the minute before: what else goes on makes each number larger.
    pub load: f64,
    pub ringfence: &'static str,
    /// The program was built to be quick. What is measured of another one says little.
    pub optimised: bool,
}

impl Machine {
    pub(super) fn here() -> Result<Self, BenchError> {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let value = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        let kib = value(&read("/proc/meminfo"), "MemTotal");
        let kib = kib.and_then(|text| text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()));
        let system = rustix::system::uname();
        let words = [system.sysname(), system.release(), system.machine()];
        Ok(Self {
            cpu: value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_err(BenchError::machine)?.get(),
            memory_bytes: kib.unwrap_or(0) << 10,
            system: words.map(|word| word.to_string_lossy()).join(" "),
            load: read("/proc/loadavg").split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
            ringfence: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
        })
    }
}
