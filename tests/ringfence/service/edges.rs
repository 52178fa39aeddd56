//! What comes over a bare socket: heads and bodies that are no requests, that never end, or that are too much.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use super::House;
use super::line::{Answer, Line};

fn ask(house: &House, text: impl AsRef<[u8]>) -> Answer {
    let mut line = Line::open(&house.url);
    line.say(text);
    line.hear()
}

fn head(house: &House, more: &str) -> String {
    format!("Host: localhost\r\nX-API-Key: {}\r\n{more}\r\n", house.admin)
}

fn post(house: &House, path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\n{}", head(house, &format!("Content-Type: application/json\r\n{more}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_a_head_that_is_none_is_answered_like_everything_else() {
    let house = House::with(&[("http.header_ms", "2000")]).await;
    tokio::task::block_in_place(|| {
        let good = format!("GET /v1/whoami HTTP/1.1\r\n{}", head(&house, ""));
        assert_eq!(ask(&house, &good).status, 200);
        let many = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
        let long = format!("x: {}\r\n", "y".repeat(100_000));
        let unreadable = [
            ("\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(), 400, "bad_head"),
            ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400, "bad_head"),
            (format!("GET / HTTP/1.1\r\n{}", head(&house, "bad name: 1\r\n")), 400, "bad_head"),
            (format!("GET / HTTP/1.1\r\n{}", head(&house, "x: a\u{0}b\r\n")), 400, "bad_head"),
            (post(&house, "/v1/runs", "Content-Length: 2\r\nContent-Length: 3\r\n"), 400, "bad_head"),
            (post(&house, "/v1/runs", "Content-Length: -2\r\n"), 400, "bad_head"),
            (post(&house, "/v1/runs", "Transfer-Encoding: gzip\r\n"), 400, "bad_head"),
            (format!("GET / HTTP/1.1\r\n{}", head(&house, &many)), 431, "head_too_large"),
            (format!("GET / HTTP/1.1\r\n{}", head(&house, &long)), 431, "head_too_large"),
            (format!("GET /{} HTTP/1.1\r\n{}", "y".repeat(100_000), head(&house, "")), 431, "head_too_large"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505, "http_version"),
            ("GET /v1/whoami HTTP/1.1\r\nHost: local".to_owned(), 408, "too_slow"),
        ];
        for (text, status, code) in &unreadable {
            ask(&house, text).is(*status, code, None);
            // The same after a request that was good, on the same connection.
            let mut line = Line::open(&house.url);
            line.say(&good);
            assert_eq!(line.hear().status, 200);
            line.say(text);
            line.hear().is(*status, code, None);
            assert!(line.is_over(), "{text}");
        }
        // One that sends nothing is not answered, but it does not stay either.
        assert!(Line::open(&house.url).is_over());
        assert_eq!(ask(&house, &good).status, 200, "and it goes on answering");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_what_could_be_read_in_two_ways_is_refused() {
    let house = House::new().await;
    tokio::task::block_in_place(|| {
        let key = format!("X-API-Key: {}\r\n", house.admin);
        ask(&house, format!("GET /v1/whoami HTTP/1.1\r\n{key}\r\n")).is(400, "no_host", Some("Host"));
        ask(&house, format!("GET /v1/whoami HTTP/1.1\r\nHost:\r\n{key}\r\n")).is(400, "no_host", Some("Host"));
        ask(&house, format!("GET /v1/whoami HTTP/1.0\r\n{key}\r\n")).is(421, "unknown_host", Some("Host"));
        let two = format!("GET /v1/whoami HTTP/1.1\r\n{}", head(&house, "Host: localhost\r\n"));
        ask(&house, two).is(400, "ambiguous", None);
        let absolute = |host: &str| format!("GET http://{host}/v1/whoami HTTP/1.1\r\n{}", head(&house, ""));
        assert_eq!(ask(&house, absolute("localhost")).status, 200);
        ask(&house, absolute("evil.example")).is(400, "ambiguous", Some("Host"));
        // Chunked, whatever it says of its length, and the connection is not used again.
        let both = post(&house, "/v1/sandboxes", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n");
        let mut line = Line::open(&house.url);
        line.say(format!("{both}0\r\n\r\nGET /v1/whoami HTTP/1.1\r\n{}", head(&house, "")));
        line.hear().is(400, "bad_json", None);
        assert!(line.is_over());
        // What is asked before the first answer is there is answered in order, and none waits for the next.
        let mut line = Line::open(&house.url);
        let whoami = format!("GET /v1/whoami HTTP/1.1\r\n{}", head(&house, ""));
        line.say(format!("{whoami}GET /nothing HTTP/1.1\r\n{}GET /v1", head(&house, "")));
        assert_eq!(line.hear().status, 200);
        line.hear().is(404, "no_route", None);
        line.say(&whoami["GET /v1".len()..]);
        assert_eq!(line.hear().status, 200);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_bodies_that_do_not_end_are_cut_by_size_and_by_time() {
    let more = [("http.stall_ms", "300"), ("http.body_ms", "1500"), ("http.body_bytes", "4096")];
    let house = House::with(&more).await;
    tokio::task::block_in_place(|| {
        // Told before any of it comes.
        ask(&house, post(&house, "/v1/sandboxes", "Content-Length: 5000\r\n")).is(413, "too_large", None);
        let stalled = post(&house, "/v1/sandboxes", "Content-Length: 10\r\n");
        ask(&house, format!("{stalled}{{")).is(408, "too_slow", None);
        // A byte now and then is never a stall, but too slow in the end.
        let mut line = Line::open(&house.url);
        let mut other = line.0.try_clone().unwrap();
        line.say(post(&house, "/v1/sandboxes", "Transfer-Encoding: chunked\r\n"));
        let dripping = std::thread::spawn(move || {
            while other.write_all(b"1\r\n \r\n").is_ok() {
                std::thread::yield_now();
                if other.take_error().is_ok_and(|error| error.is_some()) {
                    break;
                }
            }
        });
        let answer = line.hear();
        assert!(matches!(answer.status, 408 | 413), "{}", answer.body);
        let _ = line.0.shutdown(Shutdown::Both);
        dripping.join().unwrap();
        // Chunks without end, and one that promises to be huge.
        for chunks in ["400\r\n".to_owned() + &"x".repeat(1_024) + "\r\n", "fffffffffffffff0\r\nx".to_owned()] {
            let mut line = Line::open(&house.url);
            line.say(post(&house, "/v1/sandboxes", "Transfer-Encoding: chunked\r\n"));
            for _ in 0..64 {
                if !line.say(&chunks) {
                    break;
                }
            }
            let answer = line.hear();
            assert!(matches!(answer.status, 400 | 408 | 413), "{}", answer.body);
        }
        let deep = "[".repeat(4_000);
        let text = format!("{}{deep}", post(&house, "/v1/sandboxes", "Content-Length: 4000\r\n"));
        ask(&house, text).is(400, "bad_json", None);
        let whoami = format!("GET /v1/whoami HTTP/1.1\r\n{}", head(&house, ""));
        assert_eq!(ask(&house, whoami).status, 200, "and it goes on answering");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_no_more_is_at_work_than_is_allowed() {
    let house = House::with(&[("http.requests", "1"), ("http.connections", "3")]).await;
    tokio::task::block_in_place(|| {
        let whoami = format!("GET /v1/whoami HTTP/1.1\r\n{}", head(&house, ""));
        let alive = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        // One request that is at work for as long as its body does not come.
        let mut first = Line::open(&house.url);
        first.say(post(&house, "/v1/sandboxes", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
        let mut go_on = [0; 25];
        first.0.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n", "it waits for the body");
        let mut second = Line::open(&house.url);
        second.say(&whoami);
        let refused = second.hear();
        refused.is(503, "busy", None);
        assert!(refused.head.contains("retry-after: "), "{}", refused.head);
        second.say(alive);
        assert_eq!(second.hear().status, 200, "those who ask whether we are alive are answered");
        first.say("{}");
        assert_eq!(first.hear().status, 201);
        // One connection too many waits for another to go.
        let mut third = Line::open(&house.url);
        third.say(alive);
        assert_eq!(third.hear().status, 200);
        let mut fourth = Line::open(&house.url);
        fourth.say(alive);
        fourth.0.set_nonblocking(true).unwrap();
        second.say(alive);
        assert_eq!(second.hear().status, 200);
        assert!(fourth.0.read(&mut [0]).is_err(), "nothing has come");
        fourth.0.set_nonblocking(false).unwrap();
        drop(first);
        assert_eq!(fourth.hear().status, 200);
    });
}
