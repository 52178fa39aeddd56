use serde_json::{Value, json};

use super::House;

/// Every route of the document, with something in the place of each parameter.
fn every_route() -> Vec<(String, String)> {
    let document = serde_json::to_value(ringfence::api::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let sha = format!("sha256:{}", "0".repeat(64));
        let path = path.replace("{digest}", &sha).replace("{name}", "x").replace("{id}", "x");
        all.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    all
}

const OPEN: [&str; 3] = ["/healthz", "/readyz", "/version"];

/// A01: none, empty, malformed, unknown, wrong; and two that disagree.
#[tokio::test]
async fn a01_every_route_wants_a_credential_and_says_the_same_of_each_that_is_none() {
    let house = House::with(&[
        ("identity.guesses.failures_per_source", "100000"),
        ("identity.guesses.failures_per_prefix", "100000"),
    ])
    .await;
    let routes = every_route();
    assert!(routes.len() > 40, "{routes:?}");
    let mut wrong = house.admin.clone();
    wrong.replace_range(20..21, if wrong.as_bytes()[20] == b'a' { "b" } else { "a" });
    for (method, path) in &routes {
        let ask = || house.ask(method, path);
        if OPEN.contains(&path.as_str()) {
            assert_eq!(House::send(ask()).await.status, 200, "{path}");
            continue;
        }
        let reply = House::send(ask()).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "no_credential"), "{method} {path}");
        assert!(reply.headers.contains_key("www-authenticate"));
        for bad in ["", "x", "rf_", &wrong, "eyJhbGciOiJub25lIn0.e30."] {
            for request in [ask().header("x-api-key", bad), ask().bearer_auth(bad)] {
                let reply = House::send(request).await;
                assert_eq!((reply.status, reply.code().as_str()), (401, "bad_credential"), "{method} {path} {bad}");
            }
        }
        let two = House::send(ask().header("x-api-key", &house.admin).bearer_auth("x")).await;
        assert_eq!((two.status, two.code().as_str()), (401, "bad_credential"), "{method} {path}");
    }
}

#[tokio::test]
async fn a03_guessing_is_limited_and_whoever_is_known_gets_in() {
    let house = House::new().await;
    house.get(&house.admin, "/v1/whoami").await.is(200);
    let mut limited = 0;
    for _ in 0..40 {
        let reply = house.get("rf_nothing", "/v1/whoami").await;
        if reply.status == 429 {
            assert_eq!(reply.code(), "too_many_attempts");
            assert!(reply.headers.contains_key("retry-after"));
            limited += 1;
        }
    }
    assert!(limited >= 15, "{limited}");
    house.get(&house.admin, "/v1/whoami").await.is(200);
    let metrics = house.get(&house.admin, "/metrics").await;
    assert!(String::from_utf8_lossy(&metrics.bytes).contains("refused_logins_total{reason=\"malformed\"}"));
}

#[tokio::test]
async fn what_is_no_route_or_no_method_is_said_as_a_problem() {
    let house = House::new().await;
    assert_eq!(House::send(house.ask("GET", "/nothing")).await.code(), "no_route");
    let wrong = House::send(house.ask("DELETE", "/v1/runs")).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (405, "wrong_method"));
    assert!(wrong.headers.contains_key("allow"));
    let page = House::send(house.ask("GET", "/docs")).await;
    assert!(String::from_utf8_lossy(&page.bytes).contains("openapi.json"));
    let document = House::send(house.ask("GET", "/openapi.json")).await.is(200);
    assert_eq!(document["openapi"], "3.1.0");
}

/// A key is written into the page: it may run what is in it and ask us, and nothing else.
#[tokio::test]
async fn the_page_may_do_what_it_needs_and_nothing_else() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let house = House::new().await;
    let page = House::send(house.ask("GET", "/docs")).await;
    let text = String::from_utf8(page.bytes).unwrap();
    let hash = |tag: &str| {
        let (_, after) = text.split_once(&format!("<{tag}>")).unwrap();
        let (inside, rest) = after.split_once(&format!("</{tag}>")).unwrap();
        assert!(!rest.contains(&format!("<{tag}")), "one {tag}");
        let sum = sha2::Sha256::digest(inside.as_bytes());
        format!("{tag}-src 'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(sum))
    };
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    let mut parts: Vec<&str> = policy.split("; ").collect();
    parts.sort_unstable();
    let (script, style) = (hash("script"), hash("style"));
    let needed = [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        &script,
        &style,
    ];
    assert_eq!(parts, needed);
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    // Attributes that would be scripts or styles are not run; and what is there is not guessed to be something else.
    let attributes = ["onclick=\"", "onload=\"", " style=\"", "javascript:", "<link", "<img"];
    assert!(attributes.iter().all(|no| !text.contains(no)), "the policy would stop it");
    for path in ["/docs", "/openapi.json", "/v1/whoami", "/nothing", "/healthz"] {
        let reply = house.get(&house.admin, path).await;
        assert_eq!(reply.headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a07_bodies_are_bounded_and_a08_json_is_strict() {
    let house = House::with(&[("http.body_bytes", "4096"), ("http.upload_bytes", "1000000")]).await;
    let post = |kind: &'static str, body: Vec<u8>| {
        let request = house.ask("POST", "/v1/sandboxes").header("x-api-key", &house.admin);
        House::send(request.header("content-type", kind).body(body))
    };
    let json = "application/json";
    let large = post(json, format!("{{\"at\": \"{}\"}}", "x".repeat(5_000)).into_bytes()).await;
    assert_eq!((large.status, large.code().as_str()), (413, "too_large"));
    for (bad, words) in [
        (&b"{\"at\": \"/a\", \"at\": \"/b\"}"[..], "twice"),
        (b"{\"nothing\": 1}", "unknown field"),
        (b"{\"ttl_seconds\": -1}", "ttl_seconds"),
        (b"{\"ttl_seconds\": 1e400}", "out of range"),
        (b"{\"at\": NaN}", "line 1"),
        (b"{\"at\": \"\\ud800\"}", "escape"),
        (b"\xff", "line 1"),
        (b"", "EOF"),
    ] {
        let reply = post(json, bad.to_vec()).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad_json"), "{}", String::from_utf8_lossy(bad));
        let said = String::from_utf8_lossy(&reply.bytes).into_owned();
        assert!(said.contains(words), "{said}");
    }
    let deep = post(json, "[".repeat(4_000).into_bytes()).await;
    assert!(deep.json()["detail"].as_str().unwrap().contains("deeper than 64"));
    assert_eq!(post("text/plain", b"{}".to_vec()).await.code(), "not_json");
    let request = house.ask("POST", "/v1/components").header("x-api-key", &house.admin);
    assert_eq!(House::send(request.body(vec![0; 2_000_000])).await.code(), "too_large");
    let request = house.ask("POST", "/v1/sandboxes").header("x-api-key", &house.admin).json(&json!({}));
    assert_eq!(House::send(request.header("content-encoding", "gzip")).await.code(), "compressed");
}

#[tokio::test]
async fn nothing_of_a_secret_is_in_an_answer_or_the_store() {
    let house = House::new().await;
    let secret = house.admin.clone();
    let reply = house.get(&secret, "/v1/keys").await;
    assert!(!String::from_utf8_lossy(&reply.bytes).contains(&secret[20..]));
    let mut stack = vec![house.dir.path().to_owned()];
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            stack.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(30).any(|window| window == &secret.as_bytes()[20..50]);
            assert!(!found, "{}", path.display());
        }
    }
    let whoami: Value = house.get(&secret, "/v1/whoami").await.is(200);
    assert_eq!(whoami["roles"], json!(["admin"]));
}

#[tokio::test]
async fn a13_pages_of_other_sites_and_names_that_were_led_here_are_refused() {
    let house = House::new().await;
    let ask = |name: &'static str, value: String| {
        House::send(house.ask("GET", "/v1/whoami").header("x-api-key", &house.admin).header(name, value))
    };
    let own = house.url.strip_prefix("http://").unwrap().to_owned();
    let port = own.rsplit(':').next().unwrap();
    for host in [own.clone(), format!("localhost:{port}"), "LOCALHOST".into()] {
        assert_eq!(ask("host", host.clone()).await.status, 200, "{host}");
    }
    for host in ["evil.example", "evil.example:7070", "10.0.0.1", "localhost.evil.example"] {
        let reply = ask("host", host.into()).await;
        assert_eq!((reply.status, reply.code().as_str()), (421, "unknown_host"), "{host}");
    }
    assert_eq!(ask("origin", format!("http://{own}")).await.status, 200);
    for origin in ["http://evil.example", "null", "http://localhost.evil.example"] {
        let reply = ask("origin", origin.into()).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, "foreign_origin"), "{origin}");
    }
}

#[tokio::test]
async fn a12_a_retry_key_is_its_callers_own() {
    let house = House::new().await;
    let digest = house.submit(&house.admin, "hello").await;
    let other = house.person("other", &["developer"]).await;
    let ask = |key: String| {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("idempotency-key", "same");
        House::send(request.json(&json!({"component": digest})))
    };
    let first = ask(house.admin.clone()).await.is(200);
    assert_ne!(ask(other).await.is(200)["id"], first["id"]);
}

#[tokio::test]
async fn one_data_folder_has_one_service_and_its_first_key_is_not_lost() {
    let house = House::new().await;
    let data = house.dir.path().join("data").display().to_string();
    let load = |more: &[(&str, &str)]| {
        let flags: Vec<_> = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        ringfence::config::Settings::load(None, |_| None, &flags)
    };
    let worker = || crate::support::WORKER.into();
    let second = load(&[("data_dir", &data), ("http.listen", "127.0.0.1:0")]).unwrap();
    let error = ringfence::app::Service::with_worker(second, worker()).await.err().unwrap();
    assert!(error.to_string().contains("another service runs"), "{error}");
    // A start that fails has shown no key, so it has made none.
    let own = tempfile::tempdir().unwrap();
    let own = own.path().join("data").display().to_string();
    let taken = house.url.strip_prefix("http://").unwrap();
    let failing = load(&[("data_dir", &own), ("http.listen", taken)]).unwrap();
    assert!(ringfence::app::Service::with_worker(failing, worker()).await.is_err());
    let again = load(&[("data_dir", &own), ("http.listen", "127.0.0.1:0")]).unwrap();
    assert!(ringfence::app::Service::with_worker(again, worker()).await.unwrap().first_key.is_some());
    for key in ["http.page", "http.connections", "http.headers", "runs.concurrent_runs"] {
        assert!(load(&[(key, "0")]).unwrap_err().to_string().contains(key), "{key}");
    }
}

/// A11: what a stranger wrote is one line of visible characters in the answer, and not a long one.
#[tokio::test]
async fn a11_words_of_strangers_are_escaped_and_cut() {
    let house = House::new().await;
    let name = format!("\u{1b}[31m\r\nx\u{85}{}", "y".repeat(5_000));
    let mut body = serde_json::Map::new();
    body.insert(name, json!(1));
    let reply = house.post(&house.admin, "/v1/sandboxes", Value::Object(body)).await;
    assert_eq!(reply.code(), "bad_json");
    let problem = reply.json();
    assert!(problem["detail"].as_str().unwrap().contains("\\u{1b}[31m\\r\\nx\\u{85}yyy"), "{problem}");
    for (field, text) in problem.as_object().unwrap() {
        let text = text.as_str().unwrap_or_default();
        assert!(!text.chars().any(char::is_control) && text.len() < 2_100, "{field}: {text:?}");
    }
    for key in [&b"a b"[..], b"a\tb", b"a\xffb"] {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).json(&json!({}));
        let key = reqwest::header::HeaderValue::from_bytes(key).unwrap();
        assert_eq!(House::send(request.header("idempotency-key", key)).await.code(), "bad_header");
    }
}

#[tokio::test]
async fn a07_a_form_of_very_many_parts_is_refused_at_the_third() {
    let house = House::new().await;
    let part = "--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\n\r\n";
    let form = part.repeat(100_000) + "--b--\r\n";
    let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).body(form);
    let reply = House::send(request.header("content-type", "multipart/form-data; boundary=b")).await;
    assert_eq!(reply.code(), "bad_form");
    assert!(reply.json()["detail"].as_str().unwrap().contains("at most 2 parts"), "{reply:?}");
}
