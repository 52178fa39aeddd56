//! Fills and copies of memory are cut in pieces at intake: they must do what they did, and end when they must.

use ringfence::model::{LimitName, Outcome, TrapKind};
use serde_json::json;

use crate::support::{hostile, limits, run_call, with};

const MEMORY: usize = 2 << 20;

fn pattern() -> Vec<u8> {
    (0..MEMORY as u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect()
}

fn sum(memory: &[u8]) -> u32 {
    memory.iter().fold(0, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
}

#[tokio::test]
async fn pieces_do_what_the_whole_did() {
    const PIECE: usize = 256 << 10;
    for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 5 * PIECE + 77, MEMORY - 40] {
        let mut memory = pattern();
        memory[33..33 + length].fill(0xab);
        let report = run_call(hostile("bulk"), "fill", json!([33, 0xab, length]), limits()).await;
        assert_eq!(report.outcome, Outcome::Returned { value: sum(&memory).into() }, "fill of {length}");
        for (to, from) in [(40, 0), (0, 40), (7, 7), (MEMORY - length, 0), (0, MEMORY - length)] {
            let mut memory = pattern();
            memory.copy_within(from..from + length, to);
            let report = run_call(hostile("bulk"), "copy", json!([to, from, length]), limits()).await;
            assert_eq!(report.outcome, Outcome::Returned { value: sum(&memory).into() }, "{length}: {from} to {to}");
        }
    }
}

#[tokio::test]
async fn what_reaches_out_of_bounds_still_traps() {
    for (function, args) in [
        ("fill", json!([1, 0, MEMORY])),
        ("fill", json!([u32::MAX, 0, u32::MAX])),
        ("copy", json!([0, 1, MEMORY])),
        ("copy", json!([1, 0, MEMORY])),
        ("copy", json!([u32::MAX, 0, 1 << 20])),
    ] {
        let report = run_call(hostile("bulk"), function, args.clone(), limits()).await;
        let trapped = matches!(&report.outcome, Outcome::Trapped { trap: TrapKind::MemoryOutOfBounds, .. });
        assert!(trapped, "{function} {args}: {report:?}");
    }
}

/// The functions that do it are nobody's but ours.
#[tokio::test]
async fn a_backtrace_shows_the_guests_functions_only() {
    let names = |text: &str| {
        let text = text.to_owned();
        async move {
            let report = run_call(text.into_bytes(), "f", json!([]), limits()).await;
            let Outcome::Trapped { backtrace, .. } = report.outcome else { panic!("{:?}", report.outcome) };
            backtrace.into_iter().map(|frame| (frame.function, frame.function_index)).collect::<Vec<_>>()
        }
    };
    let guest = |inner: &str, outer: &str| {
        format!(
            r#"(component (core module $m (memory 1)
            (func {inner} (memory.fill (i32.const 0) (i32.const 0) (i32.const 1000000)))
            (func {outer} (export "f") (call 0)))
            (core instance $i (instantiate $m)) (func (export "f") (canon lift (core func $i "f"))))"#
        )
    };
    let named = names(&guest("$inner", "$outer")).await;
    assert_eq!(named, [(Some("inner".to_owned()), 0), (Some("outer".to_owned()), 1)]);
    assert_eq!(names(&guest("", "")).await, [(None, 0), (None, 1)]);
}

/// Memories of its own and of others, data, a start function, a module in a component in a component.
#[tokio::test]
async fn every_part_of_a_module_is_left_as_it_was() {
    let text = r#"(component
        (component $inner
          (core module $own (memory (export "memory") 8) (data (i32.const 100) "passed on"))
          (core module $m
            (import "own" "memory" (memory $theirs 8))
            (memory $mine 8) (data (memory $mine) (i32.const 7) "at the start") (data $later "later")
            (table 3 funcref) (elem (i32.const 1) $two) (global $started (mut i32) (i32.const 0))
            (@custom "mine" "words")
            (func $two (result i32) (i32.const 2))
            (func $start (global.set $started (i32.const 1000)))
            (start $start)
            (func (export "f") (result i32)
              (memory.copy $mine $theirs (i32.const 0) (i32.const 0) (i32.const 500000))
              (memory.init $mine $later (i32.const 300) (i32.const 0) (i32.const 5))
              (memory.fill $theirs (i32.const 100) (i32.const 1) (i32.const 300000))
              (memory.copy $theirs $mine (i32.const 399999) (i32.const 100) (i32.const 9))
              (i32.add (global.get $started)
                (i32.add (call_indirect (result i32) (i32.const 1))
                  (i32.add (i32.load8_u $mine (i32.const 300))
                    (i32.add (i32.load8_u $theirs (i32.const 399999)) (i32.load8_u $theirs (i32.const 300099))))))))
          (core instance $own (instantiate $own))
          (core instance $i (instantiate $m (with "own" (instance $own))))
          (func (export "f") (result u32) (canon lift (core func $i "f"))))
        (instance $inner (instantiate $inner))
        (export "f" (func $inner "f")))"#;
    let report = run_call(text.into(), "f", json!([]), limits()).await;
    let expected = 1_000 + 2 + u32::from(b'l') + u32::from(b'p') + 1;
    assert_eq!(report.outcome, Outcome::Returned { value: expected.into() });
}

/// A byte that is moved costs a unit of fuel, so less fuel than bytes means that it ended in the middle of one
/// instruction. No machine fills a gigabyte within the deadline.
#[tokio::test]
async fn the_deadline_holds_in_the_middle_of_one() {
    let limits =
        with(&[(LimitName::DeadlineMs, 20), (LimitName::Fuel, i64::MAX as u64), (LimitName::MemoryBytes, 1 << 30)]);
    for (function, args) in
        [("fill-all", json!([])), ("copy-all", json!([131_072, 0])), ("copy-all", json!([0, 131_072]))]
    {
        let report = run_call(hostile("bulk"), function, args, limits.clone()).await;
        assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{function}: {report:?}");
        assert!(report.usage.fuel < 1_000_000_000, "{function}: {report:?}");
    }
}
