//! A run that is evidence: it is run again from its record, and what was changed since is told.

use std::path::{Path, PathBuf};
use std::process::Output;

use ringfence::audit::disk::RealDisk;
use ringfence::audit::note::{KeyKind, SigningKey};
use ringfence::audit::{Begin, Detail, Event, EventName, Log, LogSettings};
use serde_json::{Value, json};

use super::Desk;
use super::desk::fails;
use crate::service::events;
use crate::support::guest;

fn data(desk: &Desk) -> PathBuf {
    desk.house.dir.path().join("data")
}

fn replay(desk: &Desk, run: &str, more: &[&str]) -> Output {
    let data = data(desk).display().to_string();
    desk.here(&[&["replay", run, "--data-dir", &data, "--unsigned"], more].concat())
}

#[track_caller]
fn told(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn ran(desk: &Desk, body: Value) -> String {
    let run = desk.house.post(&desk.house.admin, "/v1/runs", body).await;
    assert_eq!(run.status, 200, "{run:?}");
    run.json()["id"].as_str().unwrap().to_owned()
}

fn sql(desk: &Desk, statement: &str) {
    let store = rusqlite::Connection::open(data(desk).join("ringfence.db")).unwrap();
    store.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    store.execute_batch(statement).unwrap();
}

/// With something of all that a run may be given.
fn world(component: &str) -> Value {
    let command = [
        "you",
        "--env",
        "--stdin",
        "--random",
        "--now",
        "--sleep-ms",
        "60000",
        "--now",
        "--stderr",
        "oops",
        "--exit",
        "3",
    ];
    json!({
        "component": component, "command": command, "env": {"TOKEN": "secret-one"}, "stdin": "an input",
        "deterministic": {"seed": 7},
    })
}

/// What the log says came of it, and what came of it again.
fn row(told: &Value, what: &str) -> (Value, Value) {
    let rows = told["compared"].as_array().unwrap();
    let row = rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {told}"));
    (row["recorded"].clone(), row["again"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deterministic_run_is_run_again_from_its_record() {
    let mut desk = Desk::new().await;
    let key = desk.house.admin.clone();
    let (hello, types) = (desk.house.submit(&key, "hello").await, desk.house.submit(&key, "types").await);
    let whole = desk.house.post(&key, "/v1/runs", world(&hello)).await.is(200);
    let id = whole["id"].as_str().unwrap().to_owned();
    let call = json!({"component": types, "function": "echo-f64", "args": [0.1], "deterministic": {"seed": 0}});
    let mut spent = world(&hello);
    spent["limits"] = json!({"fuel": 20_000});
    let brought = ran(&desk, call).await;
    let spent = ran(&desk, spent).await;

    let first = told(&replay(&desk, &id, &["--json"]), 0);
    assert_eq!((&first["same"], &first["same_build"], &first["seed"]), (&json!(true), &json!(true), &json!("7")));
    assert_eq!(row(&first, "fuel"), (whole["usage"]["fuel"].clone(), whole["usage"]["fuel"].clone()));
    assert_eq!(row(&first, "code"), (json!(3), json!(3)));
    let stdout = whole["stdout"]["text"].as_str().unwrap();
    assert!(stdout.contains("TOKEN=secret-one") && stdout.contains("an input"), "{stdout}");
    let digest = ringfence::model::Digest::of(stdout.as_bytes()).to_string();
    assert_eq!(row(&first, "stdout").1["digest"], digest);
    assert_eq!(row(&first, "stderr").1["bytes"], 4);
    let value = told(&replay(&desk, &brought, &["--json"]), 0);
    assert_eq!(row(&value, "value").0["digest"], ringfence::model::Digest::of(b"0.1").to_string());
    let out = told(&replay(&desk, &spent, &["--json"]), 0);
    assert_eq!(row(&out, "outcome"), (json!("out_of_fuel"), json!("out_of_fuel")));

    // And no service need run.
    desk.house.stop().await;
    let keys = data(&desk).join("audit/keys").display().to_string();
    let output = replay(&desk, &id, &["--public-key", &keys]);
    let words = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert!(words.ends_with("\nthe same\n") && words.contains("seed 7") && !words.contains("not signed"), "{words}");
}

/// Records that nobody signed could have been made up by whoever can write the log.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_not_signed_are_taken_only_by_who_says_so() {
    let desk = Desk::with(&[("audit.checkpoint_seconds", "3600")]).await;
    let hello = desk.house.submit(&desk.house.admin.clone(), "hello").await;
    let id = ran(&desk, world(&hello)).await;
    let data = data(&desk).display().to_string();
    let alone = |more: &[&str]| desk.here(&[&["replay", &id, "--data-dir", &data], more].concat());
    fails_after(&alone(&[]), 117, "[not_signed]");
    assert!(alone(&["--unsigned"]).status.success());
    desk.ok(&["audit", "checkpoint", "--new"]);
    assert!(alone(&[]).status.success());
}

/// What was found is shown, and then what is wrong with it.
#[track_caller]
fn fails_after(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(code) && said.contains(words), "{output:?}");
}

/// The evidence is the log: what comes out is held against that, and what the store tells otherwise is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_contradicts_the_log_is_told() {
    let desk = Desk::new().await;
    let hello = desk.house.submit(&desk.house.admin.clone(), "hello").await;
    let id = ran(&desk, world(&hello)).await;
    assert_eq!(told(&replay(&desk, &id, &["--json"]), 0)["store_differs"], json!([]));
    for (change, back, what) in [
        ("owner = 'nobody'", "owner = 'admin'", "principal"),
        (
            "answer = replace(answer, '\"code\":3', '\"code\":4')",
            "answer = replace(answer, '\"code\":4', '\"code\":3')",
            "code",
        ),
        ("answer = 'x' || answer", "answer = substr(answer, 2)", "the run"),
    ] {
        sql(&desk, &format!("UPDATE runs SET {change}"));
        let output = replay(&desk, &id, &["--json"]);
        fails(&output, 117, "[store_contradicts]");
        let told = told(&output, 117);
        assert_eq!((&told["same"], &told["store_differs"]), (&json!(true), &json!([what])));
        sql(&desk, &format!("UPDATE runs SET {back}"));
    }
    sql(&desk, "UPDATE outputs SET bytes = CAST('oops' AS BLOB) WHERE stream = 0");
    assert_eq!(told(&replay(&desk, &id, &["--json"]), 117)["store_differs"], json!(["stdout"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_changed_is_told() {
    let desk = Desk::new().await;
    let hello = desk.house.submit(&desk.house.admin.clone(), "hello").await;
    let id = ran(&desk, world(&hello)).await;
    for (stream, from, to, what) in [
        (2, "--random", "--float1", "differs in: arguments"),
        (2, "secret-one", "secret-two", "values of the environment"),
        (2, "\"TOKEN\"", "\"TOKEM\"", "differs in: grants"),
        (2, "\"seed\":7", "\"seed\":8", "differs in: mode, seed"),
        (2, "\"fuel\":5", "\"fuel\":6", "differs in: limits"),
        (3, "an input", "no input", "differs in: stdin"),
    ] {
        let change = |from: &str, to: &str| {
            let bytes = format!("CAST(replace(CAST(bytes AS TEXT), '{from}', '{to}') AS BLOB)");
            sql(&desk, &format!("UPDATE outputs SET bytes = {bytes} WHERE stream = {stream}"));
        };
        change(from, to);
        let output = replay(&desk, &id, &[]);
        fails(&output, 117, what);
        assert!(String::from_utf8_lossy(&output.stderr).contains("[store_changed]"), "{what}: {output:?}");
        change(to, from);
    }
    assert_eq!(replay(&desk, &id, &[]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_changed_is_told() {
    let mut desk = Desk::new().await;
    let hello = desk.house.submit(&desk.house.admin.clone(), "hello").await;
    let id = ran(&desk, world(&hello)).await;
    desk.house.stop().await;
    let segment = data(&desk).join("audit/log/00000000000000000000.jsonl");
    let before = std::fs::read_to_string(&segment).unwrap();
    for (from, to) in [("\"seed\":\"7\"", "\"seed\":\"8\""), ("\"code\":3", "\"code\":4")] {
        assert_eq!(before.matches(from).count(), 1);
        std::fs::write(&segment, before.replace(from, to)).unwrap();
        fails(&replay(&desk, &id, &[]), 117, "[record_changed]");
    }
    std::fs::write(&segment, before).unwrap();
    assert_eq!(replay(&desk, &id, &[]).status.code(), Some(0));
    let strange = SigningKey::generate("another", KeyKind::Log).unwrap().public().to_string();
    assert_eq!(replay(&desk, &id, &["--public-key", &strange]).status.code(), Some(117));
}

/// A log of its own, whole and signed, that tells of a run what `change` makes of it.
async fn another_log(desk: &Desk, run: &str, name: &str, change: impl Fn(&mut Value)) -> String {
    let dir = desk.path(name);
    let mut settings = LogSettings::new("another");
    settings.begin = Begin::OrCreate;
    let key = SigningKey::generate("another", KeyKind::Log).unwrap();
    let all = events(&desk.house, &desk.house.admin, &format!("resource={run}")).await;
    tokio::task::block_in_place(|| {
        let (log, _) = Log::open(Box::new(RealDisk::open(Path::new(&dir)).unwrap()), &settings, vec![key]).unwrap();
        for mut record in all {
            change(&mut record);
            let name = match record["event"].as_str().unwrap() {
                "command_started" => EventName::CommandStarted,
                _ => EventName::CommandExecuted,
            };
            let [tenant, principal] = ["tenant", "principal"].map(|who| record[who].as_str().unwrap());
            let mut event = Event::new(name).tenant(tenant).principal(principal).resource("run", run);
            for (name, value) in record["details"].as_object().unwrap() {
                event = event.detail(name, Detail::of(value));
            }
            log.append(&event).wait().unwrap();
        }
        log.close().wait().unwrap();
    });
    format!("audit.dir={}", dir.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_out_otherwise_is_told_and_what_another_build_made() {
    let desk = Desk::new().await;
    let hello = desk.house.submit(&desk.house.admin.clone(), "hello").await;
    let id = ran(&desk, world(&hello)).await;
    let as_it_was = another_log(&desk, &id, "as-it-was", |_| ()).await;
    assert_eq!(told(&replay(&desk, &id, &["--json", "--set", &as_it_was]), 0)["log"]["origin"], "another");

    let more_fuel = |record: &mut Value| {
        if let Some(fuel) = record["details"]["usage"]["fuel"].as_u64() {
            record["details"]["usage"]["fuel"] = json!(fuel + 1);
        }
    };
    let otherwise = another_log(&desk, &id, "otherwise", more_fuel).await;
    let differs = told(&replay(&desk, &id, &["--json", "--set", &otherwise]), 119);
    let (recorded, again) = row(&differs, "fuel");
    assert_eq!((recorded.as_u64().unwrap(), &differs["same"]), (again.as_u64().unwrap() + 1, &json!(false)));
    let words = String::from_utf8(replay(&desk, &id, &["--set", &otherwise]).stdout).unwrap();
    assert!(words.ends_with("\nnot the same\n") && words.matches("  NO\n").count() == 1, "{words}");

    let old = |record: &mut Value| {
        if record["event"] == "command_started" {
            record["details"]["engine"] = json!("0.0.1/0123456789abcdef");
        }
    };
    // Where all is the same, another build is no matter; else it may be that.
    let older = another_log(&desk, &id, "older", old).await;
    let same = told(&replay(&desk, &id, &["--json", "--set", &older]), 0);
    assert_eq!((&same["same"], &same["same_build"]), (&json!(true), &json!(false)));
    let both = another_log(&desk, &id, "both", |record| {
        more_fuel(record);
        old(record);
    });
    fails(&replay(&desk, &id, &["--set", &both.await]), 117, "0.0.1/0123456789abcdef");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_again_is_refused_by_name() {
    let desk = Desk::new().await;
    let key = desk.house.admin.clone();
    let hello = desk.house.submit(&key, "hello").await;
    let mut body = world(&hello);
    body["deterministic"] = Value::Null;
    let ordinary = ran(&desk, body).await;
    fails(&replay(&desk, &ordinary, &[]), 117, "[not_deterministic]");
    desk.house.put(&key, "/v1/workspaces/site", "").await.is(201);
    let mut body = world(&hello);
    body["workspace"] = json!("site");
    let with_files = ran(&desk, body).await;
    fails(&replay(&desk, &with_files, &[]), 117, "[has_files]");
    // Nothing is kept of what nobody can run again.
    let store = rusqlite::Connection::open(data(&desk).join("ringfence.db")).unwrap();
    let kept =
        || store.query_row("SELECT count(*) FROM outputs WHERE stream > 1", (), |row| row.get::<_, u64>(0)).unwrap();
    assert_eq!(kept(), 0);

    let id = ran(&desk, world(&hello)).await;
    assert_eq!(kept(), 2);
    fails(&replay(&desk, &format!("run_{}", "0".repeat(32)), &[]), 117, "[no_run]");
    fails(&replay(&desk, "hello", &[]), 2, "run_");
    let (own, other) = (desk.file("own.wasm", guest("hello")), desk.file("other.wasm", guest("types")));
    let [own, other] = [own, other].map(|path| path.display().to_string());
    desk.house.delete(&key, &format!("/v1/components/{hello}")).await.is(204);
    fails(&replay(&desk, &id, &[]), 117, "[no_component]");
    fails(&replay(&desk, &id, &["--component", &other]), 117, "[other_component]");
    assert_eq!(replay(&desk, &id, &["--component", &own]).status.code(), Some(0));
    sql(&desk, &format!("DELETE FROM runs WHERE id = '{id}'"));
    assert_eq!(kept(), 0);
    fails(&replay(&desk, &id, &["--component", &own]), 117, "[run_forgotten]");
}
