//! `ringfence bench`: every part for every fence of the machine, and what it does not compare.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use super::world::process;
use crate::support::{WORKER, guest_path};
use ringfence::backends::Backend as _;

fn bench(args: &[&str]) -> Output {
    let guests = guest_path("bench").parent().unwrap().display().to_string();
    let code = code();
    let args = [&["bench", "--guests", &guests, "--cache-dir", &code], args].concat();
    let home = tempfile::tempdir().unwrap();
    Command::new(WORKER).args(&args).env_clear().env("HOME", home.path()).output().unwrap()
}

fn code() -> String {
    format!("{}/code", env!("CARGO_TARGET_TMPDIR"))
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// One comparison of all, with its page; the tests look at it from several sides.
fn compared() -> &'static (Value, String) {
    static COMPARED: OnceLock<(Value, String)> = OnceLock::new();
    COMPARED.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let page = dir.path().join("page.html");
        let output = bench(&["--quick", "--json", "--html", page.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        (serde_json::from_slice(&output.stdout).unwrap(), std::fs::read_to_string(page).unwrap())
    })
}

fn rows<'a>(all: &'a Value, part: &'a str, of: &'a str) -> impl Iterator<Item = &'a Value> {
    all["rows"].as_array().unwrap().iter().filter(move |row| row["part"] == part && row["of"] == of)
}

#[tokio::test]
async fn every_part_is_measured_in_every_fence_that_is_there() {
    let (all, _) = compared();
    let mut fences = vec!["native", "wasm"];
    fences.extend(process().standing().await.available.then_some("process"));
    let lines = [("start", "warm"), ("round-trip", "4 KiB"), ("throughput", "starts and ends")];
    let work = ["integer", "float", "sort", "hash", "files"].map(|work| ("work", work));
    for (part, of) in lines.into_iter().chain(work) {
        for fence in &fences {
            let found: Vec<&Value> = rows(all, part, of).filter(|row| row["fence"] == *fence).collect();
            assert_eq!(found.len(), 1, "{part}, {of}, {fence}: {found:?}");
            let [least, p50, p95] = ["least", "p50", "p95"].map(|name| found[0][name].as_f64().unwrap());
            assert!(0.0 < least && least <= p50 && p50 <= p95, "{part}, {of}, {fence}: {found:?}");
            assert!(found[0]["n"].as_u64().unwrap() >= 1 && found[0]["of_native"].as_f64().unwrap() > 0.0);
        }
        let unmetered = rows(all, part, of).filter(|row| row["fence"] == "wasm-no-fuel").count();
        assert_eq!(unmetered, usize::from(part == "work"), "{part}, {of}");
    }
    // A new process has to be started, and with nothing kept there is more to be done.
    for (of, only) in [("new host process", &["wasm"][..]), ("cold", fences.get(1..).unwrap())] {
        let there: Vec<&str> = rows(all, "start", of).map(|row| row["fence"].as_str().unwrap()).collect();
        assert!(only.iter().all(|fence| there.contains(fence)), "{of}: {there:?}");
        assert!(!there.contains(&"native"), "{of}: {there:?}");
    }
    let taken = |fence: &&str| rows(all, "memory", "its processes").any(|row| row["fence"] == **fence);
    let told = |fence: &&str| all["left_out"].as_array().unwrap().iter().any(|left| left["fence"] == **fence);
    assert!(fences.iter().all(|fence| taken(fence) || told(fence)), "{all}");
    assert!(all["machine"]["cores"].as_u64().unwrap() >= 1 && !all["machine"]["cpu"].as_str().unwrap().is_empty());
    let judged = all["verdicts"].as_array().unwrap();
    for work in ["integer", "float", "sort", "hash"] {
        let about = judged.iter().filter(|verdict| verdict["what"].as_str().unwrap().starts_with(work));
        assert_eq!(about.count(), 2, "{work}: {judged:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_with_its_reason() {
    let (all, _) = compared();
    for backend in ringfence::backends::BackendName::ALL {
        let name = backend.as_str();
        let measured = rows(all, "start", "warm").any(|row| row["fence"] == name);
        let left = all["left_out"].as_array().unwrap().iter().find(|left| left["fence"] == name);
        let told = left.is_some_and(|left| !left["reason"].as_str().unwrap().is_empty());
        assert!(measured || told, "{name}: {all}");
    }
}

#[test]
fn the_page_has_plots_and_needs_nothing_from_elsewhere() {
    let (all, page) = compared();
    for start in ["http:", "https:", "//", "<script", "<link", "<img", "url(", "@import"] {
        assert!(!page.contains(start), "{start}");
    }
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("prefers-color-scheme:dark"));
    let groups = all["rows"].as_array().unwrap().chunk_by(|a, b| (&a["part"], &a["of"]) == (&b["part"], &b["of"]));
    assert_eq!(page.matches("<svg").count(), groups.count());
    assert_eq!(page.matches("<rect").count(), all["rows"].as_array().unwrap().len());
}

#[test]
fn tables_say_the_same_for_people() {
    let output = bench(&["--quick", "--backend", "wasm", "--only", "start,work", "--markdown"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for cell in
        ["| start | warm | wasm | an empty component |", "| work | sort | wasm-no-fuel |", "| 1.5 times at most |"]
    {
        assert!(text.contains(cell), "{cell}: {text}");
    }
    assert!(!text.contains("| process |") && !text.contains("round-trip"), "{text}");
    let output = bench(&["--quick", "--backend", "wasm", "--only", "throughput"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains("throughput: ") && text.contains("of native") && text.contains(" cores, "), "{text}");
    // What goes on is told where it does not get into the answer.
    assert!(complaint(&output).contains("measuring throughput"), "{output:?}");
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().to_str().unwrap();
    let page = format!("{empty}/none/page.html");
    for (args, code, word) in [
        (&["--backend", "none"][..], 2, "there are wasm"),
        (
            &["--only", "start,speed"],
            2,
            "no part is called `speed`; there are start, round-trip, throughput, memory and work",
        ),
        (&["--seconds", "0"], 2, "0.01"),
        (&["--seconds", "long"], 2, "--seconds"),
        (&["--json", "--markdown"], 2, "--markdown"),
        (&["--html", &page], 117, "--html"),
    ] {
        let output = bench(args);
        let said = complaint(&output);
        assert_eq!((output.status.code(), said.lines().count()), (Some(code), 1), "{args:?}: {output:?}");
        assert!(said.contains(word), "{args:?}: {said}");
    }
    let output = Command::new(WORKER).args(["bench", "--guests", empty]).output().unwrap();
    let said = complaint(&output);
    assert_eq!((output.status.code(), said.lines().count()), (Some(117), 1), "{output:?}");
    assert!(said.contains("make guests") && said.contains("--guests") && said.contains("[no_programs]"), "{said}");
}

/// Programs with this script in the place of the native one.
fn with_native(dir: &Path, script: &str) {
    std::fs::copy(guest_path("bench"), dir.join("bench.wasm")).unwrap();
    let native = dir.join("native");
    std::fs::create_dir(&native).unwrap();
    std::fs::write(native.join("bench"), format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(native.join("bench"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn work_that_came_to_something_else_is_not_compared() {
    for (script, word) in
        [("echo 0123456789abcdef 1000", "wrong_answer"), ("echo hello", "bench_failed"), ("exit 3", "bench_failed")]
    {
        let dir = tempfile::tempdir().unwrap();
        with_native(dir.path(), script);
        let output = Command::new(WORKER)
            .args(["bench", "--quick", "--backend", "wasm", "--only", "work", "--json", "--cache-dir", &code()])
            .arg("--guests")
            .arg(dir.path())
            .output()
            .unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{script}: {output:?}");
        assert!(complaint(&output).contains(word), "{script}: {output:?}");
    }
}
