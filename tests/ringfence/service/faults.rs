//! What is refused says which part of the request is at fault, in words that can be acted on over HTTP.

use serde_json::{Value, json};

use super::House;
use super::life::tar;

#[tokio::test]
async fn what_is_at_fault_is_named_and_nothing_that_only_the_command_line_knows() {
    let house = House::new().await;
    let key = &house.admin;
    let compute = house.submit(key, "compute").await;
    house.put(key, "/v1/workspaces/site", tar(&[("readme", "one\n")])).await.is(201);
    let site = house.post(key, "/v1/sandboxes", json!({"workspace": "site"})).await.is(201);
    let site = format!("/v1/sandboxes/{}", site["id"].as_str().unwrap());
    let empty = house.sandbox(key).await;
    let nowhere = format!("sha256:{}", "0".repeat(64));
    let call = |function: &str, args: Value| json!({"component": compute, "function": function, "args": args});
    let hello = house.submit(key, "hello").await;
    let limits = |limits: Value| json!({"component": hello, "limits": limits});
    let (apply, apply_empty) = (format!("{site}/apply"), format!("{empty}/apply"));
    let post = [
        ("/v1/runs", json!({"component": nowhere}), 404, "component"),
        ("/v1/runs", json!({"component": compute}), 422, "function"),
        ("/v1/runs", call("nope", json!([])), 422, "function"),
        ("/v1/runs", call("primes", json!(["x"])), 422, "args[0]"),
        ("/v1/runs", call("primes", json!([])), 422, "args"),
        ("/v1/runs", limits(json!({"stack_bytes": 700_000})), 422, "limits.stack_bytes"),
        ("/v1/runs", limits(json!({"preset": "huge"})), 400, "limits.preset"),
        ("/v1/runs", json!({"component": compute, "workspace": "nope"}), 404, "workspace"),
        ("/v1/runs", json!({"component": compute, "backend": "vm"}), 422, "backend"),
        ("/v1/sandboxes", json!({"workspace": "nope"}), 404, "workspace"),
        (&apply, json!({"paths": ["nope"]}), 422, "paths"),
        (&apply_empty, json!({}), 422, ""),
        ("/v1/tenants", json!({"id": "acme", "admin": "boss"}), 201, ""),
        ("/v1/tenants", json!({"id": "acme", "admin": "boss"}), 409, "id"),
        ("/v1/keys", json!({"name": "x", "principal": "nobody"}), 404, "principal"),
        ("/v1/tokens", json!({"scopes": ["runs:read"], "ttl_seconds": 99_999}), 422, "ttl_seconds"),
        ("/v1/tokens", json!({"scopes": ["nothing"]}), 422, "scopes"),
    ];
    let mut replies = Vec::new();
    for (path, body, status, field) in post {
        replies.push((format!("{path} {body}"), house.post(key, path, body).await, status, field));
    }
    for (method, path, status, field) in [
        ("GET", format!("{site}/files?path=nope"), 404, "path"),
        ("GET", format!("{site}/files?path=../x"), 422, "path"),
        ("GET", format!("{site}/entries?path=nope"), 404, "path"),
        ("DELETE", format!("{site}/files?path=nope"), 404, "path"),
        ("GET", format!("{site}/archive?path=nope"), 404, "path"),
        ("DELETE", "/v1/workspaces/site".to_owned(), 409, ""),
    ] {
        let reply = House::send(house.ask(method, &path).header("x-api-key", key)).await;
        replies.push((format!("{method} {path}"), reply, status, field));
    }
    for (text, field) in
        [(r#"{"a": {"b": 1, "b": 2}}"#.to_owned(), "a.b"), (format!("{{\"args\": {}", "[".repeat(70)), "args")]
    {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("content-type", "application/json");
        replies.push((text.clone(), House::send(request.body(text)).await, 400, field));
    }
    for (asked, reply, status, field) in replies {
        assert_eq!(reply.status, status, "{asked}: {}", String::from_utf8_lossy(&reply.bytes));
        if status == 201 {
            continue;
        }
        reply.code();
        let problem = reply.json();
        let told = problem["field"].as_str().unwrap_or_default();
        assert!(told == field || (field == "args" && told.starts_with("args")), "{asked}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        for foreign in ["ringfence ", "draft", " --", "/tmp"] {
            assert!(!detail.contains(foreign), "{asked}: {detail}");
        }
    }
}

#[tokio::test]
async fn what_is_sent_is_bounded_whatever_it_is() {
    let house = House::new().await;
    let key = &house.admin;
    let env = |bytes: usize| json!({"limits": {"preset": "small"}, "env": {"A": "x".repeat(bytes)}});
    house.post(key, "/v1/sandboxes", env(60_000)).await.is(201);
    let refused = house.post(key, "/v1/sandboxes", env(70_000)).await;
    assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some("env")));
    let actions = |n: usize| json!({"actions": vec!["runs:*"; n]});
    house.with_json(key, "PUT", "/v1/roles/r", actions(10)).await.is(200);
    let refused = house.with_json(key, "PUT", "/v1/roles/r", actions(1_000)).await;
    assert_eq!((refused.code().as_str(), refused.json()["field"].as_str()), ("role_too_long", Some("actions")));
    // However much of a head comes at once, no more of it is taken than is said.
    for (bytes, status) in [(30_000, 200), (33_000, 431), (48_000, 431), (60_000, 431)] {
        let request = house.ask("GET", "/v1/whoami").header("x-api-key", key).header("x-long", "y".repeat(bytes));
        assert_eq!(House::send(request).await.status, status, "{bytes}");
    }
    let ten = |n: usize| {
        (0..n).fold(house.ask("GET", "/v1/whoami").header("x-api-key", key), |request, n| {
            request.header(format!("x-{n}"), "y".repeat(1_000))
        })
    };
    assert_eq!((House::send(ten(20)).await.status, House::send(ten(40)).await.status), (200, 431));
}

#[tokio::test]
async fn the_document_names_each_operation_once_and_answers_are_kept_by_nobody() {
    let house = House::new().await;
    let document = House::send(house.ask("GET", "/openapi.json")).await.is(200);
    let all = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut ids: Vec<_> = all.map(|operation| operation["operationId"].as_str().unwrap().to_owned()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert!(ids.len() == count && count > 50, "{ids:?}");
    let made = House::send(house.ask("POST", "/v1/keys").header("x-api-key", &house.admin).json(&json!({"name": "k"})));
    assert_eq!(made.await.headers["cache-control"], "no-store");
    let roles = house.get(&house.admin, "/v1/roles").await.is(200);
    let viewer = roles["roles"].as_array().unwrap().iter().find(|role| role["name"] == "viewer").unwrap();
    assert!(viewer["actions"].as_array().unwrap().contains(&json!("runs:read")), "{viewer}");
}
