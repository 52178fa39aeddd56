use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::export::Format;

/// Where the log is sent as well, record by record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardSettings {
    /// What it is called in the log of the service, in the metrics and where its position is kept.
    pub name: String,
    pub kind: ForwardKind,
    #[serde(default)]
    pub format: Format,
    /// `file`: where lines are added.
    pub path: Option<PathBuf>,
    /// `syslog`: host and port.
    pub address: Option<String>,
    /// `syslog`: `false` sends in the open; else `ca_file` says who may vouch for the peer.
    pub tls: Option<bool>,
    /// `http`: `https`, or `http` to this machine.
    pub url: Option<String>,
    /// The only certificates that may vouch for the peer; for `http`, instead of those of this machine.
    pub ca_file: Option<PathBuf>,
    /// `http`: headers with a secret, one a line (`Authorization: Bearer …`).
    pub header_file: Option<PathBuf>,
    /// `http`: what each batch is signed with, as alerts are.
    pub key_file: Option<PathBuf>,
    /// The address may lead to a private network; otherwise only to the internet or to this machine.
    #[serde(default)]
    pub private: bool,
    /// How much longer than others old segments are kept that it has not got yet.
    #[serde(default = "keep_days")]
    pub keep_days: u64,
    /// How long it may take nothing before that is told.
    #[serde(default = "patience_s")]
    pub patience_s: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardKind {
    File,
    Syslog,
    Http,
}

/// How a target is reached, with all that its kind needs and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    File(&'a Path),
    /// In the open where there is no `ca_file`.
    Syslog {
        address: &'a str,
        ca_file: Option<&'a Path>,
        private: bool,
    },
    Http {
        url: &'a str,
        ca_file: Option<&'a Path>,
        header_file: Option<&'a Path>,
        key_file: Option<&'a Path>,
        private: bool,
    },
}

const TARGETS: usize = 16;
const NAME_BYTES: usize = 32;
const KEEP_DAYS: u64 = 36_500;
const PATIENCE_S: u64 = 86_400;

fn keep_days() -> u64 {
    30
}

fn patience_s() -> u64 {
    300
}

/// Refuses by name what cannot be held, before anything starts.
pub fn check(all: &[ForwardSettings]) -> Result<(), String> {
    if all.len() > TARGETS {
        return Err(format!("there are {} targets; {TARGETS} at most", all.len()));
    }
    for (n, one) in all.iter().enumerate() {
        let name = &one.name;
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !(1..=NAME_BYTES).contains(&name.len()) || !name.bytes().all(good) {
            return Err(format!("name: {name:?}: write 1 to {NAME_BYTES} of a-z, 0-9, - and _"));
        }
        let wrong = |what: String| Err(format!("{name}: {what}"));
        let others = all.iter().take(n);
        for other in others {
            if other.name == *name {
                return wrong("another target has this name".into());
            }
            if one.path.is_some() && other.path == one.path {
                return wrong(format!("path: that is the file of {}", other.name));
            }
        }
        for (key, value, most) in [("keep_days", one.keep_days, KEEP_DAYS), ("patience_s", one.patience_s, PATIENCE_S)]
        {
            if value > most {
                return wrong(format!("{key} is {value}; it must be 0 to {most}"));
            }
        }
        if let Err(what) = one.way() {
            return wrong(what);
        }
    }
    Ok(())
}

impl ForwardSettings {
    /// How it is reached; what its kind needs must be said, and nothing that is for others.
    pub fn way(&self) -> Result<Way<'_>, String> {
        let said = [
            ("path", self.path.is_some()),
            ("address", self.address.is_some()),
            ("tls", self.tls.is_some()),
            ("url", self.url.is_some()),
            ("ca_file", self.ca_file.is_some()),
            ("header_file", self.header_file.is_some()),
            ("key_file", self.key_file.is_some()),
            ("private", self.private),
        ];
        let (kind, own): (_, &[&str]) = match self.kind {
            ForwardKind::File => ("file", &["path"]),
            ForwardKind::Syslog => ("syslog", &["address", "tls", "ca_file", "private"]),
            ForwardKind::Http => ("http", &["url", "ca_file", "header_file", "key_file", "private"]),
        };
        if let Some((key, _)) = said.iter().find(|(key, said)| *said && !own.contains(key)) {
            return Err(format!("{key} is nothing for the kind {kind}"));
        }
        let missing = |key: &str| format!("the kind {kind} needs {key}");
        let (ca_file, private) = (self.ca_file.as_deref(), self.private);
        match self.kind {
            ForwardKind::File => Ok(Way::File(self.path.as_deref().ok_or_else(|| missing("path"))?)),
            ForwardKind::Syslog => {
                let address = self.address.as_deref().ok_or_else(|| missing("address"))?;
                match (self.tls.unwrap_or(true), ca_file) {
                    (true, None) => Err(format!("{}, or `tls = false` to send in the open", missing("ca_file"))),
                    (false, Some(_)) => Err("ca_file is for TLS, and there is `tls = false`".into()),
                    _ => Ok(Way::Syslog { address, ca_file, private }),
                }
            }
            ForwardKind::Http => Ok(Way::Http {
                url: self.url.as_deref().ok_or_else(|| missing("url"))?,
                ca_file,
                header_file: self.header_file.as_deref(),
                key_file: self.key_file.as_deref(),
                private,
            }),
        }
    }
}
