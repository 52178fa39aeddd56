//! What one tenant does at a time on threads that may wait is bounded, and nobody else waits for it.

use std::fs::File;
use std::path::Path;
use std::time::Instant;

use reqwest::RequestBuilder;
use rustix::fs::{FlockOperation, flock};
use serde_json::json;

use super::{House, Reply};
use crate::support::still_patient;

/// A tenant all of whose threads wait, until this is dropped.
struct Busy {
    lock: File,
    making: Vec<tokio::task::JoinHandle<Reply>>,
}

fn begin(request: RequestBuilder) -> tokio::task::JoinHandle<Reply> {
    tokio::spawn(House::send(request))
}

/// How often this process, in which the service is, has a file open.
fn open(path: &Path) -> usize {
    let all = std::fs::read_dir("/proc/self/fd").unwrap();
    all.filter(|entry| std::fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|to| to == path)).count()
}

impl Busy {
    async fn all(house: &House, key: &str, tenant: &str) -> Self {
        // Contents of his come and go only with this lock, and sandboxes are made with it.
        house.sandbox(key).await;
        let path = house.folder_of(tenant).join("files.lock").canonicalize().unwrap();
        let lock = File::options().read(true).write(true).open(&path).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let make = || begin(house.ask("POST", "/v1/sandboxes").header("x-api-key", key).json(&json!({})));
        let (making, began) = ((0..64).map(|_| make()).collect(), Instant::now());
        while open(&path) < 1 + 64 {
            still_patient(began);
            tokio::task::yield_now().await;
        }
        Self { lock, making }
    }

    async fn go_on(self) {
        drop(self.lock);
        for made in self.making {
            made.await.unwrap().is(201);
        }
    }
}

#[tokio::test]
async fn a_tenant_whose_threads_all_wait_waits_for_its_lists_and_nobody_else_does() {
    let house = House::new().await;
    let key = &house.tenant_with("busy", &[("live_sandboxes", 100)]).await;
    let other = &house.tenant("other").await;
    let busy = Busy::all(&house, key, "busy").await;
    let lists = [
        "keys",
        "principals",
        "roles",
        "policies",
        "tenants",
        "runs",
        "sandboxes",
        "workspaces",
        "components",
        "audit/events",
    ];
    let asked = lists.map(|list| begin(house.ask("GET", &format!("/v1/{list}")).header("x-api-key", key)));
    for list in lists {
        house.get(other, &format!("/v1/{list}")).await.is(200);
        house.get(&house.admin, &format!("/v1/{list}")).await.is(200);
        house.get(key, "/readyz").await.is(200);
    }
    for (asked, list) in asked.iter().zip(lists) {
        assert!(!asked.is_finished(), "{list} has a thread beyond those of its tenant");
    }
    busy.go_on().await;
    for asked in asked {
        asked.await.unwrap().is(200);
    }
}

#[tokio::test]
async fn what_is_large_is_not_hashed_on_the_thread_that_serves_everybody() {
    let house = House::new().await;
    let key = &house.tenant_with("busy", &[("live_sandboxes", 100)]).await;
    let busy = Busy::all(&house, key, "busy").await;
    // What is no run is refused as soon as it is known whether it was sent before.
    let ask = |bytes: usize| {
        let part = |bytes: Vec<u8>| reqwest::multipart::Part::bytes(bytes);
        let form =
            reqwest::multipart::Form::new().part("run", part(b"[]".to_vec())).part("module", part(vec![0; bytes]));
        house.ask("POST", "/v1/runs").header("x-api-key", key).header("idempotency-key", "k").multipart(form)
    };
    let large = begin(ask(257 << 10));
    for _ in 0..10 {
        assert!(House::send(ask(200 << 10)).await.status < 500);
    }
    assert!(!large.is_finished(), "it was hashed where everybody waits");
    busy.go_on().await;
    let refused = large.await.unwrap();
    assert!((400..500).contains(&refused.status), "{refused:?}");
}
