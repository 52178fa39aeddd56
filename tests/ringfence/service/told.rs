//! Which events there are, and what is in each: as docs/audit.md says.

use std::collections::{BTreeMap, BTreeSet};

use ringfence::audit::EventName;
use serde_json::{Value, json};

use super::House;
use super::alerting::{ACTS, acted};
use super::life::tar;
use super::line::Line;
use super::proven::{events, one};

/// What no request can bring about; how the log itself writes its own is tested with it.
const ELSEWHERE: [&str; 6] = [
    "tail_cut",
    "clock_set_back",
    "signing_key_added",
    "signing_key_removed",
    "records_pruned",
    "records_not_forwarded",
];
/// They have the details of the act that was not done.
const OF_THE_ACT: [&str; 3] = ["act_failed", "act_unanswered", "component_refused"];
/// In each of several.
const COMMON: [&str; 6] = ["session", "of_tenant", "left_out_before", "backend", "command", "fence"];

/// Words between backticks, outside of brackets.
fn words(text: &str) -> BTreeSet<String> {
    let (mut depth, mut plain) = (0, String::new());
    for c in text.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            plain.push(c);
        }
    }
    plain.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The rows of the table: events, and the details that they may have.
fn documented() -> Vec<(BTreeSet<String>, BTreeSet<String>)> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit.md")).unwrap();
    let table = page.split("## Events").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let columns: Vec<_> = row.split('|').collect();
        (words(columns[1]), words(columns[3]))
    })
    .collect()
}

/// Each kind of work once, and what is refused of it.
async fn work(house: &House, key: &str) {
    let probe = house.submit(key, "probe").await;
    let junk = house.ask("POST", "/v1/components").header("x-api-key", key).body("junk");
    assert_eq!(House::send(junk).await.status, 422);
    house.put(key, "/v1/workspaces/site", "").await.is(201);
    let body = json!({
        "component": probe, "command": ["put|f|x", "read|nothing"], "workspace": "site", "rules": ["**:view"],
        "stdin": "in", "env": {"A": "b"}, "deterministic": {"seed": 7},
    });
    let run = house.post(key, "/v1/runs", body).await.is(200);
    house.post(key, &format!("/v1/runs/{}/cancel", run["id"].as_str().unwrap()), json!({})).await.is(202);
    let types = house.submit(key, "types").await;
    let call = json!({"component": types, "function": "echo-u8", "args": [1], "deterministic": {"seed": 7}});
    house.post(key, "/v1/runs", call).await.is(200);
    let missing = json!({"component": types, "function": "nothing-like-it"});
    assert_eq!(house.post(key, "/v1/runs", missing).await.status, 422);
    let spent = json!({"component": probe, "command": ["read|nothing"], "limits": {"fuel": 1_000}});
    assert_eq!(house.post(key, "/v1/runs", spent).await.is(200)["outcome"]["kind"], "out_of_fuel");
    let sandbox =
        json!({"workspace": "site", "labels": {"a": "b"}, "env": {"A": "b"}, "rules": ["**:write", "/h:view"]});
    let id = house.post(key, "/v1/sandboxes", sandbox).await.is(201)["id"].as_str().unwrap().to_owned();
    let at = format!("/v1/sandboxes/{id}");
    let runs = format!("{at}/runs");
    house.post(key, &runs, json!({"component": probe, "command": ["put|g|x", "put|h|x"]})).await.is(200);
    house.post(key, &runs, json!({"component": probe, "command": ["read|g"], "limits": {"fuel": 1_000}})).await.is(200);
    house.put(key, &format!("{at}/files?path=f"), "content").await.is(204);
    house.get(key, &format!("{at}/files?path=f")).await;
    for path in ["entries", "archive", "diff"] {
        assert_eq!(house.get(key, &format!("{at}/{path}")).await.status, 200);
    }
    house.post(key, &format!("{at}/apply"), json!({})).await.is(200);
    house.delete(key, &format!("{at}/files?path=f")).await.is(204);
    house.post(key, &format!("{at}/discard"), json!({})).await.is(204);
    house.with_json(key, "PATCH", &at, json!({"labels": {"c": "d"}})).await.is(200);
    house.post(key, &format!("{at}/extend"), json!({"ttl_seconds": 60})).await.is(200);
    house.post(key, &format!("{at}/stop"), json!({})).await.is(200);
    house.delete(key, &at).await.is(204);
    assert_eq!(house.get(key, "/v1/workspaces/site/archive").await.status, 200);
    house.delete(key, "/v1/workspaces/site").await.is(204);
    house.delete(key, &format!("/v1/components/{probe}")).await.is(204);
    house.post(key, "/v1/sandboxes", json!({"ttl_seconds": 1})).await.is(201);
}

/// The same of those who work.
async fn people(house: &House, key: &str) {
    let dev = house.person("dev", &["developer"]).await;
    house.with_json(key, "PUT", "/v1/principals/dev", json!({"kind": "person", "roles": []})).await.is(200);
    assert_eq!(house.post(&dev, "/v1/sandboxes", json!({})).await.status, 403);
    assert_eq!(house.get("rf_wrong", "/v1/whoami").await.status, 401);
    let ask = json!({"name": "ci", "principal": "dev", "scopes": ["runs:read"], "ttl_seconds": 60});
    let made = house.post(key, "/v1/keys", ask).await.is(201);
    house.delete(key, &format!("/v1/keys/{}", made["key"]["id"].as_str().unwrap())).await.is(204);
    assert_eq!(house.get(made["secret"].as_str().unwrap(), "/v1/whoami").await.status, 401);
    let token = house.post(key, "/v1/tokens", json!({"scopes": ["*"]})).await.is(201);
    house.delete(key, &format!("/v1/tokens/{}", token["id"].as_str().unwrap())).await.is(204);
    house.delete(key, "/v1/principals/dev").await.is(204);
    house.with_json(key, "PUT", "/v1/roles/helper", json!({"actions": ["runs:read"]})).await.is(200);
    house.delete(key, "/v1/roles/helper").await.is(204);
    let policy = json!({"text": "permit (principal, action, resource);"});
    house.with_json(key, "PUT", "/v1/policies/all", policy).await.is(200);
    house.delete(key, "/v1/policies/all").await.is(204);
    house.tenant("other").await;
    house.with_json(key, "PATCH", "/v1/tenants/other", json!({"open": false})).await.is(200);
    for path in ["events/0", "events?event=log_created", "checkpoint"] {
        assert_eq!(house.get(key, &format!("/v1/audit/{path}")).await.status, 200);
    }
}

/// A change that is permitted and then waits for its body, until whoever makes it loses his key.
async fn left_half_way(house: &House, key: &str) -> String {
    house.person("late", &["developer"]).await;
    let made = house.post(key, "/v1/keys", json!({"name": "late", "principal": "late"})).await.is(201);
    let (id, secret) = (made["key"]["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let mut line = Line::open(&house.url);
    let head = format!("PUT /v1/workspaces/late HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {secret}\r\n");
    assert!(line.say(format!("{head}Content-Length: 10\r\n\r\n12345")));
    let permitted = "action=workspaces:create&principal=late";
    while events(house, key, permitted).await.is_empty() {}
    house.delete(key, &format!("/v1/keys/{id}")).await.is(204);
    assert_eq!(line.hear().status, 401);
    events(house, key, permitted).await[0]["request"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_event_has_the_details_that_are_documented_and_no_others() {
    let house = House::with(&[("runs.session_idle_seconds", "1"), ("runs.sweep_seconds", "1")]).await;
    let key = house.admin.clone();
    work(&house, &key).await;
    people(&house, &key).await;
    crate::snippets::tool_calls::called(&house, &key).await;
    crate::snippets::sessions::lived(&house).await;
    while events(&house, &key, "event=session_ended").await.len() < 2 {}
    left_half_way(&house, &key).await;
    // A run of which no end was written down.
    let store = rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
    store.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    let lost = format!(
        "CREATE TEMP TABLE lost AS SELECT * FROM runs WHERE sandbox IS NOT NULL LIMIT 1;
         UPDATE lost SET id = 'run_' || hex(zeroblob(16)), {};
         INSERT INTO runs SELECT * FROM lost;",
        crate::sandbox::RUNNING
    );
    store.execute_batch(&lost).unwrap();
    for event in ["command_lost", "sandbox_expired"] {
        while events(&house, &key, &format!("event={event}")).await.is_empty() {}
    }
    let house = house.again(&[&ACTS[..], &[("http.streams", "77")]].concat()).await;
    acted(&house).await;
    while events(&house, &key, "event=key_suspended").await.is_empty() {}
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events(&house, &key, "").await {
        let details = event["details"].as_object().unwrap().keys().cloned();
        seen.entry(event["event"].as_str().unwrap().to_owned()).or_default().extend(details);
    }
    let rows = documented();
    let all: BTreeSet<_> = rows.iter().flat_map(|(events, _)| events.clone()).collect();
    assert_eq!(all, EventName::ALL.iter().map(ToString::to_string).collect());
    for (events, details) in rows {
        let mut found = BTreeSet::new();
        for event in &events {
            let is_elsewhere = ELSEWHERE.contains(&event.as_str());
            assert_eq!(seen.contains_key(event), !is_elsewhere, "{event}: {:?}", seen.keys());
            found.extend(seen.remove(event).unwrap_or(if is_elsewhere { details.clone() } else { BTreeSet::new() }));
        }
        found.retain(|detail| !COMMON.contains(&detail.as_str()) || details.contains(detail));
        if events.iter().any(|event| OF_THE_ACT.contains(&event.as_str())) {
            found.retain(|detail| details.contains(detail));
        }
        assert_eq!(found, details, "{events:?}");
    }
}

#[tokio::test]
async fn who_loses_the_right_before_the_answer_leaves_a_record() {
    let house = House::new().await;
    let key = &house.admin.clone();
    let request = left_half_way(&house, key).await;
    while events(&house, key, &format!("request={request}&event=act_unanswered")).await.is_empty() {}
    let all = events(&house, key, &format!("request={request}")).await;
    let names: Vec<_> = all.iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["access_allowed", "act_unanswered"]);
    assert_eq!(all[1]["action"], "workspaces:create");
}

#[tokio::test]
async fn what_is_said_of_an_act_is_said_of_nothing_beside_it() {
    let house = House::new().await;
    let key = &house.admin;
    house.put(key, "/v1/workspaces/site", "").await.is(201);
    let sandbox = house.post(key, "/v1/sandboxes", json!({"workspace": "site"})).await.is(201);
    let all = events(&house, key, "").await;
    let read = one(&all, "files_read");
    assert_eq!(read["resource"], json!({"id": "site", "kind": "workspace"}));
    assert_eq!(read["details"], json!({}));
    let made = one(&all, "sandbox_created");
    assert_eq!((&made["resource"]["id"], &made["details"]["workspace"]), (&sandbox["id"], &json!("site")));
    // Nor do long things push out short ones, or each other.
    let env: serde_json::Map<String, Value> = (0..60).map(|n| (format!("{n:0>300}"), json!("x"))).collect();
    house.post(key, "/v1/sandboxes", json!({"env": env, "ttl_seconds": 99})).await.is(201);
    let made = events(&house, key, "event=sandbox_created").await.pop().unwrap();
    assert_eq!(made["cut"], true);
    let (details, small) = (&made["details"], one(&all, "sandbox_created"));
    assert_eq!(details["limits"], small["details"]["limits"]);
    assert!(details["grants"]["env"].as_array().unwrap().len() > 5 && details["expires"].is_number(), "{details}");
}

#[tokio::test]
async fn a_start_with_other_settings_says_which() {
    let house = House::new().await;
    let key = house.admin.clone();
    let first = one(&events(&house, &key, "").await, "service_started")["details"]["configuration"].clone();
    let house = house.again(&[]).await;
    let house = house.again(&[("http.streams", "77"), ("audit.retention_days", "30")]).await;
    let all = events(&house, &key, "").await;
    let changed = one(&all, "configuration_changed");
    assert_eq!(changed["details"], json!({"settings": ["audit.retention_days", "http.streams"]}));
    let starts: Vec<_> = all.iter().filter(|one| one["event"] == "service_started").collect();
    let digests: Vec<_> = starts.iter().map(|one| &one["details"]["configuration"]).collect();
    assert_eq!((digests[0], digests[1]), (&first, &first));
    assert_ne!(digests[2], &first);
    assert_eq!(changed["seq"].as_u64(), starts[2]["seq"].as_u64().map(|seq| seq + 1));
}

#[tokio::test]
async fn runs_that_are_refused_before_they_begin_are_on_record_within_bounds() {
    let house = House::new().await;
    let key = &house.admin;
    let body = json!({"component": format!("sha256:{}", "0".repeat(64))});
    // More than are recorded in a second, and again until the next one has come.
    let (mut asked, mut told) = (0, Vec::new());
    while !told.iter().any(|one: &Value| one["details"]["left_out_before"].is_number()) {
        for _ in 0..30 {
            assert_eq!(house.post(key, "/v1/runs", body.clone()).await.status, 404);
            asked += 1;
        }
        told = events(&house, key, "event=act_failed").await;
    }
    assert_eq!((&told[0]["action"], &told[0]["details"]["code"]), (&json!("runs:create"), &json!("no_component")));
    let left_out = |one: &Value| one["details"]["left_out_before"].as_u64().unwrap_or(0);
    let (known, left): (u64, u64) = (told.len() as u64, told.iter().map(left_out).sum());
    assert!(known < asked && known + left <= asked, "{known} {left} {asked}");
}

#[tokio::test]
async fn a_component_that_is_refused_is_on_record_by_its_digest() {
    let house = House::new().await;
    let key = &house.admin;
    let junk = House::send(house.ask("POST", "/v1/components").header("x-api-key", key).body("junk")).await;
    let all = events(&house, key, "").await;
    let refused = one(&all, "component_refused");
    let digest = ringfence::model::Digest::of(b"junk").to_string();
    assert_eq!(refused["resource"], json!({"id": digest, "kind": "component"}));
    assert_eq!(refused["details"], json!({"bytes": 4, "code": junk.code()}));
}

#[tokio::test]
async fn files_that_are_changed_are_on_record_by_their_digests() {
    let house = House::new().await;
    let key = &house.admin;
    let sha = |content: &[u8]| json!(ringfence::model::Digest::of(content).to_string());
    let archive = tar(&[("gone", "soon"), ("kept", "first")]);
    house.put(key, "/v1/workspaces/site", archive).await.is(201);
    let sandbox = house.post(key, "/v1/sandboxes", json!({"workspace": "site"})).await.is(201);
    let at = format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    house.put(key, &format!("{at}/files?path=kept"), "second").await.is(204);
    house.put(key, &format!("{at}/files?path=a%0A%1Bb"), "new").await.is(204);
    house.delete(key, &format!("{at}/files?path=gone")).await.is(204);
    let archive = tar(&[("inside", "third")]);
    house.put(key, &format!("{at}/archive"), archive.clone()).await.is(204);
    let written = events(&house, key, "event=files_written").await;
    let told: Vec<_> = written.iter().map(|one| (&one["details"]["digest"], &one["details"]["bytes"])).collect();
    let (none, whole) = (json!(null), sha(&archive));
    let (second, new) = (sha(b"second"), sha(b"new"));
    let bytes = json!(archive.len());
    assert_eq!(told, [(&second, &json!(6)), (&new, &json!(3)), (&none, &none), (&whole, &bytes)]);

    let answer = house.post(key, &format!("{at}/apply"), json!({})).await.is(200);
    let applied = events(&house, key, "event=changes_applied").await.pop().unwrap();
    let file = |digest: &Value, bytes| json!({"kind": "file", "digest": digest, "bytes": bytes, "executable": false});
    let changes = json!([
        {"path": r"a\u{a}\u{1b}b", "change": "added", "after": file(&new, 3)},
        {"path": "gone", "change": "removed", "before": sha(b"soon")},
        {"path": "inside", "change": "added", "after": file(&sha(b"third"), 5)},
        {"path": "kept", "change": "changed", "before": sha(b"first"), "after": file(&second, 6)},
    ]);
    assert_eq!((&applied["details"]["changes"], &applied["details"]["count"]), (&changes, &json!(4)));
    assert_eq!(applied["details"]["tree"], answer["tree"]);

    // Of many, some are told and all are counted.
    let names: Vec<_> = (0..200).map(|n| format!("{n:0>200}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
    house.put(key, &format!("{at}/archive"), tar(&many)).await.is(204);
    house.post(key, &format!("{at}/apply"), json!({})).await.is(200);
    let applied = events(&house, key, "event=changes_applied").await.pop().unwrap();
    let listed = applied["details"]["changes"].as_array().unwrap();
    assert!((10..=64).contains(&listed.len()), "{}", listed.len());
    assert_eq!((&applied["details"]["count"], &applied["cut"]), (&json!(200), &json!(true)));
    let is_whole = |change: &Value| change["after"] == file(&sha(b"x"), 1) && change["path"].is_string();
    assert!(listed.iter().all(is_whole), "what there is no room for is not half there: {listed:?}");
}
