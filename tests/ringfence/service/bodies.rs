//! Bodies on their way in.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::sync::oneshot;

use super::House;

/// A body of which the first half is sent, and the second, the same again, when the other end is told so.
pub fn half(content: Vec<u8>) -> (reqwest::Body, oneshot::Sender<()>) {
    let (tell, told) = oneshot::channel::<()>();
    let first = Bytes::from(content);
    let second = first.clone();
    let pieces = stream::once(async move { Ok::<_, std::io::Error>(first) }).chain(stream::once(async move {
        match told.await {
            Ok(()) => Ok(second),
            Err(_) => Err(std::io::Error::other("given up")),
        }
    }));
    (reqwest::Body::wrap_stream(pieces), tell)
}

#[tokio::test]
async fn an_upload_ends_where_the_room_of_the_tenant_ends() {
    let house = House::new().await;
    let key = &house.tenant_with("short", &[("storage_bytes", 1 << 20)]).await;
    let sandbox = house.sandbox(key).await;
    for path in ["/files?path=f", "/archive", ""] {
        let path = if path.is_empty() { "/v1/workspaces/w".to_owned() } else { format!("{sandbox}{path}") };
        let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&sent);
        let pieces = stream::iter(0..400).map(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from(vec![7; 256 << 10]))
        });
        let request = house.ask("PUT", &path).header("x-api-key", key).body(reqwest::Body::wrap_stream(pieces));
        // Who goes on sending may not hear the answer.
        if let Ok(answer) = request.send().await {
            assert_eq!(answer.status(), 429, "{path}");
        }
        let sent = sent.load(std::sync::atomic::Ordering::Relaxed);
        assert!(sent < 200, "{sent} pieces of 256 KiB were taken for a tenant with 1 MiB ({path})");
    }
    // Nothing of it is there, and nothing is held for it.
    house.put(key, &format!("{sandbox}/files?path=f"), vec![0; 1_000_000]).await.is(204);
}

#[tokio::test]
async fn what_is_no_archive_is_no_workspace() {
    let house = House::new().await;
    let key = &house.admin;
    let sandbox = house.sandbox(key).await;
    for body in [&b"hello"[..], b"\x1f\x8bnot really", &[0u8; 2048]] {
        for path in ["/v1/workspaces/g".to_owned(), format!("{sandbox}/archive")] {
            let refused = house.put(key, &path, body.to_vec()).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "unknown_archive"), "{path}");
        }
    }
    assert_eq!(house.get(key, "/v1/workspaces/g").await.code(), "not_found");
    house.put(key, "/v1/workspaces/g", "").await.is(201);
}

/// The first holds most of the share of its tenant until its second half comes.
#[tokio::test]
pub async fn components_that_come_at_once_share_a_budget() {
    let settings =
        [("http.tenant_bodies_bytes", "1500000"), ("http.bodies_bytes", "2000000"), ("http.body_bytes", "1000")];
    let house = House::with(&settings).await;
    let (key, other) = (&house.tenant("one").await, &house.tenant("two").await);
    let send = |key: &str, body: reqwest::Body| house.ask("POST", "/v1/components").header("x-api-key", key).body(body);
    // Of two that are too much together the later one is refused. Where that is the first, both begin again.
    let mut tries = 0;
    let (first, held, refused) = loop {
        tries += 1;
        assert!(tries < 500, "the first is never there before what comes beside it");
        let (body, held) = half(vec![b' '; 700_000]);
        let mut first = Box::pin(send(key, body).send());
        let beside = async {
            loop {
                // Refused as no component as long as it is alone.
                let reply = House::send(send(key, vec![b' '; 900_000].into())).await;
                if reply.status != 422 {
                    return reply;
                }
            }
        };
        tokio::select! {
            _ = &mut first => {}
            reply = beside => break (first, held, reply),
        }
    };
    let looking = async {
        assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_bytes"));
        assert!(refused.headers.contains_key("retry-after"));
        let form = reqwest::multipart::Form::new().part("module", reqwest::multipart::Part::bytes(vec![b' '; 900_000]));
        let request = house.ask("POST", "/v1/components").header("x-api-key", key).multipart(form);
        assert_eq!(House::send(request).await.code(), "too_many_bytes");
        let form = reqwest::multipart::Form::new()
            .text("run", "{}")
            .part("module", reqwest::multipart::Part::bytes(vec![b' '; 900_000]));
        let request = house.ask("POST", "/v1/runs").header("x-api-key", key).multipart(form);
        assert_eq!(House::send(request).await.code(), "too_many_bytes");
        let reply = House::send(send(other, vec![b' '; 1_400_000].into())).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "busy"));
        assert_eq!(House::send(send(other, vec![b' '; 900_000].into())).await.status, 422);
        held.send(()).unwrap();
    };
    let (first, ()) = tokio::join!(first, looking);
    assert_eq!(first.unwrap().status(), 422);
    assert_eq!(House::send(send(key, vec![b' '; 1_400_000].into())).await.status, 422, "it is all given back");
    assert_eq!(House::send(send(key, vec![b' '; 1_600_000].into())).await.code(), "too_large");
}

#[tokio::test]
async fn a_file_is_there_whole_or_as_it_was() {
    let house = House::new().await;
    let key = &house.admin;
    let sandbox = house.sandbox(key).await;
    let path = format!("{sandbox}/files?path=deep/f");
    let contents = [vec![b'a'; 300_000], vec![b'b'; 500_000]];
    house.put(key, &path, contents[0].clone()).await.is(204);
    // Given up in the middle.
    let (body, held) = half(vec![b'c'; 100_000]);
    drop(held);
    assert!(house.ask("PUT", &path).header("x-api-key", key).body(body).send().await.is_err());
    assert_eq!(house.get(key, &path).await.bytes, contents[0]);
    let writing = async {
        for n in 0..20 {
            house.put(key, &path, contents[n % 2].clone()).await.is(204);
        }
    };
    let reading = async {
        for _ in 0..40 {
            let read = house.get(key, &path).await;
            assert!(contents.contains(&read.bytes), "{} bytes", read.bytes.len());
        }
    };
    tokio::join!(writing, reading);
}

#[tokio::test]
async fn files_are_written_only_into_what_is_ready_and_by_right_not_by_rule() {
    let house = House::new().await;
    let key = &house.admin;
    let rules = json!(["/**:read", "/hidden/**:none"]);
    let sandbox = house.post(key, "/v1/sandboxes", json!({"rules": rules, "ttl_seconds": 600})).await;
    let sandbox = format!("/v1/sandboxes/{}", sandbox.is(201)["id"].as_str().unwrap());
    let file = |name: &str| format!("{sandbox}/files?path={name}");
    // The rules are for guests: they find there what the caller put.
    house.put(key, &file("given"), "input").await.is(204);
    house.put(key, &file("hidden/it"), "secret").await.is(204);
    assert_eq!(house.get(key, &file("hidden/it")).await.bytes, b"secret");
    let probe = house.submit(key, "probe").await;
    let command = json!({"component": probe, "command": ["read|given", "put|given|x", "read|hidden/it"]});
    let run = house.post(key, &format!("{sandbox}/runs"), command).await.is(200);
    assert_eq!(run["stdout"]["text"], "ok input\nPERM\nNOENT\n");
    // A right is another thing.
    let viewer = house.person("looks", &["viewer"]).await;
    assert_eq!(house.put(&viewer, &file("given"), "x").await.status, 403);
    let archive = House::send(house.ask("GET", &format!("{sandbox}/archive")).header("x-api-key", key)).await.bytes;
    // Stopped while a body is on its way: it comes too late.
    let (body, held) = half(vec![b'x'; 1000]);
    let sending = house.ask("PUT", &file("late")).header("x-api-key", key).body(body).send();
    let stopping = async {
        house.post(key, &format!("{sandbox}/stop"), json!({})).await.is(200);
        held.send(()).unwrap();
    };
    let (sent, ()) = tokio::join!(sending, stopping);
    assert_eq!(sent.unwrap().status(), 409);
    for (path, body) in [(file("given"), b"x".to_vec()), (format!("{sandbox}/archive"), archive.clone())] {
        let refused = house.put(key, &path, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "wrong_state"), "{path}");
    }
    assert_eq!(house.delete(key, &file("given")).await.code(), "wrong_state");
    assert_eq!(house.get(key, &file("given")).await.bytes, b"input");
    house.delete(key, &sandbox).await.is(204);
    for (path, body) in [(file("given"), b"x".to_vec()), (format!("{sandbox}/archive"), archive)] {
        assert_eq!(house.put(key, &path, body).await.code(), "not_found", "{path}");
    }
    let short = house.post(key, "/v1/sandboxes", json!({"ttl_seconds": 1})).await.is(201);
    let path = format!("/v1/sandboxes/{}/files?path=f", short["id"].as_str().unwrap());
    while house.put(key, &path, "x").await.status == 204 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.put(key, &path, "x").await.code(), "not_found");
}

#[tokio::test]
async fn the_answer_of_a_run_that_wrote_much_is_counted_until_it_is_taken() {
    let house = House::with(&[("http.tenant_bodies_bytes", "1MiB")]).await;
    let key = &house.admin;
    let flood = house.ask("POST", "/v1/components").header("x-api-key", key).body(crate::support::hostile("flood"));
    let flood = House::send(flood).await.is(201)["digest"].clone();
    let limits = |bytes: u64| json!({"component": flood, "limits": {"stdout_bytes": bytes}});
    let run = house.post(key, "/v1/runs", limits(300_000)).await.is(200);
    assert_eq!(run["stdout"]["truncated"], true);
    let refused = house.post(key, "/v1/runs", limits(1 << 20)).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_bytes"));
    // It ran, and whoever reads it piece by piece has all of it.
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    let id = detail.split_whitespace().find(|word| word.starts_with("run_")).unwrap();
    let whole = house.get(key, &format!("/v1/runs/{id}")).await;
    assert_eq!((whole.status, whole.code().as_str()), (413, "too_large"), "there never is room for it");
    let events = house.get(key, &format!("/v1/runs/{id}/events")).await;
    assert!(events.status == 200 && events.bytes.len() > 1 << 20);
}

#[tokio::test]
async fn small_documents_come_in_whatever_large_bodies_hold() {
    let patient = [("http.stall_ms", "600000"), ("http.body_ms", "600000")];
    let bounds = [("http.body_bytes", "100000"), ("http.bodies_bytes", "200000")];
    let house = House::with(&[patient, bounds].concat()).await;
    let key = &house.admin;
    // One that stops a little before its end, and holds what there is.
    let upload = |bytes: usize| {
        let (body, tell) = half(vec![0; bytes]);
        let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(body);
        (tokio::spawn(House::send(request)), tell)
    };
    let held = upload(199_000);
    let full = || async {
        let reply = house.post(key, "/v1/runs", json!({"component": "x".repeat(70_000)})).await;
        matches!(reply.status, 429 | 503)
    };
    while !full().await {
        tokio::task::yield_now().await;
    }
    let none = format!("sha256:{}", "0".repeat(64));
    let reply = house.post(key, "/v1/runs", json!({"component": none})).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "no_component"));
    drop(held);
}
