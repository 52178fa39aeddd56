//! C06 of the threat list, and what snapshots are for: runtimes that begin after a set-up.

use std::sync::Arc;

use ringfence::engine::{Build, EngineError, Program, Refusal, RunRequest, Snapshot, Unsaved};
use ringfence::fs_policy::{Level, Policy};
use ringfence::model::{Digest, LimitName, Mode, Outcome, Preset, Report};

use super::{failure, limits, mount, request, runtime, stdout, text};
use crate::support::{assert_limit, assert_well, engine, guest};

async fn snapshot(language: &str, request: RunRequest) -> Snapshot {
    let bytes = guest(&format!("{language}-runtime"));
    engine().snapshot(&*runtime(language).await, bytes, request).await.unwrap()
}

#[track_caller]
fn component(snapshot: Snapshot) -> Vec<u8> {
    let report = format!("{:?}", snapshot.report);
    snapshot.component.unwrap_or_else(|| panic!("{report}")).unwrap()
}

async fn load(component: Vec<u8>) -> Arc<Program> {
    engine().load(component, Build::of(&Preset::Medium.limits(), Mode::Ordinary)).await.unwrap()
}

async fn run(program: &Program, code: &str) -> Report {
    engine().run(program, request(code)).await.unwrap()
}

/// One of Python for all that is asked of it: to compile it takes half a minute.
#[tokio::test]
async fn a_snippet_begins_after_the_set_up_of_its_runtime_and_afresh_each_time() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prices.txt"), "1 2 3").unwrap();
    let setup = "import os, random, sys, time, colorsys\nprint('setting up')\n\
        with open('prices.txt') as file: prices = [int(p) for p in file.read().split()]\n\
        began, then, drawn = time.time(), os.environ['WHEN'], random.random()\n\
        kept = {'words': {str(n): n for n in range(1000)}}\n\
        def average(): return sum(prices) / len(prices)\n\
        class Poison(Exception): pass\nimport atexit\n\
        class Held:\n    def __del__(self): print('let go')\nheld = Held()\n\
        def at_end():\n    if 'noisy' in globals(): print('the end of', len(kept['words']))\natexit.register(at_end)\n\
        sys.modules['json'] = 'poison'\ncolorsys.ONE_THIRD = 0\n";
    let mut asked = request(setup);
    asked.mounts = vec![mount(folder.path(), Policy::all(Level::Write))];
    asked.grants.env = vec![("WHEN".to_owned(), "then".to_owned())];
    let made = snapshot("python", asked).await;
    assert_eq!(stdout(&made.report), "setting up\n");
    let bytes = component(made);
    let digest = Digest::of(&bytes);
    let program = load(bytes.clone()).await;
    assert_eq!(program.description().digest, digest);
    assert!(program.is_runtime());
    let callable = program.description().callable();
    assert!(!callable.iter().any(|name| name.contains("doors")), "{callable:?}");

    let report =
        run(&program, "print('here', then)\n[average(), 'colorsys' in sys.modules, kept['words']['999']]").await;
    assert_eq!((stdout(&report).as_str(), text(&report).as_str()), ("here then\n", "[2.0, True, 999]"));
    // What it left can be let go of.
    assert_eq!(stdout(&run(&program, "del held\nprint('after')").await), "let go\nafter\n");
    assert_eq!(stdout(&run(&program, "print('before')\nheld = None").await), "before\nlet go\n");
    // Its functions for the exit are those of each run; what it left is there for them, and goes with the instance.
    assert_eq!(stdout(&run(&program, "noisy = object()").await), "the end of 1000\n");
    // Its files are gone with it, and its environment; the time is now.
    assert_eq!(failure(&run(&program, "open('prices.txt')").await).0, "FileNotFoundError");
    let report = run(&program, "[os.environ.get('WHEN'), 0 < time.time() - began < 600, 1]").await;
    assert_eq!(text(&report), "[None, True, 1]");
    let mut asked = request("[os.environ['WHEN'], open('prices.txt').read(), os.getcwd()]");
    asked.mounts = vec![mount(folder.path(), Policy::all(Level::Write))];
    asked.grants.env = vec![("WHEN".to_owned(), "now".to_owned())];
    assert_eq!(text(&engine().run(&program, asked).await.unwrap()), "['now', '1 2 3', '/workspace']");
    // Nothing goes from one run to the next, and no two draw the same.
    run(&program, "prices.clear(); kept.clear(); average = None").await;
    let draw = "import secrets, uuid\n[average(), random.random(), secrets.token_hex(8), str(uuid.uuid4()), drawn]";
    let (one, two) = (text(&run(&program, draw).await), text(&run(&program, draw).await));
    assert!(one.starts_with("[2.0, ") && one != two, "{one} {two}");
    let (one, two): (Vec<_>, Vec<_>) = (one.split(", ").collect(), two.split(", ").collect());
    assert!(one[1] != two[1] && one[2] != two[2] && one[3] != two[3] && one[4] == two[4], "{one:?} {two:?}");
    // What the set-up poisoned is poison in the runs of this runtime, and nowhere else.
    assert_eq!(text(&run(&program, "import json\n[json, colorsys.ONE_THIRD]").await), "['poison', 0]");
    let report =
        super::python("import json, colorsys\n[type(json).__name__, colorsys.ONE_THIRD > 0, 'prices' in globals()]")
            .await;
    assert_eq!(text(&report), "['module', True, False]");
    assert_eq!(
        failure(&run(&program, "def f():\n  raise Poison(1)\nf()").await),
        ("Poison".into(), "1".into(), Some(2))
    );
    assert_well().await;
}

#[tokio::test]
async fn javascript_has_snapshots_too_and_snapshots_of_snapshots() {
    let first =
        component(snapshot("javascript", request("let n = 1; const table = { a: [1, 2] }; console.log('once')")).await);
    let program = load(first.clone()).await;
    assert_eq!(text(&run(&program, "n++; console.log('each'); [n, table.a.length]").await), "[ 2, 2 ]");
    assert_eq!(text(&run(&program, "n").await), "1");
    let second =
        engine().snapshot(&program, first, request("n = 40; const more = () => n + table.a[1]")).await.unwrap();
    let second = load(component(second)).await;
    assert_eq!(text(&run(&second, "more()").await), "42");
    assert_eq!(text(&run(&program, "typeof more + n").await), "'undefined1'");
    let draw = "[Math.random(), crypto.randomUUID(), Date.now()].join()";
    assert_ne!(text(&run(&second, draw).await), text(&run(&second, draw).await));
}

/// The engine's own generator was seeded while the image was made, and so would a copy of ours be: each alone must differ.
#[tokio::test]
async fn no_two_starts_of_a_javascript_snapshot_draw_the_same() {
    let set_up = "const drawn = Math.random(); const kept = Math.random";
    let program = load(component(snapshot("javascript", request(set_up)).await)).await;
    let draw = async |code: &str| text(&run(&program, code).await);
    for code in ["Math.random()", "kept()", "crypto.getRandomValues(new Uint8Array(8)).join()", "crypto.randomUUID()"] {
        let (one, two) = (draw(code).await, draw(code).await);
        assert_ne!(one, two, "{code}");
    }
    assert_eq!(draw("new Set(Array.from({ length: 100 }, Math.random)).size").await, "100");
    assert_eq!(draw("drawn").await, draw("drawn").await, "what the set-up drew is its own");
}

#[tokio::test]
async fn a_set_up_that_does_not_end_well_makes_no_snapshot() {
    for (language, code) in [("python", "x = 1\nraise ValueError('no')"), ("javascript", "throw new TypeError('no')")] {
        let made = snapshot(language, request(code)).await;
        assert!(made.component.is_none());
        assert!(["ValueError", "TypeError"].contains(&failure(&made.report).0.as_str()));
    }
    let exited = snapshot("python", request("import sys; sys.exit(3)")).await;
    assert!(matches!(exited.report.outcome, Outcome::Answered { code: 3, .. }) && exited.component.is_none());
    let ended = snapshot("python", request("import os; os._exit(0)")).await;
    assert!(matches!(ended.report.outcome, Outcome::Exited { code: 0 }) && ended.component.is_none(), "{ended:?}");
    let mut endless = request("while True: pass");
    endless.limits = limits(&[(LimitName::DeadlineMs, 300)]);
    let made = snapshot("python", endless).await;
    assert!(matches!(made.report.outcome, Outcome::DeadlineExceeded { .. }) && made.component.is_none());
    let mut flood = request("while True: print('x' * 1000)");
    flood.limits = limits(&[(LimitName::StdoutBytes, 10_000)]);
    let made = snapshot("python", flood).await;
    assert_limit(&made.report, LimitName::StdoutBytes);
    assert!(made.component.is_none());
    assert_well().await;
}

/// What runs while the runtime comes to rest is the guest's as well.
#[tokio::test]
async fn a_set_up_that_lies_in_wait_is_ended_where_it_strikes() {
    let mut wait = request("class Wait:\n  def __del__(self):\n    while True: pass\nw = Wait(); w.w = w; del w");
    wait.limits = limits(&[(LimitName::DeadlineMs, 1_000)]);
    let made = snapshot("python", wait).await;
    assert!(matches!(made.report.outcome, Outcome::DeadlineExceeded { .. }) && made.component.is_none(), "{made:?}");
}

#[tokio::test]
async fn files_that_are_open_at_the_end_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for code in ["file = open('notes.txt', 'w')", "import os\nfd = os.open('notes.txt', os.O_CREAT | os.O_RDWR)"] {
        let mut asked = request(code);
        asked.mounts = vec![mount(folder.path(), Policy::all(Level::Write))];
        match snapshot("python", asked).await.component {
            Some(Err(Unsaved::Refused(reason))) => assert!(reason.contains("notes.txt"), "{reason}"),
            other => panic!("{code}: {other:?}"),
        }
    }
}

/// The host never holds more of it than the run may have memory, and what comes out is bounded as every program is.
#[tokio::test]
async fn a_set_up_that_makes_too_much_is_told_so() {
    let code = "const kept = []; for (let i = 0; i < 40; i++) kept.push(new Uint8Array(1 << 20).fill(1 + i))";
    let mut small = request(code);
    small.limits = limits(&[(LimitName::MemoryBytes, 16 << 20)]);
    assert_eq!(failure(&snapshot("javascript", small).await.report).0, "InternalError");
    let mut settings = crate::support::settings();
    settings.module_bytes = 16 << 20;
    let tight = ringfence::engine::Engine::new(settings).unwrap();
    let bytes = guest("javascript-runtime");
    let program = tight.load(bytes.clone(), Build::of(&limits(&[]), Mode::Ordinary)).await.unwrap();
    match tight.snapshot(&program, bytes, request(code)).await {
        Err(EngineError::Refused(Refusal::TooLarge { bytes, limit })) => {
            assert!(bytes > 40 << 20 && limit == 16 << 20, "{bytes}");
        }
        other => panic!("{other:?}"),
    }
    assert_well().await;
}

#[tokio::test]
async fn the_doors_to_the_state_are_for_no_caller() {
    for language in ["python", "javascript"] {
        let program = runtime(language).await;
        let description = serde_json::to_string(program.description()).unwrap();
        assert!(!description.contains("doors") && !description.contains("wizer"), "{language}");
        for name in ["ringfence:engine/doors#tell", "doors#write0", "write0", "aim", "let-go"] {
            let entry = ringfence::engine::Entry::Call { function: name.into(), args: serde_json::json!([0]) };
            let asked = RunRequest { entry, ..request("") };
            let error = engine().run(&program, asked).await.unwrap_err();
            assert_eq!(error.code(), "no_function", "{language} {name}");
        }
    }
}
