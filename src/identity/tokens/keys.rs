use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

use super::super::error::Refusal;
use super::fetch::JWKS_BYTES;
use super::jwt::Jwt;
use super::pem;

const KEYS: usize = 100;

/// A key and what it is good for: the algorithms come from the key, so that a public key can never serve as an HMAC
/// secret because a token says so.
pub(super) struct VerifyKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys of one issuer.
pub(super) struct KeySet(Vec<VerifyKey>);

impl KeySet {
    pub(super) fn secret(secret: &[u8]) -> Result<Self, &'static str> {
        let algorithms: &[Algorithm] = match secret.len() {
            0..32 => return Err("is too short: 32 bytes or more, 64 for HS512"),
            32..48 => &[Algorithm::HS256],
            48..64 => &[Algorithm::HS256, Algorithm::HS384],
            _ => AlgorithmFamily::Hmac.algorithms(),
        };
        Ok(Self(vec![VerifyKey { id: None, algorithms: algorithms.to_vec(), key: DecodingKey::from_secret(secret) }]))
    }

    pub(super) fn pem(text: &[u8]) -> Result<Self, &'static str> {
        let (algorithms, key) = pem::public_key(text)?;
        Ok(Self(vec![VerifyKey { id: None, algorithms, key }]))
    }

    pub(super) fn jwks(document: &[u8]) -> Result<Self, &'static str> {
        if document.len() > JWKS_BYTES {
            return Err("is longer than 256 KiB");
        }
        let set: Jwks = serde_json::from_slice(document).map_err(|_| "is no JSON with a list of `keys`")?;
        if set.keys.len() > KEYS {
            return Err("has more than 100 keys");
        }
        let keys: Vec<VerifyKey> = set.keys.into_iter().filter_map(read).collect();
        if keys.is_empty() { Err("has no key that can be used") } else { Ok(Self(keys)) }
    }

    /// One of our own.
    pub(super) fn own(id: String, algorithm: Algorithm, key: DecodingKey) -> Self {
        Self(vec![VerifyKey { id: Some(id), algorithms: vec![algorithm], key }])
    }

    /// Whether some key is good for one of these.
    pub(super) fn serves(&self, algorithms: &[Algorithm]) -> bool {
        self.0.iter().any(|key| key.algorithms.iter().any(|algorithm| algorithms.contains(algorithm)))
    }

    /// The one key that the token can have been signed with. Which of several it was is not for us to try: a set in
    /// which two keys fit is ambiguous, and ambiguous means no.
    pub(super) fn find(&self, jwt: &Jwt<'_>) -> Result<&VerifyKey, Refusal> {
        let mut fitting = self.0.iter().filter(|key| {
            // A key without an id is one that a person chose for this issuer by hand; it has no name to be called by.
            let named = match (&key.id, &jwt.key_id) {
                (Some(id), Some(wanted)) => id == wanted,
                _ => true,
            };
            named && key.algorithms.contains(&jwt.algorithm)
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            _ => Err(Refusal::NoSuchSigningKey),
        }
    }
}

impl VerifyKey {
    pub(super) fn verify(&self, jwt: &Jwt<'_>) -> Result<(), Refusal> {
        match crypto::verify(jwt.signature, jwt.message.as_bytes(), &self.key, jwt.algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Refusal::BadSignature),
        }
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// `None` for a key that is of no use here. Secrets (`oct`) are among those: a set of keys is something public.
fn read(value: Value) -> Option<VerifyKey> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let for_signatures = jwk.purpose.is_none_or(|purpose| purpose == "sig");
    let for_verifying = jwk.key_ops.is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !for_signatures || !for_verifying {
        return None;
    }
    let (all, key): (&[Algorithm], _) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => (AlgorithmFamily::Rsa.algorithms(), DecodingKey::from_rsa_components(&jwk.n?, &jwk.e?)),
        ("EC", Some("P-256")) => (&[Algorithm::ES256], DecodingKey::from_ec_components(&jwk.x?, &jwk.y?)),
        ("EC", Some("P-384")) => (&[Algorithm::ES384], DecodingKey::from_ec_components(&jwk.x?, &jwk.y?)),
        ("OKP", Some("Ed25519")) => (&[Algorithm::EdDSA], DecodingKey::from_ed_components(&jwk.x?)),
        _ => return None,
    };
    let algorithms = match jwk.alg {
        None => all.to_vec(),
        Some(alg) => {
            let only: Algorithm = alg.parse().ok()?;
            all.contains(&only).then(|| vec![only])?
        }
    };
    Some(VerifyKey { id: jwk.kid, algorithms, key: key.ok()? })
}
