//! Runs that can be asked for again, and runs while they work, whoever waits for them.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::House;

const LOOP: &str = "(module (func (export \"_start\") (loop (br 0))))";

fn asked(house: &House, key: &str, path: &str, retry: Option<&str>) -> RequestBuilder {
    let request = house.ask("POST", path).header("x-api-key", key);
    match retry {
        Some(retry) => request.header("idempotency-key", retry),
        None => request,
    }
}

/// The one run that is at work, when it is.
async fn at_work(house: &House, key: &str) -> Value {
    loop {
        let mut running = house.get(key, "/v1/runs?state=running").await.is(200);
        match running["runs"].as_array_mut().unwrap().pop() {
            Some(run) => break run,
            None => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_run_is_found_watched_and_cancelled_while_it_works() {
    let house = House::new().await;
    let key = &house.admin;
    let boss = house.tenant("acme").await;
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(LOOP);
    let digest = House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned();
    let limits = json!({"preset": "large", "deadline_ms": 300_000, "fuel": 1_000_000_000_000_000_u64});
    let body = json!({"component": digest, "limits": limits, "labels": {"a": "b"}});
    let (text, stream) = ("application/json", "text/event-stream");
    let ways = [(None, text), (None, stream), (Some("one"), text), (Some("two"), stream)];
    for (turn, (retry, accept)) in ways.into_iter().enumerate() {
        let ask = || asked(&house, key, "/v1/runs", retry).header("accept", accept).json(&body);
        let waiting = tokio::spawn(House::send(ask()));
        let run = at_work(&house, key).await;
        assert_eq!((&run["component"], &run["labels"]), (&json!(digest), &body["labels"]));
        let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
        let told = house.get(key, &path).await.is(200);
        assert_eq!((&told["state"], &told["id"]), (&json!("running"), &run["id"]));
        assert_eq!(house.get(key, "/v1/runs").await.is(200)["runs"].as_array().unwrap().len(), turn + 1);
        for (query, found) in
            [("label=a%3Db", true), ("label=a%3Dc", false), ("state=ended", false), ("owner=nobody", false)]
        {
            let listed = house.get(key, &format!("/v1/runs?{query}")).await.is(200);
            let there = listed["runs"].as_array().unwrap().iter().any(|one| one["id"] == run["id"]);
            assert_eq!(there, found, "{query}: {listed}");
        }
        // It is nobody else's.
        assert_eq!(house.get(&boss, "/v1/runs").await.is(200)["runs"], json!([]));
        for (method, of) in
            [("GET", path.clone()), ("GET", format!("{path}/events")), ("POST", format!("{path}/cancel"))]
        {
            let request = house.ask(method, &of).header("x-api-key", &boss);
            assert_eq!(House::send(request).await.code(), "not_found", "{of}");
        }
        let mut events = house.ask("GET", &format!("{path}/events")).header("x-api-key", key).send().await.unwrap();
        let first = events.chunk().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("event: started"));
        if retry.is_some() {
            waiting.abort();
        }
        house.post(key, &format!("{path}/cancel"), json!({})).await.is(202);
        let rest = events.text().await.unwrap();
        assert!(rest.contains("cancelled") && rest.contains("event: done"), "{rest}");
        assert_eq!(house.get(key, &path).await.is(200)["outcome"]["kind"], "cancelled");
        // Whoever waited is told, or asks again.
        let reply = match retry {
            None => waiting.await.unwrap(),
            Some(_) => loop {
                let reply = House::send(ask()).await;
                if reply.status != 409 {
                    break reply;
                }
                tokio::task::yield_now().await;
            },
        };
        let reply = String::from_utf8(reply.bytes).unwrap();
        assert!(reply.contains("cancelled") && reply.contains(run["id"].as_str().unwrap()), "{reply}");
        assert_eq!(house.get(key, "/v1/runs").await.is(200)["runs"].as_array().unwrap().len(), turn + 1);
    }
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_also_where_its_place_is_gone() {
    let house = House::new().await;
    let admin = &house.admin;
    let dev = house.person("dev", &["developer"]).await;
    let other = house.person("other", &["developer"]).await;
    let digest = house.submit(&dev, "hello").await;
    let sandbox = house.sandbox(&dev).await;
    house.put(&dev, "/v1/workspaces/w", "").await.is(201);
    let places = [
        (format!("{sandbox}/runs"), sandbox.as_str(), json!({"component": digest})),
        ("/v1/runs".to_owned(), "/v1/workspaces/w", json!({"component": digest, "workspace": "w"})),
    ];
    for (path, place, body) in &places {
        let again = |key: &str, retry: &str| House::send(asked(&house, key, path, Some(retry)).json(body));
        let first = again(&dev, place).await.is(200);
        house.delete(&dev, place).await.is(204);
        assert_eq!(again(&dev, place).await.is(200), first, "{place}");
        let stream = asked(&house, &dev, path, Some(place)).header("accept", "text/event-stream").json(body);
        let told = String::from_utf8(House::send(stream).await.bytes).unwrap();
        assert!(told.contains("event: done") && told.contains(first["id"].as_str().unwrap()), "{told}");
        // A key for another request, another key, and the same of somebody else.
        let mut another = body.clone();
        another["command"] = json!(["x"]);
        let reused = House::send(asked(&house, &dev, path, Some(place)).json(&another)).await;
        assert_eq!(reused.code(), "idempotency_mismatch");
        for (key, retry) in [(&dev, "new"), (&other, place)] {
            assert_eq!(again(key, retry).await.code(), "not_found", "{place} {retry}");
        }
        let without = House::send(asked(&house, &dev, path, None).json(body)).await;
        assert_eq!(without.code(), "not_found");
    }
    let all = house.get(admin, "/v1/runs").await.is(200);
    assert_eq!(all["runs"].as_array().unwrap().len(), 2, "nothing ran again");
    // Who may not read the run any more does not read it so.
    let text = r#"forbid (principal == Principal::"dev", action == Action::"runs:read", resource);"#;
    house.with_json(admin, "PUT", "/v1/policies/no", json!({"text": text})).await.is(200);
    for (path, place, body) in &places {
        let reply = House::send(asked(&house, &dev, path, Some(place)).json(body)).await;
        assert_eq!(reply.status, 403, "{reply:?}");
    }
}
