use std::io::Read as _;
use std::process::Command;

use serde_json::{Value, json};

use super::Desk;
use super::desk::fails;
use crate::support::{ADD, guest_path, hostile};

fn hello() -> String {
    guest_path("hello").to_str().unwrap().to_owned()
}

/// One command after the other, here and there: the same output, the same code, the same words.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_a_server_looks_as_one_here() {
    let desk = Desk::new().await;
    let hello = hello();
    for name in ["spin", "traps", "grow", "wait", "flood"] {
        desk.file(&format!("{name}.wat"), hostile(name));
    }
    desk.file("add.wat", ADD);
    desk.file("bad.wasm", "hello");
    let all: &[&[&str]] = &[
        &["run", &hello, "--", "you"],
        &["run", &hello, "--", "--exit", "42"],
        &["run", &hello, "--env", "A=b", "--", "--env"],
        &["run", &hello, "--deterministic", "--seed", "7", "--", "--random"],
        &["run", "add.wat", "--call", "add", "--args", "[2, 3]"],
        &["run", "add.wat", "--call", "add", "--args", "{\"a\": 2, \"b\": 3}"],
        &["run", "traps.wat", "--call", "divide"],
        &["run", "spin.wat", "--call", "in-an-export", "--fuel", "1000"],
        &["run", "spin.wat", "--call", "in-an-export", "--deadline-ms", "20"],
        &["run", "grow.wat", "--call", "and-give-up", "--memory-bytes", "1MiB"],
        &["run", "wait.wat", "--call", "hoard", "--resources", "20"],
        &["run", "wait.wat", "--call", "ask", "--no-clocks"],
        &["run", "flood.wat", "--stdout-bytes", "25"],
        &["run", "wait.wat", "--call", "missing"],
        &["run", "wait.wat", "--call", "ask", "--stack-bytes", "100000"],
        &["run", "bad.wasm"],
        &["run", "nowhere.wasm"],
        &["inspect", "add.wat"],
        &["run", &hello, "--env", "=x"],
    ];
    for args in all {
        let (here, there) = (desk.here(args), desk.there(args));
        assert_eq!(here.status.code(), there.status.code(), "{args:?}: {here:?} {there:?}");
        // A server does not say whether a program was given as text.
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(", given as text", "");
        assert_eq!(text(&here.stdout), text(&there.stdout), "{args:?}");
        assert_eq!(text(&here.stderr), text(&there.stderr), "{args:?}");
    }
    let args = ["run", "add.wat", "--call", "add", "--args", "[2, 3]", "--json"];
    let (here, there) = (desk.here(&args), desk.json(&args));
    let here: Value = serde_json::from_slice(&here.stdout).unwrap();
    for (name, value) in here.as_object().unwrap().iter().filter(|(name, _)| *name != "usage") {
        assert_eq!(there[name], *value, "{name}");
    }
    assert_eq!(here["usage"]["fuel"], there["usage"]["fuel"]);
    assert_eq!(there.get("seq"), None, "it is a run and no event");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_submitted_once_and_then_known_by_its_digest() {
    let desk = Desk::new().await;
    let hello = hello();
    let digest = desk.json(&["compile", &hello, "--json"])["digest"].as_str().unwrap().to_owned();
    assert_eq!(desk.json(&["compile", &hello, "--json"])["state"], "known");
    desk.ok(&["component", "delete", &digest]);
    desk.fails(&["component", "show", &digest], 117, "[not_found]");
    desk.fails(&["inspect", &hello], 117, "[not_found]");
    desk.fails(&["run", &digest, "--", "you"], 117, "[not_found]");
    assert_eq!(desk.ok(&["run", &hello, "--", "you"]), "hello, you\n");
    assert_eq!(desk.ok(&["run", &digest, "--", "you"]), "hello, you\n");
    assert_eq!(desk.ok(&["component", "list"]).lines().count(), 1);
    assert!(desk.ok(&["inspect", &digest]).contains(&digest));
    let output = desk.fed(desk.remote(&["run", &hello, "--stdin", "--", "--stdin"]), "wörter\0".as_bytes());
    assert_eq!(output.stdout, "wörter\0".as_bytes());
    let runs = desk.json(&["runs", "list", "--outcome", "exited", "--most", "2", "--json"]);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2);
    let id = runs["runs"][0]["id"].as_str().unwrap();
    assert!(desk.ok(&["runs", "show", id]).contains(&format!("component: {digest}\n")));
    desk.fails(&["runs", "show", "run_x"], 2, "run_");
}

/// Output comes while the run goes on, and the end that a person asks for is the end there.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_cancels_the_run_on_the_server() {
    let desk = Desk::new().await;
    let args = ["run", &hello(), "--deadline-ms", "600000", "--", "x", "--sleep-ms", "600000"];
    let mut child = desk.remote(&args).spawn().unwrap();
    let output = tokio::task::block_in_place(|| {
        // It says hello and sleeps for ten minutes.
        let mut first = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        assert_eq!(&first, b"hello,");
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        child.wait_with_output().unwrap()
    });
    fails(&output, 116, "the program was cancelled");
    assert!(desk.ok(&["runs", "list", "--outcome", "cancelled"]).contains("  cancelled  "));
}

/// Who is killed takes nothing back, but his run ends as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_leaves_no_run_behind() {
    let desk = Desk::new().await;
    let args = ["run", &hello(), "--deadline-ms", "600000", "--", "x", "--sleep-ms", "600000"];
    let mut child = desk.remote(&args).spawn().unwrap();
    tokio::task::block_in_place(|| {
        child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    });
    while desk.json(&["runs", "list", "--state", "ended", "--json"])["runs"] == json!([]) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_cancelled_by_its_id() {
    let desk = Desk::new().await;
    let digest = desk.house.submit(&desk.house.admin, "hello").await;
    let body = json!({"component": digest, "command": ["x", "--sleep-ms", "600000"], "async": true,
        "limits": {"deadline_ms": 600_000}});
    let run = desk.house.post(&desk.house.admin, "/v1/runs", body).await.is(202);
    let id = run["id"].as_str().unwrap();
    desk.ok(&["runs", "cancel", id]);
    while desk.json(&["runs", "show", id, "--json"])["state"] != "ended" {
        tokio::task::yield_now().await;
    }
    assert!(desk.ok(&["runs", "list"]).contains("cancelled"));
}

/// What a server cannot do is said, by the flag that asked for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_equal_on_a_server_is_named() {
    let desk = Desk::new().await;
    let hello = hello();
    for (args, code, words) in [
        (&["run", &hello, "--dir", ".::/d"][..], 2, "--dir"),
        (&["run", &hello, "--fs", "/x:read"], 2, "--fs: "),
        (&["run", &hello, "--fs-preset", "read-only"], 2, "--fs-preset: "),
        (&["run", &hello, "--draft", "draft-0123456789"], 2, "--draft"),
        (&["run", &hello, "--draft", "sbx_00000000000000000000000000000000", "--fs", "/x:read"], 2, "--fs: "),
        (&["run", &hello, "--no-cache"], 2, "--no-cache"),
        (&["run", &hello, "--data-dir", "d"], 2, "--data-dir"),
        (&["sandbox", "create", "--dir", ".::/d"], 2, "--dir"),
        (&["sandbox", "run", "sbx_00000000000000000000000000000000", &hello, "--workspace", "w"], 2, "--workspace"),
        (&["compile", &hello, "--deterministic"], 2, "--deterministic"),
        (&["cache", "list", "--server", "saved"], 2, "--server"),
        (&["serve", "--server", "saved"], 2, "--server"),
        (&["run", "-", "--stdin"], 2, "[bad_stdin]"),
        (&["run", &hello, "--workspace", "nobody"], 117, "[not_found]"),
        (&["diff"], 2, "[no_draft]"),
    ] {
        fails(&desk.there(args), code, words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tenant_may_not_have_is_cut_and_told() {
    let desk = Desk::new().await;
    let boss = desk.house.tenant("small").await;
    let run = |args: &[&str]| desk.there(&[args, &["--api-key", &boss]].concat());
    let more = ["run", &hello(), "--deadline-ms", "60000"];
    let output = run(&more);
    assert_eq!(output.stdout, b"hello, world\n", "{output:?}");
    fails(&output, 0, "deadline_ms 60000 → 10000 (tenant)");
    let told: Value = serde_json::from_slice(&run(&[&more[..], &["--json"]].concat()).stdout).unwrap();
    assert_eq!(told["cut"][0]["given"], 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_cannot_be_read_is_told_with_one_that_can() {
    let desk = Desk::new().await;
    for (flag, value, words) in
        [("--since", "yesterday", "2026-01-31T12:00:00Z"), ("--until", "", "2026-01-31T12:00:00Z")]
    {
        let output = desk.there(&["runs", "list", flag, value]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(&flag[2..]) && told.contains(words), "{flag}: {told}");
    }
}
