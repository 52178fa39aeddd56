use std::time::{Duration, Instant};

use wasmtime::component::{InstancePre, Val};

use crate::raw::{self, Bare};
use crate::{Effort, Figure, percentile};

/// What fuel costs most: a loop of one addition, and a function that does little but call itself.
const WORST: &str = r#"(component (core module $m
  (func (export "loop") (param $n i32) (result i32) (local $x i32)
    (loop $again
      (local.set $x (i32.add (local.get $x) (i32.const 3)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))
  (func $calls (export "calls") (param $n i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 2)) (then (local.get $n))
      (else (i32.add (call $calls (i32.sub (local.get $n) (i32.const 1)))
                     (call $calls (i32.sub (local.get $n) (i32.const 2))))))))
  (core instance $i (instantiate $m))
  (func (export "loop") (param "n" u32) (result u32) (canon lift (core func $i "loop")))
  (func (export "calls") (param "n" u32) (result u32) (canon lift (core func $i "calls"))))"#;

/// Fuel and epochs against epochs alone, on the same guests, in turn.
pub fn cost(effort: Effort) -> Vec<Figure> {
    let Some(module) = crate::shared::guest("compute") else { return Vec::new() };
    let size = |n: u32| if effort.quick { n / 50 } else { n };
    let work = [("primes", size(1_000_000)), ("hash", size(2_000)), ("sort", size(50_000)), ("matrix", size(200))];
    // A recursion is as deep as its argument and grows by the golden ratio with each.
    let worst = [("loop", size(50_000_000)), ("calls", if effort.quick { 15 } else { 28 })];
    let guests = ratios(&raw::component(&module), &work, effort);
    let worst = ratios(&wat::parse_str(WORST).unwrap(), &worst, effort);
    let mean = guests.iter().map(|(_, ratio)| ratio.ln()).sum::<f64>() / guests.len() as f64;
    let mean = mean.exp();
    let show = |all: &[(&str, f64)]| {
        all.iter().map(|(name, ratio)| format!("{name} {ratio:.2}")).collect::<Vec<_>>().join(", ")
    };
    vec![Figure {
        what: "fuel and epochs against epochs alone on a compute guest (medians of pairs, geometric mean)",
        target: "1.25 times".into(),
        measured: format!("{mean:.2} times ({}); made to be worst: {}", show(&guests), show(&worst)),
        met: Some(mean <= 1.25),
    }]
}

fn ratios<'a>(component: &[u8], kinds: &[(&'a str, u32)], effort: Effort) -> Vec<(&'a str, f64)> {
    let engines = [raw::engine(true), raw::engine(false)];
    let pres = engines.each_ref().map(|engine| raw::prepare(engine, component));
    let runtime = crate::shared::runtime();
    let median = |function: &str, size: u32| {
        let mut ratios = Vec::new();
        for round in 0..effort.of(25) {
            let mut took = [Duration::ZERO; 2];
            // Each goes first as often as the other.
            for n in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
                took[n] = runtime.block_on(timed(&pres[n], &engines[n], n == 0, function, size));
            }
            ratios.push(Duration::from_secs_f64(took[0].as_secs_f64() / took[1].as_secs_f64()));
        }
        percentile(&mut ratios, 50).as_secs_f64()
    };
    kinds.iter().map(|(function, size)| (*function, median(function, *size))).collect()
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
