//! What each key of a target changes, and what is refused.

use ringfence::config::Settings;
use serde_json::{Value, json};

use super::audit::{old_log, over, segments};
use crate::service::House;
use crate::service::alerting::counted;
use crate::service::collectors::{Collector, all_came, listener, vouched};
use crate::service::forwarding::{audit, caught_up};

#[tokio::test]
pub async fn each_target_gets_what_its_kind_and_format_say() {
    let dir = tempfile::tempdir().unwrap();
    let (root, shown) = vouched();
    let (other, _) = vouched();
    let file = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).display().to_string()
    };
    let (root, other) = (file("root.pem", &root), file("other.pem", &other));
    let https = Collector::http(listener().await, Some(shown), &[]);
    let sys = Collector::syslog(listener().await, None, &[]);
    let path = dir.path().join("out");
    let all = format!(
        "[{{name = 'a-file', kind = 'file', format = 'ocsf', path = '{}'}},
          {{name = 'a-sys', kind = 'syslog', format = 'cef', address = '{}', tls = false}},
          {{name = 'a-http', kind = 'http', format = 'jsonl', url = 'https://{}/', ca_file = '{root}'}},
          {{name = 'unknown', kind = 'http', url = 'https://{}/', ca_file = '{other}', patience_s = 0}}]",
        path.display(),
        sys.address,
        https.address,
        https.address
    );
    let mut house = House::with(&[("audit.forward", &all)]).await;
    for name in ["a-file", "a-sys", "a-http"] {
        caught_up(&house, name).await;
    }
    while !counted(&house, "ringfence_forward_late{target=\"unknown\"} 1").await {}
    let heads = https.heads.lock().unwrap().clone();
    assert!(heads.iter().all(|head| !head.contains("ringfence-signature") && !head.contains("authorization")));
    house.stop().await;
    all_came(&https.heard(), &audit(&house));
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), sys.heard().len());
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["class_uid"].is_number()));
    assert!(sys.heard().iter().all(|line| line.starts_with("CEF:0|")));
}

#[tokio::test]
async fn patience_s_is_how_long_it_may_take_nothing() {
    let free = listener().await;
    let address = free.local_addr().unwrap();
    drop(free);
    let all = format!(
        "[{{name = 'now', kind = 'syslog', address = '{address}', tls = false, patience_s = 0}},
          {{name = 'later', kind = 'syslog', address = '{address}', tls = false}}]"
    );
    let house = House::with(&[("audit.forward", &all)]).await;
    let failed = "ringfence_forward_failures_total{target=\"later\",reason=\"unreachable\"} 1";
    while !counted(&house, failed).await {}
    while !counted(&house, "ringfence_forward_late{target=\"now\"} 1").await {}
    assert!(counted(&house, "ringfence_forward_late{target=\"later\"} 0").await);
}

/// What a target has not got is kept for it, and when its time is over too that is on record and told to it.
#[tokio::test]
async fn keep_days_are_how_much_longer_old_segments_wait_for_a_target() {
    for (days, kept) in [(3, true), (0, false)] {
        let root = tempfile::tempdir().unwrap();
        old_log(root.path()).await;
        let all = segments(root.path()).len();
        let free = listener().await;
        let address = free.local_addr().unwrap();
        drop(free);
        let targets =
            format!("[{{name = 'sys', kind = 'syslog', address = '{address}', tls = false, keep_days = {days}}}]");
        // It ended a hundred days ago.
        let more = [("audit.retention_days", "98"), ("audit.forward", targets.as_str())];
        let house = over(root.path(), &more).await;
        while !kept && segments(root.path()).len() > 2 {
            house.get(&house.admin, "/v1/whoami").await;
        }
        house.sandbox(&house.admin).await;
        let peer = Collector::syslog(tokio::net::TcpListener::bind(address).await.unwrap(), None, &[]);
        caught_up(&house, "sys").await;
        let heard = peer.heard();
        let told = heard.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lost: Vec<_> = told.filter(|one| one["event"] == "records_not_forwarded").collect();
        if kept {
            assert!(segments(root.path()).len() >= all && lost.is_empty());
            all_came(&heard, &root.path().join("log"));
            continue;
        }
        let first = serde_json::from_str::<Value>(&heard[0]).unwrap()["seq"].clone();
        assert_eq!(lost[0]["details"], json!({"target": "sys", "first": 0, "before": first}));
        assert_eq!((lost.len(), first.as_u64() > Some(10)), (1, true));
        assert!(counted(&house, &format!("ringfence_forward_lost_records_total{{target=\"sys\"}} {first}")).await);
    }
}

#[test]
fn what_is_no_target_is_refused_with_its_name() {
    let load = |all: &str| {
        let flags = [("audit.forward".to_owned(), format!("[{all}]"))];
        Settings::load(None, |_| None, &flags).map_err(|error| error.to_string())
    };
    let sys = "kind = 'syslog', address = 'a:1'";
    let many: Vec<String> = (0..17).map(|n| format!("{{name = 'n{n}', kind = 'file', path = '{n}'}}")).collect();
    for (wrong, why) in [
        ("{name = '', kind = 'file', path = 'a'}".to_owned(), "audit.forward.name"),
        ("{name = 'A', kind = 'file', path = 'a'}".to_owned(), "audit.forward.name"),
        ("{name = '../a', kind = 'file', path = 'a'}".to_owned(), "audit.forward.name"),
        ("{name = 'a', kind = 'ftp'}".to_owned(), "unknown variant `ftp`"),
        ("{name = 'a', kind = 'file', path = 'a', format = 'json'}".to_owned(), "expected one of `jsonl`"),
        ("{name = 'a', kind = 'file', path = 'a', adress = 'x'}".to_owned(), "unknown field `adress`"),
        ("{name = 'a', kind = 'file'}".to_owned(), "audit.forward.a: the kind file needs path"),
        ("{name = 'a', kind = 'file', path = 'a', url = 'x'}".to_owned(), "url is nothing for the kind file"),
        ("{name = 'a', kind = 'file', path = 'a', private = true}".to_owned(), "private is nothing for the kind file"),
        ("{name = 'a', kind = 'http'}".to_owned(), "the kind http needs url"),
        ("{name = 'a', kind = 'http', url = 'x', tls = false}".to_owned(), "tls is nothing for the kind http"),
        (format!("{{name = 'a', {sys}}}"), "needs ca_file, or `tls = false`"),
        (format!("{{name = 'a', {sys}, tls = true}}"), "needs ca_file"),
        (format!("{{name = 'a', {sys}, tls = false, ca_file = 'x'}}"), "ca_file is for TLS"),
        (format!("{{name = 'a', {sys}, tls = false, keep_days = 36501}}"), "keep_days is 36501; it must be 0 to 36500"),
        (format!("{{name = 'a', {sys}, tls = false, patience_s = 86401}}"), "patience_s is 86401"),
        (format!("{{name = 'a', {sys}, tls = false}}, {{name = 'a', {sys}, tls = false}}"), "another target has this"),
        (
            "{name = 'a', kind = 'file', path = 'x'}, {name = 'b', kind = 'file', path = 'x'}".to_owned(),
            "the file of a",
        ),
        (many.join(","), "there are 17 targets"),
    ] {
        let told = load(&wrong).unwrap_err();
        assert!(told.contains(why), "{wrong}: {told}");
    }
    assert!(load(&many[1..].join(",")).is_ok());
}

#[tokio::test]
async fn what_a_target_names_and_cannot_be_used_is_refused_by_the_check() {
    let house = House::new().await;
    let dir = tempfile::tempdir().unwrap();
    let data = house.dir.path().join("data");
    let file = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).display().to_string()
    };
    let check = |target: &str| {
        let all = format!("[{{name = 'a', {target}}}]");
        let flags = [("data_dir", data.to_str().unwrap()), ("http.listen", "127.0.0.1:0"), ("audit.forward", &all)];
        let flags: Vec<_> = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let checked = ringfence::app::check(&Settings::load(None, |_| None, &flags).unwrap());
        checked.map_err(|error| format!("{error:#}"))
    };
    let (empty, short, junk) = (file("empty", ""), file("short", "0123"), file("junk", "swordfish"));
    let folder = dir.path().display();
    let own = data.join("audit/log/00000000000000000000.jsonl");
    std::fs::hard_link(&own, dir.path().join("hard")).unwrap();
    std::os::unix::fs::symlink(&own, dir.path().join("soft")).unwrap();
    std::os::unix::fs::symlink(data.join("audit/log"), dir.path().join("inside")).unwrap();
    let url = "kind = 'http', url = 'http://127.0.0.1:1/'";
    for (wrong, why) in [
        ("kind = 'http', url = 'http://siem.example/'".to_owned(), "write `https://`"),
        ("kind = 'http', url = 'https://10.0.0.1/'".to_owned(), "`private` allows it"),
        ("kind = 'syslog', address = '10.0.0.1:514', tls = false".to_owned(), "`private` allows it"),
        ("kind = 'syslog', address = '10.0.0.1', tls = false".to_owned(), "write HOST:PORT"),
        ("kind = 'syslog', address = 'a:1', ca_file = '/nowhere'".to_owned(), "ca_file: /nowhere"),
        (format!("kind = 'syslog', address = 'a:1', ca_file = '{empty}'"), "no certificate is in it"),
        (format!("{url}, ca_file = '{empty}'"), "no certificate is in it"),
        (format!("{url}, key_file = '{short}'"), "32 bytes at least"),
        (format!("{url}, header_file = '{junk}'"), "write `Name: value`"),
        (format!("{url}, header_file = '/nowhere'"), "header_file: /nowhere"),
        (format!("kind = 'file', path = '{folder}'"), "that is no file"),
        (format!("kind = 'file', path = '{folder}/none/x'"), "make the folder of it"),
        (format!("kind = 'file', path = '{}'", own.display()), "in the folder of the log itself"),
        (format!("kind = 'file', path = '{folder}/soft'"), "that is a link"),
        (format!("kind = 'file', path = '{folder}/hard'"), "a file of the log itself, by another name"),
        (format!("kind = 'file', path = '{folder}/inside/x'"), "in the folder of the log itself"),
    ] {
        let told = check(&wrong).unwrap_err();
        assert!(told.starts_with("audit.forward.a: ") && told.contains(why) && !told.contains("swordfish"), "{told}");
    }
    for good in [
        "kind = 'http', url = 'https://10.0.0.1/', private = true".to_owned(),
        "kind = 'syslog', address = '10.0.0.1:514', tls = false, private = true".to_owned(),
        "kind = 'syslog', address = '[::1]:514', tls = false".to_owned(),
        format!("kind = 'file', path = '{folder}/new'"),
    ] {
        check(&good).unwrap();
    }
    assert!(!dir.path().join("new").exists(), "nothing is made");
}
