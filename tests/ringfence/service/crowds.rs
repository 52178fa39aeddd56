//! Very many at once: connections that say nothing, parts of one form, askers for the same place.

use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::net::TcpStream;

use super::House;
use super::child::Served;
use super::line::Line;

const IDLE: u64 = 10_000;
/// Descriptors that a process needs besides; other tests of this one run at the same time.
const OTHERS: u64 = 300;

/// 10,000, or as many as this process may have descriptors for: the service is another one, needs one for each as well, and
/// leaves half of them to files where they are few.
fn as_many_as_may_be() -> usize {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    usize::try_from(IDLE.min((maximum.unwrap_or(u64::MAX) / 2).saturating_sub(OTHERS))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_ten_thousand_idle_connections_leave_the_service_answering() {
    let dir = tempfile::tempdir().unwrap();
    let many = as_many_as_may_be();
    assert!(many > 100, "{many} descriptors show nothing; raise the limit of this process");
    let connections = (many + 16).to_string();
    // None of them is cut while they come.
    let served = Served::start(
        dir.path(),
        &[("http.connections", &connections), ("http.address_connections", &connections), ("http.header_ms", "600000")],
    );
    served.give(Resource::Nofile, None);
    let (key, address) = (served.first_key.clone().unwrap(), served.url.strip_prefix("http://").unwrap().to_owned());
    let open = |metrics: &[u8]| -> usize {
        let text = String::from_utf8_lossy(metrics).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("ringfence_connections ")).unwrap_or_default();
        line.parse().unwrap_or_else(|error| panic!("{error}: {line} {text}"))
    };
    let mut idle = Vec::new();
    while idle.len() < many {
        // No more at a time than wait in the kernel for the service, which would forget the rest.
        let more = (many - idle.len()).min(100);
        let come = join_all((0..more).map(|_| TcpStream::connect(&address))).await;
        idle.extend(come.into_iter().map(Result::unwrap));
        // Some begin to say something.
        idle.last().unwrap().try_write(b"GET /v1/who").unwrap();
        // All of them are there, and it goes on answering.
        while open(&served.get(&key, "/metrics").await.bytes) < idle.len() {
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..20 {
        served.sandbox(&key).await;
    }
    drop(idle);
    served.stop();
}

/// Where they are as many as there may be, those who say nothing go, and whoever waits has his turn.
#[tokio::test]
async fn a07_idle_connections_do_not_keep_the_places_of_others() {
    let house = House::with(&[("http.connections", "16"), ("http.header_ms", "200")]).await;
    let address = house.url.strip_prefix("http://").unwrap();
    let idle = join_all((0..40).map(|_| TcpStream::connect(address))).await;
    assert!(idle.iter().all(Result::is_ok));
    house.get(&house.admin, "/v1/whoami").await.is(200);
}

/// The most memory that a process has had, in KiB.
fn most_memory(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.pid().as_raw_nonzero())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a07_a_form_of_a_million_parts_ends_at_the_third() {
    const PARTS: usize = 1_000_000;
    const MOST_KIB: u64 = 16 << 10;
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[]);
    let key = served.first_key.clone().unwrap();
    let part = "--x\r\nContent-Disposition: form-data; name=\"module\"\r\n\r\n\r\n";
    for path in ["/v1/components", "/v1/runs"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: {}\r\n\
             Content-Type: multipart/form-data; boundary=x\r\n\r\n",
            part.len() * PARTS
        );
        served.get(&key, "/v1/whoami").await.is(200);
        let before = most_memory(&served);
        tokio::task::block_in_place(|| {
            let mut line = Line::open(&served.url);
            let mut other = Line(line.0.try_clone().unwrap());
            let sending = std::thread::spawn(move || {
                let thousand = part.repeat(1_000);
                // Until it is told enough.
                other.say(head) && (0..PARTS / 1_000).all(|_| other.say(&thousand))
            });
            let answer = line.hear();
            answer.is(400, "bad_form", None);
            assert!(answer.body.contains("at most 2 parts"), "{}", answer.body);
            sending.join().unwrap();
        });
        served.get(&key, "/v1/whoami").await.is(200);
        let grown = most_memory(&served) - before;
        assert!(grown < MOST_KIB, "{grown} KiB for parts that nobody wants ({path})");
    }
    served.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a06_a_thousand_sandboxes_asked_for_at_once_are_as_many_as_the_ceiling() {
    const CEILING: usize = 10;
    // Room for all requests of one tenant, so that it is the quota that is asked.
    let house = House::with(&[("http.requests", "4096")]).await;
    let key = house.tenant_with("crowd", &[("live_sandboxes", CEILING as u64)]).await;
    let replies = join_all((0..1_000).map(|_| house.post(&key, "/v1/sandboxes", json!({})))).await;
    let (made, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
    assert_eq!(made.len(), CEILING);
    for reply in refused {
        assert_eq!((reply.status, reply.code().as_str()), (429, "too_many_sandboxes"));
    }
    let listed = async || house.get(&key, "/v1/sandboxes").await.is(200)["sandboxes"].as_array().unwrap().len();
    assert_eq!(listed().await, CEILING);
    // What goes makes room for one, however many want it.
    let gone = made[0].json()["id"].as_str().unwrap().to_owned();
    house.delete(&key, &format!("/v1/sandboxes/{gone}")).await.is(204);
    let again = join_all((0..100).map(|_| house.post(&key, "/v1/sandboxes", json!({})))).await;
    assert_eq!(again.iter().filter(|reply| reply.status == 201).count(), 1);
    assert_eq!(listed().await, CEILING);
}
