//! The first start and the first key: whatever stops it and whenever, the house can be entered afterwards.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use ringfence::app::Service;
use ringfence::config::Settings;
use serde_json::{Value, json};

use super::House;
use crate::support::WORKER;

async fn service(dir: &std::path::Path) -> Service {
    let flags = [("data_dir", dir.display().to_string()), ("http.listen", "127.0.0.1:0".to_owned())];
    let flags: Vec<_> = flags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Service::with_worker(Settings::load(None, |_| None, &flags).unwrap(), WORKER.into()).await.unwrap()
}

fn key(service: &Service) -> Option<String> {
    service.first_key.as_ref().map(|key| key.expose().to_owned())
}

/// Who a key is to a service, or the status.
async fn whoami(service: Service, key: &str) -> Result<Value, u16> {
    let (url, stop) = (service.url().unwrap(), tokio_util::sync::CancellationToken::new());
    let serving = tokio::spawn(service.serve(stop.clone()));
    let answer =
        crate::support::client().get(format!("{url}/v1/whoami")).header("x-api-key", key).send().await.unwrap();
    let status = answer.status().as_u16();
    let told = if status == 200 { Ok(answer.json().await.unwrap()) } else { Err(status) };
    stop.cancel();
    serving.await.unwrap();
    told
}

#[tokio::test]
async fn what_an_older_start_left_half_made_is_finished() {
    for missing in ["keys", "principals", "tenants"] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(service(&data).await);
        let store = rusqlite::Connection::open(data.join("ringfence.db")).unwrap();
        store.execute("DELETE FROM facts WHERE name = 'unshown_key'", ()).unwrap();
        for table in ["keys", "principals", "tenants"] {
            store.execute(&format!("DELETE FROM {table}"), ()).unwrap();
            if table == missing {
                break;
            }
        }
        drop(store);
        let again = service(&data).await;
        let key = key(&again).unwrap_or_else(|| panic!("without {missing} nobody can enter"));
        assert_eq!(whoami(again, &key).await.unwrap()["roles"], json!(["admin"]));
        assert!(service(&data).await.first_key.is_none(), "it is finished now");
    }
}

#[tokio::test]
async fn a_first_key_that_nobody_can_have_seen_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let unseen = key(&service(dir.path().join("data").as_path()).await).unwrap();
    let again = service(&dir.path().join("data")).await;
    let seen = key(&again).unwrap();
    assert_ne!(seen, unseen);
    assert_eq!(whoami(again, &unseen).await, Err(401));
    // Whoever serves has shown it.
    let third = service(&dir.path().join("data")).await;
    assert!(third.first_key.is_none());
    whoami(third, &seen).await.unwrap();
}

/// Starts the service for real; the line that it says when it listens, unless it was killed before it looked at the
/// clock so many times.
fn start(data: &std::path::Path, patience: Option<usize>) -> Option<Value> {
    let mut command = Command::new(WORKER);
    command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data).stderr(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    for _ in 0..patience.unwrap_or(0) {
        std::thread::yield_now();
    }
    if patience.is_some() {
        child.kill().unwrap();
    }
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _ = child.kill();
    child.wait().unwrap();
    serde_json::from_str(&line).ok()
}

#[test]
fn a_first_start_that_is_killed_at_any_moment_leaves_a_house_that_can_be_entered() {
    for round in 0..24_u32 {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let killed = start(&data, Some(3_usize.pow(round / 2) * (2 + round as usize % 2) / 2));
        let shown = killed.and_then(|told| told["first_key"].as_str().map(str::to_owned));
        let again = start(&data, None).unwrap();
        assert!(shown.is_some() || again["first_key"].is_string(), "round {round}: {again}");
    }
}

#[tokio::test]
async fn a_tenant_that_was_left_half_made_is_finished_by_making_it_again() {
    let house = House::new().await;
    let found = || house.post(&house.admin, "/v1/tenants", json!({"id": "acme", "admin": "boss"}));
    let store = || rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
    for missing in ["keys", "principals"] {
        let _ = found().await;
        assert_eq!(found().await.code(), "taken");
        store().execute("DELETE FROM keys WHERE tenant = 'acme'", ()).unwrap();
        if missing == "principals" {
            store().execute("DELETE FROM principals WHERE tenant = 'acme'", ()).unwrap();
        }
        let boss = found().await.is(201)["secret"].as_str().unwrap().to_owned();
        house.get(&boss, "/v1/policies").await.is(200);
    }
    let failing = house.post(&house.admin, "/v1/tenants", json!({"id": "acme", "admin": "other"})).await;
    assert_eq!((failing.status, failing.code().as_str()), (409, "taken"));
}

/// What was not counted then is no smaller for the house than it is for one that is founded now.
#[tokio::test]
async fn the_house_of_an_older_version_keeps_its_share_of_the_log() {
    let mut house = House::new().await;
    house.tenant("acme").await;
    house.stop().await;
    let store = rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
    store.execute("UPDATE tenants SET ceilings = json_remove(ceilings, '$.audit_bytes_per_minute')", ()).unwrap();
    store.execute("ALTER TABLE runs DROP COLUMN backend", ()).unwrap();
    store.pragma_update(None, "user_version", 7).unwrap();
    drop(store);
    let house = house.again(&[]).await;
    for (tenant, most) in [("main", 4_u64 << 30), ("acme", 16 << 20)] {
        let told = house.get(&house.admin, &format!("/v1/tenants/{tenant}")).await.is(200);
        assert_eq!(told["ceilings"]["audit_bytes_per_minute"], most, "{tenant}");
    }
}
