use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::json;

use crate::service::House;
use crate::support::WORKER;

/// Longer than what is waited for here, shorter than what is waited for where the setting is ignored.
const SOON: Duration = Duration::from_secs(8);

fn connect(house: &House) -> TcpStream {
    TcpStream::connect(house.url.strip_prefix("http://").unwrap()).unwrap()
}

fn head(house: &House, first: &str, more: &str) -> String {
    format!("{first} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\n{more}\r\n", house.admin)
}

/// One answer of a connection that stays open.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let text = String::from_utf8(text).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    text
}

/// Says something and reads until the other side has enough; fails where it waits on.
async fn ended(house: &House, text: String) -> String {
    let mut stream = connect(house);
    let whole = tokio::task::spawn_blocking(move || {
        stream.write_all(text.as_bytes()).unwrap();
        let mut told = Vec::new();
        let _ = stream.read_to_end(&mut told);
        String::from_utf8_lossy(&told).into_owned()
    });
    tokio::time::timeout(SOON, whole).await.expect("the setting is ignored: nothing came").unwrap()
}

#[tokio::test]
pub async fn allow_plain_http_opens_other_addresses() {
    let dir = tempfile::tempdir().unwrap();
    let service = async |allowed: &str| {
        let flags = [
            ("data_dir", dir.path().join("data").display().to_string()),
            ("http.listen", "0.0.0.0:0".to_owned()),
            ("http.allow_plain_http", allowed.to_owned()),
        ];
        let settings =
            ringfence::config::Settings::load(None, |_| None, &flags.map(|(key, value)| (key.to_owned(), value)));
        ringfence::app::Service::with_worker(settings.unwrap(), WORKER.into()).await.map(drop)
    };
    let refused = format!("{:#}", service("false").await.err().unwrap());
    let ways = ["tls.cert_file", "tls.key_file", "tls.self_made=true", "http.allow_plain_http=true", "127.0.0.1"];
    assert!(ways.iter().all(|way| refused.contains(way)), "{refused}");
    assert!(!dir.path().join("data").exists(), "nothing is made for a start that is refused");
    service("true").await.unwrap();
}

#[tokio::test]
pub async fn hosts_are_names_that_are_answered() {
    for (hosts, status) in [("other.example", 421), ("fence.example,other.example", 200)] {
        let house = House::with(&[("http.hosts", hosts)]).await;
        let request = house.ask("GET", "/v1/whoami").header("x-api-key", &house.admin).header("host", "fence.example");
        assert_eq!(House::send(request).await.status, status, "{hosts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
pub async fn connections_beyond_the_number_wait() {
    let house = House::with(&[("http.connections", "1")]).await;
    tokio::task::block_in_place(|| {
        let whoami = head(&house, "GET /v1/whoami", "");
        let mut first = connect(&house);
        first.write_all(whoami.as_bytes()).unwrap();
        answer(&mut first);
        let mut second = connect(&house);
        second.write_all(whoami.as_bytes()).unwrap();
        // The first is served again and again, and the second not once.
        for _ in 0..50 {
            first.write_all(whoami.as_bytes()).unwrap();
            answer(&mut first);
        }
        second.set_nonblocking(true).unwrap();
        assert_eq!(second.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        second.set_nonblocking(false).unwrap();
        drop(first);
        assert!(answer(&mut second).starts_with("HTTP/1.1 200"), "its turn came");
    });
}

#[tokio::test]
pub async fn requests_beyond_the_number_are_told_to_come_again() {
    let house = House::with(&[("http.requests", "1")]).await;
    // Its body never comes.
    let waits = head(&house, "PUT /v1/workspaces/w", "Content-Length: 10\r\n");
    let mut held = connect(&house);
    held.write_all(waits.as_bytes()).unwrap();
    let refused = async {
        loop {
            let reply = house.get(&house.admin, "/v1/whoami").await;
            if reply.status == 503 {
                return reply.code();
            }
        }
    };
    assert_eq!(tokio::time::timeout(SOON, refused).await.expect("the setting is ignored"), "busy");
}

#[tokio::test]
pub async fn header_bytes_bound_a_head() {
    for (bytes, good) in [("10000", false), ("65536", true)] {
        let house = House::with(&[("http.header_bytes", bytes)]).await;
        let long = format!("X-Long: {}\r\nConnection: close\r\n", "y".repeat(30_000));
        let told = ended(&house, head(&house, "GET /v1/whoami", &long)).await;
        assert_eq!(told.starts_with("HTTP/1.1 200"), good, "{bytes}: {told}");
    }
}

#[tokio::test]
pub async fn headers_are_counted() {
    for (most, good) in [("8", false), ("64", true)] {
        let house = House::with(&[("http.headers", most)]).await;
        let many: String = (0..20).map(|n| format!("X-{n}: 1\r\n")).collect();
        let told = ended(&house, head(&house, "GET /v1/whoami", &(many + "Connection: close\r\n"))).await;
        assert_eq!(told.starts_with("HTTP/1.1 200"), good, "{most}: {told}");
    }
}

#[tokio::test]
pub async fn header_ms_ends_the_wait_for_a_head() {
    let house = House::with(&[("http.header_ms", "100")]).await;
    let told = ended(&house, "GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\n".to_owned()).await;
    assert!(!told.starts_with("HTTP/1.1 2"), "{told}");
}

#[tokio::test]
pub async fn stall_ms_ends_the_wait_for_more_of_a_body() {
    let house = House::with(&[("http.stall_ms", "100")]).await;
    let told = ended(&house, head(&house, "PUT /v1/workspaces/w", "Content-Length: 10\r\n") + "12345").await;
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
}

#[tokio::test]
pub async fn body_ms_ends_the_wait_for_a_whole_body() {
    let house = House::with(&[("http.body_ms", "100")]).await;
    let told = ended(&house, head(&house, "PUT /v1/workspaces/w", "Content-Length: 10\r\n") + "12345").await;
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
}

/// As the service counts them.
async fn connections(house: &House) -> u64 {
    let numbers = house.get(&house.admin, "/metrics").await;
    let text = String::from_utf8(numbers.bytes).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("ringfence_connections "));
    line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

#[tokio::test]
pub async fn write_ms_ends_the_wait_for_a_reader() {
    let house = House::with(&[("http.write_ms", "100")]).await;
    let sandbox = house.post(&house.admin, "/v1/sandboxes", json!({})).await.is(201);
    let path = format!("/v1/sandboxes/{}/files?path=f", sandbox["id"].as_str().unwrap());
    // More than what lies between the two of us can hold.
    let put = house.ask("PUT", &path).header("x-api-key", &house.admin).body(vec![0; 32 << 20]);
    House::send(put).await.is(204);
    let before = connections(&house).await;
    let mut reader = connect(&house);
    reader.write_all(head(&house, &format!("GET {path}"), "").as_bytes()).unwrap();
    let come_and_gone = async {
        while connections(&house).await <= before {}
        while connections(&house).await > before {}
    };
    tokio::time::timeout(SOON, come_and_gone).await.expect("the setting is ignored: who does not read is waited for");
}

#[tokio::test(flavor = "multi_thread")]
pub async fn write_least_bytes_must_be_taken_each_second() {
    let house = House::with(&[("http.write_ms", "10"), ("http.write_least_bytes", "1024GiB")]).await;
    let sandbox = house.post(&house.admin, "/v1/sandboxes", json!({})).await.is(201);
    let path = format!("/v1/sandboxes/{}/files?path=f", sandbox["id"].as_str().unwrap());
    const WHOLE: usize = 32 << 20;
    let put = house.ask("PUT", &path).header("x-api-key", &house.admin).body(vec![0; WHOLE]);
    House::send(put).await.is(204);
    let mut reader = connect(&house);
    reader.write_all(head(&house, &format!("GET {path}"), "").as_bytes()).unwrap();
    // He takes a little each time, and never stops for long.
    let (mut came, mut piece) = (0, vec![0; 16 << 10]);
    loop {
        house.get(&house.admin, "/healthz").await.is(200);
        match tokio::task::block_in_place(|| reader.read(&mut piece)) {
            Ok(0) | Err(_) => break,
            Ok(bytes) => came += bytes,
        }
        assert!(came < WHOLE, "the setting is ignored: who drips is waited for");
    }
}

/// A connection from an address of this machine.
async fn connect_from(house: &House, from: &str) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(house.url.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
pub async fn address_connections_bound_those_from_one_address() {
    let house = House::with(&[("http.address_connections", "2")]).await;
    let ask = head(&house, "GET /v1/whoami", "");
    let is_answered = |stream: &mut TcpStream| {
        let _ = stream.write_all(ask.as_bytes());
        stream.set_read_timeout(Some(SOON)).unwrap();
        matches!(stream.read(&mut [0; 4_096]), Ok(1..))
    };
    let mut open = [connect_from(&house, "127.0.0.2").await, connect_from(&house, "127.0.0.2").await];
    for stream in &mut open {
        assert!(is_answered(stream));
    }
    assert!(!is_answered(&mut connect_from(&house, "127.0.0.2").await));
    assert!(is_answered(&mut connect_from(&house, "127.0.0.3").await));
    assert!(open.iter_mut().all(is_answered), "those that are open stay");
}

#[tokio::test]
pub async fn body_bytes_bound_a_document() {
    let house = House::with(&[("http.body_bytes", "100")]).await;
    let labels = |length: usize| json!({"labels": {"x": "y".repeat(length)}});
    house.post(&house.admin, "/v1/sandboxes", labels(20)).await.is(201);
    assert_eq!(house.post(&house.admin, "/v1/sandboxes", labels(110)).await.status, 413);
}

#[tokio::test]
pub async fn upload_bytes_bound_an_upload() {
    let house = House::with(&[("http.upload_bytes", "3000")]).await;
    let upload = |bytes: usize| {
        House::send(house.ask("PUT", "/v1/workspaces/w").header("x-api-key", &house.admin).body(vec![0; bytes]))
    };
    assert_eq!(upload(3_001).await.status, 413);
    assert_ne!(upload(3_000).await.status, 413);
}

#[tokio::test]
pub async fn page_is_the_most_of_a_list() {
    let house = House::with(&[("http.page", "2")]).await;
    for _ in 0..3 {
        house.post(&house.admin, "/v1/sandboxes", json!({})).await.is(201);
    }
    let page = house.get(&house.admin, "/v1/sandboxes").await.is(200);
    assert_eq!(page["sandboxes"].as_array().unwrap().len(), 2);
    assert!(page["next"].is_string());
    assert_eq!(house.get(&house.admin, "/v1/sandboxes?limit=3").await.is(422)["field"], "limit");
}

#[tokio::test]
pub async fn streams_beyond_the_number_are_told_to_come_again() {
    let house = House::with(&[("http.streams", "2")]).await;
    let digest = house.submit(&house.admin, "hello").await;
    let body =
        json!({"component": digest, "command": ["x", "--sleep-ms", "600000"], "limits": {"deadline_ms": 600_000}});
    let mut open = Vec::new();
    loop {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin);
        let answer = request.header("accept", "text/event-stream").json(&body).send().await.unwrap();
        if answer.status() != 200 {
            assert!(matches!(answer.status().as_u16(), 429 | 503), "{answer:?}");
            break;
        }
        open.push(answer);
        assert!(open.len() <= 2, "the setting is ignored");
    }
    assert!(!open.is_empty());
}

#[tokio::test]
pub async fn tls_files_are_what_is_shown_to_callers() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = dir.path().join(name).display().to_string();
        std::fs::write(&path, text).unwrap();
        path
    };
    let (cert, key) = (file("cert", made.cert.pem()), file("key", made.signing_key.serialize_pem()));
    let house = House::with(&[("tls.cert_file", &cert), ("tls.key_file", &key)]).await;
    assert!(house.url.starts_with("https://"));
    let trusts = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([trusts]).build().unwrap();
    assert_eq!(client.get(format!("{}/healthz", house.url)).send().await.unwrap().status(), 200);
}

/// The certificate in the data folder is all that is needed to know the service, from start to start.
#[tokio::test]
pub async fn tls_self_made_is_known_by_its_file() {
    let mut house = House::with(&[("tls.self_made", "true"), ("http.listen", "0.0.0.0:0")]).await;
    let data = house.dir.path().join("data");
    let file = || std::fs::read(data.join("certificate.pem")).unwrap();
    let port = |house: &House| house.url.strip_prefix("https://0.0.0.0:").unwrap().parse::<u16>().unwrap();
    let reaches = async |house: &House, name: &str| {
        let trusts = reqwest::Certificate::from_pem(&file()).unwrap();
        let here = std::net::SocketAddr::from(([127, 0, 0, 1], port(house)));
        let client = reqwest::Client::builder().tls_certs_only([trusts]).resolve("fence.example", here).build();
        client.unwrap().get(format!("https://{name}:{}/healthz", port(house))).send().await.is_ok()
    };
    let careful = reqwest::Client::new().get(format!("https://127.0.0.1:{}/healthz", port(&house))).send().await;
    assert!(careful.is_err(), "nobody else vouches for it");
    // From which address others would be spoken to; nothing is sent.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let outside = socket.connect("198.51.100.1:9").and_then(|()| socket.local_addr());
    let outside = outside.map_or("127.0.0.1".to_owned(), |address| address.ip().to_string());
    for name in ["127.0.0.1", "localhost", &outside] {
        assert!(reaches(&house, name).await, "{name}");
    }
    assert!(!reaches(&house, "fence.example").await);
    let mode = |path: &str| std::fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secrets"), mode("secrets/certificate.key")), (0o700, 0o600));

    let first = file();
    let again = [("tls.self_made", "true"), ("http.listen", "0.0.0.0:0")];
    house = house.again(&again).await;
    assert_eq!(file(), first, "it is made once");
    house = house.again(&[again[0], again[1], ("http.hosts", "127.0.0.1,fence.example")]).await;
    assert!(file() != first && reaches(&house, "fence.example").await, "made anew for one name more");
    // Another key, as after a restored backup: the certificate that is there is of no use.
    std::fs::remove_file(data.join("secrets/certificate.key")).unwrap();
    house = house.again(&again).await;
    assert!(reaches(&house, "127.0.0.1").await);
}
