use ringfence::config::Settings;
use serde_json::json;

use crate::service::House;

#[tokio::test]
pub async fn allowed_backends_are_all_that_a_run_may_name() {
    let native = json!({"backend": "process", "command": ["true"]});
    // Where the machine has no such backend, that is what is told of one that is allowed.
    let allowed = House::with(&[("backends.allowed", "wasm,process")]).await;
    let told = allowed.post(&allowed.admin, "/v1/runs", native.clone()).await;
    assert!(told.status == 200 || told.code() == "backend_unavailable", "the setting is ignored: {told:?}");
    let house = House::new().await;
    assert_eq!(house.post(&house.admin, "/v1/runs", native).await.code(), "backend_not_allowed");
}

#[test]
fn wasm_is_always_among_them_and_none_is_named_twice() {
    let load = |text: &str| Settings::load(None, |_| None, &[("backends.allowed".to_owned(), text.to_owned())]);
    for (text, why) in [
        ("process", "`wasm` is missing"),
        ("[]", "`wasm` is missing"),
        ("wasm,wasm", "`wasm` is there twice"),
        ("wasm,vm", "vm"),
    ] {
        let error = load(text).unwrap_err().to_string();
        assert!(error.contains("backends.allowed") && error.contains(why), "{text}: {error}");
    }
    load("wasm,process").unwrap();
}
