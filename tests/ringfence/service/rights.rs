use serde_json::{Value, json};

use super::House;

#[tokio::test]
async fn a_key_is_shown_once_cut_down_and_revoked_at_once() {
    let house = House::new().await;
    let admin = &house.admin;
    let made = house.post(admin, "/v1/keys", json!({"name": "reader", "scopes": ["runs:read"]})).await.is(201);
    let key = made["secret"].as_str().unwrap();
    let at = format!("/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    let again = house.get(admin, &at).await;
    assert!(!String::from_utf8_lossy(&again.bytes).contains(key));
    house.get(key, "/v1/runs").await.is(200);
    let refused = house.post(key, "/v1/runs", json!({"component": format!("sha256:{}", "0".repeat(64))})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "scope"));
    // A05: what it has it can hand on, and no more.
    let more = house.post(key, "/v1/keys", json!({"name": "more"})).await;
    assert_eq!((more.status, more.code().as_str()), (403, "scope"));
    house.delete(admin, &at).await.is(204);
    let revoked = house.get(key, "/v1/runs").await;
    assert_eq!((revoked.status, revoked.code().as_str()), (401, "bad_credential"));
    let short = house.post(admin, "/v1/keys", json!({"name": "short", "ttl_seconds": 1})).await.is(201);
    let short = short["secret"].as_str().unwrap();
    while house.get(short, "/v1/whoami").await.status == 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.get(short, "/v1/whoami").await.code(), "bad_credential");
}

#[tokio::test]
async fn a_token_is_for_less_than_its_maker_has() {
    let house = House::new().await;
    let dev = house.person("dev", &["developer"]).await;
    let made = house.post(&dev, "/v1/tokens", json!({"scopes": ["runs:*"], "ttl_seconds": 60})).await.is(201);
    let token = made["token"].as_str().unwrap();
    let as_bearer = |method: &str, path: &str| house.ask(method, path).bearer_auth(token);
    assert_eq!(House::send(as_bearer("GET", "/v1/whoami")).await.is(200)["scopes"], json!(["runs:*"]));
    House::send(as_bearer("GET", "/v1/runs")).await.is(200);
    assert_eq!(House::send(as_bearer("POST", "/v1/sandboxes").json(&json!({}))).await.code(), "scope");
    let wider = House::send(as_bearer("POST", "/v1/tokens").json(&json!({"scopes": ["*"]}))).await;
    assert!(matches!(wider.status, 403 | 422), "{wider:?}");
    // Demoted, it is worth nothing more.
    let body = json!({"kind": "person", "roles": [], "suspended": true});
    house.with_json(&house.admin, "PUT", "/v1/principals/dev", body).await.is(200);
    assert_eq!(House::send(as_bearer("GET", "/v1/runs")).await.code(), "bad_credential");
}

#[tokio::test]
async fn nobody_gives_more_than_he_has() {
    let house = House::new().await;
    let admin = &house.admin;
    let role = json!({"actions": ["principals:*", "keys:*"]});
    house.with_json(admin, "PUT", "/v1/roles/helper", role).await.is(200);
    let helper = house.person("helper", &["helper"]).await;
    let raise = json!({"kind": "person", "roles": ["admin"]});
    for name in ["new", "helper"] {
        let reply = house.with_json(&helper, "PUT", &format!("/v1/principals/{name}"), raise.clone()).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "more_than_you_have"), "{name}");
    }
    let reply = house.post(&helper, "/v1/keys", json!({"name": "x", "principal": "admin"})).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "more_than_you_have"));
    let same = json!({"kind": "agent", "roles": ["helper"]});
    house.with_json(&helper, "PUT", "/v1/principals/new", same).await.is(201);
    let last = house.with_json(admin, "PUT", "/v1/principals/admin", json!({"kind": "person", "roles": []})).await;
    assert_eq!((last.status, last.code().as_str()), (409, "last_admin"));
    let unknown =
        house.with_json(admin, "PUT", "/v1/principals/x", json!({"kind": "person", "roles": ["nobody"]})).await;
    assert_eq!((unknown.status, &unknown.json()["field"]), (422, &json!("roles")));
}

#[tokio::test]
async fn policies_are_validated_taken_and_explained() {
    let house = House::new().await;
    let admin = &house.admin;
    let bad = json!({"text": "forbid (principal, action, resource) when { context.nonsense };"});
    let refused = house.with_json(admin, "PUT", "/v1/policies/night", bad).await;
    assert_eq!(refused.status, 422);
    assert!(refused.json()["field"].as_str().unwrap().starts_with("text, line 1"), "{refused:?}");
    let text = r#"@id("small-runs") forbid (principal, action == Action::"runs:create", resource)
                  when { context has wants && context.wants.fuel > 1000000 };"#;
    house.with_json(admin, "PUT", "/v1/policies/small", json!({"text": text})).await.is(200);
    let digest = house.submit(admin, "hello").await;
    let run = |fuel: u64| house.post(admin, "/v1/runs", json!({"component": digest, "limits": {"fuel": fuel}}));
    run(1_000_000).await.is(200);
    let denied = run(1_000_001).await;
    assert_eq!(denied.status, 403);
    assert!(denied.json()["detail"].as_str().unwrap().contains("small-runs"), "{denied:?}");
    house.person("dev", &["developer"]).await;
    let ask = json!({"principal": "dev", "action": "keys:revoke", "id": "key_x", "owner": "somebody"});
    let told = house.post(admin, "/v1/policy-explain", ask).await.is(200);
    assert_eq!(told["allowed"], false);
    let ask = json!({"principal": "dev", "action": "keys:revoke", "id": "key_x", "owner": "dev"});
    assert_eq!(house.post(admin, "/v1/policy-explain", ask).await.is(200)["policies"], json!(["role:developer:own"]));
    house.delete(admin, "/v1/policies/small").await.is(204);
    run(1_000_001).await.is(200);
}

/// What a run may spend is asked where it is said: of a run, or of the sandbox that it takes it from.
#[tokio::test]
async fn a_policy_about_fuel_is_not_gone_round_by_a_sandbox() {
    let house = House::new().await;
    let admin = &house.admin;
    let digest = house.submit(admin, "hello").await;
    let create = |limits: Value| house.post(admin, "/v1/sandboxes", json!({"limits": limits}));
    let of = |sandbox: Value| format!("/v1/sandboxes/{}/runs", sandbox["id"].as_str().unwrap());
    let (small, medium) = (of(create(json!({})).await.is(201)), of(create(json!({"preset": "medium"})).await.is(201)));
    let most = |fuel: u64| {
        let text = format!(
            r#"@id("much") forbid (principal, action, resource)
               when {{ context has wants && context.wants.fuel > {fuel} }};"#
        );
        house.with_json(admin, "PUT", "/v1/policies/much", json!({"text": text}))
    };
    most(6_000_000_000).await.is(200);
    for (path, limits, status) in [
        ("/v1/runs", json!({"preset": "medium"}), 403),
        (&*small, json!({}), 200),
        (&*small, json!({"preset": "medium"}), 403),
        (&*medium, json!({}), 403),
        (&*medium, json!({"deadline_ms": 5_000}), 403),
        (&*medium, json!({"fuel": 6_000_000_000_u64}), 200),
        (&*medium, json!({"preset": "small"}), 200),
    ] {
        let reply = house.post(admin, path, json!({"component": digest, "limits": limits})).await;
        assert_eq!(reply.status, status, "{path} {limits} {reply:?}");
    }
    for (limits, status) in
        [(json!({}), 201), (json!({"preset": "medium"}), 403), (json!({"fuel": 6_000_000_001_u64}), 403)]
    {
        assert_eq!(create(limits.clone()).await.status, status, "{limits}");
    }
    // Of whoever says nothing, what he gets is asked, and explained.
    most(4_000_000_000).await.is(200);
    let denied = create(json!({})).await;
    assert_eq!(denied.status, 403);
    assert!(denied.json()["detail"].as_str().unwrap().contains("much"), "{denied:?}");
    let ask = json!({"principal": "admin", "action": "sandboxes:create"});
    let told = house.post(admin, "/v1/policy-explain", ask).await.is(200);
    assert_eq!((&told["allowed"], &told["policies"]), (&json!(false), &json!(["much"])));
}

/// A04: by id, by listing, by cursor, by error text.
#[tokio::test]
async fn a04_objects_of_other_tenants_do_not_exist() {
    let house = House::new().await;
    let (ours, theirs) = (house.tenant("ours").await, house.tenant("theirs").await);
    let digest = house.submit(&ours, "hello").await;
    let run = house.post(&ours, "/v1/runs", json!({"component": digest})).await.is(200);
    let sandbox = house.post(&ours, "/v1/sandboxes", json!({})).await.is(201);
    House::send(house.ask("PUT", "/v1/workspaces/site").header("x-api-key", &ours)).await.is(201);
    let keys = house.get(&ours, "/v1/keys").await.is(200);
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let (run, sandbox, key) = (id(&run["id"]), id(&sandbox["id"]), id(&keys["keys"][0]["id"]));
    let paths = [
        format!("/v1/components/{digest}"),
        format!("/v1/runs/{run}"),
        format!("/v1/runs/{run}/events"),
        format!("/v1/sandboxes/{sandbox}"),
        format!("/v1/sandboxes/{sandbox}/diff"),
        format!("/v1/sandboxes/{sandbox}/files?path=x"),
        "/v1/workspaces/site".to_owned(),
        "/v1/workspaces/site/archive".to_owned(),
        format!("/v1/keys/{key}"),
        "/v1/tenants/ours".to_owned(),
    ];
    for path in &paths {
        let foreign = house.get(&theirs, path).await;
        assert_eq!((foreign.status, foreign.code().as_str()), (404, "not_found"), "{path}");
        // To the letter what is said of one that never was.
        let never = path.replace(&digest, &format!("sha256:{}", "0".repeat(64)));
        let never = [&run, &sandbox, &key].iter().fold(never, |path, id| {
            let (kind, _) = id.split_once('_').unwrap();
            path.replace(id.as_str(), &format!("{kind}_{}", "0".repeat(32)))
        });
        let never = never.replace("/site", "/never").replace("/ours", "/never");
        let (mut one, mut other) = (foreign.json(), house.get(&theirs, &never).await.json());
        (one["instance"], other["instance"]) = (Value::Null, Value::Null);
        assert_eq!(one, other, "{path}");
    }
    for list in ["components", "runs", "sandboxes", "workspaces"] {
        assert_eq!(house.get(&theirs, &format!("/v1/{list}")).await.is(200)[list], json!([]), "{list}");
    }
    assert_eq!(house.get(&theirs, &format!("/v1/runs?cursor={run}")).await.is(200)["runs"], json!([]));
    assert_eq!(house.get(&theirs, &format!("/v1/components?cursor={digest}")).await.is(200)["components"], json!([]));
    let theirs_run = house.post(&theirs, "/v1/runs", json!({"component": digest})).await;
    assert_eq!((theirs_run.status, theirs_run.code().as_str()), (404, "no_component"));
    assert_eq!(house.get(&theirs, "/v1/tenants").await.is(200)["tenants"].as_array().unwrap().len(), 1);
    assert_eq!(house.get(&theirs, "/metrics").await.status, 404);
    // Names are each tenant's own.
    House::send(house.ask("PUT", "/v1/workspaces/site").header("x-api-key", &theirs)).await.is(201);
}

#[tokio::test]
async fn a_closed_tenant_opens_nothing() {
    let house = House::new().await;
    let boss = house.tenant("acme").await;
    house.get(&boss, "/v1/whoami").await.is(200);
    house.with_json(&house.admin, "PATCH", "/v1/tenants/acme", json!({"open": false})).await.is(200);
    assert_eq!(house.get(&boss, "/v1/whoami").await.code(), "bad_credential");
    house.with_json(&house.admin, "PATCH", "/v1/tenants/acme", json!({"open": true})).await.is(200);
    house.get(&boss, "/v1/whoami").await.is(200);
    let house_itself = house.with_json(&house.admin, "PATCH", "/v1/tenants/main", json!({"open": false})).await;
    assert_eq!((house_itself.status, house_itself.code().as_str()), (422, "invalid"));
}
