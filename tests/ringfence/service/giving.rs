//! A05: nobody gives what he may not do himself under the credential that he came with, whatever way he takes.

use serde_json::{Value, json};

use super::House;

const WHOLE: &str = "permit (principal, action, resource);";

struct Way<'a> {
    house: &'a House,
    key: &'a str,
}

impl Way<'_> {
    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let reply = self.house.with_json(self.key, method, path, body).await;
        let code = if reply.status < 300 { String::new() } else { reply.code() };
        (reply.status, code)
    }

    async fn may(&self, method: &str, path: &str, body: Value) {
        let (status, code) = self.ask(method, path, body.clone()).await;
        assert!(status < 300, "{method} {path} {body}: {status} {code}");
    }

    async fn may_not(&self, method: &str, path: &str, body: Value) {
        let told = self.ask(method, path, body.clone()).await;
        assert_eq!(told, (403, "more_than_you_have".to_owned()), "{method} {path} {body}");
    }
}

async fn key_of(house: &House, maker: &str, body: Value) -> String {
    house.post(maker, "/v1/keys", body).await.is(201)["secret"].as_str().unwrap().to_owned()
}

fn agent(roles: &[&str]) -> Value {
    json!({"kind": "agent", "roles": roles})
}

#[tokio::test]
async fn a_key_of_an_administrator_that_is_cut_down_gives_no_more_than_its_scopes() {
    let house = House::new().await;
    let admin = &house.admin;
    house
        .with_json(
            admin,
            "PUT",
            "/v1/policies/old",
            json!({"text": "forbid (principal, action, resource) when { resource.hasTag(\"secret\") };"}),
        )
        .await
        .is(200);
    house.with_json(admin, "PUT", "/v1/roles/wide", json!({"actions": ["workspaces:*"]})).await.is(200);
    house.person("dev", &["developer"]).await;
    let scopes = ["runs:*", "roles:*", "policies:*", "principals:*", "keys:*", "tokens:*", "tenants:*"];
    let key = key_of(&house, admin, json!({"name": "cut", "scopes": scopes})).await;
    let token = house.post(&key, "/v1/tokens", json!({"scopes": scopes})).await.is(201);
    let token = token["token"].as_str().unwrap().to_owned();
    let body = json!({"actions": ["components:read"]});
    let reply = House::send(house.ask("PUT", "/v1/roles/more").bearer_auth(&token).json(&body)).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "more_than_you_have"), "a token is held to the same");
    let way = Way { house: &house, key: &key };
    way.may_not("PUT", "/v1/roles/more", json!({"actions": ["components:read"]})).await;
    way.may_not("PUT", "/v1/roles/more", json!({"actions": ["components:read"], "own_only": true})).await;
    way.may_not("PUT", "/v1/roles/wide", json!({"actions": ["runs:read"]})).await;
    way.may_not("DELETE", "/v1/roles/wide", json!({})).await;
    for text in [WHOLE, "forbid (principal, action, resource) when { context.now < datetime(\"2000-01-01\") };"] {
        way.may_not("PUT", "/v1/policies/mine", json!({"text": text})).await;
    }
    way.may_not("DELETE", "/v1/policies/old", json!({})).await;
    for role in ["admin", "operator", "developer", "viewer", "wide"] {
        way.may_not("PUT", "/v1/principals/new", agent(&[role])).await;
    }
    way.may_not("PUT", "/v1/principals/dev", agent(&[])).await;
    way.may_not("DELETE", "/v1/principals/dev", json!({})).await;
    way.may_not("PUT", "/v1/principals/admin", json!({"kind": "agent", "roles": ["admin"]})).await;
    way.may_not("POST", "/v1/keys", json!({"name": "x", "principal": "dev", "scopes": ["components:read"]})).await;
    way.may_not("POST", "/v1/keys", json!({"name": "x"})).await;
    way.may_not("POST", "/v1/keys", json!({"name": "x", "scopes": ["*"]})).await;
    way.may_not("POST", "/v1/tenants", json!({"id": "mine", "admin": "me"})).await;
    // What it has it gives.
    way.may("PUT", "/v1/roles/runner", json!({"actions": ["runs:*"]})).await;
    way.may("PUT", "/v1/principals/new", agent(&["runner"])).await;
    way.may("POST", "/v1/keys", json!({"name": "x", "principal": "new", "scopes": ["runs:*"]})).await;
    way.may("POST", "/v1/keys", json!({"name": "x", "scopes": ["runs:read"]})).await;
    way.may("DELETE", "/v1/principals/new", json!({})).await;
    way.may("DELETE", "/v1/roles/runner", json!({})).await;
}

#[tokio::test]
async fn who_may_write_roles_policies_or_principals_cannot_raise_anybody() {
    let house = House::new().await;
    let admin = &house.admin;
    let actions = ["roles:*", "policies:*", "principals:*", "keys:*", "tokens:*"];
    house.with_json(admin, "PUT", "/v1/roles/clerk", json!({"actions": actions})).await.is(200);
    house.with_json(admin, "PUT", "/v1/roles/own", json!({"actions": ["runs:read"], "own_only": true})).await.is(200);
    let key = house.person("clerk", &["clerk", "own"]).await;
    let way = Way { house: &house, key: &key };
    way.may_not("PUT", "/v1/roles/clerk", json!({"actions": ["roles:*", "audit:*"]})).await;
    way.may_not("PUT", "/v1/roles/mine", json!({"actions": ["audit:read"]})).await;
    way.may_not("PUT", "/v1/policies/mine", json!({"text": WHOLE})).await;
    way.may_not("PUT", "/v1/principals/clerk", json!({"kind": "person", "roles": ["clerk", "admin"]})).await;
    way.may_not("PUT", "/v1/principals/friend", agent(&["admin"])).await;
    // Of what is only his own he has nothing to give: the objects of others are more.
    way.may_not("PUT", "/v1/principals/friend", agent(&["own"])).await;
    way.may_not("PUT", "/v1/roles/mine", json!({"actions": ["runs:read"], "own_only": true})).await;
    way.may_not("POST", "/v1/keys", json!({"name": "x", "principal": "admin"})).await;
    way.may_not("DELETE", "/v1/principals/admin", json!({})).await;
    // Names by which policies may decide later.
    way.may_not("PUT", "/v1/principals/friend", json!({"kind": "agent", "roles": [], "labels": {"team": "ops"}})).await;
    way.may("PUT", "/v1/principals/friend", agent(&["clerk"])).await;
    way.may_not("PUT", "/v1/principals/friend", json!({"kind": "person", "roles": ["clerk"]})).await;
    way.may_not("PUT", "/v1/principals/friend", json!({"kind": "agent", "roles": [], "labels": {"a": "b"}})).await;
    way.may("PUT", "/v1/principals/friend", agent(&[])).await;
    house
        .with_json(admin, "PUT", "/v1/principals/friend", json!({"kind": "person", "roles": [], "labels": {"a": "b"}}))
        .await
        .is(200);
}

#[tokio::test]
async fn where_policies_ask_who_somebody_is_only_whole_administrators_say_it() {
    let house = House::new().await;
    let admin = &house.admin;
    let actions = ["roles:*", "principals:*", "keys:*"];
    house.with_json(admin, "PUT", "/v1/roles/clerk", json!({"actions": actions})).await.is(200);
    let key = house.person("clerk", &["clerk"]).await;
    house.with_json(admin, "PUT", "/v1/principals/boss", agent(&[])).await.is(201);
    let way = Way { house: &house, key: &key };
    let text = r#"permit (principal == Principal::"boss", action, resource);"#;
    for text in [
        text,
        r#"permit (principal in Role::"chief", action, resource);"#,
        r#"permit (principal, action, resource) when { principal.kind == Kind::"service" };"#,
        r#"permit (principal, action, resource) when { principal.hasTag("ops") };"#,
        r#"forbid (principal == Principal::"clerk", action == Action::"runs:create", resource);"#,
        r#"permit (principal, action, resource) when { resource has owner && resource.owner == principal };"#,
    ] {
        house.with_json(admin, "PUT", "/v1/policies/who", json!({"text": text})).await.is(200);
        way.may_not("PUT", "/v1/principals/new", json!({"kind": "service", "roles": []})).await;
        way.may_not("PUT", "/v1/roles/chief", json!({"actions": ["keys:read"]})).await;
        way.may_not("POST", "/v1/keys", json!({"name": "x", "principal": "boss"})).await;
        way.may_not("PUT", "/v1/principals/boss", agent(&[])).await;
        way.may("POST", "/v1/keys", json!({"name": "his own"})).await;
    }
    let text = r#"forbid (principal, action == Action::"runs:create", resource) when { context has wants && context.wants.fuel > 1000 };"#;
    house.with_json(admin, "PUT", "/v1/policies/who", json!({"text": text})).await.is(200);
    way.may("PUT", "/v1/principals/new", json!({"kind": "service", "roles": []})).await;
    way.may("POST", "/v1/keys", json!({"name": "x", "principal": "boss"})).await;
    // An administrator who may not write policies is no whole one, and makes none in his place.
    let second = house.person("second", &["admin"]).await;
    let text = r#"forbid (principal == Principal::"second", action in Action::"policies:*", resource);"#;
    house.with_json(admin, "PUT", "/v1/policies/who", json!({"text": text})).await.is(200);
    let way = Way { house: &house, key: &second };
    way.may_not("PUT", "/v1/principals/third", agent(&["admin"])).await;
    way.may_not("POST", "/v1/keys", json!({"name": "x", "principal": "admin"})).await;
}

#[tokio::test]
async fn a_key_does_not_outlive_the_key_or_token_that_made_it() {
    let house = House::new().await;
    let short = key_of(&house, &house.admin, json!({"name": "short", "ttl_seconds": 600})).await;
    let longer = house.post(&short, "/v1/keys", json!({"name": "longer", "ttl_seconds": 700})).await;
    assert_eq!((longer.status, longer.code().as_str()), (403, "more_than_you_have"));
    let whoami = house.get(&short, "/v1/whoami").await.is(200);
    let made = house.post(&short, "/v1/keys", json!({"name": "as long"})).await.is(201);
    assert_eq!(made["key"]["expires"], whoami["expires"]);
    let token = house.post(&house.admin, "/v1/tokens", json!({"scopes": ["*"]})).await.is(201);
    let ask = house.ask("POST", "/v1/keys").bearer_auth(token["token"].as_str().unwrap());
    let made = House::send(ask.json(&json!({"name": "from a token", "scopes": ["*"]}))).await.is(201);
    assert_eq!(made["key"]["expires"], token["expires"]);
}
