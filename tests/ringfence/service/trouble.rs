//! A host that has no room any more: the service says so, opens nothing, loses nothing, and goes on when there is room.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Resource;
use serde_json::json;

use super::child::Served;
use super::house::Reply;
use super::line::Line;
use crate::support::still_patient;

#[track_caller]
fn is_host_trouble(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", String::from_utf8_lossy(&reply.bytes));
    reply.code();
    assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
    let said = String::from_utf8_lossy(&reply.bytes).into_owned();
    assert!(!said.contains("/tmp") && !said.contains("os error"), "{said}");
}

/// Files cannot grow, as on a disk that is full.
#[tokio::test]
async fn a14_a_full_disk_is_said_and_what_was_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[]);
    let admin = served.first_key.clone().unwrap();
    let sandbox = served.sandbox(&admin).await;
    let file = |path: &str| format!("/v1/sandboxes/{sandbox}/files?path={path}");
    let write = |path: &str, size: usize| Served::answer(served.ask(&admin, "PUT", &file(path)).body(vec![b'x'; size]));
    write("before", 100_000).await.unwrap().is(204);
    let key = served.post(&admin, "/v1/keys", json!({"name": "before"})).await.is(201)["secret"].clone();
    let key = key.as_str().unwrap();
    let hello = served.submit(&admin, "hello").await;
    served.give(Resource::Fsize, Some(1_000));
    is_host_trouble(&served.post(&admin, "/v1/runs", json!({"component": hello})).await);
    // Nothing of it is acknowledged, and none of it opens anything.
    is_host_trouble(&write("during", 100_000).await.unwrap());
    is_host_trouble(&served.post(&admin, "/v1/keys", json!({"name": "during"})).await);
    is_host_trouble(&served.post(&admin, "/v1/sandboxes", json!({})).await);
    let request = served.ask(&admin, "PUT", "/v1/workspaces/during").body(vec![0; 100_000]);
    is_host_trouble(&Served::answer(request).await.unwrap());
    assert_eq!(served.get("rf_nothing", "/v1/whoami").await.status, 401);
    // What needs no room goes on.
    served.get(key, "/v1/whoami").await.is(200);
    // Who reads a file is recorded, and so is not answered.
    is_host_trouble(&served.get(&admin, &file("before")).await);
    served.give(Resource::Fsize, None);
    // The log is read and opened anew.
    while write("after", 100_000).await.unwrap().status != 204 {}
    assert_eq!(served.get(&admin, &file("before")).await.bytes.len(), 100_000);
    assert_eq!(served.get(&admin, &file("during")).await.code(), "no_file");
    let names = served.get(&admin, "/v1/keys").await.is(200);
    assert!(!names["keys"].as_array().unwrap().iter().any(|key| key["name"] == "during"), "{names}");
    served.post(&admin, "/v1/keys", json!({"name": "after"})).await.is(201);
    assert_eq!(served.get(&admin, "/v1/sandboxes").await.is(200)["sandboxes"].as_array().unwrap().len(), 1);
    // And so it is after the next start.
    served.stop();
    let served = Served::start(dir.path(), &[]);
    assert_eq!(served.get(&admin, &file("before")).await.bytes.len(), 100_000);
    served.get(key, "/v1/whoami").await.is(200);
}

#[tokio::test]
async fn a14_without_descriptors_nobody_is_let_in_by_mistake_and_it_recovers() {
    let dir = tempfile::tempdir().unwrap();
    // So patient with idle connections that they stay.
    let (began, served) = (Instant::now(), Served::start(dir.path(), &[("http.header_ms", "600000")]));
    let admin = served.first_key.clone().unwrap();
    let sandbox = served.sandbox(&admin).await;
    let file = format!("/v1/sandboxes/{sandbox}/files?path=f");
    Served::answer(served.ask(&admin, "PUT", &file).body("before")).await.unwrap().is(204);
    let address = served.url.strip_prefix("http://").unwrap().parse().unwrap();
    // A client with many connections might open one more, and wait behind the idle ones: this is one that is open.
    let mut open = Line::open(&served.url);
    let mut ask = |method: &str, path: &str, key: &str, body: &str| {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: {length}");
        assert!(open.say(format!("{head}\r\n\r\n{body}")));
        open.hear()
    };
    assert_eq!(ask("GET", "/v1/whoami", &admin, "").status, 200);
    // Few are left, and idle connections take them. What no longer fits into the queue of the kernel, which may be
    // short, is not answered: there is no need of it.
    served.give(Resource::Nofile, Some(served.room_for(3)));
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok();
    let idle: Vec<_> = (0..60).map_while(connect).collect();
    let refused = loop {
        still_patient(began);
        let answer = ask("PUT", &file, &admin, "during");
        if answer.status != 204 {
            break answer;
        }
    };
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.head.contains("retry-after") && !refused.body.contains("/tmp"), "{}{}", refused.head, refused.body);
    assert_eq!(ask("GET", "/v1/whoami", "rf_nothing", "").status, 401);
    assert_eq!(ask("GET", "/healthz", "", "").status, 200);
    drop(idle);
    served.give(Resource::Nofile, None);
    Served::answer(served.ask(&admin, "PUT", &file).body("after")).await.unwrap().is(204);
    assert_eq!(served.get(&admin, &file).await.bytes, b"after");
    served.stop();
}

#[tokio::test]
async fn a14_without_threads_for_guests_it_is_not_ready_until_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[]);
    let mut open = Line::open(&served.url);
    let mut ask = |path: &str| {
        assert!(open.say(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")));
        open.hear()
    };
    assert_eq!(ask("/healthz").status, 200);
    // Threads that wait for events need descriptors.
    served.give(Resource::Nofile, Some(served.room_for(0)));
    let without = ask("/readyz");
    assert_eq!(without.status, 503, "{}", without.body);
    assert!(without.body.contains("no threads for guests"), "{}", without.body);
    served.give(Resource::Nofile, None);
    let with = ask("/readyz");
    assert_eq!(with.status, 200, "{}", with.body);
    served.stop();
}
