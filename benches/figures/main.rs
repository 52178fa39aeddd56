//! The figures of `docs/performance.md`: percentiles and ratios, each measured beside what it is compared with.
//!
//! `cargo bench --bench figures` measures, and `-- --json` prints data; under `cargo test` each runs once, small.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that fails should say so")]
#![allow(clippy::print_stdout, clippy::indexing_slicing, reason = "it prints what it measured")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "statistics")]

#[path = "../shared/mod.rs"]
mod shared;

mod fuel;
mod process;
mod raw;
mod runs;

use std::time::Duration;

/// One line of the table.
pub struct Figure {
    pub what: &'static str,
    pub target: String,
    pub measured: String,
    pub met: Option<bool>,
}

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    pub quick: bool,
}

impl Effort {
    pub fn of(self, count: usize) -> usize {
        if self.quick { (count / 100).max(2) } else { count }
    }
}

pub fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    samples[(samples.len() * percent / 100).min(samples.len() - 1)]
}

pub fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1_000.0
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == process::CHILD) {
        return process::child(&args[at + 1..]);
    }
    // What `cargo bench` says and `cargo test` does not.
    let effort = Effort { quick: !args.iter().any(|arg| arg == "--bench") };
    // First, while the process is fresh: memory that another figure freed would be used again and not be counted.
    let idle = runs::idle(effort);
    let mut figures = Vec::new();
    figures.extend(runs::fresh(effort));
    figures.extend(runs::two_threads(effort));
    figures.extend(fuel::cost(effort));
    figures.extend(runs::overshoot(effort));
    figures.extend(process::whole(effort));
    figures.extend(process::load(effort));
    figures.extend(idle);
    if args.iter().any(|arg| arg == "--json") {
        let rows: Vec<_> = figures
            .iter()
            .map(|f| serde_json::json!({"what": f.what, "target": f.target, "measured": f.measured, "met": f.met}))
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows).unwrap());
        return;
    }
    println!("| what | at most | measured | |\n| --- | --- | --- | --- |");
    for f in figures {
        let verdict = f.met.map_or("", |met| if met { "met" } else { "missed" });
        println!("| {} | {} | {} | {verdict} |", f.what, f.target, f.measured);
    }
}
