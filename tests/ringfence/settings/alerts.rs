use std::path::Path;
use std::time::Duration;

use ringfence::audit::alerts::{Alert, Level};
use ringfence::config::Settings;
use serde_json::{Value, json};

use crate::audit::alerts::{KEY, START, fed, made};
use crate::service::House;
use crate::service::alerting::{KEY_BYTES, Peer, counted};

/// Longer than what is waited for here, shorter than what is waited for where the setting is ignored.
const SOON: Duration = Duration::from_secs(15);
const RULES: [&str; 6] = ["denials", "limits", "sandboxes", "sessions", "failed_starts", "failed_logins"];

/// One more of what a rule counts; for `sessions`, a sandbox that was made at the start is used then.
fn happens(rule: &str, ms: u64) -> (u64, Value) {
    let sandbox = made(START);
    let mut record = json!({
        "tenant": "acme", "principal": "bob", "key": KEY, "request": format!("req_{ms}"),
        "details": {"sandbox": sandbox}, "resource": {"id": sandbox, "kind": "sandbox"},
    });
    record["event"] = json!(match rule {
        "denials" => "command_executed",
        "limits" => "limit_exceeded",
        "sandboxes" => "sandbox_created",
        "sessions" => "command_started",
        "failed_starts" => "act_failed",
        _ => "login_refused",
    });
    match rule {
        "denials" => record["details"]["denials"] = json!(1),
        "failed_starts" => record["action"] = json!("sandboxes:run"),
        "failed_logins" => record["details"]["address"] = json!("192.0.2.1"),
        _ => {}
    }
    (START + ms, record)
}

/// What a rule tells of records, with some of its settings.
fn told(rule: &str, set: &[(&str, &str)], records: &[(u64, Value)]) -> Vec<Alert> {
    let flag = |(key, value): &(&str, &str)| (format!("audit.alerts.{key}"), (*value).to_owned());
    let flags: Vec<_> = set.iter().map(flag).collect();
    let mut all = fed(&Settings::load(None, |_| None, &flags).unwrap().audit.alerts, records);
    all.retain(|alert| alert.rule.as_str() == rule);
    all
}

#[test]
pub fn severity_is_told_and_off_is_silent() {
    for rule in RULES {
        let (severity, more_than) = (format!("{rule}.severity"), format!("{rule}.more_than"));
        for (word, level) in [("low", Level::Low), ("high", Level::High), ("off", Level::Off)] {
            let all = told(rule, &[(&severity, word), (&more_than, "0")], &[happens(rule, 5_000)]);
            let levels: Vec<_> = all.iter().map(|alert| alert.severity).collect();
            assert_eq!(levels, if level == Level::Off { vec![] } else { vec![level] }, "{rule}: {word}");
        }
    }
}

#[test]
pub fn more_than_so_much_is_told() {
    for rule in RULES {
        let all =
            told(rule, &[(&format!("{rule}.more_than"), "3")], &[1, 2, 3, 4, 5].map(|s| happens(rule, s * 1_000)));
        let counts: Vec<_> = all.iter().map(|alert| (alert.record, alert.count)).collect();
        assert_eq!(counts, [(3, 4)], "{rule}");
    }
}

#[test]
pub fn window_s_is_how_long_it_counts_and_is_quiet() {
    for rule in RULES {
        let set = [(&*format!("{rule}.more_than"), "0"), (&*format!("{rule}.window_s"), "10")];
        let all = told(rule, &set, &[1_000, 6_000, 10_900, 11_000, 12_000].map(|ms| happens(rule, ms)));
        assert_eq!(all.iter().map(|alert| alert.record).collect::<Vec<_>>(), [0, 3], "{rule}");
        if rule != "sessions" {
            let set = [(&*format!("{rule}.more_than"), "1"), (&*format!("{rule}.window_s"), "10")];
            assert_eq!(told(rule, &set, &[0, 12_000, 24_000].map(|ms| happens(rule, ms))), [], "{rule}");
        }
    }
}

#[test]
pub fn act_is_what_an_alert_wants() {
    for rule in RULES.iter().filter(|rule| **rule != "failed_logins") {
        for act in ["none", "stop_sandbox", "suspend_key"] {
            let set = [(&*format!("{rule}.more_than"), "0"), (&*format!("{rule}.act"), act)];
            let all = told(rule, &set, &[happens(rule, 5_000)]);
            assert_eq!(all.iter().map(|alert| alert.deed.as_str()).collect::<Vec<_>>(), [act], "{rule}");
        }
    }
}

#[test]
pub fn subjects_are_how_many_are_remembered() {
    let login = |n: u64| {
        let (time, mut record) = happens("failed_logins", 0);
        record["details"]["address"] = json!(format!("192.0.{}.{}", n / 256, n % 256));
        (time, record)
    };
    let flood: Vec<_> = (0..6).flat_map(|_| (0..400).map(login)).collect();
    assert_eq!(told("failed_logins", &[("subjects", "100")], &flood), []);
    assert_eq!(told("failed_logins", &[("subjects", "1000")], &flood).len(), 400);
}

fn hook(peer: &Peer, dir: &Path) -> [(&'static str, String); 4] {
    let key = dir.join("hook");
    std::fs::write(&key, KEY_BYTES).unwrap();
    [
        ("audit.alerts.webhook.url", peer.url.clone()),
        ("audit.alerts.webhook.key_file", key.display().to_string()),
        ("audit.alerts.failed_logins.more_than", "0".to_owned()),
        ("audit.alerts.sandboxes.more_than", "0".to_owned()),
    ]
}

async fn over(set: &[(&'static str, String)], more: &[(&str, &str)]) -> House {
    let set: Vec<_> = set.iter().map(|(key, value)| (*key, value.as_str())).chain(more.iter().copied()).collect();
    House::with(&set).await
}

async fn until_counted(house: &House, line: &str) {
    let seen = async { while !counted(house, line).await {} };
    tokio::time::timeout(SOON, seen).await.expect("the setting is ignored");
}

#[tokio::test]
pub async fn tries_are_how_often_an_alert_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::answering(&["500", "500", "500", "500"]).await;
    let house = over(&hook(&peer, dir.path()), &[("audit.alerts.webhook.tries", "2")]).await;
    assert_eq!(house.get("rf_wrong", "/v1/whoami").await.status, 401);
    until_counted(&house, "ringfence_alerts_sent_total{result=\"given_up\"} 1").await;
    assert_eq!(peer.came(), 2);
}

#[tokio::test]
pub async fn queue_is_how_many_alerts_wait() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::answering(&["never"]).await;
    let more = [("audit.alerts.webhook.queue", "1"), ("audit.alerts.failed_starts.more_than", "0")];
    let house = over(&hook(&peer, dir.path()), &more).await;
    assert_eq!(house.get("rf_wrong", "/v1/whoami").await.status, 401);
    house.sandbox(&house.admin).await;
    let missing = json!({"component": format!("sha256:{}", "0".repeat(64))});
    assert_eq!(house.post(&house.admin, "/v1/runs", missing).await.status, 404);
    until_counted(&house, "ringfence_alerts_sent_total{result=\"left_out\"} 1").await;
}

#[test]
pub fn private_lets_alerts_go_to_private_networks() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, KEY_BYTES).unwrap();
    let refused = |set: &[(&str, &str)]| {
        let data = dir.path().join("data").display().to_string();
        let all = [("data_dir", data.as_str()), ("http.listen", "127.0.0.1:0")].into_iter().chain(set.iter().copied());
        let flags: Vec<_> = all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let settings = Settings::load(None, |_| None, &flags).unwrap();
        ringfence::app::check(&settings).err().map(|error| format!("{error:#}"))
    };
    let (url, file) =
        (("audit.alerts.webhook.url", "https://10.0.0.1/"), ("audit.alerts.webhook.key_file", key.to_str().unwrap()));
    assert!(refused(&[url, file]).unwrap().contains("`private` allows it"));
    assert_eq!(refused(&[url, file, ("audit.alerts.webhook.private", "true")]), None);
    assert!(refused(&[url]).unwrap().contains("name both"));
    assert!(refused(&[url, ("audit.alerts.webhook.key_file", "/nowhere")]).unwrap().contains("/nowhere"));
}
