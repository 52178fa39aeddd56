//! How much of each thing a tenant can make us keep, and how much of it one answer shows.

use serde_json::{Value, json};

use super::House;

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
