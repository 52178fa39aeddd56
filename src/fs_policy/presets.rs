use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::rule::{Kind, Level, Rule};

/// Below what people write without a priority, so that their rules come on top.
const BASE: i32 = -100;
const PLACE: i32 = -50;
/// Above it: whoever means a secret says so with a higher one.
const SECRET: i32 = 100;

/// What no preset but `full-access` shows, at any depth. A slash at the end takes a folder with all that is in it.
const SECRETS: [&str; 62] = [
    // Environment files.
    "**/.env/",
    "**/.env.*/",
    "**/.env?*/",
    "**/*.env",
    "**/.envrc",
    "**/.direnv/",
    // History of a repository holds what was ever committed.
    "**/.git/",
    "**/.hg/",
    "**/.svn/",
    "**/.git-credentials",
    "**/.gitcookies",
    // Keys and certificates.
    "**/*.key",
    "**/*.pem",
    "**/*.p12",
    "**/*.pfx",
    "**/*.p8",
    "**/*.pk8",
    "**/*.jks",
    "**/*.keystore",
    "**/*.kdbx",
    "**/*.ppk",
    "**/*.crt",
    "**/*.cer",
    "**/*.der",
    "**/*.gpg",
    "**/*.asc",
    "**/*.age",
    // SSH and GnuPG.
    "**/.ssh/",
    "**/.gnupg/",
    "**/id_{rsa,dsa,ecdsa,ed25519}*",
    "**/ssh_host_*_key",
    "**/authorized_keys",
    "**/known_hosts",
    // Clouds and clusters.
    "**/.aws/",
    "**/.azure/",
    "**/.gcloud/",
    "**/.config/gcloud/",
    "**/.kube/",
    "**/kubeconfig*",
    "**/.oci/",
    "**/.docker/config.json",
    "**/.dockercfg",
    "**/*service[-_]account*.json",
    "**/*.tfstate",
    "**/*.tfstate.*",
    "**/*.tfvars",
    "**/.terraform/",
    "**/.vault-token",
    // Tokens, passwords, secrets.
    "**/secrets/",
    "**/.secrets/",
    "**/*secret*.{json,yaml,yml,toml,ini,txt,cfg,conf,properties,xml}",
    "**/.secret*",
    "**/credentials*/",
    "**/.credentials*/",
    "**/*token*.{json,yaml,yml,txt}",
    "**/.{npmrc,pypirc,netrc,pgpass,my.cnf,htpasswd,yarnrc.yml}",
    "**/_netrc",
    "**/.password-store/",
    "**/*.{ovpn,keytab}",
    "**/.{bash,zsh,psql,mysql,python,node_repl}_history",
    "**/.cargo/credentials*",
    "**/.gem/credentials",
];

/// The patterns of secrets, for those who leave them out of an upload.
pub fn secret_patterns() -> impl Iterator<Item = &'static str> {
    SECRETS.into_iter()
}

/// A set of rules with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    AgentSafe,
    Development,
    ReadOnly,
    FullAccess,
    ViewOnly,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no preset `{0}`; write agent-safe, development, read-only, full-access or view-only")]
pub struct UnknownPreset(String);

impl Preset {
    pub const ALL: [Preset; 5] =
        [Preset::AgentSafe, Preset::Development, Preset::ReadOnly, Preset::FullAccess, Preset::ViewOnly];

    pub const fn as_str(self) -> &'static str {
        match self {
            Preset::AgentSafe => "agent-safe",
            Preset::Development => "development",
            Preset::ReadOnly => "read-only",
            Preset::FullAccess => "full-access",
            Preset::ViewOnly => "view-only",
        }
    }

    pub fn rules(self) -> Vec<Rule> {
        let base = match self {
            Preset::AgentSafe | Preset::ReadOnly => Level::Read,
            Preset::Development | Preset::FullAccess => Level::Write,
            Preset::ViewOnly => Level::View,
        };
        let mut rules = vec![("/**", base, BASE)];
        if self == Preset::AgentSafe {
            rules.extend([("/output/", Level::Write, PLACE), ("/tmp/", Level::Write, PLACE)]);
        }
        if self != Preset::FullAccess {
            rules.extend(SECRETS.map(|pattern| (pattern, Level::None, SECRET)));
        }
        let rule = |(pattern, level, priority)| Rule::new(pattern, level, Kind::Glob, priority).ok();
        rules.into_iter().filter_map(rule).collect()
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(text: &str) -> Result<Self, UnknownPreset> {
        let known = Preset::ALL.into_iter().find(|preset| preset.as_str() == text);
        known.ok_or_else(|| UnknownPreset(super::rule::short(text)))
    }
}
