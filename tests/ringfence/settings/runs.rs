use std::time::Duration;

use serde_json::{Value, json};

use crate::service::House;

/// Longer than what is waited for here, shorter than what is waited for where the setting is ignored.
const SOON: Duration = Duration::from_secs(8);

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let held = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, held).await.unwrap_or_else(|_| panic!("the setting is ignored: {what}"));
}

/// A run that sleeps for ten minutes, and goes on without us.
async fn sleeper(house: &House) -> crate::service::Reply {
    let digest = house.submit(&house.admin, "hello").await;
    let body = json!({"component": digest, "command": ["x", "--sleep-ms", "600000"], "async": true,
        "limits": {"deadline_ms": 600_000}});
    house.post(&house.admin, "/v1/runs", body).await
}

#[tokio::test]
pub async fn concurrent_runs_are_the_most_at_one_time() {
    let house = House::with(&[("runs.concurrent_runs", "1"), ("runs.grace_ms", "1")]).await;
    let first = sleeper(&house).await.is(202)["id"].as_str().unwrap().to_owned();
    let hello = house.submit(&house.admin, "hello").await;
    let run = async || house.post(&house.admin, "/v1/runs", json!({"component": hello})).await;
    until("another run is refused", async || run().await.status == 503).await;
    // However it is asked for: nothing is begun, and a retry is not told what became of nothing.
    let ask = |body: &Value| house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).json(body);
    let apart =
        async || House::send(ask(&json!({"component": hello, "async": true})).header("idempotency-key", "one")).await;
    let streamed = ask(&json!({"component": hello})).header("accept", "text/event-stream");
    for refused in [apart().await, House::send(streamed).await] {
        assert_eq!((refused.status, refused.code().as_str()), (503, "busy"));
        assert!(refused.headers.contains_key("retry-after"));
    }
    house.post(&house.admin, &format!("/v1/runs/{first}/cancel"), json!({})).await.is(202);
    until("there is room again", async || run().await.status == 200).await;
    let id = apart().await.is(202)["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{id}");
    until("it ran", async || house.get(&house.admin, &path).await.is(200)["outcome"]["kind"] == "exited").await;
}

#[tokio::test]
pub async fn history_seconds_let_go_of_runs() {
    let house = House::with(&[("runs.history_seconds", "1")]).await;
    let digest = house.submit(&house.admin, "hello").await;
    let run = house.post(&house.admin, "/v1/runs", json!({"component": digest})).await.is(200);
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    until("the run is forgotten", async || house.get(&house.admin, &path).await.status == 404).await;
}

#[tokio::test]
pub async fn retry_seconds_let_go_of_keys() {
    let house = House::with(&[("runs.retry_seconds", "1")]).await;
    let digest = house.submit(&house.admin, "hello").await;
    let ask = async |word: &str| {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).header("idempotency-key", "one");
        House::send(request.json(&json!({"component": digest, "command": [word]}))).await.status
    };
    assert_eq!(ask("first").await, 200);
    until("the key may be used for another request", async || ask("second").await == 200).await;
}

#[tokio::test]
pub async fn grace_ms_ends_what_runs_when_the_service_stops() {
    let mut house = House::with(&[("runs.grace_ms", "1")]).await;
    let run = sleeper(&house).await.is(202);
    tokio::time::timeout(SOON, house.stop()).await.expect("the setting is ignored: the run had its grace");
    let house = house.again(&[]).await;
    let run: Value = house.get(&house.admin, &format!("/v1/runs/{}", run["id"].as_str().unwrap())).await.is(200);
    assert_eq!(run["state"], "ended");
}

#[tokio::test]
pub async fn sweep_seconds_say_how_soon_storage_is_given_back() {
    let house = House::with(&[("runs.sweep_seconds", "1")]).await;
    house.post(&house.admin, "/v1/sandboxes", json!({"ttl_seconds": 1})).await.is(201);
    let drafts = house.dir.path().join("data/drafts");
    let kept = || std::fs::read_dir(&drafts).unwrap().count();
    assert_eq!(kept(), 1);
    until("the files of what has expired are gone", async || kept() == 0).await;
}
