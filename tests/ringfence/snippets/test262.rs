//! The tests of ECMA-262: what `docs/compatibility.md` says of a part of its sample is what comes of it (`tests/compat`).

use std::collections::{BTreeMap, BTreeSet};

use ringfence::engine::{Entry, RunRequest, Snippet};
use ringfence::model::{LimitName, Outcome, Report};
use serde::Deserialize;

use super::library::{here, policy, tools};
use super::{answer, limits, mount, request, run, stdout};

/// `make compat` runs all of them.
const EVERY: usize = 4;

/// What `tests/compat/test262.py --fetch` keeps.
#[derive(Deserialize)]
struct Library {
    harness: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    code: String,
    includes: Vec<String>,
    modes: Vec<String>,
    /// The error that it must end with.
    negative: Option<String>,
    #[serde(rename = "async")]
    says_when_done: bool,
    skip: Option<String>,
}

fn library() -> Library {
    let text = std::fs::read_to_string(tools("test262").join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The names of those that fail, as the page says.
fn told() -> BTreeSet<String> {
    let page = std::fs::read_to_string(here("docs/compatibility.md")).unwrap();
    let (_, list) = page.split_once("\n## test262: ").unwrap();
    let (_, failures) = list.split_once("\n### What fails").unwrap();
    let name = |line: &str| Some(line.strip_prefix("  - `")?.strip_suffix('`')?.to_owned());
    failures.lines().filter_map(name).collect()
}

/// The snippet that a test is.
fn asked(library: &Library, case: &Case, mode: &str) -> RunRequest {
    let harness: Vec<&str> = case.includes.iter().map(|name| library.harness[name].as_str()).collect();
    let before = harness.join("\n");
    let code = match mode {
        "module" => format!("{before}\nawait import({:?});", format!("/workspace/{}", case.name)),
        "strict" => format!("'use strict';\n{before}\n{}", case.code),
        _ if before.is_empty() => case.code.clone(),
        _ => format!("{before}\n{}", case.code),
    };
    let mut asked = request("");
    asked.entry =
        Entry::Snippet(Snippet { code, filename: "test.js".into(), variables: String::new(), value_bytes: 4096 });
    asked.mounts = vec![mount(&tools("test262").join("modules"), policy("/**:read"))];
    asked.limits = limits(&[
        (LimitName::DeadlineMs, 60_000),
        (LimitName::Fuel, 1_000_000_000_000),
        (LimitName::MemoryBytes, 256 << 20),
    ]);
    asked
}

/// Nothing, or what is wrong.
fn judged(case: &Case, report: &Report) -> Option<String> {
    let Outcome::Answered { .. } = &report.outcome else { return Some(format!("{:?}", report.outcome)) };
    let error = answer(report).1.error;
    let words = error.as_ref().map(|error| format!("{}: {}", error.name, error.value));
    match (&case.negative, error) {
        (Some(wanted), Some(error)) if error.name == *wanted || error.value.starts_with(wanted.as_str()) => None,
        (Some(wanted), _) => Some(format!("{wanted} is expected, not {words:?}")),
        (None, Some(_)) => words,
        (None, None) if case.says_when_done && !stdout(report).contains("Test262:AsyncTestComplete") => {
            Some(format!("it does not say that it is done: {:?}", stdout(report)))
        }
        (None, None) => None,
    }
}

/// In each of its modes; the first that is wrong.
async fn wrong_with(library: &Library, case: &Case) -> Option<String> {
    for mode in &case.modes {
        let report = run("javascript", asked(library, case, mode)).await;
        if let Some(wrong) = judged(case, &report) {
            return Some(format!("{mode}: {wrong}"));
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_of_test262_goes_on_passing() {
    let (library, told) = (library(), told());
    let (mut passed, mut wrong) = (0, Vec::new());
    for case in library.cases.iter().step_by(EVERY).filter(|case| case.skip.is_none()) {
        match (wrong_with(&library, case).await, told.contains(&case.name)) {
            (None, false) => passed += 1,
            (Some(_), true) => {}
            (Some(words), false) => wrong.push(format!("{}: {words}", case.name)),
            (None, true) => wrong.push(format!("{}: it passes, and the page says that it fails", case.name)),
        }
    }
    assert!(wrong.is_empty(), "`make compat` writes the page anew:\n{}", wrong.join("\n"));
    assert!(passed > 550, "{passed}");
}

#[test]
fn the_page_tells_of_no_test_that_is_not_there() {
    let names: BTreeSet<_> = library().cases.into_iter().map(|case| case.name).collect();
    let unknown: Vec<_> = told().into_iter().filter(|name| !names.contains(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
