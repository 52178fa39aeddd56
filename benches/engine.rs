//! What the parts of a run cost. Percentiles and ratios are in `figures`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that fails should say so")]

#[path = "shared/mod.rs"]
mod shared;

use criterion::{Criterion, criterion_group, criterion_main};
use ringfence::engine::{Build, RunRequest};
use ringfence::model::{Digest, Grants, Mode};
use serde_json::json;
use shared::{NOOP, call, engine, limits, runtime};

fn runs(criterion: &mut Criterion) {
    let (engine, _dir) = engine();
    let runtime = runtime();
    let program = runtime.block_on(engine.load(NOOP.as_bytes(), Build::of(&limits(), Mode::Ordinary))).unwrap();
    criterion.bench_function("run: fresh no-op", |bench| {
        bench.to_async(&runtime).iter(|| async {
            let request = RunRequest::new(call("noop", json!([])), limits(), Grants::clocks_and_randomness());
            engine.run(&program, request).await.unwrap()
        });
    });
    criterion.bench_function("run: fresh, ten arguments in JSON", |bench| {
        bench.to_async(&runtime).iter(|| async {
            let request =
                RunRequest::new(call("ten", json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])), limits(), Grants::default());
            engine.run(&program, request).await.unwrap()
        });
    });
    criterion.bench_function("load: a program that is ready", |bench| {
        bench
            .to_async(&runtime)
            .iter(|| async { engine.load(NOOP.as_bytes(), Build::of(&limits(), Mode::Ordinary)).await.unwrap() });
    });
    let bytes = vec![7; 1 << 20];
    criterion.bench_function("digest: 1 MiB", |bench| bench.iter(|| Digest::of(&bytes)));
}

criterion_group!(benches, runs);
criterion_main!(benches);
