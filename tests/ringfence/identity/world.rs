//! A directory in memory, and a network that answers what it is told.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ringfence::identity::{
    ApiKey, AuthError, Authenticator, Directory, DirectoryError, FetchError, FetchKeys, Fetching, IdentitySettings,
    KeyPrefix, KeyRecord, Offered, Outside, Pepper, SettingsError, SigningKey, TokenMaker,
};
use ringfence::model::{Caller, KeyId, Labels, Principal, PrincipalId, PrincipalKind, TenantId};
use serde_json::Value;

pub use super::forge::*;

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
