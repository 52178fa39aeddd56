use std::time::{Duration, Instant};

use wasmtime::component::{InstancePre, Val};

use crate::raw::{self, Bare};
use crate::{Effort, Figure, percentile};

/// Fuel and epochs against epochs alone, on the same guests, in turn.
pub fn cost(effort: Effort) -> Vec<Figure> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/guests/build/compute.wasm");
    let Ok(module) = std::fs::read(path) else {
        println!("fuel: skipped, guests/build/compute.wasm is missing; run `make guests`");
        return Vec::new();
    };
    let component = raw::component(&module);
    let engines = [raw::engine(true), raw::engine(false)];
    let pres = engines.each_ref().map(|engine| raw::prepare(engine, &component));
    let runtime = crate::shared::runtime();
    let mut worst: f64 = 0.0;
    let mut each = Vec::new();
    let mut product = 1.0;
    let kinds = [("primes", 300_000), ("hash", 400), ("sort", 20_000), ("matrix", 120)];
    for (function, size) in kinds {
        let size = if effort.quick { size / 50 } else { size };
        let mut ratios = Vec::new();
        for _ in 0..effort.of(25) {
            let [with, without] = [(0, true), (1, false)]
                .map(|(n, fuel)| runtime.block_on(timed(&pres[n], &engines[n], fuel, function, size)));
            ratios.push(Duration::from_secs_f64(with.as_secs_f64() / without.as_secs_f64()));
        }
        let ratio = percentile(&mut ratios, 50).as_secs_f64();
        worst = worst.max(ratio);
        product *= ratio;
        each.push(format!("{function} {ratio:.2}"));
    }
    let mean = product.powf(1.0 / kinds.len() as f64);
    vec![Figure {
        what: "fuel and epochs against epochs alone (median of pairs, geometric mean of guests)",
        target: "1.25 times".into(),
        measured: format!("{mean:.2} times ({}; worst {worst:.2})", each.join(", ")),
        met: Some(mean <= 1.25),
    }]
}

async fn timed(pre: &InstancePre<Bare>, engine: &wasmtime::Engine, fuel: bool, function: &str, size: u32) -> Duration {
    let mut store = raw::store(engine, fuel);
    let instance = pre.instantiate_async(&mut store).await.unwrap();
    let function = instance.get_func(&mut store, function).unwrap();
    let mut results = [Val::Bool(false)];
    let start = Instant::now();
    function.call_async(&mut store, &[Val::U32(size)], &mut results).await.unwrap();
    start.elapsed()
}
