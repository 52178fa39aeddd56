//! The audit log, sent elsewhere: each record at least once, in order, whatever happens on the way.

use std::path::Path;
use std::time::Duration;

use aws_lc_rs::hmac;
use ringfence::app::Service;
use ringfence::config::Settings;
use serde_json::json;

use super::House;
use super::alerting::{KEY_BYTES, counted};
use super::child::Served;
use super::collectors::{Collector, all_came, listener, log_lines, vouched};
use crate::support::WORKER;

/// Longer than what is waited for here, shorter than what is waited for where it does not come.
const SOON: Duration = Duration::from_secs(60);

pub fn audit(house: &House) -> std::path::PathBuf {
    house.dir.path().join("data/audit")
}

/// Waits until a target has all that there is.
pub async fn caught_up(house: &House, name: &str) {
    let line = format!("ringfence_forward_behind_records{{target=\"{name}\"}} 0");
    let done = async { while !counted(house, &line).await {} };
    tokio::time::timeout(SOON, done).await.unwrap_or_else(|_| panic!("{name} is behind"));
}

fn file_of(dir: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    std::fs::write(dir.join(name), text).unwrap();
    dir.join(name).display().to_string()
}

#[tokio::test]
pub async fn a_file_holds_each_record_to_the_last_one_of_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.jsonl");
    let all = format!("[{{name = 'disk', kind = 'file', path = '{}'}}]", path.display());
    let mut house = House::with(&[("audit.forward", &all)]).await;
    house.sandbox(&house.admin).await;
    caught_up(&house, "disk").await;
    house = house.again(&[("audit.forward", &all)]).await;
    house.sandbox(&house.admin).await;
    house.stop().await;
    let lines = log_lines(&audit(&house));
    assert!(lines.last().unwrap().contains("service_stopped"));
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), lines, "each once");
}

#[tokio::test]
pub async fn a_collector_that_fails_hangs_and_hangs_up_gets_everything_signed() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Collector::http(listener().await, None, &["500", "drop", "302", "never", "429", "204"]);
    let headers = file_of(dir.path(), "headers", "Authorization: Bearer swordfish\n");
    let key = file_of(dir.path(), "key", KEY_BYTES);
    let all = format!(
        "[{{name = 'siem', kind = 'http', url = 'http://{}/in', header_file = '{headers}', key_file = '{key}'}}]",
        peer.address
    );
    let mut house = House::with(&[("audit.forward", &all), ("audit.origin", "here.example/audit")]).await;
    for _ in 0..5 {
        house.sandbox(&house.admin).await;
    }
    caught_up(&house, "siem").await;
    for reason in ["refused", "unreachable"] {
        let failed = format!("ringfence_forward_failures_total{{target=\"siem\",reason=\"{reason}\"}} ");
        let text = String::from_utf8(house.get(&house.admin, "/metrics").await.bytes).unwrap();
        assert!(text.contains(&failed), "{text}");
    }
    house.stop().await;
    all_came(&peer.heard(), &audit(&house));
    let heads = peer.heads.lock().unwrap().clone();
    assert!(heads.len() > 3);
    for head in &heads {
        assert!(head.starts_with("post /in http/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: bearer swordfish\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-ndjson\r\n"), "{head}");
        assert!(head.contains("ringfence-log: here.example/audit\r\n"), "{head}");
    }
    let (head, body) = (heads.last().unwrap(), peer.heard().last().unwrap().clone() + "\n");
    let seq = log_lines(&audit(&house)).len() - 1;
    assert!(head.contains(&format!("ringfence-records: {seq}-{seq}\r\n")), "the last alone: {head}");
    let signature = head.lines().find_map(|line| line.strip_prefix("ringfence-signature: t=")).unwrap();
    let (time, tag) = signature.trim_end().split_once(",v1=").unwrap();
    let sealed =
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, KEY_BYTES.trim_ascii_end()), format!("{time}.{body}").as_bytes());
    assert_eq!(tag, sealed.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
}

#[tokio::test]
pub async fn syslog_gets_everything_over_connections_that_are_lost() {
    let peer = Collector::syslog(listener().await, None, &[1, 5_000, 700]);
    let all = format!("[{{name = 'sys', kind = 'syslog', address = '{}', tls = false}}]", peer.address);
    let mut house = House::with(&[("audit.forward", &all), ("audit.origin", "here.example/audit")]).await;
    for _ in 0..20 {
        house.sandbox(&house.admin).await;
    }
    caught_up(&house, "sys").await;
    house.stop().await;
    all_came(&peer.heard(), &audit(&house));
    let heads = peer.heads.lock().unwrap().clone();
    assert!(heads.iter().all(|head| head.contains("Z here.example ringfence - ")), "{heads:?}");
    assert!(heads.iter().any(|head| head.starts_with("<109>1 ") && head.ends_with(" key_created -")), "{heads:?}");
}

/// A peer that read everything and went down before it wrote it down.
#[tokio::test]
async fn what_syslog_took_last_comes_again_when_the_connection_is_lost() {
    let taken = listener().await;
    let all = format!("[{{name = 'sys', kind = 'syslog', address = '{}', tls = false}}]", taken.local_addr().unwrap());
    let mut house = House::with(&[("audit.forward", &all)]).await;
    let (mut line, _) = taken.accept().await.unwrap();
    let reading = tokio::spawn(async move { tokio::io::copy(&mut line, &mut tokio::io::sink()).await });
    caught_up(&house, "sys").await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    let peer = Collector::syslog(taken, None, &[]);
    house.sandbox(&house.admin).await;
    caught_up(&house, "sys").await;
    house.stop().await;
    all_came(&peer.heard(), &audit(&house));
}

/// A peer that takes connections and reads nothing, and goes away: what lay in our buffers has not come.
#[tokio::test]
async fn what_syslog_has_no_room_for_is_not_counted_as_sent() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2_048).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let narrow = socket.listen(8).unwrap();
    let all = format!("[{{name = 'sys', kind = 'syslog', address = '{}', tls = false}}]", narrow.local_addr().unwrap());
    let house = House::new().await;
    for _ in 0..20 {
        house.sandbox(&house.admin).await;
    }
    // In one piece, and then others while nothing of it is acknowledged.
    let mut house = house.again(&[("audit.forward", &all)]).await;
    let (unread, _) = narrow.accept().await.unwrap();
    for _ in 0..100 {
        house.sandbox(&house.admin).await;
    }
    assert!(!counted(&house, "ringfence_forward_behind_records{target=\"sys\"} 0").await);
    drop(unread);
    let peer = Collector::syslog(narrow, None, &[]);
    caught_up(&house, "sys").await;
    house.stop().await;
    all_came(&peer.heard(), &audit(&house));
}

/// Whoever is told to stop while it waits to try again does not wait, nor gives up.
#[tokio::test]
async fn a_stop_in_the_middle_of_a_wait_sends_what_is_left() {
    let peer = Collector::http(listener().await, None, &["500", "500", "500", "500"]);
    let all = format!("[{{name = 'siem', kind = 'http', url = 'http://{}/in'}}]", peer.address);
    let mut house = House::with(&[("audit.forward", &all)]).await;
    let failed = "ringfence_forward_failures_total{target=\"siem\",reason=\"refused\"} 4";
    while !counted(&house, failed).await {}
    house.stop().await;
    all_came(&peer.heard(), &audit(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_at_a_stop_is_told() {
    let free = listener().await;
    let all = format!("[{{name = 'sys', kind = 'syslog', address = '{}', tls = false}}]", free.local_addr().unwrap());
    drop(free);
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[("audit.forward", &all)]);
    let key = served.first_key.clone().unwrap();
    let failed = "ringfence_forward_failures_total{target=\"sys\",reason=\"unreachable\"} ";
    while !String::from_utf8(served.get(&key, "/metrics").await.bytes).unwrap().contains(failed) {}
    served.stop();
    let left = log_lines(&dir.path().join("data/audit")).len();
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    let told =
        log.lines().find(|line| line.contains("was not forwarded to its end")).unwrap_or_else(|| panic!("{log}"));
    assert!(told.contains(&format!("left={left}")) || told.contains(&format!("\"left\":{left}")), "{told}");
}

#[tokio::test]
pub async fn syslog_over_tls_goes_to_whom_the_ca_vouches_for_and_to_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let ((root, shown), (other, _)) = (vouched(), vouched());
    let peer = Collector::syslog(listener().await, Some(shown.clone()), &[]);
    let stranger = Collector::syslog(listener().await, Some(shown), &[]);
    let (root, other) = (file_of(dir.path(), "root.pem", root), file_of(dir.path(), "other.pem", other));
    let all = format!(
        "[{{name = 'known', kind = 'syslog', address = '{}', ca_file = '{root}'}},
          {{name = 'other', kind = 'syslog', address = '{}', ca_file = '{other}'}}]",
        peer.address, stranger.address
    );
    let mut house = House::with(&[("audit.forward", &all)]).await;
    house.sandbox(&house.admin).await;
    caught_up(&house, "known").await;
    let failed = "ringfence_forward_failures_total{target=\"other\",reason=\"unreachable\"}";
    let text = async || String::from_utf8(house.get(&house.admin, "/metrics").await.bytes).unwrap();
    while !text().await.contains(failed) {}
    house.stop().await;
    all_came(&peer.heard(), &audit(&house));
    assert!(stranger.heard().is_empty());
}

/// For the probe of a load balancer nothing is wrong; for a person it is.
#[tokio::test]
pub async fn a_target_that_takes_nothing_is_told_and_keeps_nobody_from_work() {
    let free = listener().await;
    let address = free.local_addr().unwrap();
    drop(free);
    let all = format!(
        "[{{name = 'sys', kind = 'syslog', address = '{address}', tls = false, patience_s = 0, format = 'cef'}}]"
    );
    let house = House::with(&[("audit.forward", &all)]).await;
    while !counted(&house, "ringfence_forward_late{target=\"sys\"} 1").await {}
    let ready = house.get(&house.admin, "/readyz").await.is(200);
    assert_eq!(ready, json!({"ready": true, "waiting_for": [], "warnings": ["the audit log is not forwarded"]}));
    house.sandbox(&house.admin).await;
    let peer = Collector::syslog(tokio::net::TcpListener::bind(address).await.unwrap(), None, &[]);
    caught_up(&house, "sys").await;
    assert!(counted(&house, "ringfence_forward_late{target=\"sys\"} 0").await);
    assert_eq!(house.get(&house.admin, "/readyz").await.is(200)["warnings"], json!([]));
    assert!(peer.heard()[0].starts_with("CEF:0|Ringfence|ringfence|"), "{:?}", peer.heard()[0]);
}

/// What a start, and a check before it, say to a position.
async fn refused(house: &House, all: &str) -> String {
    let dir = house.dir.path().join("data").display().to_string();
    let flags = [("data_dir", dir.as_str()), ("http.listen", "127.0.0.1:0"), ("audit.forward", all)];
    let flags: Vec<_> = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let settings = Settings::load(None, |_| None, &flags).unwrap();
    let checked = ringfence::app::check(&settings).err().map(|error| format!("{error:#}"));
    let begun = Service::with_worker(settings, WORKER.into()).await.err().map(|error| format!("{error:#}"));
    assert_eq!(checked, begun);
    // Told before a process is begun that would serve where it is wrong, and never end.
    let begun = begun.expect("it is refused");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &dir, "--set", &format!("audit.forward={all}")];
    let output = std::process::Command::new(WORKER).args(serve).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&begun) && said.contains("[audit_bad_position]"), "{said}");
    begun
}

#[tokio::test]
async fn a_position_that_is_not_of_this_log_stops_the_start_and_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let all = format!("[{{name = 'disk', kind = 'file', path = '{}'}}]", dir.path().join("all").display());
    let mut house = House::with(&[("audit.forward", &all)]).await;
    house.stop().await;
    let file = audit(&house).join("forward/disk");
    let good = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let (origin, next, last) = (lines[0], lines[1].parse::<u64>().unwrap(), lines[2]);
    assert_eq!(next, log_lines(&audit(&house)).len() as u64);
    for (wrong, why) in [
        (format!("other.example/audit\n{next}\n{last}\n"), "is of the log `other.example/audit`"),
        (format!("{origin}\n{next}\n{}\n", "0".repeat(64)), "is of another log"),
        (format!("{origin}\n{}\n{last}\n", next + 1_000), "there is no record"),
        (format!("{origin}\n{}\n{last}\n", next - 1), "is not the one that was sent"),
        (good.trim_end().to_owned(), "is damaged"),
        (String::new(), "is damaged"),
    ] {
        std::fs::write(&file, &wrong).unwrap();
        let told = refused(&house, &all).await;
        assert!(told.starts_with("audit.forward.disk: forward/disk") && told.contains(why), "{told}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), wrong);
    }
    std::fs::write(&file, good).unwrap();
    let mut house = house.again(&[("audit.forward", &all)]).await;
    house.stop().await;
    let there = std::fs::read_to_string(dir.path().join("all")).unwrap();
    assert_eq!(there.lines().collect::<Vec<_>>(), log_lines(&audit(&house)));
}
