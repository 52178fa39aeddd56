use ringfence::engine::{Build, CodeCache, Engine, Flavour, Origin};
use ringfence::model::Mode;

use crate::support::{ADD, limits, settings};

fn program(n: u32) -> Vec<u8> {
    ADD.replace("i32.add))", &format!("i32.add i32.const {n} i32.add))")).into_bytes()
}

#[tokio::test]
async fn the_cache_is_listed_trimmed_and_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("code");
    let mut settings = settings();
    settings.cache_dir = Some(path.clone());
    settings.cache_bytes = 60_000;
    let engine = Engine::new(settings).unwrap();
    for n in 0..8 {
        engine.load(program(n), Build::of(&limits(), Mode::Ordinary)).await.unwrap();
    }
    let cache = CodeCache::open(&path, 60_000).unwrap();
    let entries = cache.list().unwrap();
    let sum: u64 = entries.iter().map(|entry| entry.bytes).sum();
    assert!(!entries.is_empty() && entries.len() < 8 && sum <= 60_000, "{} entries, {sum} bytes", entries.len());
    assert_eq!(cache.clear().unwrap(), entries.len());
    assert!(cache.list().unwrap().is_empty());
    assert!(path.join("key").exists());
}

#[tokio::test]
async fn each_flavour_has_code_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.cache_dir = Some(dir.path().join("code"));
    let engine = Engine::new(settings).unwrap();
    let builds = [Mode::Ordinary, Mode::Deterministic { seed: 1 }].map(|mode| Build::of(&limits(), mode));
    let unmetered = Build { flavour: Flavour::Unmetered, ..builds[0] };
    for build in builds.into_iter().chain([unmetered]) {
        let loaded = engine.load(program(0), build).await.unwrap();
        assert_eq!(*loaded.origin(), Origin::Compiled { rejected: None });
    }
    let flavours: Vec<_> =
        CodeCache::open(&dir.path().join("code"), 1 << 30).unwrap().list().unwrap().iter().map(|e| e.flavour).collect();
    assert!([Flavour::Ordinary, Flavour::Deterministic, Flavour::Unmetered].iter().all(|one| flavours.contains(one)));
}

/// The stack is a matter of the engine, not of the code: one compilation serves every size.
#[tokio::test]
async fn one_compilation_serves_every_stack() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.cache_dir = Some(dir.path().join("code"));
    let engine = Engine::new(settings).unwrap();
    for (stack_bytes, cached) in [(1 << 20, false), (4 << 20, true)] {
        let build = Build { stack_bytes, ..Build::of(&limits(), Mode::Ordinary) };
        let loaded = engine.load(program(9), build).await.unwrap();
        assert_eq!(matches!(loaded.origin(), Origin::Cache { .. }), cached, "{:?}", loaded.origin());
    }
}

#[tokio::test]
async fn a_program_that_is_ready_is_shared() {
    let build = Build::of(&limits(), Mode::Ordinary);
    let engine = crate::support::engine();
    let (first, second) =
        (engine.load(program(1), build).await.unwrap(), engine.load(program(1), build).await.unwrap());
    assert!(std::sync::Arc::ptr_eq(&first, &second));
}
