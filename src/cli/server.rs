use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;

use super::exit::Mistake;
use crate::client::{Client, ClientError, Login, Logins, Server};
use crate::config::{self, Overrides};

/// Longer than any key or token.
const KEY_BYTES: u64 = 64 << 10;
/// In the place of an address: the server of the last login.
const SAVED: &str = "saved";

/// Which server does the work, in the place of this machine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerFlags {
    /// Let this server do it, not this machine; `saved` is the one of the last login [default: $RINGFENCE_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// The key for the server; others on this machine may see it in a list of processes [default: $RINGFENCE_API_KEY,
    /// else what `ringfence login` keeps]
    #[arg(long, global = true, value_name = "KEY", conflicts_with = "api_key_file")]
    api_key: Option<String>,
    /// A file with the key for the server
    #[arg(long, global = true, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The certificates that may vouch for the server, in PEM, instead of those that this machine knows
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Speak plain HTTP to another machine: the key crosses the network in the open
    #[arg(long, global = true)]
    insecure_http: bool,
}

fn variable(name: &str) -> Option<String> {
    config::variable(name).filter(|value| !value.is_empty())
}

impl ServerFlags {
    /// The server that was named, by the flag or by the environment; `None` where this machine is to do it. Having logged
    /// in somewhere names nothing.
    pub(super) fn named(&self) -> anyhow::Result<Option<Client>> {
        match self.address() {
            Some(address) => self.client(Some(&address)).map(Some),
            None => self.alone().map(|()| None),
        }
    }

    /// For what only a server can do: the one that was named, else the one of the last login.
    pub(super) fn any(&self) -> anyhow::Result<Client> {
        self.client(self.address().as_deref())
    }

    /// For what only this machine can do.
    pub(super) fn none(&self) -> anyhow::Result<()> {
        match &self.server {
            Some(_) => {
                Err(Mistake::NoEqual("--server: this is done on this machine alone; leave it out".into()).into())
            }
            None => self.alone(),
        }
    }

    /// Flags that are about a server, where there is none: what was meant is not what would be done.
    fn alone(&self) -> anyhow::Result<()> {
        let given = [
            (self.api_key.is_some(), "--api-key"),
            (self.api_key_file.is_some(), "--api-key-file"),
            (self.ca.is_some(), "--ca"),
            (self.insecure_http, "--insecure-http"),
        ];
        match given.iter().find(|(is, _)| *is) {
            Some((_, flag)) => Err(Mistake::Server(format!("{flag} is for a server; add --server URL")).into()),
            None => Ok(()),
        }
    }

    fn address(&self) -> Option<String> {
        self.server.clone().or_else(|| variable("RINGFENCE_SERVER"))
    }

    fn client(&self, address: Option<&str>) -> anyhow::Result<Client> {
        let given = self.flag_key()?.or_else(|| variable("RINGFENCE_API_KEY"));
        let kept = || Ok::<_, anyhow::Error>(Logins::read(&config::config_dir()?)?);
        let logins = match (&given, address) {
            // Whoever has a key needs no folder.
            (Some(_), Some(address)) if address != SAVED => kept().unwrap_or_default(),
            _ => kept()?,
        };
        let address = match address {
            Some(address) if address != SAVED => address.to_owned(),
            _ => logins.last.clone().ok_or_else(|| {
                Mistake::Server("no server is known: give --server URL, set RINGFENCE_SERVER, or log in".to_owned())
            })?,
        };
        // As it is kept, so that one address written in two ways is one.
        let name = Server::parse(&address, true)?.to_string();
        let kept = logins.servers.get(&name);
        let server = Server::parse(&address, self.insecure_http || kept.is_some_and(|kept| kept.insecure_http))?;
        let key = given.or_else(|| kept.map(|kept| kept.key.clone())).ok_or_else(|| {
            let how = "give --api-key-file FILE, set RINGFENCE_API_KEY, or log in";
            Mistake::NoKey(format!("there is no key for {server}: {how}"))
        })?;
        let ca = self.ca.clone().or_else(|| kept.and_then(|kept| kept.ca.clone()));
        Ok(Client::new(server, &key, ca.as_deref())?)
    }

    fn flag_key(&self) -> Result<Option<String>, Mistake> {
        let Some(path) = &self.api_key_file else { return Ok(self.api_key.clone()) };
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(KEY_BYTES).read_to_string(&mut text));
        read.map_err(|reason| Mistake::File { file: path.display().to_string(), reason })?;
        Ok(Some(text.trim().to_owned()))
    }

    /// Where a login goes: named, or the service of this machine as it is by itself.
    pub(super) fn login(&self, ask: impl FnOnce(&Server) -> anyhow::Result<String>) -> anyhow::Result<(Client, Login)> {
        let address = self.address().filter(|address| address != SAVED);
        let address = address.unwrap_or_else(|| "http://127.0.0.1:7070".to_owned());
        let server = Server::parse(&address, self.insecure_http)?;
        // What the environment says is in use already; a login is for another key, or to have it kept.
        let key = match self.flag_key()? {
            Some(key) => key,
            None => ask(&server)?,
        };
        let absolute = |file: &PathBuf| {
            std::path::absolute(file).map_err(|reason| Mistake::File { file: file.display().to_string(), reason })
        };
        let ca = self.ca.as_ref().map(absolute).transpose()?;
        let client = Client::new(server, &key, ca.as_deref())?;
        Ok((client, Login { key: key.trim().to_owned(), ca, insecure_http: self.insecure_http }))
    }

    /// The server whose key is to be forgotten: the one that was named, by the flag or by the environment.
    pub(super) fn logout(&self, logins: &Logins) -> Result<String, ClientError> {
        match self.address().filter(|address| address != SAVED) {
            Some(address) => Ok(Server::parse(&address, true)?.to_string()),
            None => Ok(logins.last.clone().unwrap_or_default()),
        }
    }
}

/// What concerns only this machine cannot be had from a server.
pub(super) fn no_host_flags(host: &Overrides) -> Result<(), Mistake> {
    refused(host, "is about this machine; the server has settings of its own")
}

/// A question about rules runs nothing, so what is said of running would be lost without a word.
pub(super) fn only_asks(host: &Overrides) -> Result<(), Mistake> {
    refused(host, "changes nothing here, where nothing runs; leave it out")
}

fn refused(host: &Overrides, why: &str) -> Result<(), Mistake> {
    let given = [
        (host.data_dir.is_some(), "--data-dir"),
        (host.disk_reserve_bytes.is_some(), "--disk-reserve-bytes"),
        (host.cache_dir.is_some(), "--cache-dir"),
        (host.cache_bytes.is_some(), "--cache-bytes"),
        (host.no_cache, "--no-cache"),
        (host.module_bytes.is_some(), "--module-bytes"),
        (host.compile_deadline_ms.is_some(), "--compile-deadline-ms"),
        (host.compile_memory_bytes.is_some(), "--compile-memory-bytes"),
    ];
    match given.iter().find(|(is, _)| *is) {
        Some((_, flag)) => Err(Mistake::NoEqual(format!("{flag} {why}"))),
        None => Ok(()),
    }
}
