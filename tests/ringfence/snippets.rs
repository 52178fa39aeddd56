//! Snippets of Python and JavaScript in whole interpreters, as their users meet them.

mod attacks;
mod beside_node;
mod callers;
mod cli;
mod corpus;
mod ends;
mod fenced;
mod forks;
mod hashes;
mod language;
mod library;
mod native;
mod reach;
mod recursion;
mod service;
pub(crate) mod sessions;
mod snapshots;
mod states;
mod test262;
pub mod tool_calls;
mod tools;
mod whole;

use std::sync::Arc;

use ringfence::engine::{Build, Entry, Program, RunRequest, Snippet};
use ringfence::fs_policy::Policy;
use ringfence::model::{Answer, Grants, LimitName, Limits, Mode, Outcome, Preset, Report};
use ringfence::runtimes::Shelf;
use tokio::sync::OnceCell;

use crate::support::{engine, guest};

/// The runtime of a language, compiled once for all tests.
async fn runtime(language: &str) -> Arc<Program> {
    static READY: [OnceCell<Arc<Program>>; 2] = [const { OnceCell::const_new() }; 2];
    let place = &READY[usize::from(language == "javascript")];
    let load = async || {
        let build = Build::of(&Preset::Medium.limits(), Mode::Ordinary);
        engine().load(guest(&format!("{language}-runtime")), build).await.unwrap()
    };
    Arc::clone(place.get_or_init(load).await)
}

/// A shelf with both, in a data folder.
pub(crate) async fn shelved(data: &std::path::Path) {
    for language in ["python", "javascript"] {
        runtime(language).await;
        Shelf::of(data).add(&language.parse().unwrap(), &guest(&format!("{language}-runtime")), None).unwrap();
    }
}

fn limits(set: &[(LimitName, u64)]) -> Limits {
    let mut limits = Preset::Medium.limits();
    for (name, value) in set {
        limits.set(*name, *value);
    }
    limits
}

fn request(code: &str) -> RunRequest {
    let snippet =
        Snippet { code: code.to_owned(), filename: String::new(), variables: String::new(), value_bytes: 64 << 10 };
    RunRequest::new(Entry::Snippet(snippet), limits(&[]), Grants::clocks_and_randomness())
}

async fn run(language: &str, request: RunRequest) -> Report {
    engine().run(&*runtime(language).await, request).await.unwrap()
}

async fn python(code: &str) -> Report {
    run("python", request(code)).await
}

async fn javascript(code: &str) -> Report {
    run("javascript", request(code)).await
}

#[track_caller]
fn answer(report: &Report) -> (u8, Answer) {
    match &report.outcome {
        Outcome::Answered { code, answer } => (*code, serde_json::from_str(answer.text()).unwrap()),
        other => panic!("{other:?}: {report:?}"),
    }
}

/// What a snippet failed with: its name, its words, its line.
#[track_caller]
fn failure(report: &Report) -> (String, String, Option<u32>) {
    let (code, answer) = answer(report);
    let error = answer.error.unwrap_or_else(|| panic!("it did not fail: {report:?}"));
    assert_eq!(code, 1);
    (error.name, error.value, error.line)
}

#[track_caller]
fn text(report: &Report) -> String {
    let (_, answer) = answer(report);
    assert_eq!(answer.error, None, "{report:?}");
    answer.value.map(|value| value.text).unwrap_or_default()
}

fn stdout(report: &Report) -> String {
    String::from_utf8(report.stdout.bytes.clone()).unwrap()
}

fn mount(folder: &std::path::Path, policy: Policy) -> ringfence::engine::Mount {
    ringfence::engine::Mount {
        host: folder.to_owned(),
        guest: "/workspace".into(),
        policy: Arc::new(policy),
        copy_on_write: None,
    }
}
