use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;

use super::super::error::{Refusal, SettingsError};
use super::super::key::NoRandomness;
use super::super::scopes::{self, BadScope};
use super::super::settings::TokenSettings;
use super::jwt::{Jwt, TOKEN_BYTES};
use super::keys::KeySet;
use super::lineage::Lineage;
use super::times::Times;
use crate::model::{Caller, Credential, PrincipalId, TenantId};

/// `typ` of tokens of ours: none of another issuer can be taken for one, and none of ours for another's.
pub const OWN_TYPE: &str = "rf+jwt";
const SCOPES: usize = 64;
const AUDIENCE_BYTES: usize = 256;
/// Of the clocks of processes that share our key.
const EARLY_S: u64 = 5;

/// What our tokens are signed with.
pub struct SigningKey {
    algorithm: Algorithm,
    sign: EncodingKey,
    check: DecodingKey,
    id: String,
}

impl SigningKey {
    /// From 32 random bytes.
    pub fn ed25519(seed: &[u8; 32]) -> Result<Self, SettingsError> {
        let broken = |_| SettingsError::new("signing key", "is no Ed25519 seed");
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(broken)?;
        let document = pair.to_pkcs8v1().map_err(|_| SettingsError::new("signing key", "cannot be encoded"))?;
        let public = pair.public_key().as_ref();
        Ok(Self {
            algorithm: Algorithm::EdDSA,
            sign: EncodingKey::from_ed_der(document.as_ref()),
            check: DecodingKey::from_ed_der(public),
            id: key_id(public),
        })
    }

    /// From 32 random bytes or more.
    pub fn hs256(secret: &[u8]) -> Result<Self, SettingsError> {
        if secret.len() < 32 {
            return Err(SettingsError::new("signing key", "is shorter than 32 bytes"));
        }
        let (sign, check) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Ok(Self { algorithm: Algorithm::HS256, sign, check, id: key_id(secret) })
    }
}

/// A name for a key that tells nothing of it.
fn key_id(key: &[u8]) -> String {
    let hash = blake3::derive_key("ringfence 2026-11 id of a signing key", key);
    blake3::Hash::from_bytes(hash).to_hex().chars().take(16).collect()
}

/// What somebody wants a token for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenAsk {
    /// At least one; none that the maker does not have.
    pub scopes: Vec<String>,
    pub ttl_s: Option<u64>,
    /// Who else it is for; this service if not said. A token for others does not open anything here.
    pub audience: Option<String>,
}

/// What is known of a token that was made, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its `jti`: revoke it by this.
    pub id: String,
    pub tenant: TenantId,
    pub principal: PrincipalId,
    pub scopes: Vec<String>,
    pub audience: String,
    pub issued: u64,
    pub expires: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("tokens are made with an API key or with a token of this service; use one, or ask your issuer for a token")]
    NotOurs,
    #[error("the credential that should make it is over")]
    MakerExpired,
    #[error("the token was made by tokens of tokens; make it with an API key")]
    TooManyGenerations,
    #[error("say what the token is for: name 1 to {SCOPES} scopes")]
    HowManyScopes,
    #[error(transparent)]
    BadScope(#[from] BadScope),
    #[error("`{scope}` is more than the credential has that should make the token")]
    MoreThanMaker { scope: String },
    #[error("a token lives 1 to {max_s} seconds; ask for no more")]
    Ttl { max_s: u64 },
    #[error("the credential that should make it ends in {left_s} seconds; ask for no more")]
    OutlivesMaker { left_s: u64 },
    #[error("the audience is no text of 1 to {AUDIENCE_BYTES} printable characters")]
    Audience,
    #[error("the token would be longer than {TOKEN_BYTES} bytes; name fewer scopes")]
    TooLong,
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error("the token cannot be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
}

#[derive(Serialize)]
struct OwnClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    tenant: &'a str,
    sub: &'a str,
    scopes: &'a [String],
    /// Says which key it goes back to, see [`Lineage`].
    jti: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
}

/// Makes tokens for callers that are known already: short, and for no more than they have. Roles are not in them; they
/// are looked up at each use, so that whoever is demoted or suspended has lost it at once.
pub struct TokenMaker {
    issuer: String,
    key: SigningKey,
    keys: KeySet,
    settings: TokenSettings,
}

impl TokenMaker {
    /// `instance` is the name of this service: others may hold its tokens, none may take them for their own.
    pub fn new(instance: &str, key: SigningKey, settings: TokenSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        let keys = KeySet::own(key.id.clone(), key.algorithm, key.check.clone());
        Ok(Self { issuer: format!("ringfence:{instance}"), key, keys, settings })
    }

    /// `iss` of our tokens, and `aud` of those that are for us.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn issue(&self, maker: &Caller, ask: TokenAsk, now: u64) -> Result<(String, TokenInfo), TokenError> {
        let lineage = self.lineage(maker)?;
        self.check_scopes(maker, &ask.scopes)?;
        let expires = self.expires(maker, ask.ttl_s, now)?;
        let audience = ask.audience.unwrap_or_else(|| self.issuer.clone());
        if !(1..=AUDIENCE_BYTES).contains(&audience.len()) || !audience.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Audience);
        }
        let info = TokenInfo {
            id: lineage.id(),
            tenant: maker.tenant.clone(),
            principal: maker.principal.clone(),
            scopes: ask.scopes,
            audience,
            issued: now,
            expires,
        };
        Ok((self.sign(&info)?, info))
    }

    fn lineage(&self, maker: &Caller) -> Result<Lineage, TokenError> {
        let parent = match &maker.credential {
            Credential::Key(id) => Lineage::of_key(id),
            // One of another issuer leaves us nothing to revoke: we do not know when it is withdrawn.
            Credential::Token { issuer, id } if *issuer == self.issuer => {
                Lineage::read(id).ok_or(TokenError::NotOurs)?
            }
            Credential::Token { .. } => return Err(TokenError::NotOurs),
        };
        parent.child()?.ok_or(TokenError::TooManyGenerations)
    }

    fn check_scopes(&self, maker: &Caller, asked: &[String]) -> Result<(), TokenError> {
        if !(1..=SCOPES).contains(&asked.len()) {
            return Err(TokenError::HowManyScopes);
        }
        for scope in asked {
            scopes::check_scope(scope)?;
            if !scopes::covers(maker.scopes.as_deref(), scope) {
                return Err(TokenError::MoreThanMaker { scope: scope.clone() });
            }
        }
        Ok(())
    }

    /// What was asked for is given or refused. Only where nothing was asked, the maker's end cuts the usual time.
    fn expires(&self, maker: &Caller, ttl_s: Option<u64>, now: u64) -> Result<u64, TokenError> {
        let left_s = maker.expires.map_or(u64::MAX, |end| end.saturating_sub(now));
        if left_s == 0 {
            return Err(TokenError::MakerExpired);
        }
        let max_s = self.settings.max_ttl_s;
        let ttl_s = match ttl_s {
            None => self.settings.default_ttl_s.min(left_s),
            Some(ttl_s) if !(1..=max_s).contains(&ttl_s) => return Err(TokenError::Ttl { max_s }),
            Some(ttl_s) if ttl_s > left_s => return Err(TokenError::OutlivesMaker { left_s }),
            Some(ttl_s) => ttl_s,
        };
        Ok(now.saturating_add(ttl_s))
    }

    fn sign(&self, info: &TokenInfo) -> Result<String, TokenError> {
        let mut header = Header::new(self.key.algorithm);
        header.typ = Some(OWN_TYPE.to_owned());
        header.kid = Some(self.key.id.clone());
        let claims = OwnClaims {
            iss: &self.issuer,
            aud: &info.audience,
            tenant: info.tenant.as_str(),
            sub: info.principal.as_str(),
            scopes: &info.scopes,
            jti: &info.id,
            iat: info.issued,
            nbf: info.issued,
            exp: info.expires,
        };
        let text = jsonwebtoken::encode(&header, &claims, &self.key.sign).map_err(TokenError::Signing)?;
        if text.len() > TOKEN_BYTES { Err(TokenError::TooLong) } else { Ok(text) }
    }

    /// The second at which the token is worth nothing.
    pub(super) fn verify(&self, jwt: &Jwt<'_>, now: u64) -> Result<u64, Refusal> {
        if jwt.algorithm != self.key.algorithm {
            return Err(Refusal::BadAlgorithm);
        }
        if jwt.kind.as_deref() != Some(OWN_TYPE) {
            return Err(Refusal::BadType);
        }
        if !jwt.claims.texts("aud")?.contains(&self.issuer.as_str()) {
            return Err(Refusal::WrongAudience);
        }
        if ["iat", "nbf"].iter().any(|name| jwt.claims.get(name).is_none()) {
            return Err(Refusal::MissingClaim);
        }
        let times = Times { late_s: 0, early_s: EARLY_S, max_lifetime_s: self.settings.max_ttl_s };
        let end = times.check(&jwt.claims, now)?;
        self.keys.find(jwt)?.verify(jwt)?;
        Ok(end)
    }
}
