//! Commands of the server's machine, as a person at another one runs them.

use serde_json::{Value, json};

use super::Desk;
use super::desk::fails;
use crate::backends::world::here;

async fn desk() -> Option<Desk> {
    here().await?;
    Some(Desk::with(&[("backends.allowed", "wasm,process")]).await)
}

/// One command after the other, here and there: the same output, the same code, the same words.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_a_server_looks_as_one_here() {
    let Some(desk) = desk().await else { return };
    let process = ["run", "--backend", "process"];
    let all: &[&[&str]] = &[
        &["--", "/bin/echo", "hi"],
        &["--", "sh", "-c", "echo out; echo err >&2; exit 42"],
        &["--env", "A=b", "--", "env"],
        &["--require", "network", "--", "sh", "-c", "kill -9 $$"],
        &["--deadline-ms", "300", "--", "sleep", "600"],
        &["--stdout-bytes", "25", "--", "cat", "/dev/zero"],
        &["--fuel", "1000", "--", "true"],
        &["--require", "memory_bytes", "--", "true"],
        &["--require", "magic", "--", "true"],
        &["--no-clocks", "--", "true"],
        &["--", "no-such-command"],
        &["--deterministic", "--", "true"],
        &["--call", "f"],
        &[],
        &["hello.wasm"],
    ];
    for args in all {
        let args = [&process, *args].concat();
        let (here, there) = (desk.here(&args), desk.there(&args));
        assert_eq!(here.status.code(), there.status.code(), "{args:?}: {here:?} {there:?}");
        // A server says which part of the request it was.
        let part = |text: String, part| text.replace(&format!("ringfence: {part}: "), "ringfence: ");
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            ["limits.fuel", "require", "clocks"].into_iter().fold(text, part)
        };
        assert_eq!((text(&here.stdout), text(&here.stderr)), (text(&there.stdout), text(&there.stderr)), "{args:?}");
    }
    let output = desk.fed(desk.remote(&["run", "--backend", "process", "--stdin", "--", "cat"]), b"from a pipe");
    assert_eq!(output.stdout, b"from a pipe", "{output:?}");
    let told = desk.json(&["run", "--backend", "process", "--require", "files", "--json", "--", "echo", "hi"]);
    assert_eq!((&told["backend"], &told["fence"]["required"]), (&json!("process"), &json!(["files"])));
    let shown = desk.ok(&["runs", "show", told["run"].as_str().unwrap()]);
    assert!(shown.contains("process") && shown.contains("echo"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_of_a_server_is_changed_in_a_draft() {
    let Some(desk) = desk().await else { return };
    desk.file("site/a", "one\n");
    desk.file("site/.env", "SECRET=1\n");
    desk.ok(&["workspace", "create", "site", "--from", "site"]);
    let args = ["run", "--backend", "process", "--workspace", "site", "--", "sh", "-c", "ls -A; echo two >> a"];
    let output = desk.there(&args);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"a\n"[..]), "{output:?}");
    let diff = desk.ok(&["diff"]);
    assert!(diff.contains("+two"), "{diff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_of_a_server_are_told_as_those_of_this_machine() {
    let Some(desk) = desk().await else { return };
    let here: Vec<Value> = serde_json::from_slice(&desk.here(&["backends", "--json"]).stdout).unwrap();
    let here: Vec<Value> =
        here.into_iter().filter(|one| ["wasm", "process"].iter().any(|name| one["backend"] == *name)).collect();
    assert_eq!(desk.json(&["backends", "--json"]), json!(here));
    let local = desk.here(&["backends", "process"]);
    assert_eq!(desk.ok(&["backends", "process"]).as_bytes(), local.stdout);
    let plain = Desk::new().await;
    plain.fails(&["backends", "process"], 117, "it offers wasm [not_found]");
    plain.fails(&["run", "--backend", "process", "--", "true"], 117, "[backend_not_allowed]");
    plain.fails(&["backends", "--no-cache"], 2, "--no-cache");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_not_run_again() {
    let Some(desk) = desk().await else { return };
    let told = desk.json(&["run", "--backend", "process", "--json", "--", "true"]);
    let data = desk.house.dir.path().join("data").display().to_string();
    let output = desk.here(&["replay", told["run"].as_str().unwrap(), "--data-dir", &data, "--unsigned"]);
    fails(&output, 117, "[native_run]");
}
