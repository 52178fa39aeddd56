//! What is refused is refused by its own name, at the field, with what to do; and nothing stands for more than it says.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{House, Reply};
use crate::support::WORKER;

#[track_caller]
fn refused(reply: &Reply, code: &str, field: Option<&str>) -> String {
    let problem = reply.json();
    assert_eq!((reply.code().as_str(), problem["field"].as_str()), (code, field), "{problem}");
    problem["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_a_program_would_read_otherwise_is_not_taken() {
    let house = House::new().await;
    let key = &house.admin;
    let digest = house.submit(key, "hello").await;
    let sandbox = house.sandbox(key).await;
    for (env, field) in [
        (json!({"X": "1\u{0}Y=2"}), "env.X"),
        (json!({"X\u{0}": "1"}), "env"),
        (json!({"X=Y": "1"}), "env"),
        (json!({"": "1"}), "env"),
    ] {
        let body = json!({"component": digest, "env": env});
        for place in ["/v1/runs".to_owned(), format!("{sandbox}/runs")] {
            refused(&house.post(key, &place, body.clone()).await, "invalid", Some(field));
        }
        refused(&house.post(key, "/v1/sandboxes", json!({"env": env})).await, "invalid", Some(field));
    }
    let body = json!({"component": digest, "command": ["a", "b\u{0}c"]});
    refused(&house.post(key, "/v1/runs", body).await, "invalid", Some("command[1]"));
    let body = json!({"component": digest, "stdin_base64": "%%%%"});
    let said = refused(&house.post(key, "/v1/runs", body).await, "invalid", Some("stdin_base64"));
    assert!(said.contains("no base64") && said.contains("padding"), "{said}");
}

#[tokio::test]
async fn a_stream_is_sent_to_those_who_want_it_no_less_than_json() {
    let house = House::new().await;
    let digest = house.submit(&house.admin, "hello").await;
    for (accept, streamed) in [
        ("application/json, text/event-stream;q=0", false),
        ("application/json, text/event-stream; Q=0.5", false),
        ("application/json", false),
        ("text/event-streams", false),
        ("text/event-stream", true),
        ("application/json;q=0.5, Text/Event-Stream", true),
        ("application/json, text/event-stream", true),
    ] {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).header("accept", accept);
        let reply = House::send(request.json(&json!({"component": digest}))).await;
        assert_eq!((reply.status, reply.kind == "text/event-stream"), (200, streamed), "{accept}: {}", reply.kind);
    }
}

/// Where the files of the one sandbox are.
fn files(house: &House) -> PathBuf {
    let mut drafts = fs::read_dir(house.dir.path().join("data/drafts")).unwrap();
    drafts.next().unwrap().unwrap().path().join("files")
}

#[tokio::test]
async fn an_empty_path_does_not_stand_for_everything() {
    let house = House::new().await;
    let key = &house.admin;
    house.put(key, "/v1/workspaces/w", "").await.is(201);
    let made = house.post(key, "/v1/sandboxes", json!({"workspace": "w"})).await.is(201);
    let at = format!("/v1/sandboxes/{}", made["id"].as_str().unwrap());
    house.put(key, &format!("{at}/files?path=a/b"), "x").await;
    let apply_at = format!("{at}/apply");
    let apply = |paths: Value| house.post(key, &apply_at, json!({"paths": paths}));
    let said = refused(&apply(json!(["a", ""])).await, "bad_path", Some("paths"));
    assert!(said.contains("`.` for all"), "{said}");

    // Somebody else is at it, and it is no run.
    let folder = fs::File::open(files(&house)).unwrap();
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockExclusive).unwrap();
    for ended in [apply(json!([])).await, house.post(key, &format!("{at}/discard"), json!({})).await] {
        assert!(refused(&ended, "draft_in_use", None).contains("an apply or a discard"));
    }
    drop(folder);
    assert_eq!(apply(json!(["."])).await.is(200)["changes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn paths_have_two_hundred_names_everywhere_and_not_one_more() {
    let house = House::new().await;
    let key = &house.admin;
    let at = house.sandbox(key).await;
    let files = files(&house);
    let deep = |names: usize| vec!["d"; names].join("/");
    for names in [201, 202] {
        let said = refused(
            &house.put(key, &format!("{at}/files?path={}", deep(names)), "x").await,
            "path_too_deep",
            Some("path"),
        );
        assert!(said.contains("200"), "{said}");
    }
    assert!(house.put(key, &format!("{at}/files?path={}", deep(200)), "x").await.status < 300);
    let diff = house.get(key, &format!("{at}/diff")).await.is(200);
    assert_eq!(diff["changes"].as_array().unwrap().len(), 200, "{diff}");
    let archive = house.get(key, &format!("{at}/archive")).await;
    assert_eq!(archive.status, 200, "{archive:?}");
    let other = house.sandbox(key).await;
    assert!(house.put(key, &format!("{other}/archive"), archive.bytes.clone()).await.status < 300);
    assert_eq!(house.get(key, &format!("{other}/files?path={}", deep(200))).await.bytes, b"x");
    let within = house.put(key, &format!("{other}/archive?path=more"), archive.bytes).await;
    refused(&within, "path_too_deep", Some("path"));
    house.delete(key, &other).await.is(204);

    // As a guest can.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(files.join(format!("g/{}", deep(200))));
    made.unwrap();
    for what in ["diff", "archive"] {
        let said = refused(&house.get(key, &format!("{at}/{what}")).await, "path_too_deep", Some("path"));
        assert!(said.starts_with("g/d/d/") && said.contains("200"), "{what}: {said}");
    }
    house.delete(key, &format!("{at}/files?path=g")).await;
    house.get(key, &format!("{at}/diff")).await.is(200);
}

#[test]
fn where_there_is_no_log_nothing_is_said_to_be_checked() {
    let dir = tempfile::tempdir().unwrap();
    let done = Command::new(WORKER).args(["audit", "verify", "--dir"]).arg(dir.path()).output().unwrap();
    assert!(!done.status.success());
    assert_eq!(String::from_utf8_lossy(&done.stdout), "");
    assert!(!done.stderr.is_empty());
}
