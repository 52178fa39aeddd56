//! What a change of rights costs the tenants that it does not concern: nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ringfence::authz::{Action, Ask, Authorizer, CustomRole, HOUSE, Permit, Resource, ResourceKind};
use ringfence::identity::{KeyRecord, Pepper, SigningKey, TokenMaker, TokenSettings};
use ringfence::model::{Caller, Ceilings, Credential, KeyId, Labels, Principal, PrincipalId, PrincipalKind, TenantId};
use ringfence::registry::{
    Change, Door, Part, PolicyRecord, Register, RegisterError, Registry, RegistryError, Step, TenantRecord,
};
use ringfence::store::Store;

/// The store, and how often the rules of each tenant were read from it.
struct Counting {
    store: Store,
    read: Mutex<BTreeMap<String, usize>>,
}

type Told<T> = Result<T, RegisterError>;

impl Register for Counting {
    fn version(&self) -> Told<u64> {
        Register::version(&self.store)
    }

    fn change(&self, change: Change) -> Step<'_, Result<(), RegistryError>> {
        self.store.change(change)
    }

    fn tenants(&self, part: Part<'_>) -> Told<Vec<TenantRecord>> {
        self.store.tenants(part)
    }

    fn tenant(&self, id: &TenantId) -> Told<Option<TenantRecord>> {
        self.store.tenant(id)
    }

    fn principals(&self, tenant: &TenantId, part: Part<'_>) -> Told<Vec<Principal>> {
        self.store.principals(tenant, part)
    }

    fn principal(&self, tenant: &TenantId, id: &PrincipalId) -> Told<Option<Principal>> {
        Register::principal(&self.store, tenant, id)
    }

    fn keys(&self, tenant: &TenantId, of: Option<&PrincipalId>, part: Part<'_>) -> Told<Vec<KeyRecord>> {
        self.store.keys(tenant, of, part)
    }

    fn key(&self, tenant: &TenantId, id: &KeyId) -> Told<Option<KeyRecord>> {
        Register::key(&self.store, tenant, id)
    }

    fn roles(&self, tenant: &TenantId) -> Told<Vec<CustomRole>> {
        self.store.roles(tenant)
    }

    fn policies(&self, tenant: &TenantId) -> Told<Vec<PolicyRecord>> {
        *self.read.lock().unwrap().entry(tenant.to_string()).or_default() += 1;
        self.store.policies(tenant)
    }
}

struct Nobody;

impl Door for Nobody {
    fn forget_all(&self) {}
}

fn admin() -> Caller {
    Caller {
        tenant: HOUSE.parse().unwrap(),
        principal: "admin".parse().unwrap(),
        kind: PrincipalKind::Person,
        roles: Arc::from(["admin".parse().unwrap()]),
        labels: Arc::default(),
        scopes: None,
        credential: Credential::Key(KeyId::random()),
        expires: None,
        address: "127.0.0.1".parse().unwrap(),
    }
}

fn permit(registry: &Registry, action: Action, tenant: &TenantId) -> Permit {
    let (id, labels) = (tenant.as_str(), Labels::new());
    let resource = Resource { kind: ResourceKind::Tenant, tenant, id, owner: None, labels: &labels };
    registry.authorizer().decide(&admin(), action, &resource, &Ask { now: 1, wants: None }).unwrap()
}

#[tokio::test]
async fn a_change_reads_the_rules_of_no_other_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("ringfence.db")).unwrap();
    let counting = Arc::new(Counting { store, read: Mutex::default() });
    let maker = TokenMaker::new("here", SigningKey::ed25519(&[9; 32]).unwrap(), TokenSettings::default()).unwrap();
    let register: Arc<dyn Register> = Arc::clone(&counting) as _;
    let (authorizer, pepper) = (Arc::new(Authorizer::new().unwrap()), Arc::new(Pepper::new([7; 32])));
    let registry = Registry::new(register, authorizer, Arc::new(Nobody), pepper, Arc::new(maker));
    registry.load().unwrap();
    registry.first(1).await.unwrap().unwrap();
    for number in 0..20 {
        let id: TenantId = format!("t{number}").parse().unwrap();
        let permit = permit(&registry, Action::TenantsCreate, &id);
        let who = "boss".parse().unwrap();
        registry.found_tenant(&permit, &admin(), id, Ceilings::ordinary(), who, 1).await.unwrap();
    }
    let changes = registry.changes();
    counting.read.lock().unwrap().clear();
    let house: TenantId = HOUSE.parse().unwrap();
    let role = CustomRole { name: "r".parse().unwrap(), actions: vec!["runs:read".into()], own_only: false };
    registry.put_role(&permit(&registry, Action::RolesCreate, &house), &admin(), role, 1).await.unwrap();
    let t1: TenantId = "t1".parse().unwrap();
    let update = permit(&registry, Action::TenantsUpdate, &t1);
    registry.update_tenant(&update, &t1, None, Some(false)).await.unwrap();
    assert!(changes.has_changed().unwrap(), "whoever has something open is told");
    assert!(!registry.is_open(&t1) && registry.closed() == [t1]);
    let read = counting.read.lock().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(read, [HOUSE, "t1"]);
}
