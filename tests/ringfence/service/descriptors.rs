//! Connections of people without a key, in a process that may open few files.

use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};

use super::child::Served;
use crate::support::still_patient;

/// Idle connections from an address of this machine. Some may be closed at once.
async fn crowd(served: &Served, from: &str, many: usize) -> Vec<TcpStream> {
    // This process has both ends' worth of others' tests in it as well.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let all = rustix::process::Rlimit { current: most, maximum: most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, all).unwrap();
    let address = served.url.strip_prefix("http://").unwrap().parse().unwrap();
    let (mut open, began) = (Vec::new(), Instant::now());
    while open.len() < many {
        still_patient(began);
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        // Where nobody takes them for a while, they wait in the kernel, which has not room for all.
        if let Ok(connected) = tokio::time::timeout(Duration::from_secs(5), socket.connect(address)).await {
            open.push(connected.unwrap());
        }
    }
    open
}

#[tokio::test]
async fn a_thousand_idle_connections_leave_room_where_few_files_may_be_open() {
    let dir = tempfile::tempdir().unwrap();
    // So patient with idle connections that they stay.
    let served = Served::start_after("ulimit -n 1024", dir.path(), &[("http.header_ms", "600000")]);
    let admin = served.first_key.clone().unwrap();
    let idle = crowd(&served, "127.0.0.2", 1_000).await;
    served.get(&admin, "/healthz").await.is(200);
    served.get(&admin, "/readyz").await.is(200);
    served.sandbox(&admin).await;
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(log.contains("fewer connections are taken"), "it is said: {log}");
    drop(idle);
}

#[tokio::test]
async fn it_takes_as_many_files_as_it_is_let() {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("http.header_ms", "600000"), ("http.address_connections", "10000")];
    let served = Served::start_after("ulimit -S -n 1024", dir.path(), &settings);
    let admin = served.first_key.clone().unwrap();
    let maximum = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum.unwrap_or(u64::MAX);
    // Half of what it is let is for connections at least.
    let many = usize::try_from((maximum / 2 - 100).min(1_100)).unwrap();
    let idle = crowd(&served, "127.0.0.1", many).await;
    served.get(&admin, "/healthz").await.is(200);
    served.sandbox(&admin).await;
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    assert_eq!(log.contains("fewer connections are taken"), maximum < 14_096, "{log}");
    drop(idle);
}
