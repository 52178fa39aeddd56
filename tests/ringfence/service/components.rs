//! The bytes of components, which tenants share without knowing it.

use std::path::PathBuf;

use futures_util::future::join_all;
use serde_json::json;

use super::House;

fn contents(house: &House) -> Vec<PathBuf> {
    let folder = house.dir.path().join("data/components");
    let shelves = std::fs::read_dir(folder).into_iter().flatten().flatten();
    shelves.flat_map(|shelf| std::fs::read_dir(shelf.path()).unwrap()).map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn one_who_deletes_takes_nothing_from_one_who_submits() {
    let house = House::new().await;
    let mut keys = Vec::new();
    for name in ["one", "two", "three"] {
        keys.push(house.tenant(name).await);
    }
    let wat = r#"(module (func (export "_start")))"#;
    let submit = async |key: &String| {
        let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(wat);
        let reply = House::send(request).await;
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
        reply.json()["digest"].as_str().unwrap().to_owned()
    };
    let digest = submit(&keys[0]).await;
    let path = format!("/v1/components/{digest}");
    for round in 0..60 {
        // Two delete what they have while the third brings the same.
        let (bringing, leaving) = (&keys[round % 3], [&keys[(round + 1) % 3], &keys[(round + 2) % 3]]);
        let gone = join_all(leaving.map(|key| house.delete(key, &path)));
        let (there, _) = tokio::join!(submit(bringing), gone);
        assert_eq!(there, digest);
        house.get(bringing, &path).await.is(200);
        assert_eq!(contents(&house).len(), 1, "round {round}: the record is there and the bytes are not");
    }
    for key in &keys {
        house.delete(key, &path).await;
    }
    assert_eq!(contents(&house), Vec::<PathBuf>::new(), "the last takes the bytes along");
}

#[tokio::test]
async fn bytes_that_are_lost_or_damaged_are_healed_by_who_brings_them_again() {
    let house = House::new().await;
    let key = house.admin.clone();
    let wat = r#"(module (func (export "_start") (drop (i32.const 20262026))))"#;
    let submit = async |house: &House, status: u16| {
        let request = house.ask("POST", "/v1/components").header("x-api-key", &key).body(wat);
        House::send(request).await.is(status)["digest"].as_str().unwrap().to_owned()
    };
    let digest = submit(&house, 201).await;
    for damage in ["gone", "other bytes"] {
        let content = contents(&house).remove(0);
        match damage {
            "gone" => std::fs::remove_file(&content).unwrap(),
            text => std::fs::write(&content, text).unwrap(),
        }
        assert_eq!(submit(&house, 200).await, digest);
        assert_eq!(std::fs::read_to_string(&content).unwrap(), wat, "{damage}");
    }
    // What a crash left beside is gone after a start; what has a row stays.
    let content = contents(&house).remove(0);
    for name in [".new-abc", "00112233"] {
        std::fs::write(content.with_file_name(name), "half").unwrap();
    }
    let house = house.again(&[]).await;
    assert_eq!(contents(&house), [content]);
    let run = house.post(&key, "/v1/runs", json!({"component": digest})).await.is(200);
    assert_eq!(run["outcome"]["kind"], "exited");
}

#[tokio::test]
async fn a_damaged_component_is_told_as_such_until_somebody_brings_it_again() {
    let house = House::new().await;
    let key = house.admin.clone();
    let wat = r#"(module (func (export "_start") (drop (i32.const 20262027))))"#;
    let submit = async |house: &House| {
        let request = house.ask("POST", "/v1/components").header("x-api-key", &key).body(wat);
        House::send(request).await.json()["digest"].as_str().unwrap().to_owned()
    };
    let digest = submit(&house).await;
    std::fs::write(contents(&house).remove(0), "other bytes").unwrap();
    // Where no code of it is left, its bytes are needed.
    let code = house.dir.path().join("code");
    let house = house.again(&[("engine.cache_dir", code.to_str().unwrap())]).await;
    let body = json!({"component": digest});
    for path in ["/v1/runs".to_owned(), format!("{}/runs", house.sandbox(&key).await)] {
        let refused = house.post(&key, &path, body.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "component_damaged"), "{path}");
        let problem = refused.json();
        assert_eq!(problem["field"], "component");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("{digest} are damaged")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("submit it again"), "{problem}");
    }
    assert_eq!(submit(&house).await, digest);
    assert_eq!(std::fs::read_to_string(contents(&house).remove(0)).unwrap(), wat);
    assert_eq!(house.post(&key, "/v1/runs", body).await.is(200)["outcome"]["kind"], "exited");
}

/// Types of so many levels, each of which has the one below twice: short to write down, long to write out.
fn of_levels(name: &str, levels: u32) -> String {
    let types: String = (1..=levels).map(|n| format!("(type $t{n} (tuple $t{0} $t{0}))", n - 1)).collect();
    format!(
        r#"(component (core module $m (memory (export "memory") 1) (func (export "f") (result i32) i32.const 0))
        (core instance $i (instantiate $m)) (type $t0 (tuple string)) {types}
        (func (export "{name}") (result $t{levels}) (canon lift (core func $i "f") (memory $i "memory"))))"#
    )
}

/// What a program says of itself is written out for whoever asks: it weighs, and is bounded, whatever wrote it down briefly.
#[tokio::test]
async fn what_is_said_of_a_component_counts_and_is_bounded() {
    let house = House::new().await;
    let key = house.tenant_with("acme", &[("storage_bytes", 1 << 20)]).await;
    let submit =
        async |wat: String| House::send(house.ask("POST", "/v1/components").header("x-api-key", &key).body(wat)).await;
    let refused = submit(of_levels("f", 16)).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "too_demanding"), "{refused:?}");
    let mut taken = 0;
    let refused = loop {
        let reply = submit(of_levels(&format!("f{taken}"), 8)).await;
        if reply.status != 201 {
            break reply;
        }
        taken += 1;
        assert!(taken < 200, "a kilobyte each, and what is said of each twenty");
    };
    assert!(taken > 2 && refused.code().contains("storage"), "{taken} {refused:?}");
    // A list tells of them and not what each says.
    let list = house.get(&key, "/v1/components?limit=100").await;
    assert!(list.bytes.len() < taken * 1_000, "{} bytes for {taken}", list.bytes.len());
    let list = list.is(200);
    assert_eq!(list["components"].as_array().unwrap().len(), taken);
    assert_eq!(
        (&list["components"][0]["kind"], &list["components"][0]["exports"]),
        (&json!("component"), &json!(null))
    );
    let digest = list["components"][0]["digest"].as_str().unwrap();
    let one = house.get(&key, &format!("/v1/components/{digest}")).await.is(200);
    assert_eq!(one["exports"][0]["result"]["type"], "array", "{one}");
}
