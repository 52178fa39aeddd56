//! A directory in memory, a network that answers what it is told, and tokens that anyone might make.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

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
use ringfence::identity::{
    ApiKey, AuthError, Authenticator, Directory, DirectoryError, FetchError, FetchKeys, Fetching, IdentitySettings,
    KeyPrefix, KeyRecord, Offered, Outside, Pepper, SettingsError, SigningKey, TokenMaker,
};
use ringfence::model::{Caller, KeyId, Labels, Principal, PrincipalId, PrincipalKind, TenantId};
use serde_json::{Value, json};

pub const NOW: u64 = 1_800_000_000;
pub const HOME: &str = "192.0.2.1";

#[derive(Default)]
pub struct Book {
    pub keys: Mutex<Vec<KeyRecord>>,
    pub principals: Mutex<Vec<Principal>>,
    pub closed: Mutex<HashSet<TenantId>>,
    pub revoked_tokens: Mutex<HashSet<String>>,
    pub version: AtomicU64,
    pub broken: AtomicBool,
    pub key_lookups: AtomicUsize,
    pub versions_asked: AtomicUsize,
    /// Held, the version is not told.
    pub version_gate: Mutex<()>,
    pub touches: Mutex<Vec<u64>>,
}

impl Book {
    fn answer<T>(&self, answer: T) -> Result<T, DirectoryError> {
        if self.broken.load(Ordering::SeqCst) { Err(DirectoryError("disk on fire".into())) } else { Ok(answer) }
    }

    pub fn moved(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    pub fn add_principal(&self, tenant: &str, id: &str, roles: &[&str]) {
        self.principals.lock().unwrap().push(Principal {
            tenant: tenant.parse().unwrap(),
            id: id.parse().unwrap(),
            kind: PrincipalKind::Agent,
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            labels: Labels::new(),
            suspended: false,
            created: NOW - 1_000,
        });
        self.moved();
    }

    pub fn add_key(
        &self,
        tenant: &str,
        principal: &str,
        scopes: Option<&[&str]>,
        expires: Option<u64>,
    ) -> (ApiKey, KeyId) {
        let key = ApiKey::generate().unwrap();
        let id = KeyId::random();
        self.keys.lock().unwrap().push(KeyRecord {
            id: id.clone(),
            tenant: tenant.parse().unwrap(),
            principal: principal.parse().unwrap(),
            prefix: key.prefix(),
            hash: key.hash(&pepper()),
            name: "test".into(),
            scopes: scopes.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect()),
            created: NOW - 100,
            expires,
            revoked: None,
            last_used: None,
        });
        self.moved();
        (key, id)
    }

    /// The version does not move: somebody must say so, or nobody knows.
    pub fn change_key(&self, id: &KeyId, change: impl FnOnce(&mut KeyRecord)) {
        change(self.keys.lock().unwrap().iter_mut().find(|key| key.id == *id).unwrap());
    }

    pub fn change_principal(&self, id: &str, change: impl FnOnce(&mut Principal)) {
        change(self.principals.lock().unwrap().iter_mut().find(|principal| principal.id.as_str() == id).unwrap());
        self.moved();
    }

    pub fn lookups(&self) -> usize {
        self.key_lookups.load(Ordering::SeqCst)
    }
}

impl Directory for Book {
    fn version(&self) -> Result<u64, DirectoryError> {
        self.versions_asked.fetch_add(1, Ordering::SeqCst);
        let _open = self.version_gate.lock().unwrap();
        self.answer(self.version.load(Ordering::SeqCst))
    }

    fn key(&self, prefix: &KeyPrefix) -> Result<Option<KeyRecord>, DirectoryError> {
        self.key_lookups.fetch_add(1, Ordering::SeqCst);
        self.answer(self.keys.lock().unwrap().iter().find(|key| key.prefix == *prefix).cloned())
    }

    fn key_by_id(&self, id: &KeyId) -> Result<Option<KeyRecord>, DirectoryError> {
        self.answer(self.keys.lock().unwrap().iter().find(|key| key.id == *id).cloned())
    }

    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Result<Option<Principal>, DirectoryError> {
        let principals = self.principals.lock().unwrap();
        self.answer(principals.iter().find(|one| one.tenant == *tenant && one.id == *id).cloned())
    }

    fn tenant_is_open(&self, tenant: &TenantId) -> Result<bool, DirectoryError> {
        self.answer(!self.closed.lock().unwrap().contains(tenant))
    }

    fn token_revoked(&self, id: &str) -> Result<bool, DirectoryError> {
        self.answer(self.revoked_tokens.lock().unwrap().contains(id))
    }

    fn touched(&self, _: &KeyId, now: u64) {
        self.touches.lock().unwrap().push(now);
    }
}

/// Answers with what lies in `document`; counts and remembers what it was asked for.
#[derive(Default)]
pub struct Net {
    pub document: Mutex<Option<Vec<u8>>>,
    pub asked: Mutex<Vec<String>>,
    /// Closed, nothing answers until it is opened.
    pub gate: tokio::sync::RwLock<()>,
}

impl Net {
    pub fn serves(&self, document: &Value) {
        *self.document.lock().unwrap() = Some(document.to_string().into_bytes());
    }

    pub fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

pub struct Wire(pub Arc<Net>);

impl FetchKeys for Wire {
    fn fetch<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        Box::pin(async move {
            self.0.asked.lock().unwrap().push(url.to_owned());
            let _open = self.0.gate.read().await;
            self.0.document.lock().unwrap().clone().ok_or_else(|| FetchError::new("connection refused"))
        })
    }
}

pub struct World {
    pub book: Arc<Book>,
    pub net: Arc<Net>,
    pub maker: Arc<TokenMaker>,
    pub auth: Authenticator<Arc<Book>>,
}

pub fn pepper() -> Pepper {
    Pepper::new([7; 32])
}

pub fn world() -> World {
    world_of("", &[]).unwrap()
}

/// With settings as a person writes them, and the files that they name.
pub fn world_of(settings: &str, files: &[(&str, &[u8])]) -> Result<World, SettingsError> {
    let settings: IdentitySettings = toml::from_str(settings).unwrap();
    let files: BTreeMap<&str, &[u8]> = files.iter().copied().collect();
    let read = |path: &Path| {
        files.get(path.to_str().unwrap()).map(|file| file.to_vec()).ok_or(io::Error::from(io::ErrorKind::NotFound))
    };
    let (book, net) = (Arc::new(Book::default()), Arc::new(Net::default()));
    book.add_principal("acme", "alice", &["developer"]);
    book.add_principal("acme", "bob", &["viewer"]);
    book.add_principal("rival", "alice", &["admin"]);
    let maker = Arc::new(TokenMaker::new("here", SigningKey::ed25519(&[9; 32]).unwrap(), settings.tokens.clone())?);
    let outside = Outside { read: &read, fetch: Arc::new(Wire(Arc::clone(&net))) };
    let auth = Authenticator::new(&settings, Arc::clone(&book), pepper(), Arc::clone(&maker), &outside)?;
    Ok(World { book, net, maker, auth })
}

impl World {
    /// The same directory, with tokens of another maker.
    pub fn with_maker(self, maker: TokenMaker) -> Self {
        let maker = Arc::new(maker);
        let read = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
        let outside = Outside { read: &read, fetch: Arc::new(Wire(Arc::clone(&self.net))) };
        let settings = IdentitySettings::default();
        let auth = Authenticator::new(&settings, Arc::clone(&self.book), pepper(), Arc::clone(&maker), &outside);
        World { auth: auth.unwrap(), maker, ..self }
    }

    pub async fn key(&self, key: &str) -> Result<Arc<Caller>, AuthError> {
        self.key_at(key, HOME, NOW, 0).await
    }

    pub async fn key_at(&self, key: &str, from: &str, now: u64, tick: u64) -> Result<Arc<Caller>, AuthError> {
        let offered = Offered { api_key: Some(key), bearer: None };
        self.auth.authenticate(offered, from.parse().unwrap(), now, tick).await
    }

    pub async fn token(&self, token: &str) -> Result<Arc<Caller>, AuthError> {
        self.token_at(token, NOW, 0).await
    }

    pub async fn token_at(&self, token: &str, now: u64, tick: u64) -> Result<Arc<Caller>, AuthError> {
        let offered = Offered { api_key: None, bearer: Some(token) };
        self.auth.authenticate(offered, HOME.parse().unwrap(), now, tick).await
    }

    /// From somewhere else each time, so that no limit gets in between.
    pub async fn why_not(&self, token: &str) -> &'static str {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = u128::from(NEXT.fetch_add(1, Ordering::SeqCst));
        let from = IpAddr::from(((0x2001_0db8_u128 << 96) + (number << 64)).to_be_bytes());
        let offered = Offered { api_key: None, bearer: Some(token) };
        self.auth.authenticate(offered, from, NOW, 0).await.map_or_else(|error| error.reason(), |_| "let in")
    }
}

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
