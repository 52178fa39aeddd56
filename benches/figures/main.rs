//! The figures of `docs/performance.md`: percentiles and ratios, each measured beside what it is compared with.
//!
//! `cargo bench --bench figures` measures, `-- --only rules` one of them, and `-- --json` prints data; under `cargo test` each runs once, small.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that fails should say so")]
#![allow(clippy::print_stdout, clippy::indexing_slicing, reason = "it prints what it measured")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "statistics")]

#[path = "../shared/mod.rs"]
mod shared;

mod api;
mod audit;
mod doors;
mod files;
mod fuel;
mod held;
mod process;
mod raw;
mod runs;
mod science;
mod snippets;

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
    let only = args.iter().position(|arg| arg == "--only").and_then(|at| args.get(at + 1));
    // Idle memory first, while the process is fresh: what another figure freed would be used again and not be counted.
    type Part = (&'static str, fn(Effort) -> Vec<Figure>);
    let parts: [Part; 19] = [
        ("idle", runs::idle),
        ("fresh", runs::fresh),
        ("threads", runs::two_threads),
        ("fuel", fuel::cost),
        ("overshoot", runs::overshoot),
        ("whole", process::whole),
        ("load", process::load),
        ("rules", files::question),
        ("files", files::overhead),
        ("doors", doors::who_and_may_he),
        ("api", api::through_http),
        ("sandboxes", held::sandboxes),
        ("million", held::million),
        ("audit", audit::log),
        ("snippets", snippets::fresh),
        ("throughput", snippets::throughput),
        ("computing", snippets::computing),
        ("sessions", snippets::sessions),
        ("science", science::fresh),
    ];
    let wanted = parts.into_iter().filter(|(name, _)| only.is_none_or(|only| only == name));
    let figures: Vec<Figure> = wanted.flat_map(|(_, measure)| measure(effort)).collect();
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
