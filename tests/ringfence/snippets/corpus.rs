//! Snippets as agents write them (`tests/corpus`), each run here and by the interpreter of the machine: the same output, exit,
//! error and files, all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ringfence::engine::{Entry, RunRequest, Snippet};
use ringfence::fs_policy::Rules;

use super::{answer, mount, request, run, stdout};

const ROOM: &str = "/workspace";

/// What can be told of a snippet from outside.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    code: i32,
    stdout: String,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

struct Case {
    path: PathBuf,
    code: String,
}

fn cases(language: &str) -> Vec<Case> {
    let folder = corpus().join(language);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = paths.map(|path| Case { code: std::fs::read_to_string(&path).unwrap(), path }).collect();
    cases.sort_by(|a, b| a.path.cmp(&b.path));
    cases
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// A workspace of its own with the files that snippets read.
fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(corpus().join("files")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// By the interpreter of this machine, in a folder that stands for the workspace; gives its standard error as well.
fn natively(interpreter: &str, case: &Case) -> (Told, String) {
    let (folder, script) = (workspace(), tempfile::tempdir().unwrap());
    let here = folder.path().to_str().unwrap();
    let script = script.path().join(case.path.file_name().unwrap());
    std::fs::create_dir_all(script.parent().unwrap()).unwrap();
    std::fs::write(&script, case.code.replace(ROOM, here)).unwrap();
    let mut command = Command::new(interpreter);
    command.arg(&script).current_dir(here).stdin(Stdio::null()).env("TZ", "UTC").env("PYTHONUTF8", "1");
    let output = command.output().unwrap_or_else(|error| panic!("{interpreter}: {error}"));
    std::fs::remove_file(&script).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(here, ROOM);
    let told = Told { code: output.status.code().unwrap(), stdout: text(output.stdout), files: files(folder.path()) };
    (told, text(output.stderr))
}

/// In the fence; gives the words of the error as well.
async fn inside(language: &str, case: &Case) -> (Told, Option<String>) {
    let folder = workspace();
    let rules = Rules { preset: None, rules: vec!["/**:write".parse().unwrap()] };
    let mut asked: RunRequest = request("");
    asked.entry = Entry::Snippet(Snippet {
        code: case.code.clone(),
        filename: case.path.file_name().unwrap().to_str().unwrap().to_owned(),
        variables: String::new(),
        value_bytes: 4096,
    });
    asked.mounts = vec![mount(folder.path(), rules.policy(false).unwrap())];
    let report = run(language, asked).await;
    let (code, told) = answer(&report);
    // What a hook of the snippet told of is told nobody else.
    let error = told.error.filter(|error| !error.traceback.is_empty());
    let error = error.map(|error| format!("{}: {}", error.name, error.value));
    (Told { code: code.into(), stdout: stdout(&report), files: files(folder.path()) }, error)
}

/// What differs, for whoever reads the failure of the test.
fn difference(case: &Case, native: &Told, fenced: &Told, words: &str) -> String {
    let name = case.path.file_name().unwrap().to_string_lossy();
    let mut lines = vec![format!("{name}: exit {} natively, {} inside; {words}", native.code, fenced.code)];
    let (mut one, mut two) = (native.stdout.lines(), fenced.stdout.lines());
    loop {
        match (one.next(), two.next()) {
            (None, None) => break,
            (a, b) if a != b => {
                lines.push(format!("  native {:?}\n  inside {:?}", a.unwrap_or_default(), b.unwrap_or_default()));
            }
            _ => {}
        }
    }
    let differs = |path: &&PathBuf| native.files.get(*path) != fenced.files.get(*path);
    lines.extend(native.files.keys().chain(fenced.files.keys()).filter(differs).map(|path| format!("  file {path:?}")));
    lines.truncate(12);
    lines.join("\n")
}

async fn same_as(interpreter: &str, language: &str) {
    let cases = cases(language);
    let mut wrong = Vec::new();
    for case in &cases {
        let (native, said) = natively(interpreter, case);
        let (fenced, error) = inside(language, case).await;
        let told = error.as_ref().is_none_or(|error| said.contains(error.as_str()));
        if native != fenced || !told {
            wrong.push(difference(case, &native, &fenced, &format!("{error:?} where {:?}", said.lines().last())));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn python_as_agents_write_it_answers_as_native_python_does() {
    same_as("python3", "python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_as_agents_write_it_answers_as_node_does() {
    same_as("node", "javascript").await;
}

#[test]
fn the_corpus_is_of_a_hundred_snippets() {
    assert!(cases("python").len() >= 60 && cases("javascript").len() >= 60);
}
