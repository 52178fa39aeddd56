use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::super::error::Refusal;
use super::claims::Claims;
use super::json;

/// A longer token is refused before it is looked at.
pub const TOKEN_BYTES: usize = 8 << 10;
const NAME_BYTES: usize = 256;

/// What a token says of itself. Nothing of it is true until its signature was checked, and even then `algorithm` and
/// `key_id` only choose among what was set for the issuer.
///
/// Of the header, `jku`, `jwk`, `x5u` and `x5c` are not read at all: a key that a token brings along proves nothing.
pub(in super::super) struct Jwt<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) claims: Claims,
    pub(super) message: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Jwt<'a> {
    pub(in super::super) fn read(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > TOKEN_BYTES {
            return Err(Refusal::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Refusal::Malformed)?;
        if payload.contains('.') {
            return Err(Refusal::Malformed);
        }
        let part = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)?;
            json::object(&bytes).ok_or(Refusal::Malformed)
        };
        let header = part(header)?;
        // `crit` names extensions that must be understood, `b64` and `zip` change what was signed: we know none.
        if ["crit", "b64", "zip", "enc"].iter().any(|name| header.contains_key(*name)) {
            return Err(Refusal::CriticalHeader);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Refusal::BadAlgorithm)?;
        let name = |name| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= NAME_BYTES => Ok(Some(text.clone())),
            Some(_) => Err(Refusal::Malformed),
        };
        Ok(Self {
            algorithm: algorithm.parse().map_err(|_| Refusal::BadAlgorithm)?,
            key_id: name("kid")?,
            kind: name("typ")?,
            claims: Claims::new(part(payload)?),
            message,
            signature,
        })
    }

    /// The issuer that it names, for a record: escaped and cut.
    pub(in super::super) fn shown(&self) -> Option<String> {
        const SHOWN: usize = 64;
        let issuer = self.claims.text("iss").ok()?;
        let cut: String = issuer.chars().take(SHOWN).collect();
        let more = if cut.len() < issuer.len() { "…" } else { "" };
        Some(format!("{}{more}", cut.escape_default()))
    }
}
