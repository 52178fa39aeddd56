//! What holds at every endpoint. The endpoints are those of the document that is served, so that a new one without a row
//! here fails.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::House;

const OPEN: [&str; 3] = ["/healthz", "/readyz", "/version"];

/// A good body for each endpoint that wants one; the rest wants none.
fn body_for(method: &str, path: &str) -> Option<Value> {
    let digest = format!("sha256:{}", "0".repeat(64));
    Some(match (method, path) {
        ("POST", "/v1/runs" | "/v1/sandboxes/{id}/runs") => json!({"component": digest}),
        ("POST", "/v1/runs/{id}/calls/{call}") => json!({"error": {"code": "x", "message": "y"}}),
        ("POST", "/v1/execute") => json!({"language": "python", "code": "1"}),
        ("POST", "/v1/sessions") => json!({"language": "python", "sandbox": format!("sbx_{}", "0".repeat(32))}),
        ("POST", "/v1/sessions/{id}/fork") => json!({"count": 1}),
        ("POST", "/v1/sessions/{id}/execute") => json!({"code": "1"}),
        ("POST", "/v1/sandboxes" | "/v1/sandboxes/{id}/apply") => json!({}),
        ("PATCH", "/v1/sandboxes/{id}") => json!({"labels": {}}),
        ("POST", "/v1/sandboxes/{id}/extend") => json!({"ttl_seconds": 60}),
        ("POST", "/v1/keys") => json!({"name": "x"}),
        ("POST", "/v1/tokens") => json!({"scopes": ["runs:read"]}),
        ("PUT", "/v1/principals/{id}") => json!({"kind": "agent", "roles": []}),
        ("PUT", "/v1/roles/{name}") => json!({"actions": ["runs:read"]}),
        ("PUT", "/v1/policies/{name}") => json!({"text": "permit (principal, action, resource);"}),
        ("POST", "/v1/policy-check") => json!({"name": "x", "text": "permit (principal, action, resource);"}),
        ("POST", "/v1/policy-explain") => json!({"action": "runs:create"}),
        ("POST", "/v1/tenants") => json!({"id": "new", "admin": "x"}),
        ("PATCH", "/v1/tenants/{id}") => json!({"open": true}),
        _ => return None,
    })
}

/// Methods by path, as the service tells them, with what each takes.
async fn endpoints(house: &House) -> BTreeMap<String, BTreeMap<String, Value>> {
    let document = House::send(house.ask("GET", "/openapi.json")).await.is(200);
    let mut all = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().iter();
        let methods: BTreeMap<_, _> = methods.map(|(method, what)| (method.to_uppercase(), what.clone())).collect();
        for (method, what) in &methods {
            let takes_json = !what["requestBody"]["content"]["application/json"].is_null();
            assert_eq!(body_for(method, path).is_some(), takes_json, "give {method} {path} a row in body_for");
        }
        all.insert(path.clone(), methods);
    }
    assert!(all.values().map(BTreeMap::len).sum::<usize>() > 50);
    all
}

fn filled(path: &str, with: &BTreeMap<&str, String>) -> String {
    let Some((before, rest)) = path.split_once('{') else { return path.to_owned() };
    let (_, after) = rest.split_once('}').unwrap();
    let kind = path.split('/').nth(2).unwrap();
    let id = with.get(kind).unwrap_or_else(|| panic!("give {kind} a row"));
    format!("{before}{id}{after}")
}

fn never() -> BTreeMap<&'static str, String> {
    let zeros = |prefix: &str, n: usize| format!("{prefix}{}", "0".repeat(n));
    let mut ids = BTreeMap::from([
        ("components", zeros("sha256:", 64)),
        ("runs", zeros("run_", 32)),
        ("sandboxes", zeros("sbx_", 32)),
        ("sessions", zeros("ses_", 32)),
        ("keys", zeros("key_", 32)),
        ("audit", "999999999".to_owned()),
        ("tokens", format!("{}.{}", zeros("key_", 32), zeros("", 16))),
    ]);
    ids.extend(["workspaces", "principals", "roles", "policies", "tenants"].map(|kind| (kind, "never".to_owned())));
    ids
}

/// The number of the first record of a tenant.
async fn first_of(house: &House, key: &str) -> String {
    house.get(key, "/v1/audit/events?limit=1").await.is(200)["events"][0]["seq"].to_string()
}

/// With what must stand in the query.
fn whole(path: String) -> String {
    match () {
        () if path.ends_with("/files") => format!("{path}?path=x"),
        () if path.ends_with("/growth") => format!("{path}?old=1"),
        () => path,
    }
}

#[tokio::test]
async fn every_endpoint_refuses_a_credential_that_was_good_once() {
    let many = ["failures_per_prefix", "failures_per_source"].map(|name| format!("identity.guesses.{name}"));
    let house = House::with(&many.each_ref().map(|name| (name.as_str(), "100000"))).await;
    let made = house.post(&house.admin, "/v1/keys", json!({"name": "revoked"})).await.is(201);
    let revoked = made["secret"].as_str().unwrap().to_owned();
    house.delete(&house.admin, &format!("/v1/keys/{}", made["key"]["id"].as_str().unwrap())).await.is(204);
    let short = house.post(&house.admin, "/v1/keys", json!({"name": "short", "ttl_seconds": 1})).await.is(201);
    let short = short["secret"].as_str().unwrap().to_owned();
    let token = house.post(&house.admin, "/v1/tokens", json!({"scopes": ["*"], "ttl_seconds": 1})).await.is(201);
    let token = token["token"].as_str().unwrap().to_owned();
    for old in [&short, &token] {
        while House::send(house.ask("GET", "/v1/whoami").bearer_auth(old)).await.status == 200 {
            tokio::task::yield_now().await;
        }
    }
    for (path, methods) in endpoints(&house).await {
        for method in methods.keys().filter(|_| !OPEN.contains(&path.as_str())) {
            let at = whole(filled(&path, &never()));
            for old in [&revoked, &short, &token] {
                let mut request = house.ask(method, &at).bearer_auth(old);
                if let Some(body) = body_for(method, &path) {
                    request = request.json(&body);
                }
                let reply = House::send(request).await;
                assert_eq!((reply.status, reply.code().as_str()), (401, "bad_credential"), "{method} {path}");
            }
        }
    }
}

/// A04: whatever another tenant asks for is not there, by whatever method, and it is as it was afterwards.
#[tokio::test]
async fn a04_every_endpoint_hides_what_is_another_tenants() {
    let house = House::new().await;
    let (ours, theirs) = (house.tenant("ours").await, house.tenant("theirs").await);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let digest = house.submit(&ours, "hello").await;
    House::send(house.ask("PUT", "/v1/workspaces/site").header("x-api-key", &ours)).await.is(201);
    let agent = json!({"kind": "agent", "roles": []});
    house.with_json(&ours, "PUT", "/v1/principals/mole", agent).await.is(201);
    house.with_json(&ours, "PUT", "/v1/roles/helper", json!({"actions": ["runs:read"]})).await.is(200);
    let policy = json!({"text": "@id(\"own\") permit (principal, action == Action::\"runs:read\", resource);"});
    house.with_json(&ours, "PUT", "/v1/policies/small", policy).await.is(200);
    crate::snippets::shelved(&house.dir.path().join("data")).await;
    let sandbox = text(&house.post(&ours, "/v1/sandboxes", json!({})).await.is(201)["id"]);
    let session = json!({"language": "javascript", "sandbox": sandbox});
    let with = BTreeMap::from([
        ("components", digest.clone()),
        ("runs", text(&house.post(&ours, "/v1/runs", json!({"component": digest})).await.is(200)["id"])),
        ("sandboxes", sandbox),
        ("sessions", text(&house.post(&ours, "/v1/sessions", session).await.is(201)["id"])),
        ("keys", text(&house.get(&ours, "/v1/keys").await.is(200)["keys"][0]["id"])),
        ("tokens", text(&house.post(&ours, "/v1/tokens", json!({"scopes": ["*"]})).await.is(201)["id"])),
        ("audit", first_of(&house, &ours).await),
        ("workspaces", "site".to_owned()),
        ("principals", "mole".to_owned()),
        ("roles", "helper".to_owned()),
        ("policies", "small".to_owned()),
        ("tenants", "ours".to_owned()),
    ]);
    let ask = async |key: &str, method: &str, path: &str, at: &str| {
        let mut request = house.ask(method, at).header("x-api-key", key);
        if let Some(body) = body_for(method, path) {
            request = request.json(&body);
        }
        House::send(request).await
    };
    for (path, methods) in endpoints(&house).await.iter().filter(|(path, _)| path.contains('{')) {
        for method in methods.keys() {
            // Names are each tenant's own: with them one makes something of one's own.
            let makes = method == "PUT" && path.rsplit('/').next().unwrap().starts_with('{');
            if makes {
                continue;
            }
            let reply = ask(&theirs, method, path, &whole(filled(path, &with))).await;
            let never = ask(&theirs, method, path, &whole(filled(path, &never()))).await;
            let said = |reply: &super::house::Reply| {
                let mut said = reply.json();
                said["instance"] = Value::Null;
                said.to_string().replace("helper", "never").replace("small", "never")
            };
            assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{method} {path}");
            assert_eq!(said(&reply), said(&never), "{method} {path}");
        }
    }
    // All of it is there still, for its owner.
    for kind in ["components", "runs", "sandboxes", "sessions", "workspaces", "keys", "principals", "roles", "policies"]
    {
        house.get(&ours, &format!("/v1/{kind}/{}", with[kind])).await.is(200);
    }
}

#[tokio::test]
async fn every_endpoint_names_the_methods_that_it_has() {
    let house = House::new().await;
    for (path, methods) in endpoints(&house).await {
        let all = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECTED"];
        for method in all.into_iter().filter(|method| !methods.contains_key(*method)) {
            let plain = house.ask(method, &filled(&path, &never())).header("x-api-key", &house.admin);
            // Whatever else is wrong with it.
            let retry = plain.try_clone().unwrap().header("idempotency-key", "k");
            for request in [plain, retry] {
                let reply = House::send(request).await;
                assert_eq!((reply.status, reply.code().as_str()), (405, "wrong_method"), "{method} {path}");
                let allowed = reply.headers["allow"].to_str().unwrap().split(',').map(str::trim);
                let allowed: BTreeSet<_> = allowed.filter(|method| *method != "HEAD").map(str::to_owned).collect();
                assert_eq!(allowed, methods.keys().cloned().collect(), "{path}");
            }
        }
    }
}

/// What the document says of a page is what holds, of whatever there are pages.
#[tokio::test]
async fn every_endpoint_with_pages_refuses_more_than_the_document_allows() {
    for (page, more) in [(5, [].as_slice()), (100, &["/v1/sandboxes/{id}/entries", "/v1/workspaces/{name}"])] {
        let house = House::with(&[("http.page", &page.to_string())]).await;
        let mut ids = never();
        let sandbox = house.post(&house.admin, "/v1/sandboxes", json!({})).await.is(201);
        ids.insert("sandboxes", sandbox["id"].as_str().unwrap().to_owned());
        house.put(&house.admin, "/v1/workspaces/never", "").await.is(201);
        let mut asked = BTreeSet::new();
        for (path, methods) in endpoints(&house).await {
            let parameters = methods.get("GET").and_then(|what| what["parameters"].as_array());
            let Some(limit) = parameters.into_iter().flatten().find(|one| one["name"] == "limit") else { continue };
            assert_eq!((&limit["schema"]["minimum"], &limit["schema"]["maximum"]), (&json!(1), &json!(page)), "{path}");
            let at = filled(&path, &ids);
            for limit in [0, page + 1, u32::MAX] {
                let reply = house.get(&house.admin, &format!("{at}?limit={limit}")).await;
                assert_eq!((reply.status, &reply.json()["field"]), (422, &json!("limit")), "{path} {limit}");
            }
            house.get(&house.admin, &format!("{at}?limit={page}")).await.is(200);
            asked.insert(path);
        }
        assert!(asked.len() > 10 && more.iter().all(|path| asked.contains(*path)), "{asked:?}");
    }
}

/// A stream is told with what is in it, not as bytes.
#[tokio::test]
async fn every_stream_of_events_has_a_schema_of_its_events() {
    let house = House::new().await;
    let document = House::send(house.ask("GET", "/openapi.json")).await.is(200);
    let mut streams = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for what in methods.as_object().unwrap().values() {
            let Some(name) = what["responses"]["200"]["content"]["text/event-stream"]["schema"]["$ref"].as_str() else {
                assert!(what["responses"]["200"]["content"]["text/event-stream"].is_null(), "{path}");
                continue;
            };
            let schema = document.pointer(name.trim_start_matches('#')).unwrap();
            for field in ["event", "id", "data"] {
                assert_eq!(schema["properties"][field]["type"], "string", "{path} {name}: {field}");
            }
            streams.insert(path.as_str());
        }
    }
    let known = [
        "/v1/audit/tail",
        "/v1/execute",
        "/v1/runs",
        "/v1/runs/{id}/events",
        "/v1/sandboxes/{id}/runs",
        "/v1/sessions/{id}/execute",
    ];
    assert_eq!(streams, known.into());
}

#[tokio::test]
async fn every_endpoint_refuses_what_is_of_the_wrong_type_or_too_much() {
    let house = House::with(&[("http.body_bytes", "4096"), ("http.upload_bytes", "8192"), ("http.page", "5")]).await;
    // Some look for the place before they read what is to happen in it.
    let mut ids = never();
    let sandbox = house.post(&house.admin, "/v1/sandboxes", json!({})).await.is(201);
    ids.insert("sandboxes", sandbox["id"].as_str().unwrap().to_owned());
    crate::snippets::shelved(&house.dir.path().join("data")).await;
    let session = json!({"language": "javascript", "sandbox": ids["sandboxes"]});
    let session = house.post(&house.admin, "/v1/sessions", session).await.is(201);
    ids.insert("sessions", session["id"].as_str().unwrap().to_owned());
    for (path, methods) in endpoints(&house).await {
        for (method, what) in methods {
            let at = whole(filled(&path, &ids));
            let ask = |at: &str| house.ask(&method, at).header("x-api-key", &house.admin);
            if let Some(good) = body_for(&method, &path) {
                let with = |key: &str, value: Value| {
                    let mut body = good.clone();
                    body[key] = value;
                    body
                };
                let mut bad = vec![json!([]), json!([null]), json!(1), json!("x"), with("nothing", json!(1))];
                bad.extend(good.as_object().unwrap().keys().map(|key| with(key, json!(-1))));
                for body in bad {
                    let reply = House::send(ask(&at).json(&body)).await;
                    assert_eq!((reply.status, reply.code().as_str()), (400, "bad_json"), "{method} {path} {body}");
                }
                let reply = House::send(ask(&at).header("content-type", "text/plain").body(good.to_string())).await;
                assert_eq!((reply.status, reply.code().as_str()), (415, "not_json"), "{method} {path}");
                let reply = House::send(ask(&at).json(&with("nothing", json!("x".repeat(5_000))))).await;
                assert_eq!((reply.status, reply.code().as_str()), (413, "too_large"), "{method} {path}");
            }
            let unknown = if at.contains('?') { format!("{at}&nothing=1") } else { format!("{at}?nothing=1") };
            let reply = House::send(ask(&unknown)).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "bad_query"), "{method} {path}");
            assert_eq!(reply.json()["field"], "nothing");
            for parameter in what["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query") {
                let name = parameter["name"].as_str().unwrap();
                let plain = filled(&path, &ids);
                let twice = House::send(ask(&format!("{plain}?{name}=1&{name}=1"))).await;
                assert!(matches!(twice.status, 400 | 404), "{method} {path} {name}: {twice:?}");
                twice.code();
                let kinds = &parameter["schema"]["type"];
                if kinds.to_string().contains("integer") || kinds.to_string().contains("boolean") {
                    let reply = House::send(ask(&format!("{plain}?{name}=x"))).await;
                    assert_eq!((reply.status, reply.code().as_str()), (400, "bad_query"), "{method} {path} {name}");
                    assert_eq!(reply.json()["field"], name);
                }
            }
        }
    }
    assert_eq!(house.get(&house.admin, "/v1/runs/%ff").await.code(), "bad_path");
    assert_eq!(house.get(&house.admin, "/v1/runs?owner=%ff").await.json()["field"], "owner");
    let at = House::send(
        house.ask("GET", &format!("/v1/sandboxes/{}/files", never()["sandboxes"])).header("x-api-key", &house.admin),
    );
    assert_eq!(at.await.json()["field"], "path");
}
