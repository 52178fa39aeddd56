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
const SECRETS: [&str; 86] = [
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
    "**/.bzr/",
    "**/.jj/",
    "**/.gitcookies",
    // Keys and certificates, and what editors and people leave beside them.
    "**/*.{key,pem,p12,pfx,p8,pk8,p7b,p7c,p7s}",
    "**/*.{key,pem,p12,pfx,crt,jks}{~,.*}",
    "**/*.{jks,jceks,bks,keystore,truststore}",
    "**/*.{kdbx,kdb,ppk,agilekeychain}",
    "**/*.{crt,cer,cert,der,csr}",
    "**/*.{gpg,asc,age,pgp}",
    "**/*private{,-,_,.}key",
    "**/*private{,-,_}key*.{json,txt,xml,enc}",
    "**/deploy[-_]key{,s}",
    "**/*[-_]{rsa,dsa,ecdsa,ed25519}",
    // SSH and GnuPG.
    "**/.ssh/",
    "**/.gnupg/",
    "**/id_{rsa,dsa,ecdsa,ed25519}*",
    "**/ssh_host_*_key",
    "**/authorized_keys*",
    "**/known_hosts*",
    // Clouds and clusters.
    "**/.aws/",
    "**/.azure/",
    "**/.gcloud/",
    "**/.config/gcloud/",
    "**/.config/gh/",
    "**/.config/hub",
    "**/.config/rclone/",
    "**/.kube/",
    "**/kubeconfig*",
    "**/*.kubeconfig",
    "**/.oci/",
    "**/.docker/config.json",
    "**/.dockercfg",
    "**/.dockerconfigjson",
    "**/*service[-_]account*.json",
    "**/*serviceaccount*.json",
    "**/*firebase[-_]adminsdk*.json",
    "**/rootkey.csv",
    "**/*access{,-,_}key*.{csv,json,txt,ini}",
    "**/*access{,-,_}tokens.{json,txt}",
    "**/*.tfstate",
    "**/*.tfstate.*",
    "**/*.tfvars",
    "**/*.tfvars.json",
    "**/.terraform/",
    "**/.vault[-_]*",
    "**/{.boto,.s3cfg,rclone.conf,.terraformrc,terraform.rc}",
    // Tokens, passwords, secrets, by their own word where it is the name of a file and not of code.
    "**/{.,}secrets/",
    "**/{.,}secret",
    "**/*[-_.]secret{,s}",
    "**/*secret*.{json,yaml,yml,toml,ini,txt,cfg,conf,properties,xml,csv,enc}",
    "**/.secret*",
    "**/credentials/",
    "**/.credentials*/",
    "**/*[-_.]credentials",
    "**/*credential*.{json,yaml,yml,toml,ini,txt,cfg,conf,properties,xml,csv,enc,db}",
    "**/{.,}token{,s}",
    "**/*[-_.]token{,s}",
    "**/*token*.{json,yaml,yml,txt}",
    "**/{.,}{passwd,password,passwords}",
    "**/*password*.{json,yaml,yml,toml,ini,txt,cfg,conf,properties,xml,csv,enc,db}",
    "**/*passwd*.{json,yaml,yml,toml,ini,txt,cfg,conf,properties,xml,csv,enc,db}",
    "**/*[-_.]{passwd,password,passwords}",
    "**/.password*",
    "**/.passwd*",
    "**/.password-store/",
    "**/{.,}api[-_]key{,s}",
    "**/*api{,-,_}key*.{json,yaml,yml,txt}",
    "**/auth.json",
    "**/.{npmrc,pypirc,netrc,pgpass,my.cnf,mylogin.cnf,htpasswd,yarnrc,yarnrc.yml}",
    "**/_netrc",
    "**/.git-credentials",
    "**/*.{ovpn,keytab}",
    "**/.*_history",
    "**/.{lesshst,viminfo,node_repl_history}",
    "**/.cargo/credentials*",
    "**/.gem/credentials",
    "**/.m2/settings*.xml",
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
        let rule = |(pattern, level, priority)| {
            let rule = Rule::new(pattern, level, Kind::Glob, priority).ok()?;
            // A secret is one however its name is written.
            Some(if level == Level::None { rule.in_any_case() } else { rule })
        };
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
