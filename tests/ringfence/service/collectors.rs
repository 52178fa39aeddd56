//! Whoever the audit log is sent to: real servers, which take things apart as strictly as their formats say.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;

/// What came, in the order in which it came.
pub type Heard = Arc<Mutex<Vec<String>>>;

pub struct Collector {
    pub address: String,
    /// Records, as they were in their messages.
    pub heard: Heard,
    /// What came before the records of each message: headers of syslog, heads of HTTP.
    pub heads: Heard,
}

impl Collector {
    fn of(listener: &TcpListener) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        Self { address, heard: Heard::default(), heads: Heard::default() }
    }

    /// RFC 5424 over TCP. The first connections are hung up after so many bytes each, of which nothing is kept.
    pub fn syslog(listener: TcpListener, tls: Option<TlsAcceptor>, lose: &[usize]) -> Self {
        let peer = Self::of(&listener);
        let (heard, heads, mut lose) = (peer.heard.clone(), peer.heads.clone(), VecDeque::from(lose.to_vec()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, heads, lost) = (heard.clone(), heads.clone(), lose.pop_front());
                let tls = tls.clone();
                tokio::spawn(async move {
                    match (lost, tls) {
                        (Some(bytes), _) => lose_all(stream, bytes).await,
                        (None, None) => frames(stream, &heard, &heads).await,
                        (None, Some(tls)) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                frames(stream, &heard, &heads).await;
                            }
                        }
                    }
                });
            }
        });
        peer
    }

    /// HTTP, which answers as it is told and then takes everything: a status, `drop` to hang up, `never` to say nothing.
    pub fn http(listener: TcpListener, tls: Option<TlsAcceptor>, answers: &[&'static str]) -> Self {
        let peer = Self::of(&listener);
        let (heard, heads, mut answers) = (peer.heard.clone(), peer.heads.clone(), VecDeque::from(answers.to_vec()));
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream: Box<dyn Stream> = match &tls {
                    None => Box::new(stream),
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => Box::new(stream),
                        Err(_) => continue,
                    },
                };
                let answer = answers.pop_front().unwrap_or("200");
                if answer == "drop" {
                    continue;
                }
                let Some((head, body)) = message(&mut stream).await else { continue };
                if answer == "never" {
                    silent.push(stream);
                    continue;
                }
                heads.lock().unwrap().push(head);
                if answer.starts_with('2') {
                    heard.lock().unwrap().extend(body.lines().map(str::to_owned));
                }
                let head = format!("HTTP/1.1 {answer} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
            }
        });
        peer
    }

    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

pub async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Reads so much, and goes away.
async fn lose_all(mut stream: TcpStream, mut bytes: usize) {
    let mut piece = [0; 256];
    while bytes > 0 {
        let most = bytes.min(piece.len());
        match stream.read(&mut piece[..most]).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes -= read,
        }
    }
}

/// Octet counting of RFC 6587: each message after its length, and nothing between them.
async fn frames(mut stream: impl AsyncRead + Unpin, heard: &Heard, heads: &Heard) {
    let mut bytes = Vec::new();
    loop {
        while let Some(at) = bytes.iter().position(|byte| *byte == b' ') {
            let length: String = String::from_utf8(bytes[..at].to_vec()).unwrap_or_default();
            let Some(length) = length.parse::<usize>().ok().filter(|_| !length.starts_with(['0', '+'])) else {
                heard.lock().unwrap().push(format!("no length: {length:?}"));
                return;
            };
            if bytes.len() < at + 1 + length {
                break;
            }
            let message: Vec<u8> = bytes.drain(..at + 1 + length).skip(at + 1).collect();
            let (head, text) = parts(&String::from_utf8(message).unwrap());
            heads.lock().unwrap().push(head);
            heard.lock().unwrap().push(text);
        }
        let mut piece = [0; 8_192];
        match stream.read(&mut piece).await {
            // What has no end yet was not sent.
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`
fn parts(message: &str) -> (String, String) {
    let words: Vec<&str> = message.splitn(8, ' ').collect();
    let [first, time, host, app, process, event, data, text] = words[..] else {
        return (String::new(), format!("no message of RFC 5424: {message}"));
    };
    let priority = first.strip_prefix('<').and_then(|rest| rest.strip_suffix(">1")).and_then(|text| text.parse().ok());
    let plain = |word: &str, most| (1..=most).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic());
    let good = priority.is_some_and(|priority: u8| priority / 8 == 13)
        && time.parse::<jiff::Timestamp>().is_ok()
        && plain(host, 255)
        && plain(event, 32)
        && (app, process, data) == ("ringfence", "-", "-");
    let text = if good { text.to_owned() } else { format!("no message of RFC 5424: {message}") };
    (words[..7].join(" "), text)
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn message(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let body = &bytes[end + 4..];
            if body.len() >= length.parse::<usize>().unwrap() {
                return Some((head, String::from_utf8(body.to_vec()).unwrap()));
            }
        }
        let mut piece = [0; 8_192];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// One who vouches for a server on 127.0.0.1: his certificate in PEM, and what the server shows.
pub fn vouched() -> (String, TlsAcceptor) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let shown = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_single_cert(vec![shown.der().clone()], key).unwrap();
    (root, TlsAcceptor::from(Arc::new(config)))
}

/// All records of a log, as lines.
pub fn log_lines(audit: &Path) -> Vec<String> {
    let mut segments: Vec<_> =
        std::fs::read_dir(audit.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    let texts = segments.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts.flat_map(|text| text.trim_end().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn seq(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))["seq"].as_u64().unwrap()
}

/// Each record of the log came at least once, as it is there, and for the first time in their order.
#[track_caller]
pub fn all_came(heard: &[String], audit: &Path) {
    let log = log_lines(audit);
    let mut next = 0;
    for line in heard {
        let seq = seq(line);
        assert!(seq <= next, "record {seq} came before {next}");
        assert_eq!(Some(line), log.get(usize::try_from(seq).unwrap()), "record {seq} is another");
        next = next.max(seq + 1);
    }
    assert_eq!(next, log.len() as u64, "records are missing");
}
