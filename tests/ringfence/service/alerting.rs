//! Alerts, from what happened to who hears of it, and what is done about it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::House;
use super::proven::{events, one};

pub const KEY_BYTES: &[u8] = b"0123456789abcdef0123456789abcdef\n";

/// Where alerts are sent: a server that answers one after the other as it was told to.
pub struct Peer {
    pub url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// A status; `drop` to hang up unheard, `never` to hear and not to answer.
    pub async fn answering(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Self { url: format!("http://{}/alerts", listener.local_addr().unwrap()), heard: Arc::default() };
        let heard = Arc::clone(&peer.heard);
        tokio::spawn(async move {
            let mut kept = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut text = String::new();
                while *answer != "drop" && !is_whole(&text) {
                    let mut piece = [0; 4_096];
                    let read = stream.read(&mut piece).await.unwrap();
                    text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
                }
                heard.lock().unwrap().push(text);
                match *answer {
                    "drop" => {}
                    "never" => kept.push(stream),
                    status => {
                        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                        let _ = stream.write_all(head.as_bytes()).await;
                    }
                }
            }
            std::future::pending::<()>().await;
        });
        peer
    }

    pub fn came(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// Header and body of each message.
    fn heard(&self) -> Vec<(String, String)> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter_map(|text| text.split_once("\r\n\r\n"))
            .map(|(head, body)| (head.into(), body.into()))
            .collect()
    }
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}

/// Whether the numbers of the service say so.
pub async fn counted(house: &House, line: &str) -> bool {
    let numbers = house.get(&house.admin, "/metrics").await;
    String::from_utf8(numbers.bytes).unwrap().lines().any(|one| one == line)
}

/// What a receiver does, by what the documentation says.
fn is_signed(head: &str, body: &str) -> bool {
    let signature = head.lines().find_map(|line| line.strip_prefix("ringfence-signature: ")).unwrap();
    let (time, tag) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let now = jiff::Timestamp::now().as_second();
    let tag: Vec<u8> = (0..tag.len() / 2).map(|n| u8::from_str_radix(&tag[2 * n..2 * n + 2], 16).unwrap()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY_BYTES.trim_ascii_end());
    let recent = now.abs_diff(time.parse().unwrap()) < 300;
    recent && hmac::verify(&key, format!("{time}.{body}").as_bytes(), &tag).is_ok()
}

#[tokio::test]
pub async fn an_alert_is_recorded_counted_and_sent_until_it_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let key_file = dir.path().join("key");
    std::fs::write(&key_file, KEY_BYTES).unwrap();
    let peer = Peer::answering(&["drop", "500", "302", "204"]).await;
    let house = House::with(&[
        ("audit.alerts.failed_logins.more_than", "1"),
        ("audit.alerts.webhook.url", &peer.url),
        ("audit.alerts.webhook.key_file", key_file.to_str().unwrap()),
        ("audit.origin", "here.example/audit"),
    ])
    .await;
    for _ in 0..3 {
        assert_eq!(house.get("rf_wrong", "/v1/whoami").await.status, 401);
    }
    while !counted(&house, "ringfence_alerts_sent_total{result=\"sent\"} 1").await {}
    assert!(counted(&house, "ringfence_alerts_total{rule=\"failed_logins\",severity=\"high\"} 1").await);
    let all = events(&house, &house.admin, "").await;
    let alert = one(&all, "alert_raised");
    let second = all.iter().filter(|one| one["event"] == "login_refused").nth(1).unwrap();
    let details = json!({
        "rule": "failed_logins", "severity": "high", "count": 2, "more_than": 1, "window_s": 60, "act": "none",
        "record": second["seq"],
    });
    assert_eq!((&alert["details"], &alert["resource"]), (&details, &json!({"id": "127.0.0.1", "kind": "address"})));
    let heard = peer.heard();
    assert_eq!((heard.len(), peer.came()), (3, 4));
    assert!(heard.iter().all(|(head, body)| is_signed(head, body)), "{heard:?}");
    assert!(!is_signed(&heard[2].0, "{}"));
    let bodies: Vec<Value> = heard.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect();
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2]);
    let id = format!("here.example/audit/{}/failed_logins", second["seq"]);
    let body = json!({
        "id": id, "log": "here.example/audit", "rule": "failed_logins", "severity": "high", "count": 2, "more_than": 1,
        "subject": {"kind": "address", "id": "127.0.0.1"}, "window_s": 60, "act": "none", "record": second["seq"],
        "time": second["time"], "tenant": null, "principal": null, "key": null, "request": second["request"],
    });
    assert_eq!(bodies[2], body);
}

#[tokio::test]
async fn a_start_raises_nothing_for_what_was_before_it() {
    let set = [("audit.alerts.failed_logins.more_than", "1"), ("audit.alerts.sandboxes.more_than", "0")];
    let house = House::with(&set).await;
    let key = house.admin.clone();
    let alerts = async |house: &House| events(house, &key, "event=alert_raised").await;
    for _ in 0..2 {
        assert_eq!(house.get("rf_wrong", "/v1/whoami").await.status, 401);
    }
    while alerts(&house).await.is_empty() {}
    let house = house.again(&set).await;
    assert_eq!(house.get("rf_wrong", "/v1/whoami").await.status, 401);
    // Records are seen in their order.
    house.sandbox(&key).await;
    while alerts(&house).await.len() < 2 {}
    let rules: Vec<_> = alerts(&house).await.iter().map(|one| one["details"]["rule"].clone()).collect();
    assert_eq!(rules, ["failed_logins", "sandboxes"]);
}

#[tokio::test]
async fn what_was_done_before_a_stop_is_told_at_the_stop() {
    let mut house = House::with(&[("audit.alerts.sandboxes.more_than", "0")]).await;
    house.sandbox(&house.admin).await;
    house.stop().await;
    let log = house.dir.path().join("data/audit/log/00000000000000000000.jsonl");
    let log = std::fs::read_to_string(log).unwrap();
    let names: Vec<Value> =
        log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone()).collect();
    assert_eq!(names.iter().filter(|name| *name == "alert_raised").count(), 1);
    assert_eq!(names.last().unwrap(), "service_stopped");
}

/// Runs something of a limit and something that is not granted, with these rules about it.
pub const ACTS: [(&str, &str); 3] = [
    ("audit.alerts.limits.act", "stop_sandbox"),
    ("audit.alerts.denials.act", "suspend_key"),
    ("audit.alerts.denials.more_than", "0"),
];

/// What they lead to: a sandbox that is stopped, and a key that opens nothing.
pub async fn acted(house: &House) -> (String, String) {
    let key = house.person("guest", &["developer"]).await;
    let probe = house.submit(&key, "probe").await;
    let sandbox = house.sandbox(&key).await;
    let spent = json!({"component": probe, "command": ["read|nothing"], "limits": {"fuel": 1_000}});
    house.post(&key, &format!("{sandbox}/runs"), spent).await.is(200);
    let stopped = async { while house.get(&key, &sandbox).await.is(200)["state"] != "stopped" {} };
    tokio::time::timeout(Duration::from_secs(30), stopped).await.expect("the sandbox is not stopped");
    house.put(&key, "/v1/workspaces/guest", "").await.is(201);
    let token = house.post(&key, "/v1/tokens", json!({"scopes": ["*"]})).await.is(201);
    let body = json!({"component": probe, "command": ["put|f|x"], "workspace": "guest", "rules": ["**:view"]});
    let bearer = format!("Bearer {}", token["token"].as_str().unwrap());
    House::send(house.ask("POST", "/v1/runs").header("authorization", bearer).json(&body)).await.is(200);
    let shut_out = async { while house.get(&key, "/v1/whoami").await.status != 401 {} };
    tokio::time::timeout(Duration::from_secs(30), shut_out).await.expect("the key is not suspended");
    (key, sandbox)
}

#[tokio::test]
async fn a_rule_stops_a_sandbox_and_suspends_the_key_behind_a_token() {
    let house = House::with(&ACTS).await;
    let (key, sandbox) = acted(&house).await;
    let all = events(&house, &house.admin, "event=alert_raised").await;
    let acts: Vec<_> = all.iter().map(|one| (&one["details"]["rule"], &one["details"]["act"])).collect();
    assert_eq!(acts, [(&json!("limits"), &json!("stop_sandbox")), (&json!("denials"), &json!("suspend_key"))]);
    assert!(all.iter().all(|one| one["principal"] == "guest" && one["request"].is_string()), "{all:#?}");
    while events(&house, &house.admin, "event=key_suspended").await.is_empty() {}
    let done = events(&house, &house.admin, "").await;
    let suspended = one(&done, "key_suspended");
    assert_eq!(suspended["details"], json!({"for": "guest", "alert": all[1]["seq"]}));
    let stopped = one(&done, "sandbox_updated");
    assert_eq!(stopped["details"], json!({"stopped": true, "alert": all[0]["seq"]}));
    assert!(sandbox.ends_with(stopped["resource"]["id"].as_str().unwrap()));
    let keys = house.get(&house.admin, "/v1/keys").await.is(200);
    let known = keys["items"].as_array().or(keys["keys"].as_array()).unwrap();
    let of = known.iter().find(|one| one["id"] == suspended["resource"]["id"]).unwrap();
    assert!(!of["revoked"].is_null(), "{of} {key}");
}
