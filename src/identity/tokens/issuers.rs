use std::io;
use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::AlgorithmFamily;
use serde_json::Value;
use zeroize::Zeroizing;

use super::super::error::{Refusal, SettingsError, Stop};
use super::super::settings::{Issuer, KeySource, UnknownPrincipals};
use super::claims::Claims;
use super::fetch::FetchKeys;
use super::jwt::Jwt;
use super::keys::KeySet;
use super::maker::TokenMaker;
use super::remote::{self, Remote};
use super::times::Times;

/// A token whose signature and claims were checked. Only [`Issuers::verify`] makes one.
pub(in super::super) struct Verified<'a> {
    pub(in super::super) claims: &'a Claims,
    pub(in super::super) by: By<'a>,
    /// Seconds since 1970.
    pub(in super::super) expires: u64,
    /// The tick at which it must be checked anew.
    pub(in super::super) recheck_at: u64,
}

pub(in super::super) enum By<'a> {
    Us,
    Issuer(&'a Issuer),
}

/// Whose tokens are believed: our own, and those of the issuers in the settings.
pub(in super::super) struct Issuers {
    own: Arc<TokenMaker>,
    others: Vec<Trusted>,
}

struct Trusted {
    issuer: Issuer,
    keys: Keys,
}

enum Keys {
    Fixed(KeySet),
    Remote(Arc<Remote>),
}

impl Issuers {
    pub(in super::super) fn new(
        issuers: &[Issuer],
        own: Arc<TokenMaker>,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
        fetch: &Arc<dyn FetchKeys>,
    ) -> Result<Self, SettingsError> {
        Ok(Self { own, others: Self::others(issuers, read, fetch)? })
    }

    /// What `new` would refuse.
    pub(in super::super) fn check(
        issuers: &[Issuer],
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
        fetch: &Arc<dyn FetchKeys>,
    ) -> Result<(), SettingsError> {
        Self::others(issuers, read, fetch).map(drop)
    }

    fn others(
        issuers: &[Issuer],
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
        fetch: &Arc<dyn FetchKeys>,
    ) -> Result<Vec<Trusted>, SettingsError> {
        let mut others: Vec<Trusted> = Vec::with_capacity(issuers.len());
        for (index, issuer) in issuers.iter().enumerate() {
            let field = format!("tokens.issuers[{index}]");
            issuer.check(&field)?;
            let same =
                |other: &Trusted| other.issuer.issuer == issuer.issuer && other.issuer.audience == issuer.audience;
            if others.iter().any(same) {
                return Err(SettingsError::new(format!("{field}.audience"), "the same issuer and audience come twice"));
            }
            let keys = Keys::load(issuer, read, fetch)
                .map_err(|problem| SettingsError::new(format!("{field}.keys"), problem))?;
            others.push(Trusted { issuer: issuer.clone(), keys });
        }
        Ok(others)
    }

    pub(in super::super) async fn verify<'a>(
        &'a self,
        jwt: &'a Jwt<'_>,
        now: u64,
        tick: u64,
    ) -> Result<Verified<'a>, Stop> {
        if jwt.claims.text("iss")? == self.own.issuer() {
            let expires = self.own.verify(jwt, now)?;
            return Ok(Verified { claims: &jwt.claims, by: By::Us, expires, recheck_at: u64::MAX });
        }
        let trusted = self.choose(&jwt.claims)?;
        let expires = trusted.check(jwt, now)?;
        let recheck_at = trusted.keys.verify(jwt, tick).await?;
        Ok(Verified { claims: &jwt.claims, by: By::Issuer(&trusted.issuer), expires, recheck_at })
    }

    /// Whether an issuer vouches for those whom nobody here knows.
    pub(in super::super) fn lets_strangers_in(&self, issuer: &str) -> bool {
        let mut named = self.others.iter().filter(|trusted| trusted.issuer.issuer == issuer);
        named.any(|trusted| trusted.issuer.unknown_principals != UnknownPrincipals::Refuse)
    }

    pub(in super::super) fn own_name(&self) -> &str {
        self.own.issuer()
    }

    /// By `iss` and `aud`, which the token can only choose among, not make up.
    fn choose(&self, claims: &Claims) -> Result<&Trusted, Refusal> {
        let name = claims.text("iss")?;
        let mut named = self.others.iter().filter(|trusted| trusted.issuer.issuer == name).peekable();
        named.peek().ok_or(Refusal::UnknownIssuer)?;
        let audiences = claims.texts("aud")?;
        let mut meant = named.filter(|trusted| audiences.contains(&trusted.issuer.audience.as_str()));
        // A token for two of our audiences at once could be of two tenants: ambiguous, so no.
        match (meant.next(), meant.next()) {
            (Some(trusted), None) => Ok(trusted),
            _ => Err(Refusal::WrongAudience),
        }
    }
}

impl Trusted {
    /// All but the signature: what can be refused for less should not cost one.
    fn check(&self, jwt: &Jwt<'_>, now: u64) -> Result<u64, Refusal> {
        let (issuer, claims) = (&self.issuer, &jwt.claims);
        if !issuer.algorithms.contains(&jwt.algorithm) {
            return Err(Refusal::BadAlgorithm);
        }
        if !jwt.kind.as_deref().is_none_or(is_plain_type) {
            return Err(Refusal::BadType);
        }
        if issuer.required_claims.iter().any(|name| claims.get(name).is_none()) {
            return Err(Refusal::MissingClaim);
        }
        if issuer.claims_equal.iter().any(|(name, value)| claims.get(name) != Some(value)) {
            return Err(Refusal::BadClaim);
        }
        // Where anyone can open an account with any address, an address that nobody confirmed names nobody.
        let confirmed = claims.get("email_verified").is_none_or(|said| said == &Value::Bool(true) || said == "true");
        if issuer.principal_claim == "email" && !confirmed {
            return Err(Refusal::BadClaim);
        }
        let skew_s = issuer.clock_skew_s;
        Times { late_s: skew_s, early_s: skew_s, max_lifetime_s: issuer.max_lifetime_s }.check(claims, now)
    }
}

/// Tokens have types so that one made for something else, like ours, is not taken for another.
fn is_plain_type(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    matches!(kind, "jwt" | "at+jwt")
}

impl Keys {
    fn load(
        issuer: &Issuer,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
        fetch: &Arc<dyn FetchKeys>,
    ) -> Result<Self, String> {
        let file = |path: &Path| read(path).map(Zeroizing::new).map_err(|error| format!("{}: {error}", path.display()));
        let (path, keys) = match &issuer.keys {
            KeySource::JwksUrl(url) => {
                remote::check_url(url)?;
                if issuer.algorithms.iter().any(|algorithm| algorithm.family() == AlgorithmFamily::Hmac) {
                    return Err("a set of public keys has none for HS256, HS384 or HS512".to_owned());
                }
                return Ok(Keys::Remote(Remote::new(url.clone(), Arc::clone(fetch))));
            }
            KeySource::SecretFile(path) => (path, KeySet::secret(without_line_end(&file(path)?))),
            KeySource::PemFile(path) => (path, KeySet::pem(&file(path)?)),
            KeySource::JwksFile(path) => (path, KeySet::jwks(&file(path)?)),
        };
        let keys = keys.map_err(|problem| format!("{} {problem}", path.display()))?;
        match issuer.algorithms.iter().find(|algorithm| !keys.serves(&[**algorithm])) {
            None => Ok(Keys::Fixed(keys)),
            Some(idle) => Err(format!("{} has no key for {idle:?}, which `algorithms` names", path.display())),
        }
    }

    /// The tick at which to ask again.
    async fn verify(&self, jwt: &Jwt<'_>, tick: u64) -> Result<u64, Stop> {
        match self {
            Keys::Fixed(keys) => {
                keys.find(jwt)?.verify(jwt)?;
                Ok(u64::MAX)
            }
            Keys::Remote(remote) => {
                let held = remote.keys_for(jwt, tick).await?;
                held.keys.find(jwt).map_err(Stop::Unheard)?.verify(jwt)?;
                Ok(held.recheck_at(tick))
            }
        }
    }
}

fn without_line_end(secret: &[u8]) -> &[u8] {
    let secret = secret.strip_suffix(b"\n").unwrap_or(secret);
    secret.strip_suffix(b"\r").unwrap_or(secret)
}
