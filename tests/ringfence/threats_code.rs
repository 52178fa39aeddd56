//! E12 to E16 of the threat list: what is no program, what it imports, what it looks for.

use ringfence::engine::{Build, Mount, Refusal, RunRequest, Stdin};
use ringfence::fs_policy::Level;
use ringfence::model::{Grants, Mode, Outcome};
use serde_json::json;

use crate::support::{assert_well, call, engine, guest, hostile, limits, load, refusal, run, run_call, run_command};

#[tokio::test]
async fn e12_what_is_no_program_is_refused_with_the_reason() {
    let binary = wat::parse_str(crate::support::ADD).unwrap();
    let mut trailing = binary.clone();
    trailing.extend_from_slice(b"rubbish");
    let mut version = binary.clone();
    version[4] = 9;
    for (bytes, codes) in [
        (Vec::new(), &["not_wasm"][..]),
        (b"#!/bin/sh\n".to_vec(), &["not_wasm"]),
        (b"\x7fELF\x02\x01".to_vec(), &["not_wasm"]),
        (b"\x1f\x8b\x08".to_vec(), &["not_wasm"]),
        (vec![0xff; 100], &["not_wasm"]),
        (b"(component (func".to_vec(), &["bad_text"]),
        (binary[..binary.len() - 3].to_vec(), &["truncated", "invalid"]),
        (binary[..4].to_vec(), &["truncated"]),
        (binary[..9].to_vec(), &["truncated", "invalid"]),
        (trailing, &["invalid", "truncated"]),
        (version, &["invalid"]),
        (b"(module (func (export \"f\")))".to_vec(), &["nothing_to_run"]),
        (b"(component (core module (func (result i32))))".to_vec(), &["invalid"]),
    ] {
        let refusal = refusal(bytes.clone()).await;
        assert!(codes.contains(&refusal.code()), "{refusal:?} for {:?}", String::from_utf8_lossy(&bytes));
    }
    assert_well().await;
}

#[tokio::test]
async fn e12_proposals_that_are_off_are_refused_by_name() {
    for (text, word) in [
        ("(component (core module (memory i64 1)))", "memory64"),
        ("(component (core module (memory 1 1 shared)))", "threads"),
        ("(component (core module (type (func)) (func (param (ref 0)))))", "function references"),
        ("(component (core module (type (struct))))", "gc"),
        ("(component (core module (memory 1 (pagesize 1))))", "page size"),
        ("(component (type (stream u8)))", "async"),
    ] {
        match refusal(text.into()).await {
            Refusal::ProposalOff { message } => assert!(message.contains(word), "{text}: {message}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn e12_names_with_control_characters_are_told_escaped() {
    let text = "(module (import \"env\" \"\\1b[2Jgone\\0a\" (func)) (func (export \"_start\")))";
    let refusal = refusal(text.into()).await;
    let said = refusal.to_string();
    assert_eq!(refusal.code(), "imports");
    assert!(!said.chars().any(char::is_control), "{said:?}");
    assert!(said.contains("\\u{1b}[2Jgone\\n"), "{said}");
}

#[tokio::test]
async fn e12_a_large_custom_section_is_only_a_size() {
    let mut binary = wat::parse_str(crate::support::ADD).unwrap();
    let size = 20_000_000_u32;
    binary.push(0);
    let mut length = size + 2;
    while length >= 0x80 {
        binary.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    binary.push(length as u8);
    binary.extend_from_slice(&[1, b'x']);
    binary.resize(binary.len() + size as usize, 0);
    let report = run_call(binary, "add", json!([1, 2]), limits()).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 3.into() });
}

#[tokio::test]
async fn e13_imports_that_are_not_offered_are_each_named_before_compiling() {
    let text = r#"(component
        (import "wasi:http/types@0.2.0" (instance (export "fields" (type (sub resource)))
            (export "http-error-code" (func))))
        (import "wasi:cli/stdout@0.3.0" (instance (export "write-via-stream" (func))))
        (import "acme:secrets/vault" (instance (export "open" (func (param "name" string)))))
        (import "plain" (func)))"#;
    match refusal(text.into()).await {
        Refusal::Imports { imports } => {
            let names: Vec<_> = imports.iter().map(|import| import.name.as_str()).collect();
            assert_eq!(names, ["acme:secrets/vault", "plain", "wasi:cli/stdout@0.3.0", "wasi:http/types@0.2.0"]);
            assert!(imports[2].reason.contains("0.2"), "{imports:?}");
            assert!(imports[3].reason.contains("network"), "{imports:?}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn e13_imports_of_another_type_are_refused_before_compiling() {
    for (text, function) in [
        (
            r#"(component (import "wasi:random/random@0.2.0" (instance
                (export "get-random-bytes" (func (param "len" u32) (result (list u8)))))))"#,
            "get-random-bytes",
        ),
        (
            r#"(component (import "wasi:clocks/monotonic-clock@0.2.0" (instance (export "tomorrow" (func (result u64))))))"#,
            "tomorrow",
        ),
        (
            r#"(component (import "wasi:io/poll@0.2.0" (instance $p
                (export "pollable" (type $t (sub resource))) (export "other" (type $u (sub resource)))
                (export "[method]pollable.block" (func (param "self" (borrow $t)))))))"#,
            "other",
        ),
    ] {
        match refusal(text.into()).await {
            Refusal::Imports { imports } => assert!(imports[0].name.contains(function) || function == "other"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn e13_a_component_that_exports_what_it_should_import_is_no_command() {
    let text = r#"(component (core module $m (func (export "f") (result i64) (i64.const 1))) (core instance $i (instantiate $m))
        (func $f (result u64) (canon lift (core func $i "f")))
        (instance $clock (export "now" (func $f)))
        (export "wasi:clocks/monotonic-clock@0.2.0" (instance $clock)))"#;
    let program = load(text.into()).await;
    assert!(!program.description().command);
    let request = RunRequest::new(crate::support::command(), limits(), Grants::default());
    assert_eq!(engine().run(&program, request).await.unwrap_err().code(), "no_command");
    let report = run_call(text.into(), "now", json!([]), limits()).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 1.into() });
}

#[tokio::test]
async fn e13_thousands_of_imports_are_refused_like_one() {
    let imports: String = (0..12_000).map(|n| format!("(import \"env\" \"{n:0>200}\" (func))")).collect();
    assert_eq!(refusal(format!("(module {imports} (func (export \"_start\")))").into()).await.code(), "imports");
    let unknown = r#"(module (import "wasi_snapshot_preview1" "nosuch" (func)) (func (export "_start")))"#;
    match refusal(unknown.into()).await {
        Refusal::Imports { imports } => assert_eq!(imports[0].name, "wasi_snapshot_preview1.nosuch"),
        other => panic!("{other:?}"),
    }
}

/// By name it is a command, by type it is not.
#[tokio::test]
async fn e13_a_run_of_another_type_is_no_command() {
    let text = r#"(component (core module $m (func (export "f") (param i32) (result i32) (local.get 0)))
        (core instance $i (instantiate $m))
        (func $f (param "x" u32) (result u32) (canon lift (core func $i "f")))
        (instance $run (export "run" (func $f)))
        (export "wasi:cli/run@0.2.0" (instance $run)))"#;
    let program = load(text.into()).await;
    let request = RunRequest::new(crate::support::command(), limits(), Grants::default());
    assert_eq!(engine().run(&program, request).await.unwrap_err().code(), "no_command");
}

#[tokio::test]
async fn e14_the_network_is_denied_and_recorded() {
    let report = run_call(hostile("dial"), "dial", json!([]), limits()).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 7.into() });
    assert_eq!(report.denials.len(), 3, "{report:?}");
}

/// Each call of preview 1 answers with EACCES (2), and is in the report.
#[tokio::test]
async fn e14_sockets_of_preview_1_are_denied_and_recorded() {
    let text = r#"(module
        (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start")
          (call $exit
            (i32.add (call $accept (i32.const 3) (i32.const 0) (i32.const 8))
            (i32.add (i32.mul (i32.const 3) (call $recv (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8) (i32.const 16)))
            (i32.add (i32.mul (i32.const 9) (call $send (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 8)))
              (i32.mul (i32.const 27) (call $shutdown (i32.const 3) (i32.const 2)))))))))"#;
    let report = run_command(text.into(), &[], limits()).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 2 + 3 * 2 + 9 * 2 + 27 * 2 });
    let tried: Vec<_> = report.denials.iter().map(|denial| (denial.tried.as_str(), denial.times)).collect();
    assert_eq!(tried, [("sock_accept", 1), ("sock_recv", 1), ("sock_send", 1), ("sock_shutdown", 1)]);
}

#[tokio::test]
async fn e15_nothing_of_the_host_shows() {
    let report = run_command(guest("hello"), &["--env"], limits()).await;
    assert!(report.stdout.bytes.is_empty());
    let report = run_command(guest("files"), &["ls", "/"], limits()).await;
    assert_eq!(report.outcome, Outcome::Exited { code: 1 });
    // The clock of a run starts with the run, not with the machine.
    let now = r#"(component
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $c (export "now" (func (result u64)))
            (export "resolution" (func (result u64)))))
        (core func $now (canon lower (func $c "now"))) (core func $res (canon lower (func $c "resolution")))
        (core module $m (import "c" "now" (func $now (result i64))) (import "c" "res" (func $res (result i64)))
            (func (export "now") (result i64) (call $now)) (func (export "res") (result i64) (call $res)))
        (core instance $i (instantiate $m (with "c" (instance (export "now" (func $now)) (export "res" (func $res))))))
        (func (export "now") (result u64) (canon lift (core func $i "now")))
        (func (export "res") (result u64) (canon lift (core func $i "res"))))"#;
    let Outcome::Returned { value } = run_call(now.into(), "now", json!([]), limits()).await.outcome else { panic!() };
    assert!(value.value().unwrap().as_u64().unwrap() < 60_000_000_000, "{value}");
    let report = run_call(now.into(), "res", json!([]), limits()).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 1_000.into() });
}

#[tokio::test]
async fn e16_nothing_of_the_last_run_is_left() {
    let program = load(hostile("remember")).await;
    for _ in 0..100 {
        let request = RunRequest::new(call("look-and-mark", json!([])), limits(), Grants::default());
        assert_eq!(run(&program, request).await.outcome, Outcome::Returned { value: 0.into() });
    }
    // The same in the pool's warm slots of another program, which has the memory next.
    let other = String::from_utf8(hostile("remember")).unwrap().replace("(memory 16)", "(memory 17)");
    let report = run_call(other.into(), "look-and-mark", json!([]), limits()).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 0.into() });
}

/// A descriptor that the last run left open is no descriptor of the next, and randomness never comes twice.
#[tokio::test]
async fn e16_descriptors_and_randomness_are_fresh() {
    let dir = tempfile::tempdir().unwrap();
    let program = load(guest("files")).await;
    let mut random = std::collections::HashSet::new();
    for _ in 0..20 {
        let mut grants = Grants::clocks_and_randomness();
        grants.args = ["many", "/d", "3"].map(str::to_owned).to_vec();
        let mut request = RunRequest::new(crate::support::command(), limits(), grants);
        request.mounts = vec![Mount::whole(dir.path(), "/d", Level::Write)];
        let report = run(&program, request).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
        // Nothing granted: whatever number it tries, nothing of the run before is behind it.
        let report = run_command(hostile("old-descriptors"), &[], limits()).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
        let report = run_command(guest("hello"), &["--random"], limits()).await;
        assert!(random.insert(report.stdout.bytes), "the same randomness twice");
    }
}

#[tokio::test]
async fn e21_a_deterministic_run_has_no_source_of_difference() {
    let mode = Mode::Deterministic { seed: 42 };
    let dir = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for round in 0..2 {
        // The same tree, made in another order, at another time, in another place.
        let tree = dir.path().join(round.to_string());
        std::fs::create_dir(&tree).unwrap();
        let mut names = ["a", "b", "c"];
        if round == 1 {
            names.reverse();
        }
        for name in names {
            std::fs::write(tree.join(name), name).unwrap();
        }
        for args in
            [&["--random"][..], &["--now"], &["--float"], &["ls", "/d"], &["stat", "/d/b"], &["many", "/d", "3"]]
        {
            let program = if args[0].starts_with("--") { "hello" } else { "files" };
            let program = engine().load(guest(program), Build::of(&limits(), mode)).await.unwrap();
            let mut grants = Grants::clocks_and_randomness();
            grants.args = args.iter().map(|arg| (*arg).to_owned()).collect();
            let mut request = RunRequest::new(crate::support::command(), limits(), grants);
            request.mounts = vec![Mount::whole(&tree, "/d", Level::Write)];
            request.mode = mode;
            let report = run(&program, request).await;
            seen.push((round, args[0], report.stdout, report.stderr, report.usage.fuel, report.outcome));
        }
    }
    let (first, second) = seen.split_at(seen.len() / 2);
    for (a, b) in first.iter().zip(second) {
        assert_eq!((&a.1, &a.2, &a.3, a.4, &a.5), (&b.1, &b.2, &b.3, b.4, &b.5));
        assert_eq!(a.5, Outcome::Exited { code: 0 }, "{a:?}");
    }
}

/// Long enough for many beats of the heart, which fall into the guest's own code and into its `realloc`, while the
/// host is in the middle of a call.
#[tokio::test]
async fn e21_fuel_repeats_however_the_beats_fall() {
    let text = r#"(component
        (import "wasi:random/random@0.2.0" (instance $random
          (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (core module $mem (memory (export "memory") 2)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $i i32)
            (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000))))
            (i32.const 1024)))
        (core instance $mem (instantiate $mem))
        (core func $random (canon lower (func $random "get-random-bytes") (memory $mem "memory")
          (realloc (func $mem "realloc"))))
        (core module $m (import "host" "random" (func $random (param i64 i32)))
          (func (export "f") (param i32)
            (loop $l (call $random (i64.const 32) (i32.const 8))
              (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
        (core instance $i (instantiate $m (with "host" (instance (export "random" (func $random))))))
        (func (export "f") (param "times" u32) (canon lift (core func $i "f"))))"#;
    let mode = Mode::Deterministic { seed: 1 };
    let program = engine().load(text.as_bytes(), Build::of(&limits(), mode)).await.unwrap();
    let mut fuel = std::collections::HashSet::new();
    for _ in 0..4 {
        let mut request = RunRequest::new(call("f", json!([20_000])), limits(), Grants::clocks_and_randomness());
        request.mode = mode;
        let report = run(&program, request).await;
        assert_eq!(report.outcome.kind(), "returned", "{report:?}");
        fuel.insert(report.usage.fuel);
    }
    assert_eq!(fuel.len(), 1, "{fuel:?}");
}

/// Input that comes in pieces is the same as input that is all there.
#[tokio::test]
async fn e21_when_input_comes_is_not_seen() {
    let mode = Mode::Deterministic { seed: 1 };
    let program = engine().load(guest("hello"), Build::of(&limits(), mode)).await.unwrap();
    let with = async |stdin| {
        let mut grants = Grants::clocks_and_randomness();
        grants.args = vec!["--stdin".into()];
        let mut request = RunRequest::new(crate::support::command(), limits(), grants);
        (request.mode, request.stdin) = (mode, stdin);
        let report = run(&program, request).await;
        (report.stdout, report.usage.fuel, report.outcome)
    };
    let at_once = with(Stdin::Bytes(b"one\ntwo\n".as_slice().into())).await;
    let (mut writer, reader) = tokio::io::duplex(64);
    let write = async {
        for piece in ["one\n", "t", "wo\n"] {
            tokio::io::AsyncWriteExt::write_all(&mut writer, piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        drop(writer);
    };
    let (in_pieces, ()) = tokio::join!(with(Stdin::Live(Box::new(reader))), write);
    assert_eq!(in_pieces, at_once);
    let (_open, silent) = tokio::io::duplex(16);
    let mut request = RunRequest::new(crate::support::command(), limits(), Grants::default());
    (request.mode, request.stdin, request.limits.deadline_ms) = (mode, Stdin::Live(Box::new(silent)), 50);
    assert_eq!(run(&program, request).await.outcome.kind(), "deadline_exceeded");
}
