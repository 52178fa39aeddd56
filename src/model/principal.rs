use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::{KeyId, PrincipalId, RoleName, TenantId};

/// Words that owners put on what is theirs, for rules to ask about.
pub type Labels = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    Person,
    Service,
    Agent,
}

/// Somebody that a tenant knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub tenant: TenantId,
    pub id: PrincipalId,
    pub kind: PrincipalKind,
    pub roles: Vec<RoleName>,
    pub labels: Labels,
    /// Nothing of theirs opens any more.
    pub suspended: bool,
    /// Seconds since 1970.
    pub created: u64,
}

/// How a caller was known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    Key(KeyId),
    /// A token of ours or of an issuer that we trust; its `jti`, or nothing where it has none.
    Token {
        issuer: String,
        id: String,
    },
}

/// Its id and no secret, for people.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::Key(id) => f.write_str(id.as_str()),
            Credential::Token { issuer, id } if id.is_empty() => write!(f, "token of {issuer}"),
            Credential::Token { issuer, id } => write!(f, "token {id} of {issuer}"),
        }
    }
}

/// Who is calling, known for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub tenant: TenantId,
    pub principal: PrincipalId,
    pub kind: PrincipalKind,
    pub roles: Arc<[RoleName]>,
    pub labels: Arc<Labels>,
    /// What the key or token is cut down to: names of actions (`runs:create`), `runs:*` or `*`; `None` for no cut.
    pub scopes: Option<Arc<[String]>>,
    pub credential: Credential,
    /// Seconds since 1970, after which the credential is worth nothing.
    pub expires: Option<u64>,
    pub address: IpAddr,
}
