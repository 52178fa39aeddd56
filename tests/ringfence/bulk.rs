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
