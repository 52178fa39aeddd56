//! What a guest throws lives in a heap of the host's collector: it is metered and bounded as everything else.

use ringfence::model::{LimitName, Limits, Outcome};
use serde_json::json;

use crate::support::{assert_well, hostile, limits, run_call, with};

const MEMORY: u64 = 64 << 20;

fn endless() -> Limits {
    with(&[(LimitName::DeadlineMs, 300), (LimitName::Fuel, i64::MAX as u64), (LimitName::MemoryBytes, MEMORY)])
}

#[tokio::test]
async fn e01_throwing_without_end_ends() {
    for (function, args) in [("for-ever", json!([])), ("let-go", json!([100_000])), ("from-deep", json!([5_000]))] {
        let report = run_call(hostile("throw"), function, args.clone(), endless()).await;
        assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{function}: {report:?}");
        assert!(report.usage.peak_memory_bytes <= MEMORY);
        let report = run_call(hostile("throw"), function, args, with(&[(LimitName::Fuel, 100_000)])).await;
        assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{function}: {report:?}");
    }
    assert_well().await;
}

#[tokio::test]
async fn e03_what_is_thrown_and_kept_counts_as_memory() {
    let limits = with(&[(LimitName::MemoryBytes, MEMORY), (LimitName::Fuel, i64::MAX as u64)]);
    let report = run_call(hostile("throw"), "keep", json!([]), limits).await;
    match report.outcome {
        Outcome::OutOfMemory { limit_bytes, used_bytes, .. } => assert!(limit_bytes == MEMORY && used_bytes <= MEMORY),
        other => panic!("{other:?}"),
    }
    assert!(report.usage.peak_memory_bytes > MEMORY / 4, "{report:?}");
    assert_well().await;
}

#[tokio::test]
async fn what_nobody_catches_is_a_trap() {
    let report = run_call(hostile("throw"), "uncaught", json!([]), limits()).await;
    assert_eq!(report.outcome.kind(), "trapped", "{report:?}");
    assert_well().await;
}
