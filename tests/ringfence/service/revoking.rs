//! What is taken away is taken away at once, also from what is open: streams, requests that wait, runs.

use serde_json::{Value, json};

use super::House;

const LOOP: &str = "(module (func (export \"_start\") (loop (br 0))))";

async fn submit(house: &House, key: &str) -> String {
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(LOOP);
    House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned()
}

/// Asks for a run that does not end by itself while a test waits.
fn endless(digest: &str, apart: bool) -> Value {
    let limits = json!({"preset": "large", "deadline_ms": 300_000, "fuel": 1_000_000_000_000_000_u64});
    json!({"component": digest, "async": apart, "limits": limits})
}

async fn begin(house: &House, key: &str, digest: &str) -> String {
    house.post(key, "/v1/runs", endless(digest, true)).await.is(202)["id"].as_str().unwrap().to_owned()
}

/// An open stream of a run, of which the beginning has come.
async fn watch(request: reqwest::RequestBuilder) -> reqwest::Response {
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let first = stream.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("started"));
    stream
}

/// Whether it breaks off; else it came to its end.
async fn breaks(mut stream: reqwest::Response) -> bool {
    let mut text = Vec::new();
    loop {
        match stream.chunk().await {
            Err(_) => return true,
            Ok(Some(bytes)) => text.extend_from_slice(&bytes),
            Ok(None) => {
                assert!(String::from_utf8_lossy(&text).contains("event: done"), "{text:?}");
                return false;
            }
        }
    }
}

struct Dev {
    key: String,
    id: String,
}

impl Dev {
    async fn new(house: &House, name: &str) -> Self {
        house.with_json(&house.admin, "PUT", &format!("/v1/principals/{name}"), developer(&["developer"])).await;
        let made = house.post(&house.admin, "/v1/keys", json!({"name": name, "principal": name})).await.is(201);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { key: text(&made["secret"]), id: text(&made["key"]["id"]) }
    }
}

fn developer(roles: &[&str]) -> Value {
    json!({"kind": "person", "roles": roles})
}

#[tokio::test]
async fn a_stream_ends_with_whatever_it_stood_on() {
    let house = House::new().await;
    let admin = &house.admin;
    let digest = submit(&house, admin).await;
    for way in ["revoked", "suspended", "deleted", "demoted", "forbidden", "elsewhere"] {
        let dev = Dev::new(&house, "dev").await;
        let run = begin(&house, &dev.key, &digest).await;
        let path = format!("/v1/runs/{run}/events");
        let mine = watch(house.ask("GET", &path).header("x-api-key", &dev.key)).await;
        let theirs = watch(house.ask("GET", &path).header("x-api-key", admin)).await;
        let at = "/v1/principals/dev";
        match way {
            "revoked" => house.delete(admin, &format!("/v1/keys/{}", dev.id)).await.is(204),
            "suspended" => {
                let body = json!({"kind": "person", "roles": ["developer"], "suspended": true});
                house.with_json(admin, "PUT", at, body).await.is(200)
            }
            "deleted" => house.delete(admin, at).await.is(204),
            "demoted" => house.with_json(admin, "PUT", at, developer(&[])).await.is(200),
            "forbidden" => {
                let text = r#"forbid (principal == Principal::"dev", action == Action::"runs:read", resource);"#;
                house.with_json(admin, "PUT", "/v1/policies/no", json!({"text": text})).await.is(200)
            }
            _ => {
                let store = rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
                store.execute("UPDATE keys SET revoked = 1 WHERE id = ?1", [&dev.id]).unwrap();
                Value::Null
            }
        };
        assert!(breaks(mine).await, "{way}");
        assert_eq!(house.get(admin, &format!("/v1/runs/{run}")).await.is(200)["state"], "running", "{way}");
        // Nobody else lost anything.
        house.post(admin, &format!("/v1/runs/{run}/cancel"), json!({})).await.is(202);
        assert!(!breaks(theirs).await, "{way}");
        house.delete(admin, "/v1/policies/no").await;
    }
}

#[tokio::test]
async fn a_stream_goes_on_while_rights_change_that_it_does_not_need() {
    let house = House::new().await;
    let admin = &house.admin;
    let digest = submit(&house, admin).await;
    let dev = Dev::new(&house, "dev").await;
    let run = begin(&house, &dev.key, &digest).await;
    let stream = watch(house.ask("GET", &format!("/v1/runs/{run}/events")).header("x-api-key", &dev.key)).await;
    house.with_json(admin, "PUT", "/v1/principals/dev", developer(&["agent"])).await.is(200);
    house.with_json(admin, "PUT", "/v1/principals/other", developer(&[])).await.is(201);
    house.delete(admin, "/v1/principals/other").await.is(204);
    house.post(admin, &format!("/v1/runs/{run}/cancel"), json!({})).await.is(202);
    assert!(!breaks(stream).await);
}

#[tokio::test]
async fn a_stream_ends_with_the_token_its_maker_or_its_time() {
    let house = House::new().await;
    let digest = submit(&house, &house.admin).await;
    let dev = Dev::new(&house, "dev").await;
    let run = begin(&house, &dev.key, &digest).await;
    let path = format!("/v1/runs/{run}/events");
    let token = |seconds: u64| {
        let house = &house;
        let key = dev.key.clone();
        async move {
            let made = house.post(&key, "/v1/tokens", json!({"scopes": ["runs:*"], "ttl_seconds": seconds})).await;
            made.is(201)["token"].as_str().unwrap().to_owned()
        }
    };
    let short = watch(house.ask("GET", &path).bearer_auth(token(2).await)).await;
    assert!(breaks(short).await, "its time is over");
    let long = watch(house.ask("GET", &path).bearer_auth(token(600).await)).await;
    house.delete(&house.admin, &format!("/v1/keys/{}", dev.id)).await.is(204);
    assert!(breaks(long).await, "the key that made it is revoked");
}

#[tokio::test]
async fn a_token_is_revoked_by_its_id_with_those_that_were_made_with_it() {
    let house = House::new().await;
    let dev = Dev::new(&house, "dev").await;
    let made = async |request: reqwest::RequestBuilder| {
        let made = House::send(request.json(&json!({"scopes": ["*"]}))).await.is(201);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("token"), text("id"))
    };
    let by_key = || house.ask("POST", "/v1/tokens").header("x-api-key", &dev.key);
    let (token, id) = made(by_key()).await;
    let (child, _) = made(house.ask("POST", "/v1/tokens").bearer_auth(&token)).await;
    let (other, other_id) = made(by_key()).await;
    let status = async |token: &str| House::send(house.ask("GET", "/v1/whoami").bearer_auth(token)).await.status;
    let run = begin(&house, &dev.key, &submit(&house, &house.admin).await).await;
    let stream = watch(house.ask("GET", &format!("/v1/runs/{run}/events")).bearer_auth(&child)).await;
    for token in [&token, &child, &other] {
        assert_eq!(status(token).await, 200);
    }
    // Neither somebody else nor one of another tenant; and by who may not, nothing happens.
    let stranger = house.person("stranger", &["developer"]).await;
    assert_eq!(house.delete(&stranger, &format!("/v1/tokens/{id}")).await.code(), "denied");
    let boss = house.tenant("acme").await;
    assert_eq!(house.delete(&boss, &format!("/v1/tokens/{id}")).await.code(), "not_found");
    assert_eq!(status(&child).await, 200);
    for _ in 0..2 {
        house.delete(&dev.key, &format!("/v1/tokens/{id}")).await.is(204);
        assert_eq!((status(&token).await, status(&child).await, status(&other).await), (401, 401, 200));
    }
    assert!(breaks(stream).await, "what it had open ends with it");
    // A token may end itself, and is told so.
    let itself = house.ask("DELETE", &format!("/v1/tokens/{other_id}")).bearer_auth(&other);
    House::send(itself).await.is(204);
    assert_eq!(status(&other).await, 401);
    let (last, id) = made(by_key()).await;
    house.delete(&house.admin, &format!("/v1/tokens/{id}")).await.is(204);
    assert_eq!(status(&last).await, 401);
    for no_token in [dev.id.clone(), format!("{id}.{}", "x".repeat(15)), "never".to_owned()] {
        assert_eq!(house.delete(&dev.key, &format!("/v1/tokens/{no_token}")).await.code(), "not_found", "{no_token}");
    }
}

#[tokio::test]
async fn what_is_kept_of_revoked_tokens_is_bounded() {
    let house = House::new().await;
    let dev = Dev::new(&house, "dev").await;
    let store = rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
    let add = |number: u32, ends: i64| {
        let id = format!("{}.{number:016}", dev.id);
        store.execute("INSERT INTO revoked_tokens VALUES (?1, ?2)", (id, ends)).unwrap();
    };
    let kept = || store.query_row("SELECT count(*) FROM revoked_tokens", (), |row| row.get::<_, u64>(0)).unwrap();
    let revoke = async |number: u32| house.delete(&dev.key, &format!("/v1/tokens/{}.{number:016}", dev.id)).await;
    add(1, 1);
    revoke(2).await.is(204);
    assert_eq!(kept(), 1, "what has ended is forgotten");
    // Whoever stole a token fills up half, and the key can still be used against him.
    let stolen = house.post(&dev.key, "/v1/tokens", json!({"scopes": ["*"]})).await.is(201);
    let stolen = stolen["token"].as_str().unwrap();
    let by_token = async |number: u32| {
        let path = format!("/v1/tokens/{}.{number:016}", dev.id);
        House::send(house.ask("DELETE", &path).bearer_auth(stolen)).await
    };
    (3..=500).for_each(|number| add(number, i64::MAX));
    by_token(501).await.is(204);
    assert_eq!(by_token(502).await.code(), "more_than_you_have");
    revoke(502).await.is(204);
    (503..=1_001).for_each(|number| add(number, i64::MAX));
    assert_eq!(revoke(1_002).await.code(), "more_than_you_have");
    revoke(3).await.is(204);
    assert_eq!(kept(), 1_000);
}

#[tokio::test]
async fn a_request_that_waits_ends_and_so_does_its_run() {
    let house = House::new().await;
    let admin = &house.admin;
    let digest = submit(&house, admin).await;
    // Also of one that can be asked for again: that is for lost connections.
    for (turn, (streamed, keyed)) in
        [(false, false), (true, false), (false, true), (true, true)].into_iter().enumerate()
    {
        let dev = Dev::new(&house, "dev").await;
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &dev.key).json(&endless(&digest, false));
        let request = if keyed { request.header("idempotency-key", turn.to_string()) } else { request };
        let wanted = if streamed { "text/event-stream" } else { "application/json" };
        let request = request.header("accept", wanted);
        let key = format!("/v1/keys/{}", dev.id);
        if streamed {
            let stream = watch(request).await;
            house.delete(admin, &key).await.is(204);
            assert!(breaks(stream).await);
        } else {
            let waiting = tokio::spawn(request.send());
            while !String::from_utf8_lossy(&house.get(admin, "/metrics").await.bytes).contains("ringfence_running 1") {
                tokio::task::yield_now().await;
            }
            house.delete(admin, &key).await.is(204);
            assert_eq!(waiting.await.unwrap().unwrap().status(), 401);
        }
        loop {
            let cancelled = house.get(admin, "/v1/runs?outcome=cancelled").await.is(200);
            if cancelled["runs"].as_array().unwrap().len() == turn + 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn whoever_takes_away_his_own_is_answered() {
    let house = House::new().await;
    let dev = Dev::new(&house, "dev").await;
    house.delete(&dev.key, &format!("/v1/keys/{}", dev.id)).await.is(204);
    assert_eq!(house.get(&dev.key, "/v1/whoami").await.status, 401);
    let second = house.person("second", &["admin"]).await;
    house.delete(&second, "/v1/principals/second").await.is(204);
    assert_eq!(house.get(&second, "/v1/whoami").await.status, 401);
}

#[tokio::test]
async fn what_runs_for_a_tenant_ends_with_it_and_is_recorded_so() {
    let house = House::new().await;
    let boss = house.tenant("acme").await;
    let digest = submit(&house, &boss).await;
    let run = begin(&house, &boss, &digest).await;
    let others = begin(&house, &house.admin, &submit(&house, &house.admin).await).await;
    let stream = watch(house.ask("GET", &format!("/v1/runs/{run}/events")).header("x-api-key", &boss)).await;
    let open = |open: bool| house.with_json(&house.admin, "PATCH", "/v1/tenants/acme", json!({"open": open}));
    open(false).await.is(200);
    // It may hear the end of its run before it breaks off.
    breaks(stream).await;
    open(true).await.is(200);
    loop {
        let told = house.get(&boss, &format!("/v1/runs/{run}")).await.is(200);
        if told["state"] == "ended" {
            assert_eq!(told["outcome"]["kind"], "cancelled");
            break;
        }
        tokio::task::yield_now().await;
    }
    let again = begin(&house, &boss, &digest).await;
    assert_eq!(house.get(&boss, &format!("/v1/runs/{again}")).await.is(200)["state"], "running");
    assert_eq!(house.get(&house.admin, &format!("/v1/runs/{others}")).await.is(200)["state"], "running");
    for (key, run) in [(&boss, again), (&house.admin, others)] {
        house.post(key, &format!("/v1/runs/{run}/cancel"), json!({})).await.is(202);
    }
}
