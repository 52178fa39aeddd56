//! Forwarding while the service is killed, and to somebody who does not read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use ringfence::audit::disk::RealDisk;
use ringfence::audit::{Begin, Event, EventName, Log, LogSettings, signing_keys};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use super::child::Served;
use super::collectors::{Collector, Heard, all_came, listener};

const KILLS: u32 = 6;
const SOON: Duration = Duration::from_secs(120);

async fn says(served: &Served, key: &str, line: &str) -> bool {
    let numbers = served.get(key, "/metrics").await;
    String::from_utf8(numbers.bytes).unwrap().lines().any(|one| one == line)
}

async fn caught_up(served: &Served, key: &str, names: &[&str]) {
    for name in names {
        let line = format!("ringfence_forward_behind_records{{target=\"{name}\"}} 0");
        let done = async { while !says(served, key, &line).await {} };
        tokio::time::timeout(SOON, done).await.unwrap_or_else(|_| panic!("{name} is behind"));
    }
}

/// Waits for something that must come; without an end it would keep all tests.
async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let there = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, there).await.unwrap_or_else(|_| panic!("{what} after {SOON:?}"));
}

/// Acts until the process is gone.
async fn acts(served: Arc<Served>, key: String) {
    while Served::answer(served.ask(&key, "POST", "/v1/keys").json(&json!({"name": "k"}))).await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_killed_while_it_forwards_each_record_comes_to_each_target() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.jsonl");
    let sys = Collector::syslog(listener().await, None, &[]);
    let http = Collector::http(listener().await, None, &["500", "drop"]);
    let all = format!(
        "[{{name = 'disk', kind = 'file', path = '{}'}},
          {{name = 'sys', kind = 'syslog', address = '{}', tls = false}},
          {{name = 'http', kind = 'http', url = 'http://{}/'}}]",
        path.display(),
        sys.address,
        http.address
    );
    let settings = [("audit.forward", all.as_str())];
    let mut served = Arc::new(Served::start(dir.path(), &settings));
    let admin = served.first_key.clone().unwrap();
    let log = dir.path().join("data/audit/log/00000000000000000000.jsonl");
    let written = || std::fs::metadata(&log).unwrap().len();
    for _ in 0..KILLS {
        let clients: Vec<_> = (0..4).map(|_| tokio::spawn(acts(Arc::clone(&served), admin.clone()))).collect();
        let end = written() + rand::rng().random_range(10_000..80_000);
        until("the log did not grow", || written() >= end).await;
        served.signal_kill();
        for client in clients {
            client.await.unwrap();
        }
        drop(served);
        served = Arc::new(Served::start(dir.path(), &settings));
    }
    caught_up(&served, &admin, &["disk", "sys", "http"]).await;
    Arc::into_inner(served).unwrap().stop();
    let audit = dir.path().join("data/audit");
    let file: Vec<String> = std::fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    all_came(&file, &audit);
    all_came(&http.heard(), &audit);
    // The connection is closed by the end of the process, and read to its end here.
    let last = format!("\"seq\":{}", super::collectors::log_lines(&audit).len() - 1);
    until("the last record did not come", || sys.heard().last().is_some_and(|line| line.contains(&last))).await;
    all_came(&sys.heard(), &audit);
}

const RECORDS: usize = 30_000;

/// A log of some thirty megabytes.
fn long_log(data: &Path) {
    std::fs::create_dir_all(data.join("secrets")).unwrap();
    let mut settings = LogSettings::new("here.example/audit");
    settings.begin = Begin::OrCreate;
    settings.queue_records = RECORDS;
    let keys = signing_keys(&data.join("secrets/audit"), &settings.origin).unwrap();
    let (log, _) = Log::open(Box::new(RealDisk::open(&data.join("audit")).unwrap()), &settings, keys).unwrap();
    let event = Event::new(EventName::SandboxCreated).detail("labels", "x".repeat(1_000));
    let all: Vec<_> = (0..RECORDS).map(|_| log.append(&event)).collect();
    for one in all {
        one.wait().unwrap();
    }
    log.close().wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_slows_nobody_down_and_costs_no_memory() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let log = data.clone();
    tokio::task::spawn_blocking(move || long_log(&log)).await.unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    let slow = listener().await;
    let all = format!("[{{name = 'sys', kind = 'syslog', address = '{}', tls = false}}]", slow.local_addr().unwrap());
    let served = Served::start(dir.path(), &[("audit.forward", &all)]);
    let admin = served.first_key.clone().unwrap();
    let begun = async {
        let (mut line, _) = slow.accept().await.unwrap();
        line.read_exact(&mut [0; 1]).await.unwrap();
        line
    };
    let line = tokio::time::timeout(SOON, begun).await.expect("nothing is sent");
    // It has begun, and now nobody reads. What it needed to start, and gave back, is not counted.
    served.forget_peak();
    let before = served.memory("VmHWM");
    for _ in 0..50 {
        served.sandbox(&admin).await;
    }
    let text = String::from_utf8(served.get(&admin, "/metrics").await.bytes).unwrap();
    let behind =
        text.lines().find_map(|line| line.strip_prefix("ringfence_forward_behind_records{target=\"sys\"} ")).unwrap();
    assert!(behind.parse::<usize>().unwrap() > RECORDS / 2, "{behind}");
    // Then somebody does, elsewhere.
    drop(line);
    let peer = Collector::syslog(slow, None, &[]);
    caught_up(&served, &admin, &["sys"]).await;
    let grown = served.memory("VmHWM") - before;
    assert!(grown < 20 << 10, "{grown} KiB more than before, for a log of 36 MB");
    served.stop();
    let last = |heard: &Heard| heard.lock().unwrap().last().is_some_and(|line| line.contains("service_stopped"));
    until("the last record did not come", || last(&peer.heard)).await;
    all_came(&peer.heard(), &data.join("audit"));
}
