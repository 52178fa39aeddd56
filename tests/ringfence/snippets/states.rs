//! States of runtimes that others go on from: forks, parking, going back.

use std::sync::Arc;

use ringfence::engine::{Program, RunRequest, Saved, Unsaved};
use ringfence::fs_policy::{Level, Policy};
use ringfence::model::{LimitName, Outcome, Report};

use super::{failure, limits, mount, request, runtime, stdout, text};
use crate::support::{assert_well, engine};

const MOST: u64 = 64 << 20;

async fn save(program: &Program, request: RunRequest, limit: u64) -> (Report, Option<Result<Saved, Unsaved>>) {
    engine().run_and_save(program, request, limit).await.unwrap()
}

async fn saved(language: &str, request: RunRequest) -> Arc<Saved> {
    let (report, state) = save(&*runtime(language).await, request, MOST).await;
    Arc::new(state.unwrap_or_else(|| panic!("{report:?}")).unwrap())
}

fn from(state: &Arc<Saved>, code: &str) -> RunRequest {
    RunRequest { state: Some(Arc::clone(state)), ..request(code) }
}

async fn go_on(language: &str, state: &Arc<Saved>, code: &str) -> Report {
    super::run(language, from(state, code)).await
}

#[tokio::test]
async fn two_that_go_on_from_one_state_go_separate_ways() {
    for (language, begin, one, two) in [
        (
            "python",
            "import decimal\nnotes = ['milk']\ndef add(note): notes.append(note); return notes\nprint('began')",
            "print('one'); add('bread')",
            "print('two'); add('eggs')",
        ),
        (
            "javascript",
            "const notes = ['milk']; const add = note => { notes.push(note); return notes }; console.log('began')",
            "console.log('one'); add('bread')",
            "console.log('two'); add('eggs')",
        ),
    ] {
        let state = saved(language, request(begin)).await;
        assert!(state.bytes() < 16 << 20, "{language}: {}", state.bytes());
        for _ in 0..2 {
            let report = go_on(language, &state, one).await;
            assert_eq!(stdout(&report), "one\n");
            assert!(text(&report).contains("'milk', 'bread'"), "{report:?}");
            let report = go_on(language, &state, two).await;
            assert!(stdout(&report) == "two\n" && text(&report).contains("'milk', 'eggs'"), "{report:?}");
        }
        // A state of a state.
        let later = saved(language, from(&state, one)).await;
        let report = go_on(language, &later, two).await;
        assert!(text(&report).contains("'milk', 'bread', 'eggs'"), "{report:?}");
    }
    let state = saved("python", request("import random, secrets")).await;
    let draw = "[random.random(), secrets.token_hex(8)]";
    assert_ne!(text(&go_on("python", &state, draw).await), text(&go_on("python", &state, draw).await));
    assert_well().await;
}

#[tokio::test]
async fn a_state_has_its_files_and_environment_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "milk").unwrap();
    let with_folder = |mut asked: RunRequest, value: &str| {
        asked.mounts = vec![mount(folder.path(), Policy::all(Level::Write))];
        asked.grants.env = vec![("WHO".to_owned(), value.to_owned())];
        asked
    };
    let state = saved("python", with_folder(request("import os\ntold = open('a.txt').read()"), "first")).await;
    let code = "[told, open('a.txt').read(), os.environ['WHO'], os.listdir()]";
    let report = super::run("python", with_folder(from(&state, code), "second")).await;
    assert_eq!(text(&report), "['milk', 'milk', 'second', ['a.txt']]");
    assert_eq!(failure(&go_on("python", &state, "open('a.txt')").await).0, "FileNotFoundError");
    let asked = with_folder(request("file = open('a.txt')"), "x");
    match save(&*runtime("python").await, asked, MOST).await.1 {
        Some(Err(Unsaved::Refused(reason))) => assert!(reason.contains("a.txt"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_state_is_bounded_and_goes_on_only_where_it_fits() {
    let program = runtime("javascript").await;
    let large = "const kept = new Uint8Array(20 << 20).fill(1); kept.length";
    match save(&program, request(large), 4 << 20).await.1 {
        Some(Err(reason @ Unsaved::TooLarge { limit })) => {
            assert!(limit == 4 << 20 && reason.code() == "state_too_large")
        }
        other => panic!("{other:?}"),
    }
    let state = saved("javascript", request(large)).await;
    assert!(state.bytes() > 20 << 20 && state.bytes() < 24 << 20, "{}", state.bytes());
    assert_eq!(text(&go_on("javascript", &state, "kept[kept.length - 1] + kept.length").await), "20971521");
    let mut small = from(&state, "1");
    small.limits = limits(&[(LimitName::MemoryBytes, 8 << 20)]);
    let report = super::run("javascript", small).await;
    assert!(matches!(report.outcome, Outcome::OutOfMemory { .. }), "{report:?}");
    let asked = from(&state, "1");
    let error = engine().run(&*runtime("python").await, asked).await.unwrap_err();
    assert_eq!(error.code(), "other_state");
    // Code that failed leaves no state behind.
    assert!(save(&program, request("throw 1"), MOST).await.1.is_none());
}
