//! What the service did stands in the audit log, before anybody hears of it; and without the log nothing is done.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use ringfence::audit::note::InclusionProof;
use ringfence::audit::{VerifyOptions, verify};
use serde_json::{Value, json};

use super::House;
use super::child::Served;
use crate::support::WORKER;

pub async fn events(house: &House, key: &str, query: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = house.get(key, &format!("/v1/audit/events?limit=100&{query}{cursor}")).await.is(200);
        all.extend(page["events"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

pub fn one<'a>(all: &'a [Value], event: &str) -> &'a Value {
    let found: Vec<_> = all.iter().filter(|one| one["event"] == event).collect();
    assert_eq!(found.len(), 1, "{event}: {all:#?}");
    found[0]
}

#[tokio::test]
async fn a_run_is_recorded_with_what_it_was_given_and_what_became_of_it() {
    let house = House::new().await;
    let key = &house.admin;
    let probe = house.submit(key, "probe").await;
    house.put(key, "/v1/workspaces/site", "").await.is(201);
    let body = json!({
        "component": probe, "command": ["put|f|secret-argument", "read|nothing"], "workspace": "site",
        "rules": ["**:view"], "env": {"TOKEN": "secret-variable"}, "stdin": "secret-input",
    });
    let run = house.post(key, "/v1/runs", body).await.is(200);
    let id = run["id"].as_str().unwrap();
    let all = events(&house, key, &format!("resource={id}")).await;
    let names: Vec<_> = all.iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("command_started", "command_executed"), "{names:?}");
    let started = &all[0];
    assert_eq!((&started["decision"], &started["action"]), (&json!("allowed"), &json!("runs:create")));
    assert!(!started["policies"].as_array().unwrap().is_empty());
    assert_eq!(started["details"]["component"], probe);
    assert_eq!(started["details"]["grants"]["env"], json!(["TOKEN"]));
    assert_eq!(started["details"]["stdin"]["bytes"], 12);
    assert!(started["details"]["limits"]["fuel"].is_number());
    let denied = one(&all, "permission_denied");
    assert_eq!((&denied["decision"], &denied["details"]["path"]), (&json!("denied"), &json!("/workspace/f")));
    let ended = one(&all, "command_executed");
    assert_eq!(ended["details"]["outcome"], run["outcome"]["kind"]);
    assert_eq!(ended["details"]["usage"]["fuel"], run["usage"]["fuel"]);
    assert_eq!(ended["details"]["stdout"]["bytes"], run["stdout"]["text"].as_str().unwrap().len());
    assert_eq!(started["request"], ended["request"]);
    let whole = serde_json::to_string(&events(&house, key, "").await).unwrap();
    for secret in ["secret-argument", "secret-variable", "secret-input", key.as_str()] {
        assert!(!whole.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_is_changed_is_permitted_on_record_and_then_done_on_record() {
    let house = House::new().await;
    let key = &house.admin;
    let dev = house.person("dev", &["developer"]).await;
    let made = house.post(key, "/v1/keys", json!({"name": "ci", "principal": "dev"})).await.is(201);
    let id = made["key"]["id"].as_str().unwrap();
    house.delete(key, &format!("/v1/keys/{id}")).await.is(204);
    let policy = json!({"text": "permit (principal, action, resource);"});
    assert_eq!(house.with_json(&dev, "PUT", "/v1/policies/mine", policy.clone()).await.status, 403);
    house.with_json(key, "PUT", "/v1/policies/all", policy).await.is(200);
    assert_eq!(house.get("rf_wrong", "/v1/whoami").await.status, 401);
    let sandbox = house.sandbox(key).await;
    house.put(key, &format!("{sandbox}/files?path=deep/f"), "content").await.is(204);
    assert_eq!(house.delete(key, &format!("{sandbox}/files?path=nothing")).await.status, 404);
    house.delete(key, &sandbox).await.is(204);
    let all = events(&house, key, "").await;
    let revoked = one(&all, "key_revoked");
    assert_eq!(revoked["resource"], json!({"id": id, "kind": "key"}));
    let before = all.iter().find(|one| one["request"] == revoked["request"]).unwrap();
    assert_eq!((&before["event"], &before["action"]), (&json!("access_allowed"), &json!("keys:revoke")));
    assert!(before["seq"].as_u64() < revoked["seq"].as_u64());
    assert!(all.iter().any(|one| one["event"] == "key_created" && one["resource"]["id"] == id));
    let denied = one(&all, "access_denied");
    assert_eq!((&denied["principal"], &denied["action"]), (&json!("dev"), &json!("policies:create")));
    assert_eq!(one(&all, "policy_created")["resource"]["id"], "all");
    assert_eq!(one(&all, "login_refused")["decision"], "denied");
    let digest = ringfence::model::Digest::of(b"content").to_string();
    let written = json!({"bytes": 7, "digest": digest, "path": "deep/f", "what": "file"});
    assert_eq!(one(&all, "files_written")["details"], written);
    assert_eq!(one(&all, "act_failed")["details"]["code"], "no_file");
    one(&all, "sandbox_created");
    one(&all, "sandbox_destroyed");
    one(&all, "service_started");
}

#[tokio::test]
async fn tenants_read_what_they_did_and_the_house_reads_all() {
    let house = House::new().await;
    let (ours, theirs) = (house.tenant("ours").await, house.tenant("theirs").await);
    house.post(&ours, "/v1/sandboxes", json!({})).await.is(201);
    house.post(&theirs, "/v1/sandboxes", json!({})).await.is(201);
    let seen = events(&house, &ours, "").await;
    assert!(!seen.is_empty() && seen.iter().all(|one| one["tenant"] == "ours"), "{seen:#?}");
    let refused = house.get(&ours, "/v1/audit/events?tenant=theirs").await;
    assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some("tenant")));
    let all = events(&house, &house.admin, "event=sandbox_created").await;
    assert_eq!(all.len(), 2);
    let other = all.iter().find(|one| one["tenant"] == "theirs").unwrap()["seq"].clone();
    for more in ["", "/proof"] {
        assert_eq!(house.get(&ours, &format!("/v1/audit/events/{other}{more}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_record_is_proven_without_the_log_and_the_log_verifies_after_the_end() {
    let mut house = House::new().await;
    let key = house.admin.clone();
    house.sandbox(&key).await;
    let seq = one(&events(&house, &key, "event=sandbox_created").await, "sandbox_created")["seq"].clone();
    let at = format!("/v1/audit/events/{seq}");
    let checkpoint = House::send(house.ask("POST", "/v1/audit/checkpoint").header("x-api-key", &key)).await;
    assert_eq!(checkpoint.status, 200);
    let line = house.get(&key, &at).await.bytes;
    let proof = house.get(&key, &format!("{at}/proof")).await.bytes;
    let proof: InclusionProof = String::from_utf8(proof).unwrap().parse().unwrap();
    assert!(proof.shows(&line) && !proof.shows(b"{}"));
    let grown = house.get(&key, "/v1/audit/growth?old=1").await;
    assert!(String::from_utf8(grown.bytes).unwrap().starts_with("old 1\n"));
    house.stop().await;
    let kept = String::from_utf8(checkpoint.bytes).unwrap().parse().unwrap();
    let report =
        verify(&house.dir.path().join("data/audit"), &VerifyOptions { from: vec![kept], ..Default::default() });
    assert!(report.fault.is_none(), "{report:?}");
    assert_eq!(report.records, report.size);
}

#[tokio::test]
async fn whoever_watches_hears_of_what_is_done() {
    let house = House::new().await;
    let key = &house.admin;
    let mut tail = house.ask("GET", "/v1/audit/tail").header("x-api-key", key).send().await.unwrap();
    assert_eq!(tail.status(), 200);
    house.sandbox(key).await;
    let mut heard = String::new();
    while !heard.contains("event: sandbox_created") {
        heard += std::str::from_utf8(&tail.chunk().await.unwrap().unwrap()).unwrap();
    }
    assert!(heard.contains("event: access_allowed"));
}

#[tokio::test]
async fn without_the_log_nothing_is_done() {
    let house = House::new().await;
    let key = &house.admin.clone();
    let digest = house.submit(key, "hello").await;
    let sandbox = house.sandbox(key).await;
    let (folder, away) = (house.dir.path().join("data/audit"), house.dir.path().join("away"));
    std::fs::rename(&folder, &away).unwrap();
    let keys = house.get(key, "/v1/keys").await.is(200);
    for (method, path, body) in [
        ("POST", "/v1/keys".to_owned(), json!({"name": "late"})),
        ("POST", "/v1/runs".to_owned(), json!({"component": digest})),
        ("PUT", "/v1/policies/late".to_owned(), json!({"text": "permit (principal, action, resource);"})),
        ("DELETE", sandbox.clone(), Value::Null),
    ] {
        let reply = house.with_json(key, method, &path, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "audit_unavailable"), "{method} {path}");
    }
    // What changes nothing goes on, and says that all is not well.
    assert_eq!(house.get(key, "/v1/keys").await.is(200), keys);
    assert_eq!(house.get(key, "/v1/policies").await.is(200)["policies"], json!([]));
    house.get(key, &sandbox).await.is(200);
    assert_eq!(house.get(key, "/readyz").await.status, 503);
    std::fs::rename(&away, &folder).unwrap();
    let house = house.again(&[]).await;
    house.delete(key, &sandbox).await.is(204);
}

const CLIENTS: u32 = 4;
const KILLS: u32 = 4;

/// Acts until the process is gone; which requests were answered, and what stands in the log of each.
async fn acts(served: Arc<Served>, key: String, hello: String, sandbox: String, client: u32) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for n in client.. {
        let (request, events): (_, &[&str]) = match n % 5 {
            0 => (served.ask(&key, "POST", "/v1/keys").json(&json!({"name": "k"})), &["access_allowed", "key_created"]),
            1 => {
                let at = format!("/v1/sandboxes/{sandbox}/files?path=f{client}");
                (served.ask(&key, "PUT", &at).body("x"), &["access_allowed", "files_written"])
            }
            2 => {
                let at = format!("/v1/sandboxes/{sandbox}/files?path=f{client}");
                (served.ask(&key, "GET", &at), &["files_read"])
            }
            3 => (served.ask("rf_wrong", "GET", "/v1/whoami"), &["login_refused"]),
            _ => {
                let body = json!({"component": hello});
                (served.ask(&key, "POST", "/v1/runs").json(&body), &["command_started", "command_executed"])
            }
        };
        let Some(reply) = Served::answer(request).await else { break };
        let is_there = !(n % 5 == 2 && reply.status == 404);
        assert!(matches!(reply.status, 200..=204 | 401) || !is_there, "{reply:?}");
        let id = reply.headers["x-request-id"].to_str().unwrap();
        // Refusals beyond so many a second are only counted.
        let events = events.iter().filter(|event| is_there && **event != "login_refused");
        told.extend(events.map(|event| (id.to_owned(), (*event).to_owned())));
    }
    told
}

/// What `ringfence audit verify` says, with all checkpoints that were kept.
fn verified(dir: &Path, checkpoints: u32, live: bool) -> Value {
    let mut command = std::process::Command::new(WORKER);
    command.args(["audit", "verify", "--json", "--dir"]).arg(dir.join("data/audit"));
    command.arg("--public-key").arg(dir.join("keys"));
    for n in 0..checkpoints {
        command.arg("--from-checkpoint").arg(dir.join(n.to_string()));
    }
    let output = command.args(live.then_some("--live")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Its one segment.
fn log_file(dir: &Path) -> std::path::PathBuf {
    dir.join("data/audit/log/00000000000000000000.jsonl")
}

fn written(dir: &Path) -> u64 {
    std::fs::metadata(log_file(dir)).unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_killed_under_load_each_acknowledged_act_is_in_a_log_that_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(rand::random());
    let settings = [("identity.guesses.failures_per_source", "100000"), ("audit.checkpoint_seconds", "1")];
    let mut served = Arc::new(Served::start(dir.path(), &settings));
    let admin = served.first_key.clone().unwrap();
    let hello = served.submit(&admin, "hello").await;
    let sandbox = served.sandbox(&admin).await;
    std::fs::copy(dir.path().join("data/audit/keys"), dir.path().join("keys")).unwrap();
    let mut told = HashSet::new();
    for round in 0..KILLS {
        let begun = |client| {
            let served = Arc::clone(&served);
            tokio::spawn(acts(served, admin.clone(), hello.clone(), sandbox.clone(), client))
        };
        let clients: Vec<_> = (0..CLIENTS).map(begun).collect();
        let kept = Served::answer(served.ask(&admin, "POST", "/v1/audit/checkpoint")).await.unwrap().bytes;
        std::fs::write(dir.path().join(round.to_string()), kept).unwrap();
        // After so many bytes more of the log: wherever each client then is in its next act.
        let end = written(dir.path()) + random.random_range(5_000..60_000);
        while written(dir.path()) < end {
            tokio::task::yield_now().await;
        }
        served.signal_kill();
        for client in clients {
            told.extend(client.await.unwrap());
        }
        drop(served);
        // As it was left, and as the next start left it.
        verified(dir.path(), round + 1, true);
        served = Arc::new(Served::start(dir.path(), &settings));
        verified(dir.path(), round + 1, true);
    }
    let keys = served.get(&admin, "/v1/keys?limit=100").await.is(200)["keys"].as_array().unwrap().len();
    Arc::into_inner(served).unwrap().stop();
    let report = verified(dir.path(), KILLS, false);
    let text = std::fs::read_to_string(log_file(dir.path())).unwrap();
    let all: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(report["records"], all.len());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found: HashSet<_> = all.iter().map(|one| (text(&one["request"]), text(&one["event"]))).collect();
    let lost: Vec<_> = told.difference(&found).collect();
    assert!(lost.is_empty() && told.len() > 40, "{lost:?} of {}", told.len());
    // Nor was anything made that was not permitted on record before.
    let permitted = all.iter().filter(|one| one["event"] == "access_allowed" && one["action"] == "keys:create").count();
    assert!(keys <= permitted + 1 || keys == 100, "{keys} keys, {permitted} permitted");
}
