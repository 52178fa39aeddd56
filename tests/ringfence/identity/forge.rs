//! Credentials that anyone might make, good and bad.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ringfence::identity::ApiKey;
use serde_json::{Value, json};

use super::world::NOW;

/// The same key with another last character of its secret, and a checksum that is right for it.
pub fn other_secret(key: &ApiKey) -> String {
    let other = ApiKey::generate().unwrap();
    resum(&format!("{}{}", &key.expose()[..16], &other.expose()[16..59]))
}

pub fn resum(body: &str) -> String {
    let hash = blake3::derive_key("ringfence 2026-11 checksum of an api key", body.as_bytes());
    format!("{body}_{}", b64(&hash[..3]))
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The header and the claims of a token, as they stand in it.
pub fn parts(token: &str) -> [Value; 2] {
    let part = |number| {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    [part(0), part(1)]
}

pub static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
pub static RSA_2: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
pub static EC: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
pub static ED: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());
pub const SECRET: &[u8] = b"a shared secret of more than 32 bytes, said once";

pub fn pem(key: &impl KeyPair<PublicKey: AsDer<PublicKeyX509Der<'static>>>) -> String {
    let der = key.public_key().as_der().unwrap();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
}

pub fn rsa_jwk(kid: &str, key: &RsaKeyPair) -> Value {
    let public = key.public_key();
    let part = |bytes: &[u8]| b64(bytes);
    let (n, e) = (public.modulus(), public.exponent());
    json!({
        "kty": "RSA", "use": "sig", "kid": kid,
        "n": part(n.big_endian_without_leading_zero()), "e": part(e.big_endian_without_leading_zero()),
    })
}

pub fn ec_jwk(kid: &str) -> Value {
    let point = EC.public_key().as_ref();
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
}

pub fn ed_jwk(kid: &str) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(ED.public_key().as_ref()) })
}

/// A token of any text, signed as `alg` says by whatever key the test thinks right.
pub fn signed(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", b64(header), b64(claims));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", b64(signature))
}

pub fn by_rsa(key: &RsaKeyPair) -> impl FnOnce(&[u8]) -> Vec<u8> {
    |message| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

pub fn by_pss(message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; RSA.public_modulus_len()];
    RSA.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

pub fn by_ec(message: &[u8]) -> Vec<u8> {
    EC.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

pub fn by_ed(message: &[u8]) -> Vec<u8> {
    ED.sign(message).as_ref().to_vec()
}

pub fn by_secret(secret: &[u8]) -> impl FnOnce(&[u8]) -> Vec<u8> {
    |message| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

/// Claims that the issuer of these tests would make, changed.
pub fn claims(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "iss": "https://idp.example", "aud": "ringfence", "sub": "alice",
        "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 600,
    });
    change(&mut claims);
    claims.to_string()
}
