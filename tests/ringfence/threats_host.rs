//! E17 to E20 of the threat list: the cache of compiled code, many submissions, callers that go away, any input.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence::engine::{Build, Engine, Origin, Program, RunRequest};
use ringfence::model::{Grants, Mode, Outcome};
use serde_json::json;

use crate::support::{ADD, assert_well, call, hostile, limits, settings};

struct Cache {
    dir: tempfile::TempDir,
}

impl Cache {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("code")
    }

    /// A process that starts anew: nothing in memory, this folder on disk.
    fn engine(&self) -> Engine {
        let mut settings = settings();
        settings.cache_dir = Some(self.path());
        Engine::new(settings).unwrap()
    }

    async fn load(&self) -> Arc<Program> {
        self.engine().load(ADD.as_bytes(), Build::of(&limits(), Mode::Ordinary)).await.unwrap()
    }

    fn file(&self, end: &str) -> PathBuf {
        let mut files: Vec<_> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == end))
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

#[track_caller]
fn assert_compiled_anew(program: &Program, why: &str) {
    match program.origin() {
        Origin::Compiled { rejected: Some(reason) } => assert!(reason.contains(why), "{reason}"),
        other => panic!("expected code to be rejected for {why}, got {other:?}"),
    }
}

#[tokio::test]
async fn e17_code_that_is_whole_and_ours_is_loaded() {
    let cache = Cache::new();
    assert_eq!(*cache.load().await.origin(), Origin::Compiled { rejected: None });
    assert!(matches!(cache.load().await.origin(), Origin::Cache { .. }));
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn e17_edited_and_truncated_code_is_never_loaded() {
    let cache = Cache::new();
    cache.load().await;
    let half = std::fs::metadata(cache.file("code")).unwrap().len() as usize / 2;
    type Change = Box<dyn FnOnce(&mut Vec<u8>)>;
    let changes: [Change; 4] = [
        Box::new(move |bytes| bytes[half] ^= 1),
        Box::new(|bytes| *bytes.last_mut().unwrap() ^= 0x80),
        Box::new(move |bytes| bytes.truncate(half)),
        Box::new(|bytes| bytes.push(0)),
    ];
    for change in changes {
        edit(&cache.file("code"), change);
        assert_compiled_anew(&*cache.load().await, "not what was written");
        // What was compiled anew has taken its place.
        assert!(matches!(cache.load().await.origin(), Origin::Cache { .. }));
    }
}

#[tokio::test]
async fn e17_forged_and_swapped_entries_are_never_loaded() {
    let cache = Cache::new();
    cache.load().await;
    edit(&cache.file("entry"), |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap().replace("\"text\":true", "\"text\":false");
        *bytes = text.into_bytes();
    });
    assert_compiled_anew(&*cache.load().await, "not sealed");
    edit(&cache.file("entry"), |bytes| bytes.truncate(10));
    assert_compiled_anew(&*cache.load().await, "damaged");

    // An entry of another program, honestly sealed, under this program's name.
    let other = Cache { dir: tempfile::tempdir().unwrap() };
    std::fs::create_dir(other.path()).unwrap();
    std::fs::set_permissions(other.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::copy(cache.path().join("key"), other.path().join("key")).unwrap();
    let program = ADD.replace("i32.add", "i32.sub");
    other.engine().load(program.into_bytes(), Build::of(&limits(), Mode::Ordinary)).await.unwrap();
    std::fs::copy(other.file("entry"), cache.file("entry")).unwrap();
    assert_compiled_anew(&*cache.load().await, "another program");

    // Code of another host: another key.
    let foreign = Cache::new();
    foreign.load().await;
    std::fs::copy(foreign.file("entry"), cache.file("entry")).unwrap();
    assert_compiled_anew(&*cache.load().await, "not sealed");
    let engine = cache.engine();
    let program = engine.load(ADD.as_bytes(), Build::of(&limits(), Mode::Ordinary)).await.unwrap();
    let report = engine.run(&program, request()).await.unwrap();
    // A program of another engine is refused: nobody would hold its deadline.
    assert_eq!(cache.engine().run(&program, request()).await.unwrap_err().code(), "other_build");
    assert_eq!(report.outcome, Outcome::Returned { value: 5.into() });
}

fn request() -> RunRequest {
    RunRequest::new(call("add", json!([2, 3])), limits(), Grants::default())
}

#[tokio::test]
async fn e17_links_and_files_that_others_can_write_are_never_loaded() {
    let cache = Cache::new();
    cache.load().await;
    for end in ["code", "entry"] {
        std::fs::set_permissions(cache.file(end), std::fs::Permissions::from_mode(0o666)).unwrap();
        assert_compiled_anew(&*cache.load().await, "others can reach it");
        let (file, aside) = (cache.file(end), cache.dir.path().join("aside"));
        std::fs::rename(&file, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &file).unwrap();
        assert_compiled_anew(&*cache.load().await, "cannot be opened");
    }
}

#[tokio::test]
async fn e17_files_of_another_user_are_never_loaded() {
    let cache = Cache::new();
    cache.load().await;
    if std::os::unix::fs::chown(cache.file("code"), Some(12_345), None).is_err() {
        eprintln!("skipped: only root can give a file away");
        return;
    }
    assert_compiled_anew(&*cache.load().await, "belongs to user 12345");
}

#[tokio::test]
async fn e17_a_folder_that_others_can_reach_is_refused() {
    let cache = Cache::new();
    std::fs::create_dir(cache.path()).unwrap();
    std::fs::set_permissions(cache.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut settings = settings();
    settings.cache_dir = Some(cache.path());
    let Err(error) = Engine::new(settings) else { panic!("it was used") };
    assert_eq!(error.code(), "cache_unusable");
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

/// A stranger cannot make the host say that its cache was tampered with.
#[tokio::test]
async fn e17_what_cannot_be_linked_is_not_kept() {
    let cache = Cache::new();
    let mut types = String::from("(type $t0 (tuple u8 u8))");
    for level in 1..16 {
        types += &format!("(type $t{level} (tuple $t{0} $t{0}))", level - 1);
    }
    let text = format!(
        r#"(component (core module $m (memory (export "memory") 1) (func (export "f") (result i32) i32.const 0))
        (core instance $i (instantiate $m)) {types}
        (func (export "f") (result $t15) (canon lift (core func $i "f") (memory $i "memory"))))"#
    );
    for _ in 0..2 {
        let build = Build::of(&limits(), Mode::Ordinary);
        let error = cache.engine().load(text.clone().into_bytes(), build).await.unwrap_err();
        assert_eq!(error.code(), "too_demanding");
        let kept = std::fs::read_dir(cache.path()).unwrap().map(|file| file.unwrap().path());
        assert_eq!(kept.filter(|path| path.extension().is_some_and(|end| end == "entry")).count(), 0);
    }
}

#[tokio::test]
async fn e17_a_crash_between_the_writes_leaves_a_cache_that_works() {
    let cache = Cache::new();
    cache.load().await;
    std::fs::remove_file(cache.file("entry")).unwrap();
    std::fs::write(cache.path().join("half.tmp"), "half").unwrap();
    assert_eq!(*cache.load().await.origin(), Origin::Compiled { rejected: None });
    std::fs::remove_file(cache.file("code")).unwrap();
    assert_compiled_anew(&*cache.load().await, "missing");
    assert!(matches!(cache.load().await.origin(), Origin::Cache { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e18_a_program_is_compiled_once_however_often_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let worker = dir.path().join("worker");
    let script = format!("#!/bin/sh\necho x >> {}\nexec {} \"$@\"\n", log.display(), crate::support::WORKER);
    std::fs::write(&worker, script).unwrap();
    std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut settings = settings();
    settings.cache_dir = None;
    settings.worker = worker;
    let engine = Engine::new(settings).unwrap();
    let build = Build::of(&limits(), Mode::Ordinary);
    let sent: Vec<_> = (0..10_000)
        .map(|n| {
            let engine = engine.clone();
            // Ten thousand submissions of four programs.
            let text = ADD.replace("i32.add))", &format!("i32.add i32.const {} i32.add))", n % 4));
            tokio::spawn(
                async move { engine.load(text.into_bytes(), build).await.map(|program| program.origin().clone()) },
            )
        })
        .collect();
    for task in sent {
        task.await.unwrap().unwrap();
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 4);
}

/// Different programs at once: no more compilers than are allowed, and what does not fit in the line is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e18_compilations_are_bounded_and_so_is_the_line_before_them() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let worker = dir.path().join("worker");
    let (log_path, real) = (log.display(), crate::support::WORKER);
    let script = format!("#!/bin/sh\necho + >> {log_path}\n{real} \"$@\"\ncode=$?\necho - >> {log_path}\nexit $code\n");
    std::fs::write(&worker, script).unwrap();
    std::fs::set_permissions(&worker, std::fs::Permissions::from_mode(0o755)).unwrap();
    let submit = async |waiting_bytes: u64| {
        let mut settings = settings();
        settings.cache_dir = None;
        settings.compilations = 2;
        settings.waiting_bytes = waiting_bytes;
        settings.worker = worker.clone();
        let engine = Engine::new(settings).unwrap();
        let build = Build::of(&limits(), Mode::Ordinary);
        let sent: Vec<_> = (0..40)
            .map(|n| {
                let engine = engine.clone();
                let text = ADD.replace("i32.add))", &format!("i32.add i32.const {n} i32.add))"));
                tokio::spawn(async move { engine.load(text.into_bytes(), build).await.map(|_| ()) })
            })
            .collect();
        let mut results = Vec::new();
        for task in sent {
            results.push(task.await.unwrap());
        }
        results
    };
    assert!(submit(1 << 20).await.iter().all(Result::is_ok));
    let text = std::fs::read_to_string(&log).unwrap();
    let (mut now, mut most) = (0, 0);
    for line in text.lines() {
        now += if line == "+" { 1 } else { -1 };
        most = most.max(now);
    }
    assert_eq!((text.lines().count(), now), (80, 0));
    assert_eq!(most, 2, "compilers at one time");

    let results = submit(10 << 10).await;
    let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert!(done.len() >= 10 && !refused.is_empty(), "{} done, {} refused", done.len(), refused.len());
    assert!(refused.into_iter().all(|result| result.unwrap_err().code() == "busy"));
}

/// Who goes away while a program is compiled, started or run leaves the rest as it was.
#[tokio::test]
async fn e19_a_caller_that_goes_away_leaves_nothing_running() {
    let mut settings = settings();
    settings.cache_dir = None;
    settings.concurrent_runs = 1;
    let engine = Engine::new(settings).unwrap();
    let build = Build::of(&limits(), Mode::Ordinary);
    let soon = std::time::Duration::from_millis(5);

    let body: String = "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 7)) (i32.const 3)))".repeat(200_000);
    let giant = format!("(component (core module (func (local i32) {body})))");
    assert!(tokio::time::timeout(soon, engine.load(giant.into_bytes(), build)).await.is_err());
    // The one place for compiling is free again.
    let program = engine.load(hostile("wait"), build).await.unwrap();

    for (function, args) in [("sleep", json!([3_600_000_000_000_u64])), ("naps", json!([])), ("ask", json!([]))] {
        let mut request = RunRequest::new(call(function, args), limits(), Grants::clocks_and_randomness());
        request.limits.fuel = i64::MAX as u64;
        assert!(tokio::time::timeout(soon, engine.run(&program, request)).await.is_err(), "{function}");
        // The one place for running is free again.
        let request = RunRequest::new(call("sleep", json!([1])), limits(), Grants::clocks_and_randomness());
        assert_eq!(engine.run(&program, request).await.unwrap().outcome.kind(), "returned");
    }
}

/// A bug of the host's own, in a place that a guest reaches, costs that run only.
#[tokio::test]
async fn e20_a_panic_costs_one_run() {
    let program = crate::support::load(crate::support::guest("hello")).await;
    let mut request = RunRequest::new(crate::support::command(), limits(), Grants::clocks_and_randomness());
    request.listener = Some(Arc::new(|_, _: &[u8]| panic!("a bug of ours")));
    let error = crate::support::engine().run(&program, request).await.unwrap_err();
    assert_eq!(error.code(), "internal");
    assert!(error.to_string().contains("a bug of ours"));
    assert_well().await;
}
