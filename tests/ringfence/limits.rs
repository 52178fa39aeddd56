use bytes::Bytes;
use ringfence::engine::{Build, Flavour, Mount, RunRequest, Stdin};
use ringfence::fs_policy::Level;
use ringfence::model::{Grants, LimitName, Mode, Outcome};
use serde_json::json;

use crate::support::{
    ADD, assert_limit, call, command, engine, guest, hostile, limits, load, run, run_call, run_command, with,
};

#[tokio::test]
async fn a_spinning_guest_runs_out_of_fuel() {
    let report = run_call(hostile("spin"), "in-an-export", json!([]), with(&[(LimitName::Fuel, 100_000)])).await;
    assert!(matches!(report.outcome, Outcome::OutOfFuel { limit: 100_000, .. }), "{report:?}");
    assert_eq!(report.usage.fuel, 100_000);
}

#[tokio::test]
async fn a_spinning_guest_meets_its_deadline() {
    let limits = with(&[(LimitName::DeadlineMs, 30), (LimitName::Fuel, i64::MAX as u64)]);
    let report = run_call(hostile("spin"), "in-an-export", json!([]), limits).await;
    match report.outcome {
        Outcome::DeadlineExceeded { limit_ms: 30, used_ms } => assert!(used_ms >= 30),
        other => panic!("{other:?}"),
    }
    assert!(report.usage.cpu_us > 0 && report.usage.wall_us >= 30_000);
}

/// What measures what fuel costs runs its own programs like this, and nothing else does: it has to be asked for by name.
#[tokio::test]
async fn code_that_counts_no_fuel_has_all_other_limits() {
    let limits = with(&[(LimitName::DeadlineMs, 30), (LimitName::Fuel, 1)]);
    let unmetered = Build { flavour: Flavour::Unmetered, stack_bytes: limits.stack_bytes };
    let program = engine().load(hostile("spin"), unmetered).await.unwrap();
    let request = |mode| {
        let mut request = RunRequest::new(call("in-an-export", json!([])), limits.clone(), Grants::default());
        request.mode = mode;
        request
    };
    let report = run(&program, request(Mode::Ordinary)).await;
    assert!(matches!(report.outcome, Outcome::DeadlineExceeded { limit_ms: 30, .. }), "{report:?}");
    assert_eq!(report.usage.fuel, 0);
    let error = engine().run(&program, request(Mode::Deterministic { seed: 1 })).await.unwrap_err();
    assert_eq!(error.code(), "other_build");
}

#[tokio::test]
async fn memory_stops_at_the_limit_and_the_guest_sees_it() {
    let report = run_call(hostile("grow"), "one", json!([]), with(&[(LimitName::MemoryBytes, 64 << 16)])).await;
    // Two instances of two memories with a page each: 60 pages are left to grow by.
    assert_eq!(report.outcome, Outcome::Returned { value: 61.into() });
    assert_eq!(report.usage.peak_memory_bytes, 64 << 16);
}

#[tokio::test]
async fn memory_is_summed_over_all_memories() {
    let report = run_call(hostile("grow"), "two", json!([]), with(&[(LimitName::MemoryBytes, 64 << 16)])).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 62.into() });
}

#[tokio::test]
async fn a_guest_that_gives_up_for_memory_is_out_of_memory() {
    let limits = with(&[(LimitName::MemoryBytes, 64 << 16)]);
    let report = run_call(hostile("grow"), "and-give-up", json!([]), limits.clone()).await;
    match report.outcome {
        Outcome::OutOfMemory { limit_bytes, used_bytes, requested_bytes } => {
            assert_eq!(limit_bytes, 64 << 16);
            assert!(used_bytes <= limit_bytes && requested_bytes > limit_bytes);
        }
        other => panic!("{other:?}"),
    }
    // Another trap after a refused growth is still that trap.
    let report = run_call(hostile("grow"), "and-divide", json!([]), limits).await;
    assert_eq!(report.outcome.kind(), "trapped", "{report:?}");
}

#[tokio::test]
async fn a_guest_that_starts_too_large_is_out_of_memory() {
    let text = r#"(component (core module $m (memory 100) (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let report = run_call(text.into(), "f", json!([]), with(&[(LimitName::MemoryBytes, 1 << 20)])).await;
    assert!(matches!(report.outcome, Outcome::OutOfMemory { requested_bytes: 6_553_600, .. }), "{report:?}");
}

#[tokio::test]
async fn tables_stop_at_the_limit() {
    assert_limit(
        &run_call(hostile("grow"), "table", json!([]), with(&[(LimitName::TableElements, 5_000)])).await,
        LimitName::TableElements,
    );
}

#[tokio::test]
async fn instances_stop_at_the_limit() {
    assert_limit(
        &run_call(hostile("grow"), "one", json!([]), with(&[(LimitName::Instances, 1)])).await,
        LimitName::Instances,
    );
}

#[tokio::test]
async fn the_stack_stops_at_the_limit() {
    let report = run_call(hostile("recurse"), "deep", json!([]), limits()).await;
    assert_limit(&report, LimitName::StackBytes);
}

#[tokio::test]
async fn a_smaller_stack_holds_fewer_calls() {
    let mut fuel = Vec::new();
    for stack_bytes in [64 << 10, 1 << 20] {
        let limits = with(&[(LimitName::StackBytes, stack_bytes)]);
        let build = ringfence::engine::Build::of(&limits, ringfence::model::Mode::Ordinary);
        let program = crate::support::engine().load(hostile("recurse"), build).await.unwrap();
        let report = run(&program, RunRequest::new(call("deep", json!([])), limits, Grants::default())).await;
        assert_limit(&report, LimitName::StackBytes);
        fuel.push(report.usage.fuel);
    }
    assert!(fuel[0] * 8 < fuel[1], "{fuel:?}");
}

#[tokio::test]
async fn output_is_cut_at_the_limit_and_the_run_ends() {
    let report = run_command(hostile("flood"), &[], with(&[(LimitName::StdoutBytes, 1_000)])).await;
    assert_limit(&report, LimitName::StdoutBytes);
    assert_eq!(report.stdout.bytes.len(), 1_000);
    assert!(report.stdout.truncated && !report.stderr.truncated);

    let report = run_command(guest("hello"), &["--stderr", "0123456789"], with(&[(LimitName::StderrBytes, 4)])).await;
    assert_limit(&report, LimitName::StderrBytes);
    assert_eq!(report.stderr.bytes, b"0123");
}

#[tokio::test]
async fn input_that_is_too_large_is_known_before_anything_starts() {
    let program = load(ADD.into()).await;
    let request = |args, grants, limits| RunRequest::new(call("add", args), limits, grants);

    let report = run(&program, request(json!([1, 2]), Grants::default(), with(&[(LimitName::ArgsBytes, 4)]))).await;
    assert_limit(&report, LimitName::ArgsBytes);

    let env = vec![("NAME".to_owned(), "x".repeat(100))];
    let grants = Grants { env, ..Grants::default() };
    let report = run(&program, request(json!([1, 2]), grants, with(&[(LimitName::EnvBytes, 50)]))).await;
    assert_limit(&report, LimitName::EnvBytes);

    let mut all = request(json!([1, 2]), Grants::default(), with(&[(LimitName::StdinBytes, 3)]));
    all.stdin = Stdin::Bytes(Bytes::from_static(b"four"));
    let report = run(&program, all).await;
    assert_limit(&report, LimitName::StdinBytes);
    assert_eq!(report.usage.fuel, 0);
}

#[tokio::test]
async fn live_input_stops_at_the_limit() {
    let program = load(guest("hello")).await;
    let mut grants = Grants::clocks_and_randomness();
    grants.args = vec!["--stdin".into()];
    let mut request = RunRequest::new(command(), with(&[(LimitName::StdinBytes, 1_000)]), grants);
    request.stdin = Stdin::Live(Box::new(tokio::io::repeat(b'x')));
    assert_limit(&run(&program, request).await, LimitName::StdinBytes);
}

#[tokio::test]
async fn a_result_stops_at_the_limit() {
    let args = json!([500_000]);
    let limits = with(&[(LimitName::ResultBytes, 1_000)]);
    assert_limit(&run_call(hostile("ask-much"), "text", args, limits).await, LimitName::ResultBytes);
    // Each of its characters is six bytes of JSON.
    for (length, fits) in [(166, true), (167, false)] {
        let limits = with(&[(LimitName::ResultBytes, 1_000)]);
        let report = run_call(hostile("ask-much"), "text", json!([length]), limits).await;
        assert_eq!(report.outcome.kind() == "returned", fits, "{length}: {:?}", report.outcome);
    }
}

#[tokio::test]
async fn what_one_call_makes_the_host_take_stops_at_the_limit() {
    let limits = with(&[(LimitName::HostcallBytes, 1 << 16)]);
    for (function, args) in [("random", json!([4_294_967_296_u64])), ("text", json!([20_000_000]))] {
        let report = run_call(hostile("ask-much"), function, args, limits.clone()).await;
        assert_limit(&report, LimitName::HostcallBytes);
    }
}

#[tokio::test]
async fn resources_stop_at_the_limit() {
    let report = run_call(hostile("wait"), "hoard", json!([]), with(&[(LimitName::Resources, 100)])).await;
    assert_limit(&report, LimitName::Resources);
}

async fn files(dir: &std::path::Path, args: &[&str], limits: ringfence::model::Limits) -> ringfence::model::Report {
    let program = load(guest("files")).await;
    let mut grants = Grants::clocks_and_randomness();
    grants.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut request = RunRequest::new(command(), limits, grants);
    request.mounts = vec![Mount::whole(dir, "/d", Level::Write)];
    run(&program, request).await
}

#[tokio::test]
async fn files_stop_at_their_limits() {
    let dir = tempfile::tempdir().unwrap();
    let report = files(dir.path(), &["many", "/d", "50"], with(&[(LimitName::FilesCreated, 10)])).await;
    assert_limit(&report, LimitName::FilesCreated);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 10);

    std::fs::write(dir.path().join("f"), "x").unwrap();
    let report = files(dir.path(), &["open", "/d/f", "50"], with(&[(LimitName::OpenFiles, 10)])).await;
    assert_limit(&report, LimitName::OpenFiles);

    let report = files(dir.path(), &["fill", "/d/big", "1000000"], with(&[(LimitName::WrittenBytes, 100_000)])).await;
    assert_limit(&report, LimitName::WrittenBytes);
    assert!(std::fs::metadata(dir.path().join("big")).unwrap().len() <= 100_000);
}

#[tokio::test]
async fn limits_that_cannot_be_held_are_refused_by_name() {
    let program = load(ADD.into()).await;
    let bad = with(&[(LimitName::DeadlineMs, 0)]);
    let request = RunRequest::new(call("add", json!([1, 2])), bad, Grants::default());
    let error = crate::support::engine().run(&program, request).await.unwrap_err();
    assert_eq!(error.code(), "bad_limits");
    assert!(error.to_string().contains("deadline_ms"), "{error}");
}

#[tokio::test]
async fn a_call_to_the_host_costs_more_than_an_instruction() {
    let limits = with(&[(LimitName::Fuel, 1_000_000)]);
    let report = run_call(hostile("wait"), "ask", json!([]), limits).await;
    assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{report:?}");
    assert!(report.usage.host_calls > 10 && report.usage.host_calls < 10_000, "{report:?}");
}

#[tokio::test]
async fn what_the_host_copies_for_a_guest_is_paid_by_the_byte() {
    let args = |length: usize| ["x".repeat(length)];
    let mut fuel = Vec::new();
    for length in [1, 100_000] {
        let [long] = args(length);
        let report = run_command(guest("hello"), &["--exit", "0", &long], limits()).await;
        fuel.push(report.usage.fuel);
    }
    assert!(fuel[1] - fuel[0] > 90_000, "{fuel:?}");
}
