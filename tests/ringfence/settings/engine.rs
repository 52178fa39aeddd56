use serde_json::json;

use crate::service::{House, Reply};
use crate::support::guest;

async fn submit(house: &House, bytes: Vec<u8>) -> Reply {
    let request = house.ask("POST", "/v1/components").header("x-api-key", &house.admin).body(bytes);
    House::send(request.header("content-type", "application/wasm")).await
}

/// A program that no cache has seen.
fn new_program(number: u32) -> Vec<u8> {
    let add = crate::support::ADD.replace("i32.add", &format!("i32.add i32.const {number} i32.xor"));
    add.into_bytes()
}

fn entries(dir: &std::path::Path) -> usize {
    let files = std::fs::read_dir(dir).map(|files| files.map(|file| file.unwrap().path()).collect::<Vec<_>>());
    let entry = |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end == "entry");
    files.unwrap_or_default().iter().filter(entry).count()
}

async fn kept(set: &[(&str, &str)], dir: &tempfile::TempDir) -> usize {
    let code = dir.path().join("code");
    let house = House::with(&[&[("engine.cache_dir", code.to_str().unwrap())], set].concat()).await;
    for number in 0..3 {
        submit(&house, new_program(number)).await.is(201);
    }
    entries(&code) + entries(&house.dir.path().join("data/code"))
}

#[tokio::test]
pub async fn cache_dir_is_where_code_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!((kept(&[], &dir).await, entries(&dir.path().join("code"))), (3, 3));
}

#[tokio::test]
pub async fn cache_can_be_done_without() {
    assert_eq!(kept(&[("engine.cache", "false")], &tempfile::tempdir().unwrap()).await, 0);
}

#[tokio::test]
pub async fn cache_bytes_bound_the_code_that_is_kept() {
    assert_eq!(kept(&[("engine.cache_bytes", "1")], &tempfile::tempdir().unwrap()).await, 1, "the last one stays");
}

#[tokio::test]
pub async fn module_bytes_bound_a_program() {
    let house = House::with(&[("engine.module_bytes", "1KiB")]).await;
    submit(&house, new_program(1)).await.is(201);
    assert_eq!(submit(&house, guest("hello")).await.status, 413);
}

#[tokio::test]
pub async fn compile_deadline_ms_ends_a_compilation() {
    let house = House::with(&[("engine.compile_deadline_ms", "1"), ("engine.cache", "false")]).await;
    assert_eq!(submit(&house, guest("hello")).await.code(), "compile_deadline");
}

#[tokio::test]
pub async fn compile_memory_bytes_bound_a_compilation() {
    let house = House::with(&[("engine.compile_memory_bytes", "64MiB"), ("engine.cache", "false")]).await;
    let reply = submit(&house, guest("hello")).await;
    let code = reply.code();
    assert!(matches!(code.as_str(), "compile_memory" | "compile_failed" | "compiler_unavailable"), "{reply:?}");
}

#[tokio::test]
pub async fn disk_reserve_bytes_are_left_to_the_host() {
    for (reserve, said) in [("0", "ok\n"), ("1152921504606846976", "NOSPC\n")] {
        let house = House::with(&[("engine.disk_reserve_bytes", reserve)]).await;
        let probe = house.submit(&house.admin, "probe").await;
        let sandbox = house.post(&house.admin, "/v1/sandboxes", json!({})).await.is(201);
        let path = format!("/v1/sandboxes/{}/runs", sandbox["id"].as_str().unwrap());
        let run = house.post(&house.admin, &path, json!({"component": probe, "command": ["put|f|x"]})).await.is(200);
        assert_eq!(run["stdout"]["text"], said, "{reserve}: {run}");
    }
}
