use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::error::RegistryError;
use super::keys::{KeyAsk, NewKey};
use super::register::{Register, TenantRecord};
use crate::authz::{Action, Authorizer, HOUSE, Permit};
use crate::identity::{Authenticator, Directory, Pepper, TokenMaker};
use crate::model::{Ceilings, Labels, Principal, PrincipalKind, TenantId};

/// How often it is looked whether another process changed rights.
const LOOK: Duration = Duration::from_millis(250);

/// Who lets callers in: told at once when rights change here.
pub trait Door: Send + Sync {
    fn forget_all(&self);
}

impl<D: Directory> Door for Authenticator<D> {
    fn forget_all(&self) {
        Authenticator::forget_all(self);
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
    tenants: ArcSwap<Vec<(TenantId, Arc<Ceilings>)>>,
    seen: AtomicU64,
}

impl Registry {
    pub fn new(
        register: Arc<dyn Register>,
        authorizer: Arc<Authorizer>,
        door: Arc<dyn Door>,
        pepper: Arc<Pepper>,
        tokens: Arc<TokenMaker>,
    ) -> Self {
        let tenants = ArcSwap::default();
        Self(Arc::new(Inner { register, authorizer, door, pepper, tokens, tenants, seen: AtomicU64::new(0) }))
    }

    /// Makes the house and its first administrator, where there is none yet: the one key that nobody had to ask for.
    pub async fn first(&self, now: u64) -> Result<Option<NewKey>, RegistryError> {
        if !self.0.register.tenants()?.is_empty() {
            return Ok(None);
        }
        let invalid = |error: crate::model::BadId| RegistryError::Invalid { field: "id", message: error.to_string() };
        let tenant: TenantId = HOUSE.parse().map_err(invalid)?;
        let house = TenantRecord { id: tenant.clone(), ceilings: Ceilings::widest(), open: true, created: now };
        self.0.register.add_tenant(house).await?;
        let admin = Principal {
            tenant: tenant.clone(),
            id: "admin".parse().map_err(invalid)?,
            kind: PrincipalKind::Person,
            roles: vec!["admin".parse().map_err(invalid)?],
            labels: Labels::new(),
            suspended: false,
            created: now,
        };
        self.0.register.add_principal(admin.clone()).await?;
        let ask = KeyAsk { name: "first key".into(), principal: None, scopes: None, ttl_seconds: None };
        let key = self.make_key(&admin, ask, now).await?;
        Ok(Some(key))
    }

    /// Puts the rules of all tenants in force. Those that cannot be read leave their tenant with nothing allowed.
    pub fn load(&self) -> Result<(), RegistryError> {
        let version = self.0.register.version()?;
        let tenants = self.0.register.tenants()?;
        for tenant in &tenants {
            self.load_tenant(&tenant.id);
        }
        for (old, _) in self.0.tenants.load().iter() {
            if !tenants.iter().any(|tenant| tenant.id == *old) {
                self.0.authorizer.remove_tenant(old);
            }
        }
        let ceilings = tenants.into_iter().map(|tenant| (tenant.id, Arc::new(tenant.ceilings))).collect();
        self.0.tenants.store(Arc::new(ceilings));
        self.0.door.forget_all();
        self.0.seen.store(version, Ordering::Release);
        Ok(())
    }

    fn load_tenant(&self, tenant: &TenantId) {
        let loaded = || -> Result<(), RegistryError> {
            let policies = self.0.register.policies(tenant)?;
            let policies: Vec<_> = policies.into_iter().map(|policy| (policy.name, policy.text)).collect();
            let roles = self.0.register.roles(tenant)?;
            Ok(self.0.authorizer.set_tenant(tenant, &policies, &roles)?)
        };
        if let Err(error) = loaded() {
            tracing::error!(%tenant, "the rules of a tenant are not in force, so nothing is allowed in it: {error}");
            self.0.authorizer.poison_tenant(tenant);
        }
    }

    /// After a change in this process: it holds from now on.
    pub(super) fn changed(&self) -> Result<(), RegistryError> {
        self.load()
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
            if moved && let Err(error) = self.load() {
                tracing::error!("changes of rights could not be read: {error}");
                self.0.door.forget_all();
            }
        }
    }

    /// What a tenant may have.
    pub fn ceilings(&self, tenant: &TenantId) -> Option<Arc<Ceilings>> {
        let tenants = self.0.tenants.load();
        tenants.iter().find(|(id, _)| id == tenant).map(|(_, ceilings)| Arc::clone(ceilings))
    }

    pub fn authorizer(&self) -> &Authorizer {
        &self.0.authorizer
    }
}

/// Whether a permit is for this.
pub(super) fn covers(permit: &Permit, action: Action, tenant: &TenantId, id: &str) -> Result<(), RegistryError> {
    if permit.covers(action, action.kind(), tenant, id) { Ok(()) } else { Err(RegistryError::Permit) }
}
