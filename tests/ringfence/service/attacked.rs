//! What is done to the audit log of a service, or tried through it by those who call it.

use std::path::Path;
use std::time::Duration;

use ringfence::audit::{Reader, Record, VerifyOptions, verify};
use serde_json::json;

use super::House;
use super::proven::events;
use crate::support::guest;

#[tokio::test]
async fn l06_a_second_service_on_the_same_log_does_not_start() {
    let house = House::new().await;
    let own = tempfile::tempdir().unwrap();
    let [data, log] = [own.path().join("data"), house.dir.path().join("data/audit")];
    let flags = [
        ("data_dir", data.display().to_string()),
        ("audit.dir", log.display().to_string()),
        ("audit.key_file", house.dir.path().join("data/secrets/audit").display().to_string()),
        ("http.listen", "127.0.0.1:0".to_owned()),
    ];
    let flags: Vec<_> = flags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let settings = ringfence::config::Settings::load(None, |_| None, &flags).unwrap();
    let second = ringfence::app::Service::with_worker(settings, crate::support::WORKER.into()).await;
    let error = format!("{:#}", second.err().unwrap());
    assert!(error.contains("another process"), "{error}");
    // The first goes on, in a log that is whole.
    house.sandbox(&house.admin).await;
    let live = VerifyOptions { live: true, ..VerifyOptions::default() };
    assert_eq!(verify(&log, &live).fault, None);
}

#[tokio::test]
async fn l06_a_service_whose_log_is_touched_stops_acting_and_says_so() {
    let removed = |log: &Path| std::fs::remove_dir_all(log).unwrap();
    let segment = |log: &Path| std::fs::remove_file(log.join("log/00000000000000000000.jsonl")).unwrap();
    let put_back = |log: &Path| {
        let path = log.join("log/00000000000000000000.jsonl");
        let older = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, older).unwrap();
    };
    for touch in [&removed as &dyn Fn(&Path), &segment, &put_back] {
        let mut house = House::new().await;
        let key = &house.admin.clone();
        assert_eq!(house.get(key, "/readyz").await.status, 200);
        touch(&house.dir.path().join("data/audit"));
        for _ in 0..2 {
            let refused = house.post(key, "/v1/keys", json!({"name": "late"})).await;
            assert_eq!((refused.status, refused.code().as_str()), (503, "audit_unavailable"));
        }
        let ready = house.get(key, "/readyz").await;
        assert_eq!((ready.status, &ready.json()["waiting_for"]), (503, &json!(["the audit log takes nothing"])));
        let keys = house.get(key, "/v1/keys").await.is(200);
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "what was refused was not done");
        house.stop().await;
    }
}

#[tokio::test]
async fn a06_a_tenant_fills_no_more_of_the_log_than_it_may_in_a_minute() {
    const MOST: u64 = 20_000;
    let house = House::new().await;
    let key = &house.tenant_with("busy", &[("audit_bytes_per_minute", MOST)]).await;
    let spare = house.post(key, "/v1/keys", json!({"name": "spare"})).await.is(201)["key"]["id"].clone();
    let mut sandboxes = Vec::new();
    let refused = loop {
        let made = house.post(key, "/v1/sandboxes", json!({})).await;
        if made.status != 201 {
            break made;
        }
        sandboxes.push(format!("/v1/sandboxes/{}", made.json()["id"].as_str().unwrap()));
    };
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_much_audit_a_minute"));
    let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    let filled = async || {
        let all = events(&house, &house.admin, "tenant=busy").await;
        all.iter().map(|one| one.to_string().len() as u64 + 1).sum::<u64>()
    };
    let before = filled().await;
    assert!((MOST * 9 / 10..MOST + 5_000).contains(&before), "{before}");
    // Nor does it by asking, by running, by reading what is on record when it is read, or by looking what it did.
    for _ in 0..5 {
        let run = json!({"component": format!("sha256:{}", "0".repeat(64))});
        for (path, body) in [("/v1/sandboxes", json!({})), ("/v1/runs", run), ("/v1/keys", json!({"name": "x"}))] {
            assert_eq!(house.post(key, path, body).await.code(), "too_much_audit_a_minute", "{path}");
        }
        assert_eq!(house.get(key, "/v1/audit/events").await.code(), "too_much_audit_a_minute");
    }
    assert_eq!(filled().await, before);
    // What is not on record goes on, others go on, and so does who takes a key away.
    house.get(key, "/v1/sandboxes").await.is(200);
    let other = house.tenant("other").await;
    house.sandbox(&other).await;
    // Whoever stops things has a little room for that, and none of what is kept for rights.
    assert!(house.delete(key, &sandboxes[0]).await.status < 300);
    assert_eq!(house.delete(key, &sandboxes[1]).await.code(), "too_much_audit_a_minute");
    house.delete(key, &format!("/v1/keys/{}", spare.as_str().unwrap())).await.is(204);
    // With more room at once, when it is given.
    let more = json!({"ceilings": {"audit_bytes_per_minute": 10 * MOST}});
    house.with_json(&house.admin, "PATCH", "/v1/tenants/busy", more).await.is(200);
    house.sandbox(key).await;
}

/// Never ends by itself, nor within what is waited for here.
const LOOP: &str = "(module (func (export \"_start\") (loop (br 0))))";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn l06_what_runs_when_the_log_stops_is_ended() {
    let house = House::new().await;
    let key = &house.admin.clone();
    let submit = house.ask("POST", "/v1/components").header("x-api-key", key).body(LOOP);
    let component = House::send(submit).await.is(201)["digest"].clone();
    let limits = json!({"preset": "large", "deadline_ms": 600_000, "fuel": 1_000_000_000_000_000_u64});
    let body = json!({"component": component, "limits": limits});
    let sandbox = house.post(key, "/v1/sandboxes", json!({"limits": limits})).await.is(201);
    let runs = format!("/v1/sandboxes/{}/runs", sandbox["id"].as_str().unwrap());
    let watched = house.ask("POST", &runs).header("x-api-key", key).header("accept", "text/event-stream");
    let watched = watched.json(&body).send().await.unwrap();
    let apart = json!({"component": component, "limits": limits, "async": true});
    house.post(key, "/v1/runs", apart).await.is(202);
    std::fs::rename(house.dir.path().join("data/audit"), house.dir.path().join("away")).unwrap();
    assert_eq!(house.post(key, "/v1/keys", json!({"name": "late"})).await.code(), "audit_unavailable");
    let told = tokio::time::timeout(SOON, watched.text()).await.expect("it goes on").unwrap();
    let told = told.split("event: ").find(|event| event.starts_with("error")).unwrap_or_else(|| panic!("{told}"));
    assert!(told.contains("audit_unavailable") && told.contains("the audit log"), "{told}");
    let numbers = async || String::from_utf8(house.get(key, "/metrics").await.bytes).unwrap();
    let quiet = async { while !numbers().await.lines().any(|line| line == "ringfence_running 0") {} };
    tokio::time::timeout(SOON, quiet).await.expect("one goes on");
}

#[tokio::test]
async fn l07_what_callers_and_guests_write_is_one_line_for_each_event() {
    let mut house = House::new().await;
    let key = &house.admin.clone();
    let forged = "x\"}\n{\"action\":\"keys:create\",\"v\":1}\n\u{1b}[2J\u{202e}\0\u{2028}";
    let long = format!("{forged}{}", "y".repeat(100_000));
    let probe = house.submit(key, "probe").await;
    house.put(key, "/v1/workspaces/site", "").await.is(201);
    let sandbox = house.post(key, "/v1/sandboxes", json!({"workspace": "site", "rules": ["**:view"]})).await.is(201);
    let at = format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    // In a path that a guest may not write, in one that a caller asks for, and where names and reasons are looked for.
    let inside = forged.replace('\0', "");
    let run = json!({"component": probe, "command": [format!("put|{inside}|x")], "env": {"A": inside}, "stdin": long});
    house.post(key, &format!("{at}/runs"), run).await.is(200);
    let query: String = inside.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let query = format!("path={query}");
    assert_eq!(house.get(key, &format!("{at}/files?{query}")).await.status, 404);
    house.put(key, &format!("{at}/files?{query}"), "x").await.is(204);
    house.post(key, &format!("{at}/apply"), json!({})).await.is(200);
    for body in [json!({"name": long}), json!({"name": forged}), json!({"name": "n", "principal": forged})] {
        assert!(house.post(key, "/v1/keys", body).await.status >= 400);
    }
    assert_eq!(house.get(&"rf_\u{e9}".repeat(50), "/v1/whoami").await.status / 100, 4);
    let junk = [guest("hello").as_slice(), long.as_bytes()].concat();
    house.put(key, "/v1/components", junk).await;

    // What a guest says was escaped before, by whoever tells of denials.
    for (event, told) in
        [("permission_denied", r"\\n{"), ("files_written", r"\u{a}{"), ("files_written", r"\u{202e}\u{2028}")]
    {
        let all = events(&house, key, &format!("event={event}")).await;
        let path = all[0]["details"]["path"].as_str().unwrap();
        assert!(path.contains(told), "{path}");
    }
    house.stop().await;
    let log = house.dir.path().join("data/audit");
    let report = verify(&log, &VerifyOptions::default());
    assert_eq!(report.fault, None);
    let text = std::fs::read_to_string(log.join("log/00000000000000000000.jsonl")).unwrap();
    assert_eq!(text.lines().count() as u64, report.size, "no text made a record");
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2028}')));
    for seq in 0..report.size {
        let line = Reader::new(&log).line(seq).unwrap();
        assert_eq!(Record::parse(line.as_bytes()).unwrap().seq, seq);
        assert!(line.len() <= ringfence::audit::RECORD_BYTES && !line.contains(&"y".repeat(2_000)));
    }
}
