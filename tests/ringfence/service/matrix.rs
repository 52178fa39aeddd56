//! What each role may do over HTTP is what the reviewed table says (`src/authz/matrix.txt`): every cell is asked, of
//! things of one's own and of things of somebody else's.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

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

/// Things of one principal: one to look at, and one to be taken away.
struct Things {
    owner: String,
    component: [String; 2],
    run: String,
    sandbox: [String; 2],
    /// A sandbox of whoever asks, over the workspace.
    over: String,
    workspace: [String; 2],
    key: [String; 2],
    token: String,
    /// Somebody whom nobody needs; he owns himself.
    victim: String,
}

/// Those of the owner of a key, for one who will ask about them.
async fn things(house: &House, key: &str, asker: &str, owner: &str, tag: &str) -> Things {
    let component = async |n: usize| {
        let text = format!("(module (func (export \"_start\"))) ;; {tag} {n}");
        let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(text);
        House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned()
    };
    let component = [component(0).await, component(1).await];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let run = text(&house.post(key, "/v1/runs", json!({"component": component[0]})).await.is(200)["id"]);
    let workspace = [format!("{tag}-0"), format!("{tag}-1")];
    for name in &workspace {
        House::send(house.ask("PUT", &format!("/v1/workspaces/{name}")).header("x-api-key", key)).await.is(201);
    }
    let sandbox = async |body: Value| text(&house.post(key, "/v1/sandboxes", body).await.is(201)["id"]);
    let sandbox = [sandbox(json!({"workspace": workspace[0]})).await, sandbox(json!({})).await];
    let over = house.post(asker, "/v1/sandboxes", json!({"workspace": workspace[0]})).await.is(201);
    let over = text(&over["id"]);
    let token = text(&house.post(key, "/v1/tokens", json!({"scopes": ["*"]})).await.is(201)["id"]);
    let made = async || text(&house.post(key, "/v1/keys", json!({"name": "x"})).await.is(201)["key"]["id"]);
    let key = [made().await, made().await];
    let victim = format!("victim-{tag}");
    let body = json!({"kind": "agent", "roles": []});
    house.with_json(&house.admin, "PUT", &format!("/v1/principals/{victim}"), body).await.is(201);
    Things { owner: owner.to_owned(), component, run, sandbox, over, workspace, key, token, victim }
}

/// Questions about things of somebody, those that take something away last. Bodies that would change more than that are
/// refused after the permit was given.
fn about(of: &Things) -> Vec<(&'static str, &'static str, String, Value)> {
    let none = Value::Null;
    let sandbox = |tail: &str| format!("/v1/sandboxes/{}{tail}", of.sandbox[0]);
    let body = json!({"component": of.component[0]});
    vec![
        ("components:read", "GET", format!("/v1/components/{}", of.component[0]), none.clone()),
        ("runs:read", "GET", format!("/v1/runs/{}", of.run), none.clone()),
        ("runs:cancel", "POST", format!("/v1/runs/{}/cancel", of.run), none.clone()),
        ("runs:answer", "POST", format!("/v1/runs/{}/calls/call_{}", of.run, "0".repeat(32)), json!({"result": 1})),
        ("sandboxes:read", "GET", sandbox(""), none.clone()),
        ("sandboxes:update", "POST", sandbox("/extend"), json!({"ttl_seconds": 600})),
        ("sandboxes:run", "POST", sandbox("/runs"), body),
        ("sandboxes:read_files", "GET", sandbox("/diff"), none.clone()),
        ("sandboxes:write_files", "POST", sandbox("/discard"), none.clone()),
        ("sandboxes:apply", "POST", sandbox("/apply"), json!({})),
        ("workspaces:read", "GET", format!("/v1/workspaces/{}", of.workspace[0]), none.clone()),
        ("workspaces:read_files", "GET", format!("/v1/workspaces/{}/archive", of.workspace[0]), none.clone()),
        ("workspaces:apply", "POST", format!("/v1/sandboxes/{}/apply", of.over), json!({})),
        ("keys:read", "GET", format!("/v1/keys/{}", of.key[0]), none.clone()),
        ("keys:create", "POST", "/v1/keys".into(), json!({"name": "", "principal": of.owner})),
        ("components:delete", "DELETE", format!("/v1/components/{}", of.component[1]), none.clone()),
        ("sandboxes:delete", "DELETE", format!("/v1/sandboxes/{}", of.sandbox[1]), none.clone()),
        ("workspaces:delete", "DELETE", format!("/v1/workspaces/{}", of.workspace[1]), none.clone()),
        ("keys:revoke", "DELETE", format!("/v1/keys/{}", of.key[1]), none.clone()),
        ("tokens:revoke", "DELETE", format!("/v1/tokens/{}", of.token), none),
    ]
}

/// Questions about what belongs to nobody in particular; only `all` lets somebody do these, but for what is created.
fn at_large(of: &Things) -> Vec<(&'static str, &'static str, String, Value)> {
    let none = Value::Null;
    let victim = format!("/v1/principals/{}", of.victim);
    vec![
        ("components:create", "POST", "/v1/components".into(), json!("no program")),
        ("runs:create", "POST", "/v1/runs".into(), json!({"component": of.component[0]})),
        ("runs:create", "POST", "/v1/runs".into(), json!({"backend": "process", "command": ["true"]})),
        ("runs:create", "GET", "/v1/backends".into(), none.clone()),
        ("sandboxes:create", "POST", "/v1/sandboxes".into(), json!({"at": "bad"})),
        ("workspaces:create", "PUT", "/v1/workspaces/NEW".into(), none.clone()),
        ("tokens:create", "POST", "/v1/tokens".into(), json!({"scopes": ["nothing"]})),
        ("principals:read", "GET", victim.clone(), none.clone()),
        ("principals:create", "PUT", "/v1/principals/NEW".into(), json!({"kind": "agent", "roles": []})),
        ("principals:update", "PUT", victim.clone(), json!({"kind": "agent", "roles": ["NEW"]})),
        ("roles:create", "PUT", "/v1/roles/NEW".into(), json!({"actions": ["runs:read"]})),
        ("roles:read", "GET", "/v1/roles".into(), none.clone()),
        ("roles:read", "GET", "/v1/roles/viewer".into(), none.clone()),
        ("roles:delete", "DELETE", "/v1/roles/never".into(), none.clone()),
        ("policies:create", "PUT", "/v1/policies/NEW".into(), json!({"text": ""})),
        ("policies:read", "GET", "/v1/policies".into(), none.clone()),
        ("policies:explain", "POST", "/v1/policy-explain".into(), json!({"action": "runs:create"})),
        ("policies:delete", "DELETE", "/v1/policies/never".into(), none.clone()),
        ("audit:read", "GET", "/v1/audit/checkpoint".into(), none.clone()),
        ("service:read", "GET", "/metrics".into(), none.clone()),
        ("tenants:create", "POST", "/v1/tenants".into(), json!({"id": "main", "admin": "x"})),
        ("tenants:read", "GET", "/v1/tenants/main".into(), none.clone()),
        ("tenants:update", "PATCH", "/v1/tenants/main".into(), json!({"open": false})),
        ("principals:delete", "DELETE", victim, none),
    ]
}

async fn ask(house: &House, key: &str, question: &(&str, &str, String, Value)) -> bool {
    let (action, method, path, body) = question;
    let mut request = house.ask(method, path).header("x-api-key", key);
    request = match body {
        Value::Null => request,
        Value::String(text) => request.body(text.clone()),
        body => request.json(body),
    };
    let reply = House::send(request).await;
    assert!(reply.status < 500 && reply.status != 401, "{action}: {reply:?}");
    // What is refused for other reasons was allowed; an id that cannot be is looked at after the permit.
    let denied = reply.status == 403 && ["denied", "scope"].contains(&reply.code().as_str());
    let unseen = reply.status == 404 && path != "/v1/roles/never" && path != "/v1/policies/never";
    let hidden = unseen && reply.code() == "not_found";
    !denied && !hidden
}

#[tokio::test]
async fn a04_each_role_may_over_http_what_the_table_says() {
    let house = House::new().await;
    let cells = table();
    let mut asked = BTreeSet::new();
    for role in ["house", "operator", "developer", "agent", "auditor", "viewer"] {
        // Whoever it is has things of his own, made while he was more.
        let name = format!("somebody-{role}");
        let key = house.person(&name, &["admin"]).await;
        let own = things(&house, &key, &key, &name, &format!("own-{role}")).await;
        let others = things(&house, &house.admin, &key, "admin", &format!("others-{role}")).await;
        let now = if role == "house" { "admin" } else { role };
        let body = json!({"kind": "person", "roles": [now]});
        house.with_json(&house.admin, "PUT", &format!("/v1/principals/{name}"), body).await.is(200);
        let cell = |action: &str| cells[&(action.to_owned(), role.to_owned())].as_str();
        for (of, whose) in [(&others, "others"), (&own, "own")] {
            for question in about(of) {
                let said = cell(question.0);
                let should = said == "all" || (said == "own" && whose == "own");
                assert_eq!(ask(&house, &key, &question).await, should, "{role} {} {whose} ({said})", question.0);
                asked.insert(question.0);
            }
        }
        for question in at_large(&others) {
            let said = cell(question.0);
            // What is created is one's own.
            let should = said == "all" || (said == "own" && question.0.ends_with(":create"));
            assert_eq!(ask(&house, &key, &question).await, should, "{role} {} ({said})", question.0);
            asked.insert(question.0);
        }
    }
    let all: BTreeSet<&str> = cells.keys().map(|(action, _)| action.as_str()).collect();
    let missing: Vec<_> = all.difference(&asked).collect();
    assert!(missing.is_empty(), "nobody asks about {missing:?}");
}

/// The column of an administrator of another tenant than the house.
#[tokio::test]
async fn a04_an_administrator_of_a_tenant_may_in_it_what_the_table_says() {
    let house = House::new().await;
    let cells = table();
    let boss = house.tenant("acme").await;
    let own = |action: &str| cells[&(action.to_owned(), "admin".to_owned())].as_str();
    for (method, path, action, body) in [
        ("GET", "/v1/tenants/acme", "tenants:read", Value::Null),
        ("PATCH", "/v1/tenants/acme", "tenants:update", json!({"open": true})),
        ("POST", "/v1/tenants", "tenants:create", json!({"id": "acme", "admin": "x"})),
    ] {
        let question = (action, method, path.to_owned(), body);
        assert_eq!(ask(&house, &boss, &question).await, own(action) != "-", "{action}");
    }
    assert_eq!(house.get(&boss, "/v1/tenants/main").await.code(), "not_found");
    let all = ["components", "runs", "sandboxes", "workspaces", "keys", "principals", "roles", "policies"];
    for list in all {
        house.get(&boss, &format!("/v1/{list}")).await.is(200);
    }
    assert_eq!(house.get(&boss, "/metrics").await.code(), "not_found", "the service is the house's");
}
