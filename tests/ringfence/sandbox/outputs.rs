//! What runs wrote, in the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringfence::authz::Action;
use ringfence::model::{Captured, Ceilings, LimitName, Outcome, Report, RunId, TenantId, Usage};
use ringfence::sandbox::{
    Asked, Events, Happened, HasRoom, Ledger as _, Manner, Much, Replayable, RunRecord, RunState, SandboxError, Sort,
};
use ringfence::store::Store;
use rusqlite::Connection;

use super::World;
use super::world::{NOOP, RUNNING};

/// There is as much room as anybody asks for.
fn any() -> HasRoom {
    Arc::new(|_| true)
}

/// Writes as much as there may be of what JSON makes six of one.
const MUCH: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (func (export "_start") (local $times i32)
    (memory.fill (i32.const 65536) (i32.const 1) (i32.const 1048576))
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 1048576))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (local.set $times (i32.add (local.get $times) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $times) (i32.const 256))))))"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_most_that_a_run_may_write_is_kept_as_it_was_written() {
    let most = LimitName::StdoutBytes.range().1;
    assert_eq!(most, 256 << 20, "the guest writes this much");
    let world = World::of(Ceilings::widest()).await;
    let set = [(LimitName::Fuel, 1 << 50), (LimitName::DeadlineMs, 600_000), (LimitName::StdoutBytes, most)];
    let Asked::Now(started) = world.run_with(MUCH, Manner::default(), set.to_vec()).await.unwrap() else { panic!() };
    let ended = started.end().await.unwrap();
    assert_eq!(ended.outcome(), Some("exited"));
    let (id, told) = (ended.id.clone(), ended.report.as_ref().unwrap().stdout.bytes.len());
    drop(ended);
    let kept = world.hall.read_run(&world.permit(Action::RunsRead, id.as_str()), &id, &any()).await.unwrap();
    let stdout = kept.report.unwrap().stdout;
    assert_eq!((told as u64, stdout.bytes.len() as u64, stdout.truncated), (most, most, false));
    let piece = vec![1; 1 << 20];
    assert!(stdout.bytes.chunks(piece.len()).all(|each| each == piece));
    let size: u64 = world.connection().query_row("SELECT bytes FROM history", (), |row| row.get(0)).unwrap();
    assert!((most..most + 4_096).contains(&size), "{size}");
}

/// What else is in the row of a run is the value that it returned, most of all: it must fit.
#[test]
fn the_most_that_a_run_may_return_fits_what_the_store_keeps_in_one_value() {
    let connection = Connection::open_in_memory().unwrap();
    let mut options = connection.prepare("SELECT compile_options FROM pragma_compile_options").unwrap();
    let options = options.query_map((), |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let most: u64 = options.filter_map(|option| option.strip_prefix("MAX_LENGTH=")?.parse().ok()).next().unwrap();
    assert!(LimitName::ResultBytes.range().1 + (64 << 20) < most, "{most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_is_not_tried_again_and_is_told_as_that() {
    let world = World::new(1).await;
    world.sql("CREATE TRIGGER never BEFORE INSERT ON runs BEGIN SELECT zeroblob(2000000000); END");
    let Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
    let refused = started.end().await.unwrap_err();
    assert_eq!((refused.code(), refused.sort(), refused.retry_after()), ("store_failed", Sort::Internal, None));
    let Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
    let (mut events, _guard) = started.watch(any());
    let mut told = None;
    while let Some(event) = events.next().await.unwrap() {
        if let Happened::Over(run) = event.what {
            told = Some(run);
        }
    }
    // The history would say something else.
    let told = told.unwrap();
    assert_eq!((told.outcome(), told.failure.as_ref().unwrap().code.as_str()), (Some("failed"), "store_failed"));
}

/// Writes an `a` and half a mebi of `é` twice, so that no piece of any even size ends with a whole one, and an `x` between.
const TWICE: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (data (i32.const 65536) "a")
  (data (i32.const 32) "x")
  (func $say (param $to i32) (param $from i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $from))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func (export "_start") (local $at i32)
    (local.set $at (i32.const 65537))
    (loop $again
      (i32.store16 (local.get $at) (i32.const 0xa9c3))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 1114113))))
    (call $say (i32.const 1) (i32.const 65536) (i32.const 1048577))
    (call $say (i32.const 2) (i32.const 32) (i32.const 1))
    (call $say (i32.const 1) (i32.const 65536) (i32.const 1048577))))"#;

/// What is told of a run, each piece of output as text.
async fn all(mut events: Events) -> Result<Vec<String>, SandboxError> {
    let mut told = Vec::new();
    while let Some(event) = events.next().await? {
        told.push(match event.what {
            Happened::Started(_) => "started".to_owned(),
            Happened::Output { bytes, .. } => String::from_utf8(bytes).expect("no character is cut"),
            Happened::Call(asking) => asking.tool.clone(),
            Happened::Over(run) => {
                assert!(run.report.as_ref().unwrap().stdout.bytes.is_empty(), "it is not told twice");
                "over".to_owned()
            }
            Happened::Done(_) => "done".to_owned(),
        });
    }
    Ok(told)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_watched_piece_by_piece_and_never_in_memory_as_a_whole() {
    let world = World::of(Ceilings::widest()).await;
    let set = vec![(LimitName::Fuel, 1 << 30), (LimitName::DeadlineMs, 600_000), (LimitName::StdoutBytes, 4 << 20)];
    let most = Arc::new(AtomicU64::new(0));
    let counting: HasRoom = {
        let most = Arc::clone(&most);
        Arc::new(move |bytes| most.fetch_max(bytes, Ordering::Relaxed) < u64::MAX)
    };
    let run = async || match world.run_with(TWICE, Manner::default(), set.clone()).await.unwrap() {
        Asked::Now(started) => started,
        Asked::Before(_) => panic!("it was not asked for before"),
    };
    // One who looks only when all is over, and one who comes then.
    let slow = run().await;
    let id = slow.record().id;
    let (slow, _guard) = slow.watch(Arc::clone(&counting));
    world.quiet().await;
    let permit = world.permit(Action::RunsRead, id.as_str());
    let late = async |after| world.hall.events(&permit, &id, after, Arc::clone(&counting)).await.unwrap();
    let once = format!("a{}", "é".repeat(512 << 10));
    let whole = format!("started{once}x{once}overdone");
    assert!(all(slow).await.unwrap().concat() == whole);
    let told = all(late(0).await).await.unwrap();
    assert!(told.concat() == whole && told.iter().all(|piece| piece.len() <= 16 << 10), "{}", told.len());
    // From any event on: within the first stretch, before and after the turn, and at the end.
    let length = once.len() as u64;
    for (after, rest) in
        [(2, 7 + 1), (1 + length, 7 + once.len()), (2 + length, 8 + once.len()), (2 + 2 * length, 8 + 2 * once.len())]
    {
        assert!(all(late(after).await).await.unwrap().concat() == whole[rest..], "{after}");
    }
    assert!((1..10_000).contains(&most.load(Ordering::Relaxed)), "{most:?}");
    // All of it in one answer is another thing; where there is no room, nothing is read.
    let none: HasRoom = Arc::new(|_| false);
    let asked = world.hall.read_run(&permit, &id, &counting).await.unwrap();
    assert_eq!(asked.report.unwrap().stdout.bytes.len() as u64, 2 * length);
    assert!(most.load(Ordering::Relaxed) > 2 * length);
    let refused = world.hall.read_run(&permit, &id, &none).await.unwrap_err();
    assert_eq!((refused.code(), refused.sort(), refused.retry_after()), ("too_many_bytes", Sort::TooMany, Some(1)));
    assert_eq!(world.hall.events(&permit, &id, 0, none).await.err().unwrap().code(), "too_many_bytes");
}

/// Its beginning stands there, and so whoever watches waits for the end that will stand there.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_run_that_is_written_down_is_told_when_it_is_as_well() {
    let world = World::new(1).await;
    world.sql("CREATE TRIGGER later BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'not now'); END");
    let Asked::Now(started) = world.run(NOOP, Manner { apart: true, ..Manner::default() }).await.unwrap() else {
        panic!()
    };
    let id = started.record().id;
    let permit = world.permit(Action::RunsRead, id.as_str());
    let events = world.hall.events(&permit, &id, 0, any()).await.unwrap();
    let mut told = tokio::spawn(all(events));
    // Longer than it is tried in the ordinary way.
    assert!(
        tokio::time::timeout(std::time::Duration::from_secs(3), &mut told).await.is_err(),
        "nothing is told so far"
    );
    assert_eq!(world.hall.known_run(&tenant(), &id).unwrap().unwrap().state, RunState::Running);
    world.sql("DROP TRIGGER later");
    assert_eq!(told.await.unwrap().unwrap(), ["started", "over", "done"]);
    assert_eq!(world.hall.known_run(&tenant(), &id).unwrap().unwrap().outcome.as_deref(), Some("exited"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_told_to_whoever_saw_more_than_is_known_of_it() {
    let world = World::new(1).await;
    let Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
    let id = started.end().await.unwrap().id.clone();
    let permit = world.permit(Action::RunsRead, id.as_str());
    let late = async |after| world.hall.events(&permit, &id, after, any()).await;
    // One that ended has so many events, and no more.
    assert_eq!(all(late(2).await.unwrap()).await.unwrap(), ["done"]);
    assert!(all(late(3).await.unwrap()).await.unwrap().is_empty());
    let refused = late(4).await.err().unwrap();
    assert!(matches!(refused, SandboxError::Invalid { field: "Last-Event-ID", .. }), "{refused}");
    // Of one that was lost nobody knows how much it wrote and told.
    world.sql(&format!("UPDATE runs SET {RUNNING}"));
    for after in [0, 1, 2, 11, 1_000_000] {
        let mut events = late(after).await.unwrap();
        let mut told = Vec::new();
        while let Some(event) = events.next().await.unwrap() {
            assert!(event.number > after);
            match event.what {
                Happened::Over(run) => told.push(run.failure.as_ref().unwrap().code.clone()),
                Happened::Done(_) => told.push("done".to_owned()),
                _ => {}
            }
        }
        assert_eq!(told, ["service_stopped", "done"], "{after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_answer_of_an_old_run_is_watched_as_well() {
    let world = World::new(1).await;
    let Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
    let id = started.end().await.unwrap().id.clone();
    world.quiet().await;
    world.sql(
        r#"UPDATE runs SET answer = '{"report": {"outcome": {"kind": "exited", "code": 0}, "usage": {"fuel": 1, "wall_us": 1,
            "cpu_us": 1, "peak_memory_bytes": 1, "host_calls": 1, "bytes_in": 0, "bytes_out": 7, "files_created": 0},
            "stdout": {"text": "hello", "truncated": false}, "stderr": {"text": "oh", "truncated": false},
            "denials": []}, "failure": null, "order": [3, 2, 2]}'"#,
    );
    let permit = world.permit(Action::RunsRead, id.as_str());
    let mut events = world.hall.events(&permit, &id, 0, any()).await.unwrap();
    let mut told = String::new();
    while let Some(event) = events.next().await.unwrap() {
        if let Happened::Output { bytes, .. } = event.what {
            told.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
    assert_eq!(told, "helohlo");
}

/// A tree of these would take thirty times as much.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_returned_is_read_as_the_text_that_it_is() {
    let world = World::new(1).await;
    let Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
    let id = started.end().await.unwrap().id.clone();
    world.quiet().await;
    let value = format!("[{}0]", "0,".repeat(100_000));
    world.sql(&format!(
        r#"UPDATE runs SET answer = replace(answer, '"kind":"exited","code":0', '"kind":"returned","value":{value}')"#
    ));
    let most = Arc::new(AtomicU64::new(0));
    let asked = Arc::clone(&most);
    let room: HasRoom = Arc::new(move |bytes| asked.fetch_max(bytes, Ordering::Relaxed) < u64::MAX);
    let run = world.hall.read_run(&world.permit(Action::RunsRead, id.as_str()), &id, &room).await.unwrap();
    let Outcome::Returned { value: told } = run.report.unwrap().outcome else { panic!() };
    assert_eq!(told.text(), value);
    let asked = most.load(Ordering::Relaxed);
    assert!((3 * 200_000..700_000).contains(&asked), "{asked}");
}

fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

/// A store as the version before made it.
fn before(path: &std::path::Path) -> Connection {
    let old = Connection::open(path).unwrap();
    for step in [
        include_str!("../../../src/store/steps/1.sql"),
        include_str!("../../../src/store/steps/2.sql"),
        include_str!("../../../src/store/steps/3.sql"),
        include_str!("../../../src/store/steps/4.sql"),
    ] {
        old.execute_batch(step).unwrap();
    }
    old.pragma_update(None, "user_version", 4).unwrap();
    old
}

#[tokio::test]
async fn what_runs_wrote_before_there_was_a_place_for_it_is_read_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ringfence.db");
    let old = before(&path);
    let id = RunId::random();
    let answer = r#"{"report": {"outcome": {"kind": "exited", "code": 3}, "usage": {"fuel": 1, "wall_us": 1, "cpu_us": 1,
        "peak_memory_bytes": 1, "host_calls": 1, "bytes_in": 0, "bytes_out": 7, "files_created": 0},
        "stdout": {"text": "héllo", "truncated": true}, "stderr": {"base64": "/w==", "truncated": false},
        "denials": []}, "failure": null, "order": [6, 1]}"#;
    let digest = format!("sha256:{}", "0".repeat(64));
    let sql = "INSERT INTO runs VALUES (?1, 'acme', 'alice', ?2, NULL, 'ended', 'exited', '{}', 1, 2, ?3)";
    old.execute(sql, (id.as_str(), digest, answer)).unwrap();
    drop(old);
    let store = Store::open(&path).unwrap();
    let run = store.run(&tenant(), &id, Much::Whole, &*any()).unwrap().unwrap();
    let report = run.report.clone().unwrap();
    assert_eq!((report.outcome, run.order.clone()), (Outcome::Exited { code: 3 }, vec![6, 1]));
    assert_eq!(report.stdout, Captured { bytes: "héllo".into(), truncated: true });
    assert_eq!(report.stderr, Captured { bytes: vec![0xff], truncated: false });
    // A new one beside it, and then none: what the history takes goes with them.
    let report = Report {
        outcome: Outcome::Cancelled,
        usage: Usage::default(),
        stdout: Captured { bytes: vec![b'o'; 3 << 20], truncated: false },
        stderr: Captured { bytes: b"\xff\x00".to_vec(), truncated: true },
        denials: Vec::new(),
    };
    let new = Arc::new(RunRecord { id: RunId::random(), state: RunState::Ended, report: Some(report), ..run });
    let asked = Arc::new(Replayable { document: vec![b'{'; 5 << 20], stdin: vec![0xff; 2 << 20].into() });
    for _ in 0..2 {
        // Told twice, where it was not known that the first time was heard.
        store.put_run(Arc::clone(&new), None, Some(Arc::clone(&asked))).await.unwrap();
    }
    assert_eq!(store.run(&tenant(), &new.id, Much::Whole, &*any()).unwrap().as_ref(), Some(&*new));
    let look = Connection::open(&path).unwrap();
    let count = |sql: &str| look.query_row(sql, (), |row| row.get::<_, u64>(0)).unwrap();
    assert_eq!(store.replayable(&tenant(), &new.id).unwrap(), Some(Some((*asked).clone())));
    assert_eq!(store.replayable(&tenant(), &id).unwrap(), Some(None));
    assert!(count("SELECT bytes FROM history WHERE runs = 2") > (10 << 20) + answer.len() as u64);
    assert!(!store.forget(u64::MAX >> 1, 0).await.unwrap());
    assert_eq!((count("SELECT bytes + runs FROM history"), count("SELECT count(*) FROM outputs")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_in_one_step_is_bounded_by_what_it_takes() {
    let world = World::new(1).await;
    for _ in 0..5 {
        let Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
        started.end().await.unwrap();
    }
    world.quiet().await;
    world.sql("UPDATE runs SET output = 20 << 20");
    let store = Store::open(&world.dir.path().join("ringfence.db")).unwrap();
    let forget = async || store.forget(u64::MAX >> 1, 0).await.unwrap();
    assert!(forget().await);
    assert_eq!(world.runs().len(), 3);
    while forget().await {}
    assert_eq!(world.runs().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_from_a_history_in_one_step_is_bounded_by_what_it_takes() {
    let world = World::new(1).await;
    let run = async || {
        let Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
        started.end().await.unwrap();
        world.quiet().await;
        world.runs().len()
    };
    while run().await < 20 {}
    // Far more than the bound.
    world.sql("UPDATE runs SET output = 20 << 20");
    assert_eq!([run().await, run().await], [19, 18]);
}
