use std::collections::BTreeMap;
use std::path::PathBuf;

use ipnet::IpNet;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::SettingsError;
use crate::model::{PrincipalKind, RoleName, TenantId};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// Credentials that were checked lately and are kept at hand.
    pub warm_credentials: u32,
    pub guesses: GuessLimits,
    pub tokens: TokenSettings,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self { warm_credentials: 10_000, guesses: GuessLimits::default(), tokens: TokenSettings::default() }
    }
}

/// How often one may be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuessLimits {
    /// Of one IPv4 address or one IPv6 /64.
    pub failures_per_source: u32,
    /// At the prefix of one key, from wherever.
    pub failures_per_prefix: u32,
    pub window_s: u32,
    /// Sources, and as many prefixes, that are remembered at one time; beyond it the oldest are forgotten.
    pub tracked: u32,
    /// Sources that are never limited: a proxy that many callers stand behind.
    pub never_limited: Vec<IpNet>,
}

impl Default for GuessLimits {
    fn default() -> Self {
        Self {
            failures_per_source: 20,
            failures_per_prefix: 10,
            window_s: 60,
            tracked: 100_000,
            never_limited: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSettings {
    /// How long tokens of ours live if nothing else is asked for.
    pub default_ttl_s: u64,
    /// The longest that may be asked for.
    pub max_ttl_s: u64,
    /// Addresses of keys may lead to private networks; otherwise only to the internet and, by name, to this machine.
    pub private_issuers: bool,
    /// Others whose tokens are believed.
    pub issuers: Vec<Issuer>,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self { default_ttl_s: 900, max_ttl_s: 3_600, private_issuers: false, issuers: Vec::new() }
    }
}

/// Somebody whose tokens are believed, and what of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// `iss`, to the letter.
    pub issuer: String,
    /// Must be among `aud`.
    pub audience: String,
    /// What the keys are for; a token's own word on it counts only if it is among these.
    pub algorithms: Vec<Algorithm>,
    pub keys: KeySource,
    /// All principals of this issuer belong to this tenant. Either this or `tenant_claim`.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// The claim that names the tenant: the issuer is believed for every tenant.
    #[serde(default)]
    pub tenant_claim: Option<String>,
    /// Claims are named as they are, or by their path where they lie deeper (`/realm_access/roles`).
    #[serde(default = "sub")]
    pub principal_claim: String,
    #[serde(default = "clock_skew_s")]
    pub clock_skew_s: u64,
    #[serde(default = "max_lifetime_s")]
    pub max_lifetime_s: u64,
    /// Besides `iss`, `aud`, `exp`, the tenant and the principal, which always are.
    #[serde(default)]
    pub required_claims: Vec<String>,
    /// Claims that must have these very values.
    #[serde(default)]
    pub claims_equal: BTreeMap<String, Value>,
    #[serde(default)]
    pub unknown_principals: UnknownPrincipals,
    /// Roles of accepted strangers. Those that the directory knows have the roles that it says, and no others.
    #[serde(default)]
    pub roles: Vec<RoleName>,
    /// A claim that gives accepted strangers more roles, if they are among `allowed_roles`.
    #[serde(default)]
    pub roles_claim: Option<String>,
    #[serde(default)]
    pub allowed_roles: Vec<RoleName>,
    /// What accepted strangers are; a person if not said.
    #[serde(default)]
    pub stranger_kind: Option<PrincipalKind>,
}

fn sub() -> String {
    "sub".to_owned()
}

fn clock_skew_s() -> u64 {
    30
}

fn max_lifetime_s() -> u64 {
    86_400
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeySource {
    /// A shared secret for HS256, HS384 or HS512; one line end after it is not part of it.
    SecretFile(PathBuf),
    /// One public key.
    PemFile(PathBuf),
    JwksFile(PathBuf),
    /// Asked again as keys change. `https`, or `http` on this machine.
    JwksUrl(String),
}

/// What becomes of a good token whose principal the directory does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPrincipals {
    #[default]
    Refuse,
    Accept,
}

const SKEW_S: u64 = 300;
const LIFETIME_S: u64 = 366 * 86_400;
/// The longest that a token of ours can be made to live, whatever is set.
pub const TOKEN_SECONDS: u64 = 86_400;

impl IdentitySettings {
    /// Refuses by name what cannot be held, before anything starts.
    pub fn check(&self) -> Result<(), SettingsError> {
        let guesses = &self.guesses;
        within("warm_credentials", u64::from(self.warm_credentials), 1, 10_000_000)?;
        within("guesses.failures_per_source", u64::from(guesses.failures_per_source), 1, 1_000_000)?;
        within("guesses.failures_per_prefix", u64::from(guesses.failures_per_prefix), 1, 1_000_000)?;
        within("guesses.window_s", u64::from(guesses.window_s), 1, 86_400)?;
        within("guesses.tracked", u64::from(guesses.tracked), 100, 10_000_000)?;
        self.tokens.check()
    }
}

impl TokenSettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        within("tokens.max_ttl_s", self.max_ttl_s, 1, TOKEN_SECONDS)?;
        within("tokens.default_ttl_s", self.default_ttl_s, 1, self.max_ttl_s)
    }
}

impl Issuer {
    /// `field` is how this issuer is called in what a person wrote.
    pub(super) fn check(&self, field: &str) -> Result<(), SettingsError> {
        let wrong = |name: &str, problem: &str| Err(SettingsError::new(format!("{field}.{name}"), problem));
        if self.issuer.is_empty() || self.issuer.starts_with("ringfence:") {
            return wrong("issuer", "must not be empty, nor begin with `ringfence:`, which is our own");
        }
        if self.audience.is_empty() {
            return wrong("audience", "must not be empty");
        }
        if self.algorithms.is_empty() {
            return wrong("algorithms", "name at least one");
        }
        if self.tenant.is_some() == self.tenant_claim.is_some() {
            return wrong("tenant", "say either `tenant` or `tenant_claim`");
        }
        within(&format!("{field}.clock_skew_s"), self.clock_skew_s, 0, SKEW_S)?;
        within(&format!("{field}.max_lifetime_s"), self.max_lifetime_s, 1, LIFETIME_S)?;
        let says_roles = !self.roles.is_empty() || self.roles_claim.is_some() || !self.allowed_roles.is_empty();
        let of_strangers = says_roles || self.stranger_kind.is_some();
        if self.unknown_principals == UnknownPrincipals::Refuse && of_strangers {
            return wrong("unknown_principals", "roles and kinds count only for strangers: say `accept`, or drop them");
        }
        if self.roles_claim.is_some() == self.allowed_roles.is_empty() {
            return wrong("allowed_roles", "`roles_claim` and `allowed_roles` go together");
        }
        Ok(())
    }
}

fn within(field: &str, value: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SettingsError::new(field, format!("is {value}; it must be {least} to {most}")))
}
