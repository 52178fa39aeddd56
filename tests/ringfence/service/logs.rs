//! What the service says of itself: enough to know who did what and how it ended, and nothing of what was sent.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::child::Served;

/// Words that are sent in all the places in which something can be sent, each marked, so that any of it would be found.
const MARK: &str = "5ecre7";

fn marked(place: &str) -> String {
    format!("{MARK}-{place}")
}

/// All lines, which are JSON each.
fn lines(dir: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("log")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[tokio::test]
async fn logs_tell_who_did_what_and_nothing_of_what_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[("log.json", "true"), ("log.filter", "trace")]);
    let admin = served.first_key.clone().unwrap();
    let mut secrets = vec![admin.clone()];
    // Credentials: good ones, wrong ones, a key and a token that are made.
    let made = served.post(&admin, "/v1/keys", json!({"name": "short", "scopes": ["runs:*"]})).await.is(201);
    let key = made["secret"].as_str().unwrap().to_owned();
    let made = served.post(&key, "/v1/tokens", json!({"scopes": ["runs:read"]})).await;
    let token = made.json()["token"].as_str().unwrap_or_default().to_owned();
    let made = served.post(&admin, "/v1/tokens", json!({"scopes": ["runs:read"]})).await.is(201);
    secrets.extend([key.clone(), made["token"].as_str().unwrap().to_owned(), token]);
    let mut wrong = admin.clone();
    wrong.replace_range(30..31, if wrong.as_bytes()[30] == b'a' { "b" } else { "a" });
    for bad in [wrong, marked("credential"), format!("rf_{}", marked("key"))] {
        assert_eq!(served.get(&bad, "/v1/whoami").await.status, 401);
        secrets.push(bad);
    }
    let bearer = served.ask(&admin, "GET", "/v1/whoami").bearer_auth(marked("bearer"));
    assert_eq!(Served::answer(bearer).await.unwrap().status, 401);
    // Bodies, read and not read; what a guest gets and what it says; files; what stands in a query.
    let digest = served.submit(&admin, "hello").await;
    let body = json!({
        "component": digest, "command": [marked("argument")], "env": {"TOKEN": marked("env")}, "stdin": marked("stdin"),
        "labels": {"l": "v"},
    });
    let run = served.post(&admin, "/v1/runs", body).await;
    let request = run.headers["x-request-id"].to_str().unwrap().to_owned();
    let run = run.is(200);
    assert!(run["stdout"]["text"].as_str().unwrap().contains(&marked("argument")));
    let apart = served.post(&key, "/v1/runs", json!({"component": digest, "async": true})).await;
    let apart_id = apart.json()["id"].as_str().unwrap_or_default().to_owned();
    for body in [json!({"component": marked("unknown")}), json!({"nothing": marked("field")}), json!([marked("array")])]
    {
        assert!(matches!(served.post(&admin, "/v1/runs", body).await.status, 400 | 422));
    }
    let policy = json!({"name": "x", "text": format!("permit (principal, action, \"{}\");", marked("policy"))});
    assert_eq!(served.post(&admin, "/v1/policy-check", policy).await.status, 422);
    let sandbox = served.sandbox(&admin).await;
    let path = format!("/v1/sandboxes/{sandbox}/files?path={}", marked("path"));
    Served::answer(served.ask(&admin, "PUT", &path).body(marked("file"))).await.unwrap().is(204);
    assert_eq!(served.get(&admin, &path).await.bytes, marked("file").as_bytes());
    assert_eq!(served.get(&admin, &format!("/v1/runs?{}=1", marked("query"))).await.status, 400);
    served.stop();

    let text = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(!text.contains(MARK), "{}", text.lines().find(|line| line.contains(MARK)).unwrap());
    for secret in secrets.iter().filter(|secret| !secret.is_empty() && !secret.contains(MARK)) {
        let inner = &secret[secret.len() / 2..];
        assert!(!text.contains(inner), "{}", text.lines().find(|line| line.contains(inner)).unwrap());
    }
    // Each request once, under its id, with who it was and how it ended.
    let lines = lines(dir.path());
    let said = |what: &str| lines.iter().filter(|line| line["message"] == what).collect::<Vec<_>>();
    let answered: HashMap<&str, &Value> =
        said("answered").into_iter().map(|line| (line["span"]["id"].as_str().unwrap(), &line["span"])).collect();
    assert_eq!(answered.len(), said("answered").len());
    let span = answered[request.as_str()];
    let whole = ["method", "route", "principal", "tenant", "status"].map(|name| &span[name]);
    assert_eq!(whole, [&json!("POST"), &json!("/v1/runs"), &json!("admin"), &json!("main"), &json!(200)]);
    let refused = answered.values().find(|span| span["status"] == 401 && span["route"] == "/v1/whoami").unwrap();
    assert_eq!((&refused["code"], &refused["principal"]), (&json!("bad_credential"), &Value::Null));
    // Each run under its own id, in the request that began it.
    let ended = said("ended");
    let of = |id: &Value| *ended.iter().find(|line| line["span"]["id"] == *id).unwrap();
    let line = of(&run["id"]);
    let whole = ["owner", "tenant", "component", "outcome"].map(|name| line["span"][name].as_str().unwrap());
    assert_eq!(whole, ["admin", "main", digest.as_str(), "exited"]);
    assert_eq!(line["spans"][0]["id"], request.as_str());
    assert!(apart_id.is_empty() || of(&json!(apart_id))["span"]["outcome"] == "exited");
}
