//! E01 to E11 of the threat list: guests that spend, wait, grow, flood and trap.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::engine::{Build, Engine, Mount, RunRequest};
use ringfence::fs_policy::Level;
use ringfence::model::{Grants, LimitName, Limits, Mode, Outcome, Report};
use serde_json::{Value, json};

use crate::support::{
    assert_limit, assert_well, call, engine, hostile, limits, load, refusal, run, run_call, run_command, settings, with,
};

const DEADLINE_MS: u64 = 50;

fn endless() -> Limits {
    with(&[(LimitName::DeadlineMs, DEADLINE_MS), (LimitName::Fuel, i64::MAX as u64)])
}

#[tokio::test]
async fn e01_endless_loops_end_wherever_they_are() {
    for (program, function, args) in [
        ("spin", "in-an-export", json!([])),
        ("spin", "in-a-realloc", json!(["text"])),
        ("spin", "after-the-return", json!([])),
        ("spin", "in-a-destructor", json!([])),
        ("spin-start", "f", json!([])),
    ] {
        let report = run_call(hostile(program), function, args.clone(), endless()).await;
        assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{function}: {report:?}");
        // What it burned is told although nobody asked it to stop.
        assert!(report.usage.fuel > 10_000_000, "{function}: {report:?}");
        let report = run_call(hostile(program), function, args, with(&[(LimitName::Fuel, 10_000)])).await;
        assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{function}: {report:?}");
    }
    assert_well().await;
}

#[tokio::test]
async fn e02_waiting_ends_at_the_deadline() {
    for (function, args) in [("sleep", json!([31_536_000_000_000_000_u64])), ("naps", json!([]))] {
        let report = run_call(hostile("wait"), function, args, endless()).await;
        assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{function}: {report:?}");
    }
    let forever = json!([u64::MAX.to_string()]);
    let report = run_call(hostile("wait"), "sleep", forever, endless()).await;
    assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{report:?}");
}

#[tokio::test]
async fn e02_input_that_never_comes_ends_at_the_deadline() {
    let program = load(crate::support::guest("hello")).await;
    let mut grants = Grants::clocks_and_randomness();
    grants.args = vec!["--stdin".into()];
    let mut request = RunRequest::new(crate::support::command(), endless(), grants);
    let (_kept_open, silent) = tokio::io::duplex(16);
    request.stdin = ringfence::engine::Stdin::Live(Box::new(silent));
    let report = run(&program, request).await;
    assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{report:?}");
}

/// A guest that waits holds no thread: a hundred of them share the one that this test has.
#[tokio::test]
async fn e02_a_waiting_guest_holds_no_thread() {
    let mut settings = settings();
    settings.concurrent_runs = 200;
    let engine = Engine::new(settings).unwrap();
    let program = engine.load(hostile("wait"), Build::of(&limits(), Mode::Ordinary)).await.unwrap();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let sleep = json!([10_000_000_000_000_u64]);
    let waiting: Vec<_> = (0..100)
        .map(|_| {
            let (engine, program, sleep) = (engine.clone(), Arc::clone(&program), sleep.clone());
            let limits = with(&[(LimitName::DeadlineMs, 300)]);
            tokio::spawn(async move {
                let request = RunRequest::new(call("sleep", sleep), limits, Grants::clocks_and_randomness());
                engine.run(&program, request).await.unwrap().outcome
            })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(threads() < 100, "{} threads", threads());
    for outcome in waiting {
        assert!(matches!(outcome.await.unwrap(), Outcome::DeadlineExceeded { .. }));
    }
}

#[tokio::test]
async fn e03_memory_is_capped_however_it_is_grown() {
    let limits = with(&[(LimitName::MemoryBytes, 32 << 16)]);
    for function in ["one", "two"] {
        let report = run_call(hostile("grow"), function, json!([]), limits.clone()).await;
        assert_eq!(report.outcome.kind(), "returned");
        assert!(report.usage.peak_memory_bytes <= 32 << 16, "{report:?}");
    }
}

#[tokio::test]
async fn e04_tables_and_instances_are_capped() {
    let table = r#"(component (core module $m (table 60000 funcref) (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let report = run_call(table.into(), "f", json!([]), with(&[(LimitName::TableElements, 50_000)])).await;
    assert_limit(&report, LimitName::TableElements);

    let many: String = (0..200).map(|n| format!("(core instance $i{n} (instantiate $m))")).collect();
    let text = format!(
        r#"(component (core module $m (func (export "f"))) {many} (func (export "f") (canon lift (core func $i0 "f"))))"#
    );
    let report = run_call(text.into(), "f", json!([]), with(&[(LimitName::Instances, 50)])).await;
    assert_limit(&report, LimitName::Instances);

    let memories: String = (0..40).map(|_| "(memory 1)").collect();
    let text = format!("(component (core module $m {memories}) (core instance (instantiate $m)))");
    assert_eq!(refusal(text.into()).await.code(), "too_demanding");

    let thousands: String = (0..5_000).map(|n| format!("(core instance $i{n} (instantiate $m))")).collect();
    let text = format!(r#"(component (core module $m (func (export "f"))) {thousands})"#);
    assert_eq!(refusal(text.into()).await.code(), "invalid");
}

#[tokio::test]
async fn e05_recursion_ends_in_the_guest() {
    for function in ["deep", "deep-host"] {
        let mut limits = limits();
        limits.fuel = 100_000_000_000;
        let report = run_call(hostile("recurse"), function, json!([]), limits).await;
        assert_limit(&report, LimitName::StackBytes);
    }
    assert_well().await;
}

#[tokio::test]
async fn e06_enormous_sizes_are_refused_before_memory_is_taken() {
    let before = resident_bytes();
    for (function, args) in [
        ("random", json!([4_294_967_296_u64])),
        ("random", json!([u64::MAX.to_string()])),
        ("text", json!([26_000_000])),
        ("text", json!([4_294_967_295_u64])),
        ("grown-text", json!([2_000_000_000])),
        ("lists", json!([])),
        ("records", json!([1_000])),
    ] {
        let limits = with(&[(LimitName::MemoryBytes, 3 << 30)]);
        let report = run_call(hostile("ask-much"), function, args, limits).await;
        match &report.outcome {
            Outcome::LimitExceeded { limit: LimitName::HostcallBytes, .. } => {}
            // A pointer beyond the memory is a broken call, whatever its length.
            Outcome::Trapped { .. } if function == "text" => {}
            other => panic!("{function}: {other:?}"),
        }
    }
    assert!(resident_bytes().saturating_sub(before) < 256 << 20);
    let report = run_call(hostile("ask-much"), "bad-text", json!([]), limits()).await;
    assert_eq!(report.outcome.kind(), "trapped");
}

/// A file of 8 GiB, most of it a hole, read at once: what comes is a piece, and all of it is too much to print.
#[tokio::test]
async fn e06_a_read_of_gigabytes_gives_a_piece() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::File::create(dir.path().join("f")).unwrap().set_len(8 << 30).unwrap();
    let before = resident_bytes();
    let text = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 20000) (data (i32.const 100) "f")
        (func (export "_start")
          (if (call $open (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 0) (i64.const 2)
              (i64.const 2) (i32.const 0) (i32.const 200))
            (then (call $exit (i32.const 1))))
          (i32.store (i32.const 208) (i32.const 65536))
          (i32.store (i32.const 212) (i32.const 0x40000000))
          (if (call $read (i32.load (i32.const 200)) (i32.const 208) (i32.const 1) (i32.const 216))
            (then (call $exit (i32.const 2))))
          (if (i32.gt_u (i32.load (i32.const 216)) (i32.const 0x1000000)) (then (call $exit (i32.const 3))))
          (call $exit (i32.const 0))))"#;
    let report = in_a_folder(dir.path(), text.into(), with(&[(LimitName::MemoryBytes, 3 << 30)])).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
    assert!(resident_bytes().saturating_sub(before) < 256 << 20);
}

async fn in_a_folder(dir: &std::path::Path, program: Vec<u8>, limits: Limits) -> Report {
    let program = load(program).await;
    let mut request = RunRequest::new(crate::support::command(), limits, Grants::clocks_and_randomness());
    request.mounts = vec![Mount::whole(dir, "/d", Level::Write)];
    run(&program, request).await
}

/// A link that leads nowhere creates what it leads to; renamed away, it can be created again.
#[tokio::test]
async fn files_that_are_created_through_links_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let report = in_a_folder(dir.path(), hostile("links"), with(&[(LimitName::FilesCreated, 50)])).await;
    assert_limit(&report, LimitName::FilesCreated);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 50);
    assert_eq!(report.usage.files_created, 50);
}

/// A folder with more names than the host may hold for one call.
#[tokio::test]
async fn a_folder_that_is_too_large_to_list_is_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..200 {
        std::fs::write(dir.path().join(format!("{n:0>200}")), "").unwrap();
    }
    let listing = |hostcall_bytes, resources| {
        let limits = with(&[(LimitName::HostcallBytes, hostcall_bytes), (LimitName::Resources, resources)]);
        let mut request = RunRequest::new(call("listings", json!([])), limits, Grants::default());
        request.mounts = vec![Mount::whole(dir.path(), "/d", Level::Read)];
        async move { run(&*load(hostile("hoard")).await, request).await }
    };
    assert_limit(&listing(32 << 10, 1_000).await, LimitName::HostcallBytes);
    // Many listings at one time take no more than one may.
    assert_limit(&listing(1 << 20, 1_000).await, LimitName::HostcallBytes);
    assert_limit(&listing(1 << 20, 16).await, LimitName::Resources);
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[tokio::test]
async fn e07_resources_are_capped() {
    for most in [16, 1_000] {
        let report = run_call(hostile("wait"), "hoard", json!([]), with(&[(LimitName::Resources, most)])).await;
        assert_limit(&report, LimitName::Resources);
    }
    let dir = tempfile::tempdir().unwrap();
    for (function, limit) in
        [("streams", LimitName::Resources), ("descriptors", LimitName::OpenFiles), ("listings", LimitName::Resources)]
    {
        let program = load(hostile("hoard")).await;
        let limits = with(&[(LimitName::Resources, 500), (LimitName::OpenFiles, 100)]);
        let mut request = RunRequest::new(call(function, json!([])), limits, Grants::default());
        request.mounts = vec![Mount::whole(dir.path(), "/d", Level::Read)];
        let report = run(&program, request).await;
        assert_limit(&report, limit);
    }
    assert_well().await;
}

#[tokio::test]
async fn e08_floods_are_cut_and_empty_writes_cost_fuel() {
    let report = run_command(hostile("flood"), &[], with(&[(LimitName::StdoutBytes, 10_000)])).await;
    assert_limit(&report, LimitName::StdoutBytes);
    assert_eq!(report.stdout.bytes.len(), 10_000);

    let report = run_command(hostile("flood"), &["x"], with(&[(LimitName::Fuel, 10_000_000)])).await;
    assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{report:?}");
    assert!(report.stderr.bytes.is_empty());
}

#[tokio::test]
async fn e09_dear_calls_are_charged_and_meet_the_deadline() {
    let report = run_call(hostile("wait"), "ask", json!([]), endless()).await;
    assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{report:?}");
    // One list, a million times the same pollable.
    let wide = with(&[(LimitName::HostcallBytes, 256 << 20)]);
    let report = run_call(hostile("wait"), "crowd", json!([1_000_000]), wide).await;
    assert_limit(&report, LimitName::Resources);
    // One instruction, 32 MiB: charged by the byte.
    let limits = with(&[(LimitName::Fuel, 100_000_000)]);
    let report = run_call(hostile("fill"), "fill", json!([]), limits).await;
    assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{report:?}");
    assert!(report.usage.cpu_us < 5_000_000);
}

/// Guests that compute for ever leave others their turn on the one thread that all share.
#[tokio::test]
async fn e09_others_keep_their_share() {
    let spinner = load(hostile("spin")).await;
    let spinning: Vec<_> = (0..3)
        .map(|_| {
            let spinner = Arc::clone(&spinner);
            let limits = with(&[(LimitName::DeadlineMs, 1_000), (LimitName::Fuel, i64::MAX as u64)]);
            tokio::spawn(async move {
                run(&spinner, RunRequest::new(call("in-an-export", json!([])), limits, Grants::default())).await
            })
        })
        .collect();
    tokio::task::yield_now().await;
    for _ in 0..10 {
        assert_well().await;
    }
    assert!(spinning.iter().all(|task| !task.is_finished()), "the others had to wait for the spinners");
    for task in spinning {
        assert_eq!(task.await.unwrap().outcome.kind(), "deadline_exceeded");
    }
}

#[tokio::test]
async fn e10_thousands_of_traps_leave_nothing_behind() {
    let program = load(hostile("traps")).await;
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let trap = |function: &'static str| {
        let program = Arc::clone(&program);
        async move { run(&program, RunRequest::new(call(function, json!([])), limits(), Grants::default())).await }
    };
    trap("unreachable").await;
    let (memory, open) = (resident_bytes(), descriptors());
    for round in 0..2_000 {
        let function = ["unreachable", "out-of-bounds", "divide", "null-call"][round % 4];
        assert_eq!(trap(function).await.outcome.kind(), "trapped");
    }
    // Other tests run in this process too: what is asked is that nothing grows by the run.
    assert!(resident_bytes().saturating_sub(memory) < 512 << 20);
    assert!(descriptors() < open + 500, "{} descriptors, {open} before", descriptors());
}

/// The host is in the middle of a call into the guest, which traps or exits there.
#[tokio::test]
async fn e10_a_trap_or_an_exit_inside_of_a_callback_ends_the_run() {
    for (function, args, kind) in [
        ("in-a-host-call", json!([0]), "returned"),
        ("in-a-host-call", json!([1]), "trapped"),
        // From there it may not even call the host.
        ("in-a-host-call", json!([2]), "trapped"),
        ("trap-after-the-return", json!([]), "trapped"),
        ("exit-after-the-return", json!([]), "trapped"),
    ] {
        for _ in 0..100 {
            let report = run_call(hostile("fling"), function, args.clone(), limits()).await;
            assert_eq!(report.outcome.kind(), kind, "{function} {args}: {report:?}");
        }
    }
    assert_well().await;
}

fn bomb(text: String) -> Vec<u8> {
    text.into_bytes()
}

/// Programs that are small and make a compiler work: each ends in a refusal or in code, within its bounds, and
/// the host answers others all the while.
#[tokio::test]
async fn e11_compile_bombs_are_bounded() {
    let mut settings = settings();
    settings.cache_dir = None;
    settings.compile_deadline_ms = 4_000;
    settings.compile_memory_bytes = 1 << 30;
    let engine = Engine::new(settings).unwrap();
    let build = Build::of(&limits(), Mode::Ordinary);

    let body: String = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 7)) (i32.const 3)))".repeat(300_000);
    let giant = bomb(format!("(component (core module (func (local i32) {body})))"));
    let functions = bomb(format!("(component (core module {}))", "(func (drop (i32.const 1)))".repeat(1_100_000)));
    let targets = "0 ".repeat(1_000_000);
    let table = bomb(format!("(component (core module (func (br_table {targets} (i32.const 0)))))"));
    let nested = bomb(format!("{}{}", "(component ".repeat(500), ")".repeat(500)));
    let blocks = bomb(format!("(component (core module (func {}{})))", "(block ".repeat(50_000), ")".repeat(50_000)));
    for (name, program) in
        [("giant", giant), ("functions", functions), ("table", table), ("nested", nested), ("blocks", blocks)]
    {
        let start = Instant::now();
        let loading = engine.load(program, build);
        let mut loading = std::pin::pin!(loading);
        // Others are served while the compiler is at work.
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut loading).await.is_err() || name != "giant");
        assert_well().await;
        match loading.await {
            Ok(_) => {}
            Err(error) => assert!(error.is_callers(), "{name}: {error}"),
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{name}");
    }

    // A wide type made of wide types: 2^30 fields in a few lines.
    let mut types = String::from("(type $t0 (tuple u8 u8))");
    for level in 1..30 {
        types += &format!("(type $t{level} (tuple $t{} $t{}))", level - 1, level - 1);
    }
    assert_eq!(refusal(bomb(format!("(component {types})"))).await.code(), "invalid");
    assert_well().await;
}

#[tokio::test]
async fn e11_compiling_ends_at_its_deadline_and_its_memory() {
    let body: String = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 7)) (i32.const 3)))".repeat(500_000);
    let giant = bomb(format!("(component (core module (func (local i32) {body})))"));
    let build = Build::of(&limits(), Mode::Ordinary);

    let mut short = settings();
    short.cache_dir = None;
    short.compile_deadline_ms = 100;
    let error = Engine::new(short).unwrap().load(giant.clone(), build).await.unwrap_err();
    assert_eq!(error.code(), "compile_deadline", "{error}");

    let mut narrow = settings();
    narrow.cache_dir = None;
    narrow.compile_memory_bytes = 256 << 20;
    let error = Engine::new(narrow).unwrap().load(giant, build).await.unwrap_err();
    assert_eq!(error.code(), "compile_memory", "{error}");

    let mut small = settings();
    small.module_bytes = 1_000;
    let error = Engine::new(small).unwrap().load(vec![0; 1_001], build).await.unwrap_err();
    assert_eq!(error.code(), "too_large");
}

#[tokio::test]
async fn more_runs_than_there_is_room_for_are_told_so() {
    let mut settings = settings();
    settings.concurrent_runs = 2;
    let engine_of_two = Engine::new(settings).unwrap();
    let program = engine_of_two.load(hostile("wait"), Build::of(&limits(), Mode::Ordinary)).await.unwrap();
    let wait = |ms: u64| {
        let args: Value = json!([3_600_000_000_000_u64]);
        let limits = with(&[(LimitName::DeadlineMs, ms)]);
        engine_of_two.run(&program, RunRequest::new(call("sleep", args), limits, Grants::clocks_and_randomness()))
    };
    let (first, second, third) = tokio::join!(wait(200), wait(200), wait(200));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(third.unwrap_err().code(), "busy");
    assert!(wait(20).await.is_ok());
    drop(engine());
}
