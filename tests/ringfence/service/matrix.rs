//! What each role may do over HTTP is what the reviewed table says (`src/authz/matrix.txt`).

use std::collections::HashMap;

use serde_json::json;

use super::House;

const TABLE: &str = include_str!("../../../src/authz/matrix.txt");

/// The columns of the table: how each action stands for each role.
fn table() -> HashMap<(String, String), String> {
    let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let roles: Vec<&str> = lines.next().unwrap().split_whitespace().skip(1).collect();
    let mut cells = HashMap::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let action = words.next().unwrap();
        for (role, word) in roles.iter().zip(words) {
            cells.insert((action.to_owned(), (*role).to_owned()), word.to_owned());
        }
    }
    cells
}

#[tokio::test]
async fn a04_each_role_may_over_http_what_the_table_says() {
    let house = House::new().await;
    let cells = table();
    let admin = house.admin.clone();
    let digest = house.submit(&admin, "hello").await;
    let run = house.post(&admin, "/v1/runs", json!({"component": digest})).await.is(200);
    let sandbox = house.post(&admin, "/v1/sandboxes", json!({})).await.is(201);
    House::send(house.ask("PUT", "/v1/workspaces/site").header("x-api-key", &admin)).await.is(201);
    let key = house.get(&admin, "/v1/keys").await.is(200)["keys"][0]["id"].as_str().unwrap().to_owned();
    let (run, sandbox) = (run["id"].as_str().unwrap(), sandbox["id"].as_str().unwrap());
    let none = json!(null);
    let at = |tail: &str| format!("/v1/sandboxes/{sandbox}{tail}");
    // Things of the administrator's, asked for by others: only `all` lets them. What would change them comes with a body
    // that is refused after the permit, so that the next role finds all as it was.
    let asks = [
        ("components:read", "GET", format!("/v1/components/{digest}"), none.clone()),
        ("runs:create", "POST", "/v1/runs".into(), json!({"component": digest})),
        ("runs:read", "GET", format!("/v1/runs/{run}"), none.clone()),
        ("runs:cancel", "POST", format!("/v1/runs/{run}/cancel"), none.clone()),
        ("sandboxes:create", "POST", "/v1/sandboxes".into(), json!({"at": "bad"})),
        ("sandboxes:read", "GET", at(""), none.clone()),
        ("sandboxes:update", "POST", at("/extend"), json!({"ttl_seconds": 600})),
        ("sandboxes:run", "POST", at("/runs"), json!({"component": digest})),
        ("sandboxes:read_files", "GET", at("/diff"), none.clone()),
        ("sandboxes:write_files", "POST", at("/discard"), none.clone()),
        ("sandboxes:apply", "POST", at("/apply"), json!({})),
        ("workspaces:read", "GET", "/v1/workspaces/site".into(), none.clone()),
        ("workspaces:read_files", "GET", "/v1/workspaces/site/archive".into(), none.clone()),
        ("keys:read", "GET", format!("/v1/keys/{key}"), none.clone()),
        ("principals:read", "GET", "/v1/principals/admin".into(), none.clone()),
        ("principals:create", "PUT", "/v1/principals/NEW".into(), json!({"kind": "agent", "roles": []})),
        ("principals:delete", "DELETE", "/v1/principals/admin".into(), none.clone()),
        ("roles:create", "PUT", "/v1/roles/NEW".into(), json!({"actions": ["runs:read"]})),
        ("roles:read", "GET", "/v1/roles".into(), none.clone()),
        ("roles:delete", "DELETE", "/v1/roles/never".into(), none.clone()),
        ("policies:create", "PUT", "/v1/policies/NEW".into(), json!({"text": ""})),
        ("policies:read", "GET", "/v1/policies".into(), none.clone()),
        ("policies:explain", "POST", "/v1/policy-explain".into(), json!({"action": "runs:create"})),
        ("policies:delete", "DELETE", "/v1/policies/never".into(), none.clone()),
        ("service:read", "GET", "/metrics".into(), none.clone()),
    ];
    for role in ["operator", "developer", "agent", "auditor", "viewer"] {
        let key = house.person(role, &[role]).await;
        for (action, method, path, body) in &asks {
            let expected = &cells[&((*action).to_owned(), role.to_owned())];
            let mut request = house.ask(method, path).header("x-api-key", &key);
            if !body.is_null() {
                request = request.json(body);
            }
            let reply = House::send(request).await;
            let may = reply.status != 403;
            // What is created is one's own.
            let own_is_enough = action.ends_with(":create");
            let should = expected == "all" || (own_is_enough && expected == "own");
            assert_eq!(may, should, "{role} {action} ({expected}): {}", String::from_utf8_lossy(&reply.bytes));
            assert_ne!(reply.status, 401);
            assert!(reply.status < 500, "{role} {action}: {reply:?}");
        }
    }
}
