use bytes::Bytes;
use ringfence::engine::{Build, Mount, RunRequest, Stdin};
use ringfence::fs_policy::Level;
use ringfence::model::{Grants, Mode, Outcome, Report};
use serde_json::json;

use crate::support::{call, command, engine, guest, hostile, limits, load, run, run_call, run_command};

async fn hello(grants: Grants) -> Report {
    let program = load(guest("hello")).await;
    run(&program, RunRequest::new(command(), limits(), grants)).await
}

fn args(args: &[&str]) -> Grants {
    Grants { args: args.iter().map(|arg| (*arg).to_owned()).collect(), ..Grants::clocks_and_randomness() }
}

#[tokio::test]
async fn the_environment_is_empty_unless_given() {
    let report = hello(args(&["--env"])).await;
    assert_eq!(report.stdout.bytes, b"", "{report:?}");
    let report = hello(Grants { env: vec![("NAME".into(), "value".into())], ..args(&["--env"]) }).await;
    assert_eq!(report.stdout.bytes, b"NAME=value\n");
}

#[tokio::test]
async fn standard_input_is_empty_unless_given() {
    assert_eq!(hello(args(&["--stdin"])).await.stdout.bytes, b"");
    let program = load(guest("hello")).await;
    let mut request = RunRequest::new(command(), limits(), args(&["--stdin"]));
    request.stdin = Stdin::Bytes(Bytes::from_static(b"some words"));
    let report = run(&program, request).await;
    assert_eq!(report.stdout.bytes, b"some words");
    assert_eq!(report.usage.bytes_in, 10);
}

#[tokio::test]
async fn clocks_that_are_not_granted_end_the_run() {
    let grants = Grants { clocks: false, ..Grants::clocks_and_randomness() };
    let program = load(hostile("wait")).await;
    for (function, args) in [("ask", json!([])), ("sleep", json!([1]))] {
        let report = run(&program, RunRequest::new(call(function, args), limits(), grants.clone())).await;
        let Outcome::Denied { denial } = &report.outcome else { panic!("{report:?}") };
        assert_eq!((denial.tried.as_str(), denial.missing.as_str()), ("wasi:clocks/monotonic-clock", "clocks"));
        assert_eq!(report.denials.len(), 1);
    }
    let now = Grants { clocks: false, ..args(&["--now"]) };
    assert_eq!(hello(now).await.outcome.kind(), "denied");
    assert_eq!(hello(args(&["--now"])).await.outcome, Outcome::Exited { code: 0 });
}

#[tokio::test]
async fn randomness_that_is_not_granted_ends_the_run() {
    let program = load(hostile("ask-much")).await;
    let request = |grants| RunRequest::new(call("random", json!([8])), limits(), grants);
    let report = run(&program, request(Grants { randomness: false, ..Grants::clocks_and_randomness() })).await;
    let Outcome::Denied { denial } = &report.outcome else { panic!("{report:?}") };
    assert_eq!(denial.missing, "randomness");
    let report = run(&program, request(Grants::clocks_and_randomness())).await;
    assert_eq!(report.outcome.kind(), "returned");
}

async fn files(dir: &std::path::Path, level: Level, args_: &[&str]) -> Report {
    let program = load(guest("files")).await;
    let mut request = RunRequest::new(command(), limits(), args(args_));
    request.mounts = vec![Mount::whole(dir, "/d", level)];
    run(&program, request).await
}

#[tokio::test]
async fn no_folder_is_there_unless_granted() {
    let report = run_command(guest("files"), &["ls", "/"], limits()).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 1 }, "{report:?}");
}

#[tokio::test]
async fn a_granted_folder_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let report = files(dir.path(), Level::Write, &["write", "/d/new", "content"]).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
    assert_eq!(std::fs::read(dir.path().join("new")).unwrap(), b"content");
    assert_eq!((report.usage.bytes_out, report.usage.files_created), (7, 1), "{report:?}");
    let report = files(dir.path(), Level::Write, &["cat", "/d/new"]).await;
    assert_eq!(report.stdout.bytes, b"content");
    assert_eq!(report.usage.bytes_in, 7);
}

#[tokio::test]
async fn a_read_only_folder_can_be_read_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "old").unwrap();
    assert_eq!(files(dir.path(), Level::Read, &["cat", "/d/f"]).await.stdout.bytes, b"old");
    for change in [&["write", "/d/f", "new"][..], &["write", "/d/g", "new"], &["mkdir", "/d/h"], &["rm", "/d/f"]] {
        let report = files(dir.path(), Level::Read, change).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 1 }, "{change:?}");
        assert!(!report.denials.is_empty(), "{change:?}");
    }
    assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_link_does_not_lead_out_of_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("out")).unwrap();
    for path in ["/d/out", "/d/../etc/passwd", "/d/./../../etc/passwd"] {
        let report = files(dir.path(), Level::Write, &["cat", path]).await;
        assert_eq!((report.outcome, report.stdout.bytes), (Outcome::Exited { code: 1 }, Vec::new()), "{path}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said() {
    let program = load(guest("files")).await;
    let mut request = RunRequest::new(command(), limits(), args(&["ls", "/d"]));
    request.mounts = vec![Mount::whole("/no/such/folder", "/d", Level::Read)];
    let error = engine().run(&program, request).await.unwrap_err();
    assert_eq!(error.code(), "dir_unavailable");
}

#[tokio::test]
async fn folders_are_listed_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["c", "a", "d", "b"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let report = files(dir.path(), Level::Read, &["ls", "/d"]).await;
    assert_eq!(String::from_utf8_lossy(&report.stdout.bytes), "a\nb\nc\nd\n");
}

async fn deterministic(bytes: Vec<u8>, seed: u64, args_: &[&str]) -> Report {
    let mode = Mode::Deterministic { seed };
    let program = engine().load(bytes, Build::of(&limits(), mode)).await.unwrap();
    let mut request = RunRequest::new(command(), limits(), args(args_));
    request.mode = mode;
    run(&program, request).await
}

#[tokio::test]
async fn a_deterministic_run_repeats_bytes_and_fuel() {
    for flag in ["--random", "--now", "--float"] {
        let first = deterministic(guest("hello"), 7, &[flag]).await;
        assert_eq!(first.outcome, Outcome::Exited { code: 0 }, "{first:?}");
        for _ in 0..3 {
            let again = deterministic(guest("hello"), 7, &[flag]).await;
            assert_eq!(again.stdout, first.stdout, "{flag}");
            assert_eq!(again.usage.fuel, first.usage.fuel, "{flag}");
        }
    }
    let [seven, eight] = [7, 8].map(|seed| deterministic(guest("hello"), seed, &["--random"]));
    assert_ne!(seven.await.stdout, eight.await.stdout);
}

#[tokio::test]
async fn an_ordinary_run_does_not_repeat() {
    let runs = [hello(args(&["--random"])), hello(args(&["--random"]))];
    let [first, second] = runs;
    assert_ne!(first.await.stdout, second.await.stdout);
}

#[tokio::test]
async fn a_deterministic_sleep_takes_no_time() {
    let start = std::time::Instant::now();
    let report = deterministic(guest("hello"), 0, &["x", "--sleep-ms", "3600000"]).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
    assert!(start.elapsed().as_secs() < 60);
}

#[tokio::test]
async fn nans_are_canonical_in_a_deterministic_run() {
    let mode = Mode::Deterministic { seed: 0 };
    let program = engine().load(hostile("nan"), Build::of(&limits(), mode)).await.unwrap();
    for args in [json!(["NaN", 0.0]), json!([1.0, 0.0]), json!(["-Infinity", "Infinity"])] {
        let mut request = RunRequest::new(call("bits", args), limits(), Grants::default());
        request.mode = mode;
        assert_eq!(run(&program, request).await.outcome, Outcome::Returned { value: 0x7fc0_0000_u32.into() });
    }
}

#[tokio::test]
async fn a_program_prepared_otherwise_is_not_run() {
    let program = load(hostile("nan")).await;
    let mut request = RunRequest::new(call("bits", json!([1, 1])), limits(), Grants::default());
    request.mode = Mode::Deterministic { seed: 0 };
    assert_eq!(engine().run(&program, request).await.unwrap_err().code(), "other_build");
}

#[tokio::test]
async fn sockets_are_denied_and_the_run_goes_on() {
    let report = run_call(hostile("dial"), "dial", json!([]), limits()).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 7.into() }, "{report:?}");
    let tried: Vec<_> = report.denials.iter().map(|denial| denial.tried.as_str()).collect();
    assert_eq!(
        tried,
        ["wasi:sockets/tcp-create-socket", "wasi:sockets/udp-create-socket", "wasi:sockets/ip-name-lookup"]
    );
}
