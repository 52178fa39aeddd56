//! What holds of every backend alike.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use ringfence::engine::Stdin;
use ringfence::model::{LimitName, Outcome, Stream};
use tokio_util::sync::CancellationToken;

use super::world::{Task, doors, input, mount, text};
use crate::support::{assert_limit, limits, with};

#[tokio::test]
async fn an_end_and_its_code_are_the_guests_own() {
    for door in doors().await {
        for code in [0, 1, 7, 255] {
            assert_eq!(
                door.report(Task::Exit(code)).await.outcome,
                Outcome::Exited { code },
                "{}",
                door.backend.name()
            );
        }
    }
}

#[tokio::test]
async fn a_guest_that_falls_over_is_trapped() {
    for door in doors().await {
        let report = door.report(Task::Crash).await;
        assert_eq!(report.outcome.kind(), "trapped", "{}: {report:?}", door.backend.name());
    }
}

#[tokio::test]
async fn arguments_and_streams_arrive_as_they_are() {
    for door in doors().await {
        let report = door.report(Task::Hello("you")).await;
        assert_eq!(report.stdout.bytes, b"hello, you\n", "{report:?}");
        assert!(report.usage.bytes_out == 11 && report.usage.wall_us > 0, "{report:?}");
        assert_eq!(door.report(Task::Stderr("oops")).await.stderr.bytes, b"oops");

        let mut run = door.ask(Task::Echo, limits());
        run.stdin = input(b"some words\0\xff");
        let report = door.run(run).await;
        assert_eq!(report.stdout.bytes, b"some words\0\xff");
        assert_eq!(report.usage.bytes_in, 12, "{report:?}");
        // Without any, input is closed.
        assert_eq!(door.report(Task::Echo).await.stdout.bytes, b"");
    }
}

#[tokio::test]
async fn input_comes_live_and_output_is_heard_as_it_comes() {
    for door in doors().await {
        let (heard, hears) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&heard);
        let mut run = door.ask(Task::Echo, limits());
        run.listener = Some(Arc::new(move |stream: Stream, bytes: &[u8]| {
            assert_eq!(stream, Stream::Stdout);
            kept.lock().unwrap().extend_from_slice(bytes);
        }));
        let (mut writes, reads) = tokio::io::duplex(64);
        run.stdin = Stdin::Live(Box::new(reads));
        let told = Arc::clone(&hears);
        let feed = async move {
            use tokio::io::AsyncWriteExt as _;
            for part in ["one ", "two ", "three"] {
                writes.write_all(part.as_bytes()).await.unwrap();
                told.lock().unwrap().push(part);
            }
        };
        let (report, ()) = tokio::join!(door.run(run), feed);
        assert_eq!(report.stdout.bytes, b"one two three");
        assert_eq!(*heard.lock().unwrap(), b"one two three");
    }
}

#[tokio::test]
async fn the_environment_is_what_was_granted() {
    for door in doors().await {
        assert_eq!(text(&door.report(Task::Env).await), door.always, "{}", door.backend.name());
        let mut run = door.ask(Task::Env, limits());
        run.grants.env = vec![("A".into(), "b c=d".into())];
        assert_eq!(text(&door.run(run).await), format!("A=b c=d\n{}", door.always));
    }
}

#[tokio::test]
async fn the_deadline_ends_a_run() {
    for door in doors().await {
        let since = Instant::now();
        let report = door.run(door.ask(Task::Sleep, with(&[(LimitName::DeadlineMs, 300)]))).await;
        match report.outcome {
            Outcome::DeadlineExceeded { limit_ms: 300, used_ms } => assert!(used_ms >= 300, "{used_ms}"),
            ref other => panic!("{}: {other:?}", door.backend.name()),
        }
        assert!(since.elapsed().as_secs() < 60);
    }
}

#[tokio::test]
async fn output_stops_at_its_limit() {
    for door in doors().await {
        let report = door.run(door.ask(Task::Hello("0123456789"), with(&[(LimitName::StdoutBytes, 9)]))).await;
        assert_limit(&report, LimitName::StdoutBytes);
        assert_eq!((&*report.stdout.bytes, report.stdout.truncated), (&b"hello, 01"[..], true));
        let report = door.run(door.ask(Task::Stderr("0123456789"), with(&[(LimitName::StderrBytes, 4)]))).await;
        assert_limit(&report, LimitName::StderrBytes);
        assert_eq!(report.stderr.bytes, b"0123");
    }
}

#[tokio::test]
async fn input_stops_at_its_limit() {
    for door in doors().await {
        let mut run = door.ask(Task::Echo, with(&[(LimitName::StdinBytes, 3)]));
        run.stdin = input(b"four");
        assert_limit(&door.run(run).await, LimitName::StdinBytes);
        let mut run = door.ask(Task::Echo, with(&[(LimitName::StdinBytes, 1_000)]));
        run.stdin = Stdin::Live(Box::new(tokio::io::repeat(b'x')));
        assert_limit(&door.run(run).await, LimitName::StdinBytes);
        assert_limit(
            &door.run(door.ask(Task::Hello(&"x".repeat(99)), with(&[(LimitName::ArgsBytes, 50)]))).await,
            LimitName::ArgsBytes,
        );
        let mut run = door.ask(Task::Env, with(&[(LimitName::EnvBytes, 5)]));
        run.grants.env = vec![("NAME".into(), "value".into())];
        assert_limit(&door.run(run).await, LimitName::EnvBytes);
    }
}

#[tokio::test]
async fn a_cancelled_run_says_so() {
    for door in doors().await {
        let cancel = CancellationToken::new();
        let mut run = door.ask(Task::Sleep, limits());
        run.cancel = Some(cancel.clone());
        let mut running = std::pin::pin!(door.run(run));
        assert!(futures_util::future::poll_immediate(&mut running).await.is_none());
        cancel.cancel();
        assert_eq!(running.await.outcome, Outcome::Cancelled);
    }
}

#[tokio::test]
async fn limits_that_nobody_can_hold_are_refused() {
    for door in doors().await {
        let error = door.backend.run(door.ask(Task::Env, with(&[(LimitName::DeadlineMs, 0)]))).await.unwrap_err();
        assert_eq!(error.code(), "bad_limits", "{error}");
    }
}

#[tokio::test]
async fn files_are_under_rules_and_changes_are_there_afterwards() {
    for door in doors().await {
        let dir = tempfile::tempdir().unwrap();
        for (path, words) in [("open", "1"), ("shown", "2"), ("secret", "3"), ("fixed", "4"), ("old", "5")] {
            std::fs::write(dir.path().join(path), words).unwrap();
        }
        let rules = "/**:write\n/shown:view\n/secret:none\n/fixed:read";
        let operations = [
            "read|open",
            "read|shown",
            "stat|shown",
            "read|secret",
            "stat|secret",
            "read|fixed",
            "put|fixed|x",
            "put|shown|x",
            "rm|fixed",
            "put|open|new",
            "put|made|made",
            "rm|old",
            "put|../outside|x",
        ];
        let (said, report) = door.files(mount(dir.path(), rules), &operations).await;
        let is_ok: Vec<bool> = said.iter().map(|line| line.starts_with("ok")).collect();
        let expected = [true, false, true, false, false, true, false, false, false, true, true, true, false];
        assert_eq!(is_ok, expected, "{}: {said:?} {report:?}", door.backend.name());
        assert_eq!((&*said[0], &*said[5]), ("ok 1", "ok 4"));
        let read = |path: &str| std::fs::read_to_string(dir.path().join(path)).ok();
        let after = ["open", "shown", "secret", "fixed", "made", "old"].map(read);
        let expected = [Some("new"), Some("2"), Some("3"), Some("4"), Some("made"), None];
        assert_eq!(after, expected.map(|words| words.map(str::to_owned)), "{}", door.backend.name());
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error_by_name() {
    for door in doors().await {
        let mut run = door.ask(Task::Env, limits());
        run.mounts = vec![mount("/no/such/folder", "/**:read")];
        let error = door.backend.run(run).await.unwrap_err();
        assert_eq!(error.code(), "dir_unavailable", "{}: {error}", door.backend.name());
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}

#[tokio::test]
async fn what_a_backend_does_not_run_is_an_error_and_goes_to_no_other() {
    let doors = doors().await;
    for door in &doors {
        for other in &doors {
            if door.is_native() != other.is_native() {
                let error = door.backend.run(other.ask(Task::Env, limits())).await.unwrap_err();
                assert_eq!(error.code(), "wrong_program", "{error}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_required_and_not_held_is_refused_by_name() {
    for door in doors().await {
        for claim in door.backend.standing().await.claims {
            let mut run = door.ask(Task::Exit(0), limits());
            run.required = vec![claim.name.to_owned()];
            match door.backend.run(run).await {
                Ok(report) => {
                    assert_eq!(claim.holds.as_str(), "yes", "{claim:?}");
                    assert_eq!(report.outcome, Outcome::Exited { code: 0 });
                }
                Err(error) => {
                    assert_ne!(claim.holds.as_str(), "yes", "{claim:?}");
                    assert_eq!(error.code(), "not_enforced");
                    assert!(error.to_string().contains(claim.name), "{error}");
                }
            }
        }
        let mut run = door.ask(Task::Exit(0), limits());
        run.required = vec!["nonsense".to_owned()];
        let error = door.backend.run(run).await.unwrap_err();
        assert_eq!(error.code(), "unknown_requirement");
        assert!(error.to_string().contains("deadline_ms"), "{error}");
    }
}
