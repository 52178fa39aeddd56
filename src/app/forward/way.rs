use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

use super::file::{self, Lines};
use crate::app::hook::without_end;
use crate::app::log;
use crate::app::service::now;
use crate::audit::folder::ORIGIN;
use crate::audit::forward::{Batch, ForwardSettings, Position, Shape, Way};
use crate::audit::{AuditSettings, Format, Reader};
use crate::egress::{Collector, CollectorSettings, SyslogPeer};

/// How a target is reached.
pub(in crate::app) enum Outlet {
    File(Lines),
    Syslog(SyslogPeer),
    Http(Box<Collector>),
}

/// Why something was not taken: a word of ours for the metrics, and what a person can mend.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) word: &'static str,
    pub(super) why: String,
}

impl Failure {
    pub(super) fn new(word: &'static str, why: impl ToString) -> Self {
        Self { word, why: why.to_string() }
    }
}

impl Outlet {
    pub(super) async fn send(&mut self, batch: &Batch, origin: &str, format: Format) -> Result<(), Failure> {
        match self {
            Outlet::File(lines) => lines.add(&batch.body).await.map_err(|error| Failure::new("disk", error)),
            Outlet::Syslog(peer) => peer.send(&batch.body).await.map_err(|error| Failure::new("unreachable", error)),
            Outlet::Http(collector) => {
                let kind = if format == Format::Cef { "text/plain; charset=utf-8" } else { "application/x-ndjson" };
                let (first, last) = (batch.records.start, batch.records.end.saturating_sub(1));
                let about = [("ringfence-log", origin.to_owned()), ("ringfence-records", format!("{first}-{last}"))];
                let posted = collector.post(batch.body.clone(), kind, about, now()).await;
                posted.map_err(|(status, why)| {
                    Failure::new(if status.is_some() { "refused" } else { "unreachable" }, why)
                })
            }
        }
    }

    /// Whether what was sent can be taken to have come, where nobody says so.
    pub(super) async fn settle(&mut self) -> Result<(), Failure> {
        match self {
            Outlet::Syslog(peer) => peer.settle().await.map_err(|error| Failure::new("unreachable", error)),
            Outlet::File(_) | Outlet::Http(_) => Ok(()),
        }
    }

    /// Who takes something says so.
    pub(super) const fn answers(&self) -> bool {
        !matches!(self, Outlet::Syslog(_))
    }

    /// How records are written for it.
    pub(super) fn shape(&self, format: Format, origin: &str) -> Shape {
        if self.answers() { Shape { format, host: None } } else { Shape::syslog(format, origin) }
    }
}

/// How each target is reached; what a start would refuse of that.
pub(in crate::app) fn outlets(settings: &AuditSettings, data: &Path) -> anyhow::Result<Vec<Outlet>> {
    let root = log::folder(settings, data);
    let one = |target: &ForwardSettings| outlet(target, &root).with_context(|| failed(target));
    settings.forward.iter().map(one).collect()
}

/// The same, and whether what is kept of each fits the log, where there is one.
pub(in crate::app) fn check(settings: &AuditSettings, data: &Path) -> anyhow::Result<()> {
    outlets(settings, data)?;
    let root = log::folder(settings, data);
    let Ok(origin) = fs::read_to_string(root.join(ORIGIN)) else { return Ok(()) };
    let reader = Reader::new(&root);
    for target in &settings.forward {
        Position::find(&reader, origin.trim_end(), &target.name).with_context(|| failed(target))?;
    }
    Ok(())
}

pub(super) fn failed(target: &ForwardSettings) -> String {
    format!("audit.forward.{}", target.name)
}

fn outlet(target: &ForwardSettings, audit: &Path) -> anyhow::Result<Outlet> {
    let read = |what: &str, file: Option<&Path>| {
        let read = |file: &Path| fs::read(file).map(Zeroizing::new).with_context(|| shown(what, file));
        file.map(read).transpose()
    };
    Ok(match target.way().map_err(anyhow::Error::msg)? {
        Way::File(path) => Outlet::File(Lines::new(checked(path, audit)?, audit.to_owned())),
        Way::Syslog { address, ca_file, private } => {
            let roots = read("ca_file", ca_file)?;
            Outlet::Syslog(SyslogPeer::new(address, roots.as_ref().map(|pem| pem.as_slice()), private)?)
        }
        Way::Http { url, ca_file, header_file, key_file, private } => {
            let (roots, headers) = (read("ca_file", ca_file)?, read("header_file", header_file)?);
            let key = read("key_file", key_file)?;
            let headers = headers.as_ref().map_or("", |headers| std::str::from_utf8(headers).unwrap_or("?"));
            Outlet::Http(Box::new(Collector::new(&CollectorSettings {
                url,
                roots: roots.as_ref().map(|pem| pem.as_slice()),
                headers,
                key: key.as_ref().map(|key| without_end(key)),
                private,
            })?))
        }
    })
}

fn shown(what: &str, file: &Path) -> String {
    format!("{what}: {}", file.display())
}

/// A file that can be added to, and is none of the log's own.
fn checked(path: &Path, audit: &Path) -> anyhow::Result<PathBuf> {
    let whole = std::path::absolute(path)?;
    let (Some(within), Some(name)) = (whole.parent(), whole.file_name()) else { bail!(shown("path", path)) };
    let within = within.canonicalize().with_context(|| shown("path: make the folder of it", path))?;
    if audit.canonicalize().is_ok_and(|audit| within.starts_with(audit)) {
        bail!("{}: that is in the folder of the log itself", shown("path", path));
    }
    let path = within.join(name);
    match file::wrong(&path, audit).with_context(|| shown("path", &path))? {
        Some(wrong) => bail!("{}: {wrong}", shown("path", &path)),
        None => Ok(path),
    }
}
