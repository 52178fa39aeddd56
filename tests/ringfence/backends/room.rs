//! What bringing folders back may cost the host, and when nothing is brought back at all.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use ringfence::backends::{Backend, BackendName};
use ringfence::model::{LimitName, Limits, Outcome, Report};

use super::world::{command, gone, here, mount, natives, roomy};
use crate::support::{WORKER, assert_limit, still_patient};

/// A shell in a folder under rules, with so much that it may write.
async fn shell(backend: &Arc<dyn Backend>, dir: &Path, rules: &str, written_bytes: u64, script: &str) -> Report {
    let limits = Limits { written_bytes, deadline_ms: 60_000, ..roomy() };
    let mut run = command(&["/bin/sh", "-c", script], limits);
    run.mounts = vec![mount(dir, rules)];
    backend.run(run).await.unwrap()
}

/// The names in a folder and all below it, each with its size.
fn listed(dir: &Path) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let data = entry.metadata().unwrap();
            if data.is_dir() {
                left.push(entry.path());
            } else {
                found.push((entry.path().strip_prefix(dir).unwrap().display().to_string(), data.len()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn p06_what_takes_no_room_inside_counts_as_what_it_would_take_outside() {
    for backend in natives().await {
        for script in [
            "i=0; while [ $i -lt 9 ]; do truncate -s 1M $i; i=$((i+1)); done",
            "head -c 2000000 /dev/zero > a; for i in 1 2 3 4 5; do ln a $i; done",
            "for i in 1 2 3 4 5; do truncate -s 2M old$i; done",
        ] {
            let dir = tempfile::tempdir().unwrap();
            (1..6).for_each(|number| std::fs::write(dir.path().join(format!("old{number}")), "old").unwrap());
            let before = listed(dir.path());
            let report = shell(&backend, dir.path(), "/**:write", 4 << 20, script).await;
            assert_limit(&report, LimitName::WrittenBytes);
            assert_eq!(listed(dir.path()), before, "{}: {script}", backend.name());
        }
    }
}

#[tokio::test]
async fn what_is_moved_takes_no_more_than_it_did() {
    for backend in natives().await {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/large"), vec![1; 3 << 20]).unwrap();
        std::fs::write(dir.path().join("other"), vec![1; 3 << 20]).unwrap();
        let script = "mv a b && mv other b/other";
        let report = shell(&backend, dir.path(), "/**:write", 1 << 20, script).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{}: {report:?}", backend.name());
        assert_eq!(listed(dir.path()), [("b/large".to_owned(), 3 << 20), ("b/other".to_owned(), 3 << 20)]);
    }
}

#[tokio::test]
async fn p05_what_shows_its_name_alone_is_brought_nowhere_else() {
    for backend in natives().await {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/big"), "secret").unwrap();
        let report = shell(&backend, dir.path(), "/**:write\n/a/big:view", 1 << 20, "mv a b").await;
        assert_eq!(listed(dir.path()), [("a/big".to_owned(), 6)], "{}: {report:?}", backend.name());
    }
}

#[tokio::test]
async fn f04_what_is_moved_to_where_it_may_not_be_stays_where_it_was() {
    for backend in natives().await {
        for script in
            ["mv file file.key", "mv sub sub.key", "mkdir new.key; mv sub/inner new.key/inner", "mv link a.key"]
        {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("sub")).unwrap();
            std::fs::write(dir.path().join("file"), "precious").unwrap();
            std::fs::write(dir.path().join("sub/inner"), "precious").unwrap();
            std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
            let before = listed(dir.path());
            let report = shell(&backend, dir.path(), "/**:write\n**/*.key:none", 1 << 20, script).await;
            assert_eq!(listed(dir.path()), before, "{}: {script}: {report:?}", backend.name());
            assert!(!report.denials.is_empty(), "{report:?}");
        }
    }
}

/// Whoever is to answer for it is gone, so no more of it is done than what was begun.
#[tokio::test]
async fn nothing_is_brought_back_for_a_host_that_is_dead() {
    const FILES: usize = 2_000;
    if here().await.is_none() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    // A name of its own, by which all of its processes are known.
    let program = home.path().join("ringfence");
    std::fs::hard_link(WORKER, &program).or_else(|_| std::fs::copy(WORKER, &program).map(|_| ())).unwrap();
    let dir = home.path().join("work");
    std::fs::create_dir(&dir).unwrap();
    let script = format!("i=0; while [ $i -lt {FILES} ]; do truncate -s 1M $i; i=$((i+1)); done");
    let place = format!("{}::/data", dir.display());
    let limits = ["--written-bytes", "4GiB", "--files-created", "100000", "--deadline-ms", "60000"];
    let mut host = Command::new(&program)
        .args(["run", "--backend", BackendName::Process.as_str(), "--dir", &place])
        .args(limits)
        .args(["--", "/bin/sh", "-c", &script])
        .env("HOME", home.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let since = std::time::Instant::now();
    while std::fs::read_dir(&dir).unwrap().next().is_none() {
        still_patient(since);
        assert!(host.try_wait().unwrap().is_none(), "it ended before it brought anything back");
    }
    host.kill().unwrap();
    host.wait().unwrap();
    gone(program.to_str().unwrap()).await;
    let brought = std::fs::read_dir(&dir).unwrap().count();
    assert!(brought < FILES, "{brought} of {FILES} were brought back");
}
