//! What is asked and what is written are one step: whoever comes at the same moment comes before or after.

use serde_json::{Value, json};

use super::House;

/// Often enough that a gap between asking and writing would be met.
const ROUNDS: usize = 12;

fn person(roles: &[&str]) -> Value {
    json!({"kind": "person", "roles": roles})
}

#[tokio::test]
async fn two_administrators_who_take_each_other_out_leave_one() {
    let house = House::new().await;
    let mut keys = [house.tenant("acme").await, String::new()];
    let names = ["boss", "second"];
    for round in 0..ROUNDS {
        house.with_json(&keys[0], "PUT", "/v1/principals/second", person(&["admin"])).await;
        let made = house.post(&keys[0], "/v1/keys", json!({"name": "k", "principal": "second"})).await.is(201);
        keys[1] = made["secret"].as_str().unwrap().to_owned();
        let out = |key: usize| {
            let (house, keys, path) = (&house, &keys, format!("/v1/principals/{}", names[1 - key]));
            async move {
                match round % 3 {
                    0 => house.with_json(&keys[key], "PUT", &path, person(&["viewer"])).await,
                    1 => {
                        let body = json!({"kind": "person", "roles": ["admin"], "suspended": true});
                        house.with_json(&keys[key], "PUT", &path, body).await
                    }
                    _ => house.delete(&keys[key], &path).await,
                }
            }
        };
        let (first, second) = tokio::join!(out(0), out(1));
        let mut left = None;
        for (at, key) in keys.iter().enumerate() {
            let reply = house.get(key, "/v1/whoami").await;
            if reply.status == 200 && reply.json()["roles"] == json!(["admin"]) {
                left = Some(at);
            }
        }
        let at = left.unwrap_or_else(|| panic!("nobody is left: {first:?} {second:?}"));
        // Whoever is left begins anew with the other.
        if at == 1 {
            house.with_json(&keys[1], "PUT", "/v1/principals/boss", person(&["admin"])).await;
            let made = house.post(&keys[1], "/v1/keys", json!({"name": "k", "principal": "boss"})).await.is(201);
            keys[0] = made["secret"].as_str().unwrap().to_owned();
        }
    }
    let alone = house.tenant("alone").await;
    let last = house.with_json(&alone, "PUT", "/v1/principals/boss", person(&[])).await;
    assert_eq!((last.status, last.code().as_str()), (409, "last_admin"));
}

#[tokio::test]
async fn changes_of_a_tenant_at_one_moment_are_both_kept() {
    let house = House::new().await;
    house.tenant("acme").await;
    let patch = |body: Value| house.with_json(&house.admin, "PATCH", "/v1/tenants/acme", body);
    for round in 0..ROUNDS {
        let mut ceilings = serde_json::to_value(ringfence::model::Ceilings::ordinary()).unwrap();
        ceilings["live_sandboxes"] = json!(round + 1);
        let open = round % 2 == 0;
        let (one, other) = tokio::join!(patch(json!({"ceilings": ceilings})), patch(json!({"open": open})));
        one.is(200);
        other.is(200);
        let tenant = house.get(&house.admin, "/v1/tenants/acme").await.is(200);
        assert_eq!((&tenant["open"], &tenant["ceilings"]["live_sandboxes"]), (&json!(open), &json!(round + 1)));
    }
}

/// Each names what it changes, so that the other is left as it is, also at one moment; and what comes of it is looked at.
#[tokio::test]
async fn ceilings_that_are_not_named_stay_as_they_are() {
    let house = House::new().await;
    house.tenant("acme").await;
    let patch =
        |ceilings: Value| house.with_json(&house.admin, "PATCH", "/v1/tenants/acme", json!({"ceilings": ceilings}));
    let mut wanted = house.get(&house.admin, "/v1/tenants/acme").await.is(200)["ceilings"].clone();
    for round in 1..=ROUNDS {
        let (one, other) = tokio::join!(patch(json!({"keys": round})), patch(json!({"limits": {"fuel": round}})));
        one.is(200);
        other.is(200);
        (wanted["keys"], wanted["limits"]["fuel"]) = (json!(round), json!(round));
        assert_eq!(house.get(&house.admin, "/v1/tenants/acme").await.is(200)["ceilings"], wanted);
    }
    // Taken away, it is what the owner of the machine has.
    let widest = house.get(&house.admin, "/v1/tenants/main").await.is(200)["ceilings"].clone();
    let told = patch(json!({"keys": null, "limits": {"fuel": null}})).await.is(200);
    (wanted["keys"], wanted["limits"]["fuel"]) = (widest["keys"].clone(), widest["limits"]["fuel"].clone());
    assert_eq!(told["ceilings"], wanted);
    for bad in [json!({"limits": {"fuel": 0}}), json!({"keys": 3, "limits": {"stack_bytes": 700_000}})] {
        let refused = patch(bad).await;
        assert_eq!((refused.status, &refused.json()["field"]), (422, &json!("ceilings.limits")));
    }
    assert_eq!(patch(json!({"limits": null})).await.code(), "bad_json");
    assert_eq!(patch(json!({"nothing": 1})).await.is(400)["field"], "ceilings.nothing");
    assert_eq!(house.get(&house.admin, "/v1/tenants/acme").await.is(200)["ceilings"], wanted);
}

#[tokio::test]
async fn a_role_that_is_given_and_deleted_at_one_moment_is_one_of_both() {
    let house = House::new().await;
    let admin = &house.admin;
    for _ in 0..ROUNDS {
        house.with_json(admin, "PUT", "/v1/roles/short", json!({"actions": ["runs:read"]})).await.is(200);
        let given = house.with_json(admin, "PUT", "/v1/principals/bob", person(&["short"]));
        let (given, deleted) = tokio::join!(given, house.delete(admin, "/v1/roles/short"));
        assert_ne!(given.status < 300, deleted.status < 300, "{given:?} {deleted:?}");
        house.with_json(admin, "PUT", "/v1/principals/bob", person(&[])).await;
    }
}

/// Were both taken, the rules of the tenant could not be put in force, and nobody in it could do anything.
#[tokio::test]
async fn of_policies_with_the_same_id_and_of_roles_beyond_the_most_one_is_taken() {
    let house = House::new().await;
    let admin = &house.admin;
    let text = "@id(\"same\") forbid (principal, action == Action::\"runs:create\", resource) when { resource.hasTag(\"x\") };";
    for _ in 0..ROUNDS {
        let put = |name: &'static str| house.with_json(admin, "PUT", name, json!({"text": text}));
        let (one, other) = tokio::join!(put("/v1/policies/one"), put("/v1/policies/other"));
        assert_ne!(one.status == 200, other.status == 200, "{one:?} {other:?}");
        let refused = if one.status == 200 { other } else { one };
        assert_eq!(refused.code(), "policy_id_taken");
        let (_, _) = tokio::join!(house.delete(admin, "/v1/policies/one"), house.delete(admin, "/v1/policies/other"));
    }
    let puts = (0..103).map(|number| {
        house.with_json(
            admin,
            "PUT",
            Box::leak(format!("/v1/roles/r{number}").into()),
            json!({"actions": ["runs:read"]}),
        )
    });
    let replies = futures_util::future::join_all(puts).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 100);
    assert!(replies.iter().filter(|reply| reply.status != 200).all(|reply| reply.code() == "roles_too_many"));
    house.get(admin, "/v1/roles").await.is(200);
}
