use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::error::RegistryError;
use super::register::{Book, Part, Register, RegisterError};
use crate::authz::{Action, Authorizer, Permit};
use crate::identity::{AuthError, Authenticator, Directory, Pepper, TokenMaker};
use crate::model::{Caller, Ceilings, TenantId};

/// How often it is looked whether another process changed rights.
const LOOK: Duration = Duration::from_millis(250);
const TURNS: usize = 64;
/// Tenants that are read at a time.
const READ: u32 = 500;

/// Who lets callers in: told at once when rights change here.
pub trait Door: Send + Sync {
    fn forget_all(&self);

    /// Who a caller is now, by what a directory says of him.
    fn again(&self, directory: &dyn Directory, caller: &Caller, now: u64) -> Result<Caller, AuthError>;
}

impl<D: Directory> Door for Authenticator<D> {
    fn forget_all(&self) {
        Authenticator::forget_all(self);
    }

    fn again(&self, directory: &dyn Directory, caller: &Caller, now: u64) -> Result<Caller, AuthError> {
        self.again_by(directory, caller, now)
    }
}

/// All of it. Cheap to clone; one for a process.
#[derive(Clone)]
pub struct Registry(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) register: Arc<dyn Register>,
    pub(super) authorizer: Arc<Authorizer>,
    pub(super) door: Arc<dyn Door>,
    pub(super) pepper: Arc<Pepper>,
    pub(super) tokens: Arc<TokenMaker>,
    tenants: RwLock<HashMap<TenantId, Known>>,
    /// Held while one tenant is read and put in force, so that what was read later is never replaced by what was read
    /// before it.
    loading: Mutex<()>,
    /// By a hash of the tenant, so that tenants hardly wait for each other.
    turns: [tokio::sync::Mutex<()>; TURNS],
    seen: AtomicU64,
    changes: watch::Sender<u64>,
}

/// A tenant as it is in force.
struct Known {
    ceilings: Arc<Ceilings>,
    open: bool,
    /// Of its rules; nothing where they could not be put in force.
    rules: Option<[u8; 32]>,
}

/// What a change was about, for those who remember something of it.
pub(super) enum About {
    /// Something by which nobody may more or less than before.
    Nobody,
    /// Who somebody is: nothing but the door remembers that.
    People,
    /// Somebody who was not there: the version does not move for him, but until now an issuer may have vouched for him.
    Newcomer,
    /// What a tenant is or the rules in it.
    Tenant(TenantId),
}

impl Registry {
    pub fn new(
        register: Arc<dyn Register>,
        authorizer: Arc<Authorizer>,
        door: Arc<dyn Door>,
        pepper: Arc<Pepper>,
        tokens: Arc<TokenMaker>,
    ) -> Self {
        Self(Arc::new(Inner {
            register,
            authorizer,
            door,
            pepper,
            tokens,
            tenants: RwLock::default(),
            loading: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            seen: AtomicU64::new(0),
            changes: watch::Sender::new(0),
        }))
    }

    /// Puts all tenants in force as they are in the register. Rules that cannot be read leave their tenant with nothing
    /// allowed; those that are in force already are left alone.
    pub fn load(&self) -> Result<(), RegistryError> {
        let version = self.0.register.version()?;
        let mut all = Vec::new();
        loop {
            let after = all.last().map(TenantId::to_string).unwrap_or_default();
            let found = self.0.register.tenants(Part { after: &after, most: READ })?;
            let last = found.len() < READ as usize;
            all.extend(found.into_iter().map(|tenant| tenant.id));
            if last {
                break;
            }
        }
        for tenant in &all {
            self.load_tenant(tenant)?;
        }
        let there: std::collections::HashSet<_> = all.iter().collect();
        let gone: Vec<_> = read(&self.0.tenants).keys().filter(|known| !there.contains(known)).cloned().collect();
        for tenant in &gone {
            self.load_tenant(tenant)?;
        }
        self.0.seen.store(version, Ordering::Release);
        self.tell();
        Ok(())
    }

    fn load_tenant(&self, tenant: &TenantId) -> Result<(), RegistryError> {
        let _one = self.0.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = self.0.register.tenant(tenant)? else {
            self.0.authorizer.remove_tenant(tenant);
            write(&self.0.tenants).remove(tenant);
            return Ok(());
        };
        let before = read(&self.0.tenants).get(tenant).and_then(|known| known.rules);
        let rules = match self.load_rules(tenant, before) {
            Ok(rules) => Some(rules),
            Err(error) => {
                tracing::error!(%tenant, "the rules of a tenant are not in force, so nothing is allowed in it: {error}");
                self.0.authorizer.poison_tenant(tenant);
                None
            }
        };
        let known = Known { ceilings: Arc::new(record.ceilings), open: record.open, rules };
        write(&self.0.tenants).insert(record.id, known);
        Ok(())
    }

    /// Reading rules costs little and putting them in force much, so what has not changed is left alone.
    fn load_rules(&self, tenant: &TenantId, before: Option<[u8; 32]>) -> Result<[u8; 32], RegistryError> {
        let (policies, roles) = (self.0.register.policies(tenant)?, self.0.register.roles(tenant)?);
        let text =
            serde_json::to_vec(&(&policies, &roles)).map_err(|error| RegisterError::Failed(error.to_string()))?;
        let hash = *blake3::hash(&text).as_bytes();
        if before != Some(hash) {
            let policies: Vec<_> = policies.into_iter().map(|policy| (policy.name, policy.text)).collect();
            self.0.authorizer.set_tenant(tenant, &policies, &roles)?;
        }
        Ok(hash)
    }

    /// Makes a change in one step of the register and puts it in force. What has begun is ended, though whoever asked
    /// for it goes away meanwhile: what is on the disk must hold here too.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        about: About,
        change: impl FnOnce(&dyn Book) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let registry = self.clone();
        let done = tokio::spawn(async move { registry.make(&about, change).await });
        done.await.map_err(|error| RegisterError::Failed(error.to_string()))?
    }

    async fn make<T: Send + 'static>(
        &self,
        about: &About,
        change: impl FnOnce(&dyn Book) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let slot = Arc::new(Mutex::new(None));
        let into = Arc::clone(&slot);
        let work = move |book: &dyn Book| {
            let before = book.version()?;
            let done = change(book)?;
            *into.lock().unwrap_or_else(PoisonError::into_inner) = Some((done, before, book.version()?));
            Ok(())
        };
        self.0.register.change(Box::new(work)).await??;
        let made = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (done, before, after) = made.ok_or_else(|| RegisterError::Failed("the step was not taken".into()))?;
        if let About::Tenant(tenant) = about {
            // Rules are put in force, which is work.
            let (registry, tenant) = (self.clone(), tenant.clone());
            apart(move || registry.load_tenant(&tenant)).await?;
        }
        // Nobody else moved the version in between, so there is nothing else to read.
        let _ = self.0.seen.compare_exchange(before, after, Ordering::AcqRel, Ordering::Relaxed);
        let changed = match about {
            About::Nobody => false,
            About::Newcomer => true,
            About::People | About::Tenant(_) => before != after,
        };
        if changed {
            self.tell();
        }
        Ok(done)
    }

    /// The turn of whoever changes the rules of a tenant.
    pub(super) async fn turn(&self, tenant: &TenantId) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let hash = blake3::hash(tenant.as_str().as_bytes());
        let at = hash.as_bytes().first().map_or(0, |byte| usize::from(*byte) % TURNS);
        match self.0.turns.get(at) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }

    fn tell(&self) {
        self.0.door.forget_all();
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// Moves after each change of rights, here at once and from other processes soon. Whoever has something open for
    /// somebody asks again then.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// How often that was: who asks with what was known at an older count must be asked for again.
    pub fn changed(&self) -> u64 {
        *self.0.changes.borrow()
    }

    /// Notices what other processes changed, for ever.
    pub async fn watch(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let moved = match self.0.register.version() {
                Ok(version) => version != self.0.seen.load(Ordering::Acquire),
                // What cannot be asked may have changed.
                Err(_) => true,
            };
            if !moved {
                continue;
            }
            let registry = self.clone();
            let loaded = tokio::task::spawn_blocking(move || registry.load()).await;
            if let Ok(Err(error)) = loaded {
                tracing::error!("changes of rights could not be read: {error}");
                self.tell();
            }
        }
    }

    /// What a tenant may have.
    pub fn ceilings(&self, tenant: &TenantId) -> Option<Arc<Ceilings>> {
        read(&self.0.tenants).get(tenant).map(|known| Arc::clone(&known.ceilings))
    }

    pub fn is_open(&self, tenant: &TenantId) -> bool {
        read(&self.0.tenants).get(tenant).is_some_and(|known| known.open)
    }

    /// Tenants in which nothing may go on.
    pub fn closed(&self) -> Vec<TenantId> {
        let tenants = read(&self.0.tenants);
        tenants.iter().filter(|(_, known)| !known.open).map(|(tenant, _)| tenant.clone()).collect()
    }

    pub fn authorizer(&self) -> &Authorizer {
        &self.0.authorizer
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a permit is for this.
pub(super) fn covers(permit: &Permit, action: Action, tenant: &TenantId, id: &str) -> Result<(), RegistryError> {
    if permit.covers(action, action.kind(), tenant, id) { Ok(()) } else { Err(RegistryError::Permit) }
}

/// On a thread that may take its time: rules are validated and put in force for many milliseconds.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, RegistryError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| RegisterError::Failed(error.to_string()))?
}
