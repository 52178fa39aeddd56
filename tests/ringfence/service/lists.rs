use serde_json::{Value, json};

use super::House;

fn sql(house: &House, text: &str) {
    let connection = rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    connection.execute_batch(text).unwrap();
}

/// All ids of a list, page by page, and how many pages it took.
async fn all(house: &House, key: &str, list: &str, query: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = house.get(key, &format!("/v1/{list}?{query}{cursor}")).await.is(200);
        ids.extend(page[list].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (ids, pages),
        }
    }
}

#[tokio::test]
async fn a_list_of_runs_is_short_whatever_they_wrote() {
    let house = House::new().await;
    let key = &house.admin;
    let digest = house.submit(key, "hello").await;
    let id = house.post(key, "/v1/runs", json!({"component": digest})).await.is(200)["id"].clone();
    let whole = house.get(key, &format!("/v1/runs/{}", id.as_str().unwrap())).await.is(200);
    assert_eq!(whole["stdout"]["text"], "hello, world\n");
    // What they wrote is not even looked at.
    sql(&house, "UPDATE runs SET answer = 'nothing that could be read'");
    let listed = house.get(key, "/v1/runs").await.is(200);
    let run = &listed["runs"][0];
    assert_eq!((&run["id"], &run["outcome"]), (&id, &json!({"kind": "exited"})));
    for absent in ["stdout", "stderr", "usage", "denials", "cut", "limits", "clocks"] {
        assert_eq!(run[absent], Value::Null, "{absent}");
    }
    for (name, value) in run.as_object().unwrap() {
        assert!(name == "outcome" || *value == whole[name], "{name}");
    }
}

#[tokio::test]
async fn filters_are_asked_before_a_page_is_cut() {
    let house = House::new().await;
    let key = &house.admin;
    let dev = house.person("dev", &["developer"]).await;
    let digest = house.submit(key, "hello").await;
    let mut ids = Vec::new();
    for (who, labels) in [(key, json!({"team": "red"})), (&dev, json!({"team": "red", "a\"b": "c"})), (key, json!({}))]
    {
        let body = json!({"component": digest, "labels": labels});
        let run = house.post(who, "/v1/runs", body).await;
        let body = json!({"labels": labels});
        let id = |reply: Value| reply["id"].as_str().unwrap().to_owned();
        ids.push((id(run.is(200)), id(house.post(who, "/v1/sandboxes", body).await.is(201))));
    }
    house.post(key, &format!("/v1/sandboxes/{}/stop", ids[2].1), json!({})).await.is(200);
    let body = json!({"component": digest, "limits": {"fuel": 100}});
    let inside = house.post(key, &format!("/v1/sandboxes/{}/runs", ids[0].1), body).await.is(200);
    let inside = inside["id"].as_str().unwrap();
    let run = |n: usize| ids[n].0.as_str();
    for (query, wanted) in [
        ("label=team=red", vec![run(1), run(0)]),
        ("label=a%22b=c", vec![run(1)]),
        ("label=team=blue", vec![]),
        ("owner=dev", vec![run(1)]),
        ("owner=admin", vec![inside, run(2), run(0)]),
        ("outcome=out_of_fuel", vec![inside]),
        ("state=running", vec![]),
        ("state=ended&label=team=red&owner=admin", vec![run(0)]),
        (&format!("sandbox={}", ids[0].1), vec![inside]),
        (&format!("component={digest}&outcome=exited"), vec![run(2), run(1), run(0)]),
        ("since=2020-01-01T00:00:00Z", vec![inside, run(2), run(1), run(0)]),
        ("until=2020-01-01T00:00:00Z", vec![]),
    ] {
        for limit in [1, 100] {
            let (found, pages) = all(&house, key, "runs", &format!("{query}&limit={limit}")).await;
            assert_eq!(found, wanted, "{query}");
            assert!(pages <= wanted.len() + 1, "{query}: {pages} pages");
        }
    }
    let sandbox = |n: usize| ids[n].1.as_str();
    for (query, wanted) in [
        ("label=team=red", vec![sandbox(0), sandbox(1)]),
        ("owner=dev", vec![sandbox(1)]),
        ("state=stopped", vec![sandbox(2)]),
        ("state=ready&owner=admin", vec![sandbox(0)]),
    ] {
        assert_eq!(all(&house, key, "sandboxes", &format!("{query}&limit=1")).await.0, wanted, "{query}");
    }
    for bad in ["runs?state=gone", "runs?label=x", "sandboxes?state=gone", "sandboxes?owner=A", "sandboxes?label=x"] {
        assert_eq!(house.get(key, &format!("/v1/{bad}")).await.status, 422, "{bad}");
    }
}

/// Among very many that he may not see or that are gone, everybody finds his own by going on as long as there is a next.
#[tokio::test]
async fn pages_end_where_the_list_ends() {
    let house = House::new().await;
    let agent = house.person("agent", &["agent"]).await;
    let digest = house.submit(&house.admin, "hello").await;
    let mine = house.post(&agent, "/v1/sandboxes", json!({})).await.is(201)["id"].as_str().unwrap().to_owned();
    let run = house.post(&agent, "/v1/runs", json!({"component": digest, "labels": {"mine": "1"}})).await;
    let run = run.is(200)["id"].as_str().unwrap().to_owned();
    house.post(&house.admin, "/v1/sandboxes", json!({})).await.is(201);
    house.post(&house.admin, "/v1/runs", json!({"component": digest})).await.is(200);
    let of_admin = "owner = 'admin' AND id NOT LIKE '%_ffff%'";
    // Before his own in the order of the list, all of them.
    sql(
        &house,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
             INSERT INTO sandboxes SELECT 'sbx_' || printf('%032x', i), tenant, owner,
             CASE i % 3 WHEN 0 THEN 'gone' ELSE state END, draft || '-' || i, workspace, spec, labels, created,
             CASE i % 3 WHEN 1 THEN 1 ELSE expires END FROM n, sandboxes WHERE {of_admin};
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 41000)
             INSERT INTO runs SELECT 'run_ffff' || printf('%028x', i), tenant, owner, component, sandbox, state, outcome,
             labels, created, ended, answer, output, asked, backend FROM n, runs WHERE {of_admin};"
        ),
    );
    assert_eq!(all(&house, &agent, "sandboxes", "limit=100").await.0, [mine]);
    assert_eq!(all(&house, &agent, "runs", "limit=100").await.0, vec![run.clone()]);
    // What no index leads to is looked for so far and no farther, and then there is a next.
    let (found, pages) = all(&house, &house.admin, "runs", "label=mine=1&limit=100").await;
    assert_eq!((found, pages), (vec![run.clone()], 1));
    let (found, pages) = all(&house, &house.admin, "runs", "owner=agent&limit=100").await;
    assert_eq!((found, pages), (vec![run], 1));
}
