//! Lists come in pages, and what may be seen is asked before a page is cut.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::House;

/// All pages of a list, and of how many objects each was.
async fn pages(house: &House, key: &str, list: &str, query: &str) -> (Vec<Value>, Vec<usize>) {
    let (mut all, mut sizes, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = house.get(key, &format!("/v1/{list}?limit=2{query}{cursor}")).await.is(200);
        let rows = page[list].as_array().unwrap();
        sizes.push(rows.len());
        all.extend(rows.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, sizes),
        }
    }
}

fn names(rows: &[Value], field: &str) -> Vec<String> {
    rows.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn keys_principals_roles_policies_and_tenants_come_in_pages() {
    let house = House::new().await;
    let admin = &house.admin;
    for number in 0..5 {
        house.person(&format!("p{number}"), &["developer"]).await;
        let role = json!({"actions": ["runs:read"]});
        house.with_json(admin, "PUT", &format!("/v1/roles/r{number}"), role).await.is(200);
        let text = json!({"text": "forbid (principal, action, resource) when { resource.hasTag(\"x\") };"});
        house.with_json(admin, "PUT", &format!("/v1/policies/t{number}"), text).await.is(200);
        house.tenant(&format!("t{number}")).await;
    }
    for (list, field, count) in [
        ("keys", "id", 6),
        ("principals", "id", 6),
        ("roles", "name", 11),
        ("policies", "name", 5),
        ("tenants", "id", 6),
    ] {
        let (rows, sizes) = pages(&house, admin, list, "").await;
        let found = names(&rows, field);
        assert_eq!(found.len(), count, "{list}: {found:?}");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), count, "{list}: nothing comes twice");
        assert!(found.is_sorted(), "{list}: {found:?}");
        assert_eq!(sizes.len(), count.div_ceil(2), "{list}: no page is short before the last: {sizes:?}");
        let reply = house.get(admin, &format!("/v1/{list}?nothing=1")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad_query"), "{list}");
        let reply = house.get(admin, &format!("/v1/{list}?limit=abc")).await;
        assert_eq!(reply.json()["detail"], "write a whole number in digits", "{list}");
        assert_eq!(house.get(admin, &format!("/v1/{list}?cursor={}", "x".repeat(65))).await.code(), "invalid");
    }
}

/// One by one as in the list, and to those who may see it there.
#[tokio::test]
async fn each_role_of_the_list_can_be_asked_for_by_its_name() {
    let house = House::new().await;
    let (admin, dev) = (&house.admin, house.person("dev", &["developer"]).await);
    let role = json!({"actions": ["runs:read"], "own_only": true});
    house.with_json(admin, "PUT", "/v1/roles/helper", role).await.is(200);
    let all = house.get(admin, "/v1/roles").await.is(200)["roles"].clone();
    assert_eq!(names(all.as_array().unwrap(), "name").len(), 7);
    for role in all.as_array().unwrap() {
        let path = format!("/v1/roles/{}", role["name"].as_str().unwrap());
        assert_eq!(house.get(admin, &path).await.is(200), *role);
        assert_eq!(house.get(&dev, &path).await.status, house.get(&dev, "/v1/roles").await.status, "{path}");
    }
    for never in ["never", "NO ROLE"] {
        assert_eq!(house.get(admin, &format!("/v1/roles/{never}")).await.is(404)["code"], "not_found");
    }
    let text = r#"forbid (principal, action == Action::"roles:read", resource == Role::"helper");"#;
    house.with_json(admin, "PUT", "/v1/policies/hide", json!({"text": text})).await.is(200);
    let hidden = house.get(admin, "/v1/roles/helper").await;
    assert!(hidden.status == 403 || hidden.status == 404, "{hidden:?}");
    let shown = house.get(admin, "/v1/roles").await.is(200)["roles"].clone();
    assert!(!names(shown.as_array().unwrap(), "name").contains(&"helper".to_owned()));
}

#[tokio::test]
async fn components_come_in_pages_and_what_may_not_be_seen_ends_none() {
    let house = House::new().await;
    let key = &house.admin;
    for number in 0..5 {
        let text = format!("(module (func (export \"_start\"))) ;; {number}");
        House::send(house.ask("POST", "/v1/components").header("x-api-key", key).body(text)).await.is(201);
    }
    let (all, sizes) = pages(&house, key, "components", "").await;
    let digests = names(&all, "digest");
    assert!(digests.is_sorted() && digests.iter().collect::<BTreeSet<_>>().len() == 5, "{digests:?}");
    assert_eq!(sizes, [2, 2, 1]);
    // All but the last are hidden: they are looked through until there is one to show.
    for digest in &digests[..4] {
        let name = &digest["sha256:".len()..][..16];
        let text =
            format!(r#"forbid (principal, action == Action::"components:read", resource == Component::"{digest}");"#);
        house.with_json(key, "PUT", &format!("/v1/policies/hide-{name}"), json!({"text": text})).await.is(200);
    }
    let (shown, sizes) = pages(&house, key, "components", "").await;
    assert_eq!((names(&shown, "digest"), sizes), (digests[4..].to_vec(), vec![1]));
}

#[tokio::test]
async fn what_may_be_seen_is_asked_before_a_page_is_cut() {
    let house = House::new().await;
    let dev = house.person("dev", &["developer"]).await;
    for number in 0..6 {
        house.post(&house.admin, "/v1/keys", json!({"name": format!("k{number}")})).await.is(201);
    }
    let own = house.post(&dev, "/v1/keys", json!({"name": "own"})).await.is(201)["key"]["id"].clone();
    // Her second key comes after six that she may not see, and still on the first page.
    let first = house.get(&dev, "/v1/keys?limit=2").await.is(200);
    assert_eq!((&first["keys"][1]["id"], &first["next"]), (&own, &Value::Null));
    let (rows, sizes) = pages(&house, &house.admin, "keys", "&principal=dev").await;
    assert_eq!((names(&rows, "principal"), sizes), (vec!["dev".to_owned(); 2], vec![2]));
    assert_eq!(house.get(&dev, "/v1/keys?principal=NOBODY").await.code(), "invalid");
}
