use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How the service is reached, and what one request or connection may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    pub listen: SocketAddr,
    /// Listens on other addresses than those of this machine without TLS. Keys cross the network in the open then.
    pub allow_plain_http: bool,
    /// Names under which the service is known. On an address of this machine alone `localhost` and that address are, and
    /// no other is answered; elsewhere any name is where none is listed here.
    pub hosts: Vec<String>,
    /// Connections at one time; more wait in the kernel.
    pub connections: u32,
    /// Of them those from one address, which may be that of a proxy with everybody behind it; one more is closed.
    pub address_connections: u32,
    /// Requests at work at one time; one more is told to come again. No tenant gets more than half of them.
    pub requests: u32,
    /// All headers of a request together.
    pub header_bytes: u32,
    pub headers: u32,
    /// How long the head of a request may take to come, and a connection may idle between requests.
    pub header_ms: u64,
    /// A JSON body.
    pub body_bytes: u64,
    /// An upload: a component, an archive, a file.
    pub upload_bytes: u64,
    /// Bodies that are in memory as a whole at one time, components most of all; and those of one tenant. One more is told
    /// to come again.
    pub bodies_bytes: u64,
    pub tenant_bodies_bytes: u64,
    /// How long nothing of a body may come before the request is given up.
    pub stall_ms: u64,
    /// How long a whole body may take.
    pub body_ms: u64,
    /// How long a reader may keep an answer waiting, at once or in pieces, before it is looked how much he took meanwhile.
    pub write_ms: u64,
    /// What he must have taken then, in each second; else the connection is cut. With 0 anything is enough.
    pub write_least_bytes: u64,
    /// How many objects one page of a list has at most.
    pub page: u32,
    /// Event streams that are open at one time. No tenant gets more than half of them.
    pub streams: u32,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            allow_plain_http: false,
            hosts: Vec::new(),
            connections: 10_000,
            address_connections: 5_000,
            requests: 1_024,
            header_bytes: 32 << 10,
            headers: 64,
            header_ms: 15_000,
            body_bytes: 1 << 20,
            upload_bytes: 256 << 20,
            bodies_bytes: 512 << 20,
            tenant_bodies_bytes: 256 << 20,
            stall_ms: 10_000,
            body_ms: 120_000,
            write_ms: 30_000,
            write_least_bytes: 16 << 10,
            page: 100,
            streams: 1_000,
        }
    }
}

/// Where the certificate is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// Makes one and keeps it in the data folder: only who was given the file can know that it is us.
    pub self_made: bool,
}
