//! What is asked wrongly is refused, and told with what would be right.

use serde_json::{Value, json};

use super::House;

/// The problem that comes back, which must be of this status and about this field.
#[track_caller]
fn about(reply: &super::Reply, status: u16, field: Option<&str>) -> (String, String) {
    assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.bytes));
    let (code, problem) = (reply.code(), reply.json());
    assert_eq!(problem.get("field").and_then(Value::as_str), field, "{problem}");
    (code, problem["detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_told_with_one_that_can() {
    let house = House::new().await;
    let key = &house.admin;
    for (query, status, field, advice) in [
        ("runs?since=foo", 422, "since", "2026-01-31T12:00:00Z"),
        ("runs?since=2026-01-31", 422, "since", "with its zone"),
        ("runs?until=", 422, "until", "2026-01-31T12:00:00Z"),
        ("runs?limit=x", 400, "limit", "write a whole number"),
        ("runs?limit=", 400, "limit", "write a whole number"),
        ("runs?limit=0", 422, "limit", "1 to 100"),
        ("runs?owner=A", 422, "owner", "write 1 to 64 of"),
        ("runs?sandbox=x", 422, "sandbox", "write `sbx_` and 32"),
        ("runs?component=x", 422, "component", "`sha256:` and 64"),
        ("runs?cursor=x", 422, "cursor", "write `run_` and 32"),
        ("components?cursor=x", 422, "cursor", "`sha256:` and 64"),
        ("workspaces?cursor=X", 422, "cursor", "write 1 to 64 of"),
        ("keys?principal=A", 422, "principal", "write 1 to 64 of"),
    ] {
        let (_, detail) = about(&house.get(key, &format!("/v1/{query}")).await, status, Some(field));
        assert!(detail.contains(advice), "{query}: {detail}");
    }
    let flag = house.put(key, "/v1/workspaces/w?with_secrets=yes", "").await;
    assert_eq!(about(&flag, 400, Some("with_secrets")).1, "write true or false");
    for (field, value, advice) in [("at", "noon", "2026-01-31T12:00:00Z"), ("address", "here", "10.0.0.7")] {
        let body = json!({"action": "runs:create", field: value});
        let (_, detail) = about(&house.post(key, "/v1/policy-explain", body).await, 422, Some(field));
        assert!(detail.contains(advice), "{field}: {detail}");
    }
    // What is no scope of a key is none of a question about one.
    for scope in ["runs:nothing", "nothing:*", "runs", "RUNS:*", ""] {
        let scopes = json!(["runs:*", scope]);
        let ask = json!({"action": "runs:create", "scopes": scopes});
        let asked = house.post(key, "/v1/policy-explain", ask).await;
        let made = house.post(key, "/v1/keys", json!({"name": "x", "scopes": scopes})).await;
        assert_eq!(about(&asked, 422, Some("scopes")), about(&made, 422, Some("scopes")), "{scope}");
    }
}

#[tokio::test]
async fn a_filter_that_nothing_can_fit_lists_nothing_in_no_silence() {
    let house = House::new().await;
    let key = &house.admin;
    for (query, field, advice) in [
        ("runs?outcome=nonsense", "outcome", "out_of_memory, limit_exceeded, cancelled, denied, failed"),
        ("runs?outcome=", "outcome", "exited, returned"),
        ("runs?outcome=Exited", "outcome", "exited, returned"),
        ("runs?state=gone", "state", "running or ended"),
        ("sandboxes?state=gone", "state", "ready or stopped"),
        ("workspaces/w/archive?format=rar", "format", "tar or zip"),
    ] {
        house.put(key, "/v1/workspaces/w", "").await;
        let (_, detail) = about(&house.get(key, &format!("/v1/{query}")).await, 422, Some(field));
        assert!(detail.contains(advice), "{query}: {detail}");
    }
    let document = House::send(house.ask("GET", "/openapi.json")).await.is(200);
    let all = document["paths"]["/v1/runs"]["get"]["parameters"].as_array().unwrap();
    let outcome = all.iter().find(|one| one["name"] == "outcome").unwrap();
    let known = outcome["schema"]["pattern"].as_str().unwrap().trim_start_matches("^(").trim_end_matches(")$");
    for word in known.split('|') {
        house.get(key, &format!("/v1/runs?outcome={word}")).await.is(200);
    }
    assert_eq!(known.split('|').count(), 11, "{known}");
}

#[tokio::test]
async fn whoever_extends_a_sandbox_takes_no_time_away() {
    let house = House::new().await;
    let key = &house.admin;
    let sandbox = house.post(key, "/v1/sandboxes", json!({"ttl_seconds": 3_000})).await.is(201);
    let extend = format!("/v1/sandboxes/{}/extend", sandbox["id"].as_str().unwrap());
    let again = house.post(key, &extend, json!({"ttl_seconds": 5})).await.is(200);
    assert_eq!(again["expires"], sandbox["expires"]);
    let time = |sandbox: &Value| sandbox["expires"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let more = house.post(key, &extend, json!({"ttl_seconds": 6_000})).await.is(200);
    assert!(time(&more) > time(&sandbox), "{more}");
}

#[tokio::test]
async fn a_key_for_a_retry_is_refused_wherever_it_would_do_nothing() {
    let house = House::new().await;
    let key = &house.admin;
    let document = House::send(house.ask("GET", "/openapi.json")).await.is(200);
    let mut taken = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let all = operation["parameters"].as_array().into_iter().flatten();
            let takes = all.filter(|one| one["name"] == "Idempotency-Key").count() == 1;
            let (path, method) = (path.replace(['{', '}'], ""), method.to_uppercase());
            let again = house.ask(&method, &path).header("x-api-key", key).header("idempotency-key", "one");
            let reply = House::send(again).await;
            if takes {
                assert_ne!(reply.code(), "idempotency_not_here", "{method} {path}");
                taken.push(format!("{method} {path}"));
            } else {
                let (code, detail) = about(&reply, 400, Some("Idempotency-Key"));
                assert_eq!(code, "idempotency_not_here", "{method} {path}");
                assert!(detail.contains("POST /v1/runs") && detail.contains("leave the header out"), "{detail}");
            }
        }
    }
    assert_eq!(
        taken,
        ["POST /v1/execute", "POST /v1/runs", "POST /v1/sandboxes/id/runs", "POST /v1/sessions/id/execute",]
    );
    for (method, path, status) in [("HEAD", "/v1/whoami", 400), ("GET", "/docs", 400), ("GET", "/nothing", 404)] {
        let again = house.ask(method, path).header("x-api-key", key).header("idempotency-key", "one");
        assert_eq!(House::send(again).await.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn what_others_still_need_is_refused_as_things_are_and_not_as_nonsense() {
    let house = House::new().await;
    let key = &house.admin;
    let change = async |body: Value| house.with_json(key, "PUT", "/v1/principals/admin", body).await;
    let last = [
        (change(json!({"kind": "person", "roles": ["viewer"]})).await, Some("roles")),
        (change(json!({"kind": "person", "roles": ["admin"], "suspended": true})).await, Some("suspended")),
        (house.delete(key, "/v1/principals/admin").await, None),
    ];
    for (reply, field) in last {
        let (code, detail) = about(&reply, 409, field);
        assert!(code == "last_admin" && detail.contains("make another one first"), "{code}: {detail}");
    }
    house.with_json(key, "PUT", "/v1/roles/helper", json!({"actions": ["runs:read"]})).await.is(200);
    house.person("one", &["helper"]).await;
    let (code, detail) = about(&house.delete(key, "/v1/roles/helper").await, 409, None);
    assert!(code == "role_in_use" && detail.contains("take it from them first"), "{code}: {detail}");
    house.delete(key, "/v1/principals/one").await.is(204);
    house.delete(key, "/v1/roles/helper").await.is(204);
}
