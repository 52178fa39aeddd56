//! How much of each thing a tenant can make us keep, and how much of it one answer shows.

use serde_json::{Value, json};

use super::House;

fn sql<T: rusqlite::types::FromSql>(house: &House, text: &str, ask: &str) -> T {
    let connection = rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    connection.execute_batch(text).unwrap();
    connection.query_row(ask, (), |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_principal_has_each_of_a_few_roles_once() {
    let house = House::new().await;
    let admin = &house.admin;
    let put = |roles: Vec<String>| {
        house.with_json(admin, "PUT", "/v1/principals/bob", json!({"kind": "agent", "roles": roles}))
    };
    let roles = |count: usize| (0..count).map(|number| format!("r{number}")).collect::<Vec<_>>();
    let many = put(roles(33)).await;
    assert_eq!((many.status, many.code().as_str()), (422, "invalid"));
    assert_eq!(many.json()["field"], "roles");
    assert_eq!(many.json()["detail"], "roles: name at most 32 different roles");
    // So many may be named, if they are there.
    assert_eq!(
        put([roles(32), roles(32)].concat()).await.json()["detail"],
        "roles: there is no role r0; see GET /v1/roles"
    );
    let same = |roles: [&str; 2]| roles.map(str::to_owned).into_iter().cycle().take(9_000).collect::<Vec<_>>();
    let new = put(same(["viewer", "agent"])).await.is(201);
    assert_eq!(new["roles"], json!(["viewer", "agent"]));
    let changed = put(same(["agent", "auditor"])).await.is(200);
    assert_eq!(changed["roles"], json!(["agent", "auditor"]));
    assert_eq!(put(roles(33)).await.status, 422);
    assert_eq!(house.get(admin, "/v1/principals/bob").await.is(200), changed);
}

/// What is answered counts as what the tenant has in memory, before it is made.
#[tokio::test]
async fn a_list_of_principals_counts_what_it_answers() {
    let house = House::with(&[("http.tenant_bodies_bytes", "4096"), ("http.body_bytes", "4096")]).await;
    for number in 0..8 {
        let labels: Value =
            (0..10).map(|label| (format!("l{label}"), json!("x".repeat(60)))).collect::<serde_json::Map<_, _>>().into();
        let body = json!({"kind": "agent", "roles": [], "labels": labels});
        house.with_json(&house.admin, "PUT", &format!("/v1/principals/p{number}"), body).await.is(201);
    }
    let all = house.get(&house.admin, "/v1/principals").await;
    assert_eq!((all.status, all.code().as_str()), (429, "too_many_bytes"));
    house.get(&house.admin, "/v1/principals?limit=3").await.is(200);
}

#[tokio::test]
async fn a_tenant_has_so_many_keys_that_open_something_and_no_more() {
    let house = House::new().await;
    let boss = &house.tenant_with("few", &[("keys", 3)]).await;
    let make = || house.post(boss, "/v1/keys", json!({"name": "k"}));
    let replies = futures_util::future::join_all((0..8).map(|_| make())).await;
    // The first one counts as well.
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 2);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        assert_eq!((reply.status, reply.code().as_str()), (429, "keys_too_many"));
        assert!(reply.headers.contains_key("retry-after"));
    }
    let made: Vec<_> = replies.iter().filter(|reply| reply.status == 201).map(|reply| reply.json()).collect();
    house.delete(boss, &format!("/v1/keys/{}", made[0]["key"]["id"].as_str().unwrap())).await.is(204);
    make().await.is(201);
    assert_eq!(make().await.code(), "keys_too_many");
    let id = made[1]["key"]["id"].as_str().unwrap();
    sql::<i64>(&house, &format!("UPDATE keys SET expires = 1 WHERE id = '{id}'"), "SELECT 1");
    make().await.is(201);
    assert_eq!(make().await.code(), "keys_too_many");
    // Another tenant has its own.
    house.post(&house.admin, "/v1/keys", json!({"name": "k"})).await.is(201);
}

#[tokio::test]
async fn keys_that_open_nothing_are_forgotten_when_they_are_many() {
    let house = House::new().await;
    let boss = &house.tenant("acme").await;
    house.post(boss, "/v1/keys", json!({"name": "soon", "ttl_seconds": 1_000})).await.is(201);
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
                INSERT INTO keys SELECT 'key_' || printf('%032x', i), tenant, principal, printf('%012d', i), hash, 'dead',
                scopes, created, CASE i % 2 WHEN 0 THEN i + 1 END, CASE i % 2 WHEN 1 THEN i + 1 END, last_used
                FROM n, (SELECT * FROM keys WHERE tenant = 'acme' AND expires IS NULL)";
    let dead = "SELECT count(*) FROM keys WHERE tenant = 'acme' AND name = 'dead'";
    assert_eq!(sql::<i64>(&house, many, dead), 1_500);
    house.post(boss, "/v1/keys", json!({"name": "new"})).await.is(201);
    assert_eq!(sql::<i64>(&house, "", dead), 900);
    let first = "SELECT min(coalesce(revoked, expires)) FROM keys WHERE name = 'dead'";
    assert_eq!(sql::<i64>(&house, "", first), 602, "those that ended last are there still");
    assert_eq!(sql::<i64>(&house, "", "SELECT count(*) FROM keys WHERE tenant = 'acme' AND name <> 'dead'"), 3);
}

#[tokio::test]
async fn a_tenant_has_so_many_principals_and_no_more() {
    let house = House::new().await;
    let boss = &house.tenant_with("few", &[("principals", 3)]).await;
    let names = ["a", "b", "c", "d"].map(|name| -> &'static str { format!("/v1/principals/{name}").leak() });
    let put = |path: &'static str| house.with_json(boss, "PUT", path, json!({"kind": "agent", "roles": []}));
    let replies = futures_util::future::join_all(names.map(put)).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 2);
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        assert_eq!((reply.status, reply.code().as_str()), (429, "principals_too_many"));
    }
    let (there, _) = names.into_iter().zip(&replies).find(|(_, reply)| reply.status == 201).unwrap();
    put(there).await.is(200);
    house.delete(boss, there).await.is(204);
    put(there).await.is(201);
    assert_eq!(put("/v1/principals/another").await.code(), "principals_too_many");
}

#[tokio::test]
async fn scopes_that_name_nothing_are_refused() {
    let house = House::new().await;
    let admin = &house.admin;
    for bad in ["run:create", "bogus:x", "runs:creat", "runs:x", "bogus:*"] {
        let key = house.post(admin, "/v1/keys", json!({"name": "k", "scopes": ["runs:read", bad]})).await;
        let token = house.post(admin, "/v1/tokens", json!({"scopes": ["runs:create", bad]})).await;
        for reply in [key, token] {
            assert_eq!((reply.status, reply.code().as_str()), (422, "bad_scope"), "{bad}");
            let problem = reply.json();
            assert_eq!(problem["field"], "scopes");
            assert!(problem["detail"].as_str().unwrap().contains(&format!("`{bad}`")), "{problem}");
        }
    }
    let scopes = json!(["runs:create", "tenants:*", "*"]);
    house.post(admin, "/v1/keys", json!({"name": "k", "scopes": scopes})).await.is(201);
    house.post(admin, "/v1/tokens", json!({"scopes": scopes})).await.is(201);
}

#[tokio::test]
async fn the_rules_of_a_sandbox_and_of_a_run_are_so_many_and_no_more() {
    let house = House::new().await;
    let admin = &house.admin;
    house.put(admin, "/v1/workspaces/files", "").await.is(201);
    let digest = house.submit(admin, "hello").await;
    let long = |count: usize| (0..count).map(|n| format!("/{n:0>500}/{}:read", "x".repeat(500))).collect::<Vec<_>>();
    let short = (0..1_001).map(|n| format!("/{n}:read")).collect::<Vec<_>>();
    for (rules, most) in [(long(66), "1000, of 65536 bytes"), (short, "there are 1001 rules")] {
        let sandbox = house.post(admin, "/v1/sandboxes", json!({"rules": rules})).await;
        let run = json!({"component": digest, "workspace": "files", "rules": rules});
        for reply in [sandbox, house.post(admin, "/v1/runs", run).await] {
            assert_eq!((reply.status, reply.code().as_str()), (422, "invalid"));
            let problem = reply.json();
            assert_eq!(problem["field"], "rules");
            assert!(problem["detail"].as_str().unwrap().contains(most), "{problem}");
        }
    }
    // They are kept one on a line, and would be others when they are read again.
    for rule in ["/a\n/b:read", "/a\rb:read"] {
        let reply = house.post(admin, "/v1/sandboxes", json!({"rules": [rule]})).await;
        assert_eq!((reply.status, reply.json()["field"].as_str()), (422, Some("rules[0]")), "{rule:?}");
    }
    let made = house.post(admin, "/v1/sandboxes", json!({"rules": long(65)})).await.is(201);
    assert_eq!(house.get(admin, "/v1/sandboxes").await.is(200)["sandboxes"], json!([made]));
}

/// What is answered counts as what the tenant has in memory, and rules are shown as they are kept.
#[tokio::test]
async fn a_list_of_sandboxes_counts_what_it_answers_and_reads_no_rules() {
    let house = House::with(&[("http.tenant_bodies_bytes", "65536"), ("http.body_bytes", "65536")]).await;
    let admin = &house.admin;
    let rules: Vec<_> = (0..30).map(|n| format!("/{n}/{}:read", "x".repeat(1_000 - n))).collect();
    for _ in 0..3 {
        house.post(admin, "/v1/sandboxes", json!({"rules": rules})).await.is(201);
    }
    assert_eq!(house.get(admin, "/v1/sandboxes").await.code(), "too_many_bytes");
    house.get(admin, "/v1/sandboxes?limit=1").await.is(200);
    let spec = "UPDATE sandboxes SET spec = json_set(spec, '$.rules', 'what could not be read')";
    sql::<i64>(&house, spec, "SELECT 1");
    let listed = house.get(admin, "/v1/sandboxes").await.is(200);
    assert_eq!(listed["sandboxes"][2]["rules"], "what could not be read");
}

#[tokio::test]
async fn built_in_roles_stay_and_that_is_said() {
    let house = House::new().await;
    for name in ["viewer", "admin"] {
        let path = &format!("/v1/roles/{name}");
        let put = house.with_json(&house.admin, "PUT", path, json!({"actions": ["runs:read"]})).await;
        let deleted = house.delete(&house.admin, path).await;
        for reply in [put, deleted] {
            assert_eq!((reply.status, reply.code().as_str()), (422, "role_reserved"), "{name}");
            assert_eq!(
                reply.json()["detail"],
                format!("the role `{name}` is built in and stays as it is; choose another name")
            );
        }
    }
    assert_eq!(house.delete(&house.admin, "/v1/roles/none").await.status, 404);
}
