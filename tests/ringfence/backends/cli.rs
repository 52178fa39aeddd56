//! `ringfence backends` and `ringfence run --backend process`, as a person meets them.

use std::process::{Command, Output};

use ringfence::backends::Backend as _;
use serde_json::Value;

use super::world::here;
use crate::support::{WORKER, guest_path};

fn ringfence(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(WORKER)
        .args(args)
        .env_clear()
        .env("HOME", home.path())
        .env("SECRET", "hidden")
        .env("DOCKER_HOST", "unix:///no/such/engine.sock")
        .env("RINGFENCE_API_KEY", "key")
        .output()
        .unwrap()
}

fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[tokio::test]
async fn backends_are_listed_with_what_each_holds() {
    let standing = super::world::process().standing().await;
    let all: Value = serde_json::from_slice(&ringfence(&["backends", "--json"]).stdout).unwrap();
    assert_eq!(all[0]["backend"], "wasm");
    assert_eq!(all[0]["available"], true);
    assert_eq!(all[1], serde_json::to_value(&standing).unwrap());
    assert_eq!((&all[2]["backend"], &all[2]["available"]), (&"docker".into(), &false.into()));
    assert!(all[2]["reason"].as_str().unwrap().contains("/no/such/engine.sock"), "{all}");
    let text = String::from_utf8(ringfence(&["backends", "process"]).stdout).unwrap();
    for claim in &standing.claims {
        assert!(
            text.lines().any(|line| line.trim_start().starts_with(claim.name) && line.contains(claim.holds.as_str())),
            "{text}"
        );
    }
    let wrong = ringfence(&["backends", "none"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(complaint(&wrong).contains("there are wasm, process and docker"));
}

#[tokio::test]
async fn a_command_runs_in_the_fence_and_exits_as_it_does() {
    let Some(_) = here().await else { return };
    let output = ringfence(&["run", "--backend", "process", "--", "/bin/echo", "hi"]);
    assert_eq!(
        (output.status.code(), &*output.stdout, &*output.stderr),
        (Some(0), &b"hi\n"[..], &b""[..]),
        "{output:?}"
    );
    let output = ringfence(&["run", "--backend", "process", "--", "sh", "-c", "exit 42"]);
    assert_eq!(output.status.code(), Some(42));
    let output = ringfence(&["run", "--backend", "process", "--env", "A=b", "--env", "SECRET", "--", "env"]);
    assert_eq!(output.stdout, b"A=b\nSECRET=hidden\n");
    let output = ringfence(&["run", "--backend", "process", "--json", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(output.status.code(), Some(110));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["outcome"]["kind"], &told["outcome"]["trap"]), (&"trapped".into(), &"signal".into()));
}

#[tokio::test]
async fn folders_come_with_the_same_flags() {
    let Some(_) = here().await else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "words").unwrap();
    std::fs::write(dir.path().join(".env"), "hidden").unwrap();
    let place = format!("{}::/data", dir.path().display());
    let script = "ls -A; cat file; echo more >> file; echo new > output";
    let output = ringfence(&[
        "run",
        "--backend",
        "process",
        "--dir",
        &place,
        "--fs-preset",
        "development",
        "--",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(output.stdout, b"file\nwords", "{output:?}");
    assert_eq!(std::fs::read_to_string(dir.path().join("file")).unwrap(), "wordsmore\n");
    assert!(dir.path().join("output").exists());
    let output =
        ringfence(&["run", "--backend", "process", "--dir", &format!("{place}:ro"), "--", "sh", "-c", "rm file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(dir.path().join("file").exists());
}

#[tokio::test]
async fn what_does_not_fit_is_refused_in_one_line() {
    let Some(_) = here().await else { return };
    let hello = guest_path("hello");
    let hello = hello.to_str().unwrap();
    for (args, code, word) in [
        (&["--backend", "process"][..], 2, "after `--`"),
        (&["--backend", "process", hello], 2, "backend wasm"),
        (&["--backend", "process", "--deterministic", "--", "true"], 2, "--deterministic"),
        (&["--backend", "process", "--call", "f"], 2, "--call"),
        (&["--backend", "process", "--fuel", "1000", "--", "true"], 117, "not_enforced"),
        (&["--backend", "process", "--require", "memory_bytes", "--", "true"], 117, "not_enforced"),
        (&["--backend", "process", "--require", "magic", "--", "true"], 117, "unknown_requirement"),
        (&["--backend", "process", "--no-clocks", "--", "true"], 117, "clocks"),
        (&["--backend", "process", "--", "no-such-command"], 117, "command_unavailable"),
        (&["--backend", "wasm"], 2, "name its file"),
        (&["--backend", "lxc", "--", "true"], 2, "there are wasm, process and docker"),
        (&["--backend", "docker", "--", "true"], 117, "backend_unavailable"),
        (&["--backend", "process", "--server", "http://127.0.0.1:9", "--call", "f"], 2, "--call"),
    ] {
        let output = ringfence(&[&["run"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        let said = complaint(&output);
        assert!(said.contains(word), "{args:?}: {said}");
    }
    let output = ringfence(&[
        "run",
        "--backend",
        "process",
        "--require",
        "network",
        "--require",
        "deadline_ms",
        "--",
        "echo",
        "held",
    ]);
    assert_eq!(output.stdout, b"held\n", "{output:?}");
    let output = ringfence(&["run", hello, "--require", "fuel", "--", "you"]);
    assert_eq!(output.stdout, b"hello, you\n", "{output:?}");
}

#[tokio::test]
async fn limits_are_told_with_their_flags() {
    let Some(_) = here().await else { return };
    let output = ringfence(&["run", "--backend", "process", "--deadline-ms", "300", "--", "sleep", "600"]);
    assert_eq!(output.status.code(), Some(112));
    assert!(complaint(&output).contains("--deadline-ms"));
    let output = ringfence(&[
        "run",
        "--backend",
        "process",
        "--written-bytes",
        "1MiB",
        "--",
        "sh",
        "-c",
        "exec cat /dev/zero > /tmp/x",
    ]);
    assert_eq!(output.status.code(), Some(114));
    assert!(complaint(&output).contains("--written-bytes"));
}

#[tokio::test]
async fn a_workspace_is_changed_in_a_draft() {
    let Some(_) = here().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(site.join("a"), "one\n").unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(WORKER).args(args).env_clear().env("HOME", dir.path()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["workspace", "create", "site", "--from", site.to_str().unwrap()]);
    run(&["run", "--backend", "process", "--workspace", "site", "--", "sh", "-c", "echo more >> a; echo n > n"]);
    let diff: Value = serde_json::from_str(&run(&["diff", "--json"])).unwrap();
    let diff = diff.to_string();
    assert!(diff.contains("+more") && diff.contains("\"n\""), "{diff}");
    let read = ["run", "--backend", "process", "--workspace", "site", "--", "cat", "/workspace/a"];
    assert_eq!(run(&read), "one\n", "nothing counts before it is applied");
}
