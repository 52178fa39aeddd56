use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringfence::engine::RunRequest;
use ringfence::model::Stream;
use ringfence::model::{Grants, Outcome, TrapKind};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{call, command, guest, hostile, limits, load, run, run_call, run_command};

#[tokio::test]
async fn a_command_says_hello_and_exits() {
    let report = run_command(guest("hello"), &["reader"], limits()).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 0 });
    assert_eq!(report.stdout.bytes, b"hello, reader\n");
    assert!(report.usage.fuel > 0 && report.usage.host_calls > 0 && report.usage.peak_memory_bytes > 0);
    assert_eq!(report.usage.bytes_out, 14);
}

#[tokio::test]
async fn an_exit_code_is_the_guests_own() {
    let report = run_command(guest("hello"), &["--exit", "7"], limits()).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 7 });
}

#[tokio::test]
async fn each_trap_has_its_kind() {
    for (function, kind) in [
        ("unreachable", TrapKind::Unreachable),
        ("out-of-bounds", TrapKind::MemoryOutOfBounds),
        ("divide", TrapKind::IntegerDivisionByZero),
        ("overflow", TrapKind::IntegerOverflow),
        ("convert", TrapKind::BadConversionToInteger),
        ("null-call", TrapKind::IndirectCallToNull),
        ("bad-call", TrapKind::BadSignature),
        ("table-bounds", TrapKind::TableOutOfBounds),
    ] {
        let report = run_call(hostile("traps"), function, json!([]), limits()).await;
        match report.outcome {
            Outcome::Trapped { trap, .. } => assert_eq!(trap, kind, "{function}"),
            other => panic!("{function}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_trap_tells_where_by_name() {
    let report = run_command(guest("hello"), &["--panic"], limits()).await;
    let Outcome::Trapped { trap: TrapKind::Unreachable, backtrace, .. } = &report.outcome else {
        panic!("{report:?}");
    };
    let named = |name: &str| backtrace.iter().any(|f| f.function.as_deref().is_some_and(|f| f.contains(name)));
    assert!(named("main") && named("panic"), "{backtrace:?}");
    assert!(String::from_utf8_lossy(&report.stderr.bytes).contains("panicked"));
}

#[tokio::test]
async fn a_listener_hears_output_while_the_guest_still_runs() {
    let program = load(guest("hello")).await;
    type Heard = Vec<(Stream, Vec<u8>)>;
    let heard: Arc<Mutex<Heard>> = Arc::default();
    let cancel = CancellationToken::new();
    let mut grants = Grants::clocks_and_randomness();
    grants.args = vec!["early".into(), "--sleep-ms".into(), "60000".into()];
    let mut request = RunRequest::new(command(), limits(), grants);
    request.limits.deadline_ms = 60_000;
    request.cancel = Some(cancel.clone());
    let (log, stop) = (Arc::clone(&heard), cancel.clone());
    request.listener = Some(Arc::new(move |stream, bytes: &[u8]| {
        log.lock().unwrap().push((stream, bytes.to_vec()));
        // What was heard ends the run: it was heard before the end.
        stop.cancel();
    }));
    let report = run(&program, request).await;
    assert_eq!(report.outcome, Outcome::Cancelled);
    let heard = heard.lock().unwrap();
    assert_eq!(heard.first().map(|(stream, _)| *stream), Some(Stream::Stdout));
    let whole: Vec<u8> = heard.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(whole, report.stdout.bytes);
}

#[tokio::test]
async fn a_cancelled_run_ends_at_once_with_what_it_used() {
    for (function, args) in [("sleep", json!([3_600_000_000_000_u64])), ("naps", json!([])), ("ask", json!([]))] {
        let program = load(hostile("wait")).await;
        let cancel = CancellationToken::new();
        let mut request = RunRequest::new(call(function, args), limits(), Grants::clocks_and_randomness());
        request.limits.fuel = i64::MAX as u64;
        request.limits.deadline_ms = 60_000;
        request.cancel = Some(cancel.clone());
        let start = Instant::now();
        // There is one thread: this gets its turn once the guest has given up the first of its own.
        let stop = tokio::spawn(async move { cancel.cancel() });
        let report = run(&program, request).await;
        stop.await.unwrap();
        assert_eq!(report.outcome, Outcome::Cancelled, "{function}");
        assert!(report.usage.fuel > 0 && start.elapsed() < Duration::from_secs(30), "{function}");
    }
}

#[tokio::test]
async fn each_run_has_a_fresh_instance() {
    let program = load(hostile("remember")).await;
    for _ in 0..20 {
        let request = RunRequest::new(call("look-and-mark", json!([])), limits(), Grants::default());
        assert_eq!(run(&program, request).await.outcome, Outcome::Returned { value: 0.into() });
    }
}

#[tokio::test]
async fn output_that_is_no_text_is_told_as_base64() {
    let report = run_command(hostile("flood"), &[], limits()).await;
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["stdout"]["truncated"], true);
    assert!(json["stdout"]["base64"].as_str().unwrap().starts_with("G1sySh"));
    assert_eq!(json["outcome"]["kind"], "limit_exceeded");
}
