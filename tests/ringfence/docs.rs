//! The pages that newcomers read: each command behind a `$` is run, and what comes out is what the page says.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::service::House;
use crate::support::WORKER;

/// A command of a page, and the lines that it is said to print. A line with `…` is a pattern; one that is only that
/// stands for any number of lines.
struct Shown {
    command: String,
    expected: Vec<String>,
}

fn shown(page: &str) -> Vec<Shown> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)).unwrap();
    let mut found: Vec<Shown> = Vec::new();
    // How far the last command is to the right: what it prints is below it.
    let mut below: Option<usize> = None;
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        let code = line.trim_start().strip_prefix("$ ").filter(|_| depth >= 4);
        if let Some(command) = code {
            found.push(Shown { command: command.to_owned(), expected: Vec::new() });
            below = Some(depth);
        } else if let Some(depth) = below.filter(|least| depth >= *least && !line.is_empty()) {
            found.last_mut().unwrap().expected.push(line[depth..].to_owned());
        } else {
            below = None;
        }
    }
    found
}

/// A home of its own, in which the sample programs are where the pages say.
struct Place {
    dir: tempfile::TempDir,
    server: Option<(String, String)>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("guests"), dir.path().join("guests")).unwrap();
        std::fs::create_dir(dir.path().join("bin")).unwrap();
        symlink(WORKER, dir.path().join("bin/ringfence")).unwrap();
        Self { dir, server: None }
    }

    /// The same with a service, at the address that all pages have.
    fn with(house: &House) -> Self {
        Self { server: Some((house.url.clone(), house.admin.clone())), ..Self::new() }
    }

    /// One shell for the whole page, as a reader has: marks between tell what came of which command.
    fn said(&self, commands: &[Shown]) -> Vec<String> {
        let mut script = String::new();
        for shown in commands {
            let _ = writeln!(script, "{}\nstatus=$?; printf '\\n%s\\n' '{MARK}'; (exit $status)", shown.command);
        }
        let (url, key) = self.server.clone().unwrap_or_default();
        let script = script.replace("http://127.0.0.1:7070", &url);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.dir.path().join("bin").display());
        let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli-code");
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\nshopt -s expand_aliases\n{script}")])
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", path)
            .env("K", key)
            .env("HOME", self.dir.path())
            .env("RINGFENCE_DATA_DIR", self.dir.path().join("data"))
            .env("RINGFENCE_CACHE_DIR", cache)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let marked = format!("\n{MARK}\n");
        text.split(&marked).map(str::to_owned).collect()
    }
}

const MARK: &str = "--- the next command of the page ---";

fn matches_line(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn matches(expected: &[String], lines: &[&str]) -> bool {
    match (expected.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((pattern, left)), _) if pattern == "…" => {
            (0..=lines.len()).any(|skipped| matches(left, &lines[skipped..]))
        }
        (Some((pattern, left)), Some((line, others))) => matches_line(pattern, line) && matches(left, others),
        _ => false,
    }
}

fn holds(page: &str, place: &Place) {
    let commands = shown(page);
    assert!(commands.len() > 5, "{page} shows commands");
    let said = tokio::task::block_in_place(|| place.said(&commands));
    for (shown, said) in commands.iter().zip(&said) {
        let lines: Vec<&str> = said.trim_end_matches('\n').lines().collect();
        assert!(
            matches(&shown.expected, &lines),
            "{page}: $ {}\nsays:\n{said}\nnot: {:#?}",
            shown.command,
            shown.expected
        );
    }
    assert!(said.len() > commands.len(), "{page}: the last commands were not reached");
}

/// What a page shows of native commands is tried where there is a fence for them.
async fn with_fence(page: &'static str) {
    if crate::backends::world::here().await.is_some() {
        holds(page, &Place::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_does_what_it_says() {
    with_fence("quickstart.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_helps_in_trouble_does_what_it_says() {
    with_fence("troubleshooting.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_security_guide_does_what_it_says() {
    with_fence("security.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_guide_does_what_it_says() {
    let house = House::new().await;
    holds("api.md", &Place::with(&house));
}

#[test]
fn a_line_that_differs_is_seen() {
    let expected = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert!(matches(&expected(&["a … c", "…", "z"]), &["a b c", "x", "y", "z"]));
    for wrong in [&["a b d", "z"][..], &["a b c"], &["a b c", "z", "more"], &[]] {
        assert!(!matches(&expected(&["a … c", "…", "z"]), wrong), "{wrong:?}");
    }
}
