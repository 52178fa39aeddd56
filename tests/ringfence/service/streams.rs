use std::io::Read as _;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::House;
use super::runs::events;

/// Writes twelve megabytes and then goes on for ever.
const FLOOD: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $n i32)
    (memory.fill (i32.const 64) (i32.const 120) (i32.const 65472))
    (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 65472))
    (loop $more
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $more (i32.lt_s (local.get $n) (i32.const 190))))
    (loop (br 0))))"#;

fn limits() -> Value {
    json!({"preset": "large", "deadline_ms": 120_000, "fuel": 1_000_000_000_000_000_u64})
}

/// A request by hand, on a connection that takes little and of which nothing is read.
async fn unread(house: &House, method: &str, path: &str, body: &str) -> std::net::TcpStream {
    let address = house.url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let key = &house.admin;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nAccept: text/event-stream\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It is answered: from here on its place is taken.
    stream.peek(&mut [0]).await.unwrap();
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
    stream
}

/// What of a stream came after all, until it broke off.
async fn rest(mut stream: std::net::TcpStream) -> String {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    });
    String::from_utf8_lossy(&read.await.unwrap()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a09_whoever_stops_reading_is_cut_and_holds_nobody_up() {
    // One stream for each tenant, so that a place that is taken shows.
    let house = House::with(&[("http.write_ms", "1500"), ("http.streams", "2")]).await;
    let key = &house.admin;
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(FLOOD);
    let flood = House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned();
    let hello = house.submit(key, "hello").await;
    let free = || async {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("accept", "text/event-stream");
        let reply = House::send(request.json(&json!({"component": hello}))).await;
        if reply.status == 429 {
            assert_eq!(reply.code(), "share_taken");
        }
        reply.status == 200
    };
    // He watches a run that goes on by itself: it goes on, and he is cut.
    let body = json!({"component": flood, "async": true, "limits": limits()});
    let id = house.post(key, "/v1/runs", body).await.is(202)["id"].as_str().unwrap().to_owned();
    let stalled = unread(&house, "GET", &format!("/v1/runs/{id}/events"), "").await;
    while !free().await {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.get(key, &format!("/v1/runs/{id}")).await.is(200)["state"], "running");
    let came = rest(stalled).await;
    assert!(came.contains("event: started") && came.len() < 11_000_000, "{}", came.len());
    house.post(key, &format!("/v1/runs/{id}/cancel"), json!({})).await.is(202);
    // All that was written is there for those who read.
    let whole = events(std::str::from_utf8(&house.get(key, &format!("/v1/runs/{id}/events")).await.bytes).unwrap());
    let written: usize = whole.iter().filter_map(|(_, _, data)| data["text"].as_str()).map(str::len).sum();
    assert_eq!(written, 190 * 65_472);
    // He runs it himself: it is cancelled when he is cut.
    let body = json!({"component": flood, "limits": limits()}).to_string();
    let stalled = unread(&house, "POST", "/v1/runs", &body).await;
    loop {
        let ended = house.get(key, "/v1/runs?outcome=cancelled").await.is(200);
        if ended["runs"].as_array().unwrap().len() == 2 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(!rest(stalled).await.contains("event: done"));
}

#[tokio::test]
async fn a_stream_says_which_run_it_is_and_goes_on_where_it_broke_off() {
    let house = House::new().await;
    let key = &house.admin;
    let digest = house.submit(key, "hello").await;
    let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("accept", "text/event-stream");
    let reply = House::send(request.json(&json!({"component": digest}))).await;
    let all = events(std::str::from_utf8(&reply.bytes).unwrap());
    let id = all[0].2["id"].as_str().expect("`started` says which run it is").to_owned();
    assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].1), "each has an id of its own: {all:?}");
    assert!(all.iter().all(|(_, number, data)| data["seq"] == *number), "and says it in its data: {all:?}");
    assert_eq!(all.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["started", "stdout", "result", "done"]);
    for (seen, event) in all.iter().enumerate() {
        let request = house.ask("GET", &format!("/v1/runs/{id}/events")).header("x-api-key", key);
        let rest = House::send(request.header("last-event-id", event.1)).await;
        assert_eq!(events(std::str::from_utf8(&rest.bytes).unwrap()), all[seen + 1..], "after {event:?}");
    }
    // However many watched it, it ran once.
    let numbers = String::from_utf8(house.get(key, "/metrics").await.bytes).unwrap();
    assert!(numbers.contains("ringfence_runs_total{outcome=\"exited\"} 1\n"), "{numbers}");
    assert!(numbers.contains("ringfence_sandboxes_stuck 0\n"));
    for many in [&["x"][..], &["1", "2"]] {
        let mut request = house.ask("GET", &format!("/v1/runs/{id}/events")).header("x-api-key", key);
        for one in many {
            request = request.header("last-event-id", *one);
        }
        let wrong = House::send(request).await;
        assert_eq!((wrong.status, &wrong.json()["field"]), (400, &json!("Last-Event-ID")), "{many:?}");
    }
}
