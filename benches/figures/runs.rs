use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::engine::{Build, Engine, Entry, Program, RunRequest};
use ringfence::model::{Grants, Mode};
use serde_json::json;

use crate::shared::{self, NOOP, call, limits};
use crate::{Effort, Figure, micros, percentile, raw};

const SPIN: &str = include_str!("../../guests/hostile/spin.wat");
const WAIT: &str = include_str!("../../guests/hostile/wait.wat");

fn load(engine: &Engine, bytes: impl Into<Vec<u8>>) -> Arc<Program> {
    shared::runtime().block_on(engine.load(bytes.into(), Build::of(&limits(), Mode::Ordinary))).unwrap()
}

fn noop() -> RunRequest {
    RunRequest::new(call("noop", json!([])), limits(), Grants::clocks_and_randomness())
}

/// The no-ops: one that touches no memory, and one that a compiler made, with its data, its memory of a megabyte
/// and the preview-1 adapter. The second is what people send.
fn noops() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = vec![("WAT", NOOP.as_bytes().to_vec())];
    all.extend(shared::guest("compute").map(|module| ("Rust", module)));
    all
}

/// A fresh run of a no-op, beside the bare runtime doing as much.
pub fn fresh(effort: Effort) -> Vec<Figure> {
    let (mut said, mut met) = (Vec::new(), true);
    for (name, bytes) in noops() {
        let (mut ours, mut floor) = fresh_of(&bytes, effort.of(40_000));
        let [p50, p99] = [50, 99].map(|p| micros(percentile(&mut ours, p)));
        let [bare50, bare99] = [50, 99].map(|p| micros(percentile(&mut floor, p)));
        said.push(format!(
            "{name}: p50 {p50:.1} µs, p99 {p99:.1} µs (bare runtime {bare50:.1} and {bare99:.1}: {:.2} times)",
            p50 / bare50
        ));
        met &= p50 <= 25.0 && p99 <= 90.0;
    }
    vec![Figure {
        what: "fresh run of a no-op export with all of WASI linked",
        target: "p50 25 µs, p99 90 µs".into(),
        measured: said.join("; "),
        met: Some(met),
    }]
}

fn fresh_of(bytes: &[u8], count: usize) -> (Vec<Duration>, Vec<Duration>) {
    let (engine, _dir) = shared::engine();
    let program = load(&engine, bytes.to_vec());
    let bare_engine = raw::engine(true);
    let component = if bytes.starts_with(b"\0asm") { raw::component(bytes) } else { wat::parse_str(NOOP).unwrap() };
    let bare = raw::prepare(&bare_engine, &component);
    let (mut ours, mut floor) = (Vec::with_capacity(count), Vec::with_capacity(count));
    shared::runtime().block_on(async {
        for n in 0..count + count / 10 {
            let start = Instant::now();
            let report = engine.run(&program, noop()).await.unwrap();
            let took = start.elapsed();
            assert_eq!(report.outcome.kind(), "returned");
            let start = Instant::now();
            let mut store = raw::store(&bare_engine, true);
            let instance = bare.instantiate_async(&mut store).await.unwrap();
            let function = instance.get_func(&mut store, "noop").unwrap();
            function.call_async(&mut store, &[], &mut []).await.unwrap();
            drop(store);
            let bare_took = start.elapsed();
            // The first tenth warms both up.
            if n >= count / 10 {
                ours.push(took);
                floor.push(bare_took);
            }
        }
    });
    (ours, floor)
}

pub fn two_threads(effort: Effort) -> Vec<Figure> {
    let (mut said, mut met) = (Vec::new(), true);
    for (name, bytes) in noops() {
        let rate = rate_of(bytes, effort.of(60_000));
        said.push(format!("{name}: {rate:.0} runs a second"));
        met &= rate >= 40_000.0;
    }
    vec![Figure {
        what: "the same from two threads",
        target: "40,000 runs a second or more".into(),
        measured: said.join("; "),
        met: Some(met),
    }]
}

fn rate_of(bytes: Vec<u8>, count: usize) -> f64 {
    let (engine, _dir) = shared::engine();
    let program = load(&engine, bytes);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                shared::runtime().block_on(async {
                    for _ in 0..count {
                        engine.run(&program, noop()).await.unwrap();
                    }
                });
            });
        }
    });
    2.0 * count as f64 / start.elapsed().as_secs_f64()
}

pub fn overshoot(effort: Effort) -> Vec<Figure> {
    let (engine, _dir) = shared::engine();
    let mut limits = limits();
    limits.deadline_ms = 100;
    limits.fuel = i64::MAX as u64;
    let one = |program: &'static str, function: &'static str, args: serde_json::Value| {
        let program = load(&engine, program);
        let mut over: Vec<Duration> = (0..effort.of(100))
            .map(|_| {
                let grants = Grants::clocks_and_randomness();
                let request = RunRequest::new(call(function, args.clone()), limits.clone(), grants);
                let start = Instant::now();
                let report = shared::runtime().block_on(engine.run(&program, request)).unwrap();
                assert_eq!(report.outcome.kind(), "deadline_exceeded");
                start.elapsed().saturating_sub(Duration::from_millis(100))
            })
            .collect();
        micros(percentile(&mut over, 99)) / 1_000.0
    };
    let spinning = one(SPIN, "in-an-export", json!([]));
    let sleeping = one(WAIT, "sleep", json!([3_600_000_000_000_u64]));
    vec![Figure {
        what: "overshoot of a 100 ms deadline, spinning and sleeping guests",
        target: "p99 5 ms".into(),
        measured: format!("p99 {spinning:.1} ms spinning, {sleeping:.1} ms sleeping"),
        met: Some(spinning <= 5.0 && sleeping <= 5.0),
    }]
}

/// Resident memory of instances that wait in a call to the host: one that touches no memory, and one in Rust.
pub fn idle(effort: Effort) -> Vec<Figure> {
    // Small, as the figure says: one page of memory and a timer.
    let small = WAIT.replace("(memory (export \"memory\") 128)", "(memory (export \"memory\") 1)");
    let (bytes, _alive) = idle_of(small, call("sleep", json!([3_600_000_000_000_u64])), &[], effort);
    let mut each = vec![("WAT", bytes)];
    if let Some(hello) = shared::guest("hello") {
        let entry = Entry::Command { name: "hello".into() };
        // The first stay alive meanwhile: memory that they freed would be used again and not be counted.
        each.push(("Rust", idle_of(hello, entry, &["--sleep-ms", "3600000"], effort).0));
    }
    let said: Vec<_> = each.iter().map(|(name, bytes)| format!("{name}: {} KiB", bytes >> 10)).collect();
    vec![Figure {
        what: "resident memory of each more live idle small instance (1,000 of them)",
        target: "256 KiB".into(),
        measured: said.join("; "),
        met: Some(each.iter().all(|(_, bytes)| *bytes <= 256 << 10)),
    }]
}

/// The bytes of each, and what keeps them alive.
fn idle_of(bytes: impl Into<Vec<u8>>, entry: Entry, args: &[&str], effort: Effort) -> (usize, impl Sized) {
    let (engine, dir) = shared::engine();
    let program = load(&engine, bytes);
    let mut limits = limits();
    limits.deadline_ms = 600_000;
    let count = effort.of(1_000);
    let runtime = shared::runtime();
    let each = runtime.block_on(async {
        let sleeper = || {
            let mut grants = Grants::clocks_and_randomness();
            grants.args = args.iter().map(ToString::to_string).collect();
            let request = RunRequest::new(entry.clone(), limits.clone(), grants);
            let (engine, program) = (engine.clone(), Arc::clone(&program));
            tokio::spawn(async move { engine.run(&program, request).await })
        };
        let first = sleeper();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let before = resident();
        let sleepers: Vec<_> = (0..count).map(|_| sleeper()).collect();
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        let each = resident().saturating_sub(before) / count;
        assert!(!first.is_finished() && sleepers.iter().all(|sleeper| !sleeper.is_finished()));
        each
    });
    (each, (runtime, engine, dir))
}

pub fn resident() -> usize {
    // Counted page by page: the running total in `statm` lags behind.
    let maps = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = maps.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}
