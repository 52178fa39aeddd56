use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use super::House;

/// An upload that begins and does not go on.
fn slow_upload(house: &House, key: &str, sandbox: &str) -> TcpStream {
    let mut stream = TcpStream::connect(house.url.strip_prefix("http://").unwrap()).unwrap();
    let path = format!("/v1/sandboxes/{sandbox}/files?path=x");
    let head =
        format!("PUT {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: 1000\r\n\r\nbegins");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_takes_half_of_the_requests_and_no_more() {
    let house = House::with(&[("http.requests", "8"), ("http.stall_ms", "60000")]).await;
    let (greedy, other) = (house.tenant("greedy").await, house.tenant("other").await);
    let sandbox = house.post(&greedy, "/v1/sandboxes", json!({})).await.is(201)["id"].as_str().unwrap().to_owned();
    let mut slow: Vec<_> = (0..4).map(|_| slow_upload(&house, &greedy, &sandbox)).collect();
    let refused = loop {
        let reply = house.get(&greedy, "/v1/whoami").await;
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!((refused.status, refused.code().as_str()), (429, "share_taken"));
    assert!(refused.headers.contains_key("retry-after"));
    // However many more it sends, there is room for the others.
    slow.extend((0..20).map(|_| slow_upload(&house, &greedy, &sandbox)));
    for _ in 0..10 {
        house.get(&other, "/v1/whoami").await.is(200);
        house.get(&house.admin, "/v1/whoami").await.is(200);
    }
    drop(slow);
    while house.get(&greedy, "/v1/whoami").await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_tenant_takes_half_of_the_streams_and_no_more() {
    let house = House::with(&[("http.streams", "2")]).await;
    let (greedy, other) = (house.tenant("greedy").await, house.tenant("other").await);
    let looping = |key: &str| {
        let limits = json!({"deadline_ms": 60_000, "fuel": 100_000_000_000_u64});
        let body = json!({"async": true, "limits": limits}).to_string();
        let form = reqwest::multipart::Form::new()
            .part("run", reqwest::multipart::Part::text(body))
            .part("module", reqwest::multipart::Part::text("(module (func (export \"_start\") (loop (br 0))))"));
        house.ask("POST", "/v1/runs").header("x-api-key", key).multipart(form)
    };
    let mut streams = Vec::new();
    for key in [&greedy, &other] {
        let id = House::send(looping(key)).await.is(202)["id"].as_str().unwrap().to_owned();
        let ask = || house.ask("GET", &format!("/v1/runs/{id}/events")).header("x-api-key", key);
        let open = ask().send().await.unwrap();
        assert_eq!(open.status(), 200);
        let refused = House::send(ask()).await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "share_taken"));
        assert!(refused.headers.contains_key("retry-after"));
        streams.push((open, id, key));
    }
    for (open, id, key) in streams {
        drop(open);
        house.post(key, &format!("/v1/runs/{id}/cancel"), json!({})).await.is(202);
    }
}
