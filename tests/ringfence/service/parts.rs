//! Folders and workspaces of many files are told part by part, and what would take too much memory is refused.

use serde_json::{Value, json};

use super::House;
use super::life::tar;

/// All entries, part by part, and how many parts there were.
async fn all(house: &House, path: &str, limit: &str, name: &str) -> (Vec<String>, usize) {
    let (mut names, mut parts, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let part = house.get(&house.admin, &format!("{path}{limit}{cursor}")).await.is(200);
        names.extend(part["entries"].as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap().to_owned()));
        parts += 1;
        match part["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (names, parts),
        }
    }
}

#[tokio::test]
async fn what_is_in_a_folder_or_a_workspace_comes_in_parts() {
    let house = House::new().await;
    let key = &house.admin;
    let mut sorted: Vec<String> = (0..201).map(|n| n.to_string()).collect();
    sorted.sort();
    let paths: Vec<String> = sorted.iter().map(|name| format!("d/{name}")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
    let sandbox = house.sandbox(key).await;
    house.put(key, &format!("{sandbox}/archive"), tar(&files)).await.is(204);
    house.put(key, "/v1/workspaces/w", tar(&files)).await.is(201);
    let entries = format!("{sandbox}/entries?path=d");
    for (limit, parts) in [("", 3), ("&limit=67", 3), ("&limit=68", 3), ("&limit=100", 3), ("&limit=66", 4)] {
        assert_eq!(all(&house, &entries, limit, "name").await, (sorted.clone(), parts), "{limit}");
    }
    let whole: Vec<String> = std::iter::once("d".to_owned()).chain(paths.iter().cloned()).collect();
    for (limit, parts) in [("", 3), ("limit=100", 3), ("limit=67", 4)] {
        assert_eq!(all(&house, "/v1/workspaces/w?", limit, "path").await, (whole.clone(), parts), "{limit}");
    }
    let file = house.get(key, &format!("{entries}/7&limit=1")).await.is(200);
    assert_eq!((&file["entry"]["path"], &file["entries"], &file["next"]), (&json!("d/7"), &json!([]), &Value::Null));
    for path in [entries.as_str(), "/v1/workspaces/w?"] {
        for limit in ["0", "101"] {
            let refused = house.get(key, &format!("{path}&limit={limit}").replace("?&", "?")).await;
            assert_eq!((refused.status, refused.is(422)["field"].as_str()), (422, Some("limit")), "{path} {limit}");
        }
    }
}

#[tokio::test]
async fn paths_that_take_too_much_memory_are_refused_before_they_do() {
    let house = House::with(&[("http.tenant_bodies_bytes", "1048576")]).await;
    let key = &house.admin;
    let folder = ["n".repeat(250), "n".repeat(250), "n".repeat(250)].join("/");
    let paths: Vec<String> = (0..1_000).map(|n| format!("{folder}/{n:04}")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
    house.put(key, "/v1/workspaces/w", "").await.is(201);
    let made = house.post(key, "/v1/sandboxes", json!({"workspace": "w"})).await.is(201);
    let sandbox = format!("/v1/sandboxes/{}", made["id"].as_str().unwrap());
    house.put(key, &format!("{sandbox}/archive"), tar(&files)).await.is(204);
    house.put(key, "/v1/workspaces/long", tar(&files)).await.is(201);
    let too_much = [
        house.get(key, &format!("{sandbox}/diff")).await,
        house.get(key, &format!("{sandbox}/archive")).await,
        house.post(key, &format!("{sandbox}/apply"), json!({})).await,
        house.get(key, "/v1/workspaces/long?limit=1").await,
    ];
    for refused in too_much {
        assert_eq!((refused.status, refused.code().as_str()), (413, "too_many_files"));
    }
    assert_eq!(house.get(key, "/v1/workspaces/w").await.is(200)["entries"], json!([]), "nothing of it counts");
    // Each part is small, so that is the way to find what can go.
    let entries = house.get(key, &format!("{sandbox}/entries?path={folder}&limit=2")).await.is(200);
    assert_eq!(entries["entries"].as_array().unwrap().len(), 2);
    house.delete(key, &format!("{sandbox}/files?path={}", "n".repeat(250))).await.is(204);
    house.put(key, &format!("{sandbox}/files?path=small"), "x").await.is(204);
    // What was refused has given back all that it held.
    assert_eq!(house.get(key, &format!("{sandbox}/diff")).await.is(200)["changes"][0]["change"], "added");
    let applied = house.post(key, &format!("{sandbox}/apply"), json!({})).await.is(200);
    assert_eq!(applied["changes"][0]["after"]["kind"], "file");
}
