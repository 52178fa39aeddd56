//! Policies that nobody could take out again: they are not taken, and there is a way out for those that stand.

use std::process::{Command, Output};

use ringfence::registry::{PolicyRecord, Register};
use ringfence::store::Store;
use serde_json::json;

use super::House;
use crate::support::WORKER;

const ALL: &str = "forbid (principal, action, resource);";

async fn put(house: &House, key: &str, text: &str) -> (u16, String) {
    let reply = house.with_json(key, "PUT", "/v1/policies/x", json!({"text": text})).await;
    (reply.status, if reply.status == 200 { String::new() } else { reply.code() })
}

#[tokio::test]
async fn a_policy_that_leaves_nobody_who_could_take_it_out_is_not_taken() {
    let house = House::new().await;
    let boss = house.tenant("acme").await;
    for key in [&house.admin, &boss] {
        for text in [
            ALL,
            r#"forbid (principal in Role::"admin", action, resource);"#,
            r#"forbid (principal, action in Action::"policies:*", resource);"#,
            r#"forbid (principal, action == Action::"policies:delete", resource);"#,
            r#"forbid (principal, action, resource) when { context.now > datetime("2000-01-01") };"#,
            r#"forbid (principal, action, resource) when { context.address.isIpv4() || context.address.isIpv6() };"#,
            // Where nobody comes from: the service listens on this machine only.
            r#"forbid (principal, action, resource) unless { context.address.isInRange(ip("10.7.0.0/16")) };"#,
            // Itself, by its name.
            r#"forbid (principal, action == Action::"policies:delete", resource == Policy::"x");"#,
            // Later: from a day on, from so long after a day on, and for a year.
            r#"forbid (principal, action, resource) when { context.now > datetime("2090-01-01T10:00:00Z") };"#,
            r#"forbid (principal, action in Action::"policies:*", resource) when {
                 context.now.durationSince(datetime("2026-01-01")) > duration("3000d") };"#,
            r#"forbid (principal, action, resource) when {
                 context.now > datetime("2090-01-01") && context.now < datetime("2091-01-01") };"#,
            // It fails each time, and what fails permits nothing.
            r#"forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };"#,
        ] {
            assert_eq!(put(&house, key, text).await, (409, "policy_locks_out".to_owned()), "{text}");
        }
        for text in [
            r#"forbid (principal, action, resource) unless { principal in Role::"admin" };"#,
            r#"forbid (principal, action, resource) when { context.now < datetime("2000-01-01") };"#,
            r#"forbid (principal, action, resource) unless { context.address.isLoopback() };"#,
            // Another may be protected: this one can be taken out first.
            r#"forbid (principal, action == Action::"policies:delete", resource == Policy::"y");"#,
            // Runs end some day, and come from elsewhere; and who changes policies has hours for it.
            r#"forbid (principal, action == Action::"runs:create", resource) when { context.now > datetime("2090-01-01") };"#,
            r#"forbid (principal, action in Action::"runs:*", resource) unless { context.address.isInRange(ip("10.7.0.0/16")) };"#,
            r#"forbid (principal, action, resource) when { context.now.toTime() < duration("20h") };"#,
        ] {
            assert_eq!(put(&house, key, text).await, (200, String::new()), "{text}");
        }
    }
}

#[tokio::test]
async fn a_service_that_others_reach_may_be_managed_from_where_they_are() {
    let house = House::with(&[("http.listen", "0.0.0.0:0"), ("http.allow_plain_http", "true")]).await;
    // Where he is not now, but may be.
    let text = r#"forbid (principal, action, resource) unless { context.address.isInRange(ip("10.7.0.0/16")) };"#;
    assert_eq!(put(&house, &house.admin, text).await, (200, String::new()));
}

#[tokio::test]
async fn what_locks_out_says_what_to_change() {
    let house = House::new().await;
    for (text, says) in [
        (ALL, "except an administrator"),
        (
            r#"forbid (principal, action, resource) unless { context.address == ip("10.7.0.1") };"#,
            "on this machine only",
        ),
        (r#"forbid (principal, action == Action::"policies:delete", resource == Policy::"x");"#, "its own name"),
        (r#"forbid (principal, action, resource) when { context.now > datetime("2090-01-01") };"#, "about 2090-01-03"),
    ] {
        let reply = house.with_json(&house.admin, "PUT", "/v1/policies/x", json!({"text": text})).await;
        assert_eq!((reply.code().as_str(), &reply.json()["field"]), ("policy_locks_out", &json!("text")));
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{detail}");
    }
    // So many dates cannot all be tried; for what is not about policies nobody asks.
    let dates: Vec<_> = (0..20).map(|n| format!("context.now != datetime(\"20{:02}-01-01\")", 40 + n)).collect();
    let by = |action: &str| {
        format!("forbid (principal, action == Action::\"{action}\", resource) unless {{ {} }};", dates.join(" && "))
    };
    let reply = house.with_json(&house.admin, "PUT", "/v1/policies/x", json!({"text": by("policies:delete")})).await;
    assert!(reply.code() == "policy_locks_out" && reply.json()["detail"].as_str().unwrap().contains("cannot be told"));
    assert_eq!(put(&house, &house.admin, &by("runs:create")).await, (200, String::new()));
}

#[tokio::test]
async fn who_is_the_last_that_may_change_policies_stays() {
    let house = House::new().await;
    let admin = &house.admin;
    house.person("second", &["admin"]).await;
    let text = r#"forbid (principal == Principal::"second", action in Action::"policies:*", resource);"#;
    assert_eq!(put(&house, admin, text).await.0, 200);
    for (method, body) in [
        ("DELETE", json!({})),
        ("PUT", json!({"kind": "person", "roles": []})),
        ("PUT", json!({"kind": "person", "roles": ["admin"], "suspended": true})),
    ] {
        let reply = house.with_json(admin, method, "/v1/principals/admin", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (409, "last_admin"), "{method}");
    }
    assert_eq!(house.delete(admin, "/v1/principals/second").await.status, 204, "he keeps nothing up");
}

#[tokio::test]
async fn the_last_that_may_change_policies_keeps_what_makes_him_so() {
    let house = House::new().await;
    let second = house.person("second", &["admin"]).await;
    let (at, kind) = ("/v1/principals/second", "person");
    let labelled = json!({"kind": kind, "roles": ["admin"], "labels": {"team": "rules"}});
    house.with_json(&house.admin, "PUT", at, labelled).await.is(200);
    let text = r#"forbid (principal, action in Action::"policies:*", resource) unless { principal.hasTag("team") };"#;
    assert_eq!(put(&house, &house.admin, text).await.0, 200);
    let bare = json!({"kind": kind, "roles": ["admin"]});
    let reply = house.with_json(&second, "PUT", at, bare.clone()).await;
    assert_eq!((reply.code(), &reply.json()["field"]), ("last_admin".to_owned(), &json!("labels")));
    house.delete(&second, "/v1/policies/x").await.is(204);
    house.with_json(&second, "PUT", at, bare).await.is(200);
}

fn remove(house: &House, name: &str, tenant: &str) -> Output {
    let data = house.dir.path().join("data");
    let mut command = Command::new(WORKER);
    command.args(["policy", "remove", name, "--tenant", tenant, "--data-dir"]).arg(data);
    command.env_remove("RINGFENCE_CONFIG").output().unwrap()
}

#[tokio::test]
async fn a_policy_that_stands_is_removed_while_the_service_does_not_run_and_that_is_on_record() {
    let mut house = House::new().await;
    let boss = house.tenant("acme").await;
    house.stop().await;
    let data = house.dir.path().join("data");
    let store = Store::of(&data).unwrap();
    let policy = PolicyRecord { name: "lock".parse().unwrap(), text: ALL.to_owned(), created: 1 };
    let write = move |book: &dyn ringfence::registry::Book| Ok(book.put_policy(&"acme".parse().unwrap(), &policy)?);
    Register::change(&store, Box::new(write)).await.unwrap().unwrap();
    drop(store);

    let house = house.again(&[]).await;
    assert_eq!(house.delete(&boss, "/v1/policies/lock").await.status, 403, "nobody of the tenant may");
    let busy = remove(&house, "lock", "acme");
    assert!(!busy.status.success() && String::from_utf8_lossy(&busy.stderr).contains("another service"), "{busy:?}");
    let mut house = house;
    house.stop().await;
    for (name, tenant, said) in [("key", "acme", "it has lock"), ("lock", "nowhere", "no tenant nowhere")] {
        let refused = remove(&house, name, tenant);
        assert_eq!(refused.status.code(), Some(117), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(said), "{refused:?}");
    }
    let removed = remove(&house, "lock", "acme");
    assert!(removed.status.success(), "{removed:?}");

    let house = house.again(&[]).await;
    house.get(&boss, "/v1/policies").await.is(200);
    let events = house.get(&boss, "/v1/audit/events?event=policy_deleted").await.is(200);
    let event = &events["events"][0];
    assert_eq!((&event["resource"]["id"], &event["details"]["offline"]), (&json!("lock"), &json!(true)), "{events}");
}
