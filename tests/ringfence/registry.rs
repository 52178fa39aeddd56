//! What a change of rights costs the tenants that it does not concern: nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ringfence::authz::{Action, Ask, Authorizer, CustomRole, HOUSE, Permit, Resource, ResourceKind};
use ringfence::identity::{AuthError, Directory, KeyRecord, Lineage, Pepper, SigningKey, TokenMaker, TokenSettings};
use ringfence::model::{Caller, Ceilings, Credential, KeyId, Labels, Principal, PrincipalId, PrincipalKind, TenantId};
use ringfence::registry::{
    CeilingChange, Change, Door, KeyAsk, Part, PolicyRecord, PrincipalAsk, Register, RegisterError, Registry,
    RegistryError, Step, TenantRecord,
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

    fn again(&self, _: &dyn Directory, caller: &Caller, _: u64) -> Result<Caller, AuthError> {
        Ok(caller.clone())
    }
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

/// Lets those in whose key is there and is not revoked, as who they are now.
struct ByKey;

impl Door for ByKey {
    fn forget_all(&self) {}

    fn again(&self, directory: &dyn Directory, caller: &Caller, _: u64) -> Result<Caller, AuthError> {
        let Credential::Key(id) = &caller.credential else { return Err(AuthError::Missing) };
        let known = directory.principal(&caller.tenant, &caller.principal).unwrap();
        match (directory.key_by_id(id), known) {
            (Ok(Some(key)), Some(known)) if key.revoked.is_none() => {
                Ok(Caller { roles: known.roles.into(), ..caller.clone() })
            }
            _ => Err(AuthError::Missing),
        }
    }
}

fn registry(register: Arc<dyn Register>, door: Arc<dyn Door>) -> Registry {
    let maker = TokenMaker::new("here", SigningKey::ed25519(&[9; 32]).unwrap(), TokenSettings::default()).unwrap();
    let (authorizer, pepper) = (Arc::new(Authorizer::new().unwrap()), Arc::new(Pepper::new([7; 32])));
    Registry::new(register, authorizer, door, pepper, Arc::new(maker))
}

fn any_key() -> KeyAsk {
    KeyAsk { name: "k".into(), principal: None, scopes: None, ttl_seconds: None }
}

#[tokio::test]
async fn a05_what_was_permitted_before_the_key_was_revoked_is_not_written_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("ringfence.db")).unwrap();
    let registry = registry(Arc::new(store), Arc::new(ByKey));
    registry.load().unwrap();
    let key = registry.first(1).await.unwrap().unwrap().record.id;
    let caller = Caller { credential: Credential::Key(key.clone()), ..admin() };
    let house: TenantId = HOUSE.parse().unwrap();
    let new: TenantId = "new".parse().unwrap();
    let to_key = permit(&registry, Action::KeysCreate, &house);
    registry.create_key(&to_key, &caller, any_key(), 1).await.unwrap();
    let labels = Labels::new();
    let object = |action: Action, id: &str| {
        let resource = Resource { kind: action.kind(), tenant: &house, id, owner: None, labels: &labels };
        registry.authorizer().decide(&caller, action, &resource, &Ask { now: 1, wants: None }).unwrap()
    };
    let to_policy = permit(&registry, Action::PoliciesCreate, &house);
    let policy = |name: &str| PolicyRecord {
        name: name.parse().unwrap(),
        text: "forbid (principal, action == Action::\"runs:create\", resource);".into(),
        created: 1,
    };
    registry.put_policy(&to_policy, &caller, policy("old")).await.unwrap();
    let to_remove = object(Action::PoliciesDelete, "old");
    let to_found = permit(&registry, Action::TenantsCreate, &new);
    let to_update = permit(&registry, Action::TenantsUpdate, &house);
    let to_revoke = object(Action::KeysRevoke, key.as_str());
    registry.revoke_key(&to_revoke, &caller, &key, 1).await.unwrap();

    let before = registry.keys(&house, None, Part { after: "", most: 9 }).unwrap();
    let refused = |told: Result<(), RegistryError>| assert!(matches!(told, Err(RegistryError::Caller(_))), "{told:?}");
    refused(registry.create_key(&to_key, &caller, any_key(), 2).await.map(drop));
    refused(registry.put_policy(&to_policy, &caller, policy("late")).await.map(drop));
    refused(registry.delete_policy(&to_remove, &caller, &"old".parse().unwrap(), 2).await);
    let ceilings = Ceilings::ordinary();
    let founded =
        registry.found_tenant(&to_found, &caller, new.clone(), ceilings.clone(), "boss".parse().unwrap(), 2).await;
    refused(founded.map(drop));
    let change: CeilingChange = Box::new(|_| Ceilings::ordinary());
    refused(registry.update_tenant(&to_update, &caller, &house, Some(change), None, 2).await.map(drop));
    refused(registry.revoke_key(&to_revoke, &caller, &key, 2).await);
    assert_eq!(registry.keys(&house, None, Part { after: "", most: 9 }).unwrap(), before);
    let names: Vec<_> = registry.policies(&house).unwrap().into_iter().map(|policy| policy.name.to_string()).collect();
    assert_eq!(names, ["old"]);
    assert!(registry.tenant(&new).is_err());
    assert_ne!(registry.tenant(&house).unwrap().ceilings, ceilings);
}

#[tokio::test]
async fn a05_what_was_permitted_is_not_written_when_it_is_permitted_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("ringfence.db")).unwrap();
    let registry = registry(Arc::new(store), Arc::new(ByKey));
    registry.load().unwrap();
    let house: TenantId = HOUSE.parse().unwrap();
    let key = registry.first(1).await.unwrap().unwrap().record.id;
    let caller = Caller { credential: Credential::Key(key), ..admin() };
    let may = |action: Action| permit(&registry, action, &house);
    let ask = |roles: &[&str]| PrincipalAsk {
        kind: PrincipalKind::Person,
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        labels: Labels::new(),
        suspended: false,
    };
    let second: PrincipalId = "second".parse().unwrap();
    let to_make = may(Action::PrincipalsCreate);
    registry.create_principal(&to_make, &caller, second.clone(), ask(&["admin"]), 1).await.unwrap();
    let for_second = KeyAsk { principal: Some(second.clone()), ..any_key() };
    let key = registry.create_key(&may(Action::KeysCreate), &caller, for_second, 1).await.unwrap().record.id;
    let demoted = Caller { principal: second.clone(), credential: Credential::Key(key), ..admin() };
    let labels = Labels::new();
    let (kind, id) = (ResourceKind::Principal, second.as_str());
    let resource = Resource { kind, tenant: &house, id, owner: None, labels: &labels };
    let asked = Ask { now: 1, wants: None };
    let to_demote = registry.authorizer().decide(&caller, Action::PrincipalsUpdate, &resource, &asked).unwrap();
    registry.update_principal(&to_demote, &caller, &second, ask(&[]), 1).await.unwrap();

    let denied = |told: Result<(), RegistryError>| assert!(matches!(told, Err(RegistryError::Denied(_))), "{told:?}");
    denied(registry.create_key(&may(Action::KeysCreate), &demoted, any_key(), 2).await.map(drop));
    denied(registry.update_principal(&to_demote, &demoted, &second, ask(&["admin"]), 2).await.map(drop));

    let text = "forbid (principal, action == Action::\"principals:create\", resource);".into();
    let forbids = PolicyRecord { name: "none".parse().unwrap(), text, created: 1 };
    registry.put_policy(&may(Action::PoliciesCreate), &caller, forbids).await.unwrap();
    denied(registry.create_principal(&to_make, &caller, "late".parse().unwrap(), ask(&[]), 2).await.map(drop));
    assert!(registry.principal(&house, &"late".parse().unwrap()).is_err());
}

#[tokio::test]
async fn a_change_reads_the_rules_of_no_other_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("ringfence.db")).unwrap();
    let counting = Arc::new(Counting { store, read: Mutex::default() });
    let registry = registry(Arc::clone(&counting) as _, Arc::new(Nobody));
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
    registry.update_tenant(&update, &admin(), &t1, None, Some(false), 1).await.unwrap();
    assert!(changes.has_changed().unwrap(), "whoever has something open is told");
    assert!(!registry.is_open(&t1) && registry.closed() == [t1]);
    let read = counting.read.lock().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(read, [HOUSE, "t1"]);
}

#[tokio::test]
async fn whoever_revokes_what_is_revoked_already_wakes_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("ringfence.db")).unwrap();
    let registry = registry(Arc::new(store), Arc::new(Nobody));
    registry.load().unwrap();
    let key = registry.first(1).await.unwrap().unwrap().record.id;
    let (house, labels, caller) = (HOUSE.parse().unwrap(), Labels::new(), admin());
    let may = |action: Action, id: &str| {
        let resource = Resource { kind: action.kind(), tenant: &house, id, owner: None, labels: &labels };
        registry.authorizer().decide(&caller, action, &resource, &Ask { now: 1, wants: None }).unwrap()
    };
    let token = Lineage::read(&format!("{key}.{:016}", 1)).unwrap();
    let (to_token, to_key) = (may(Action::TokensRevoke, &token.id()), may(Action::KeysRevoke, key.as_str()));
    let before = registry.changed();
    for _ in 0..3 {
        registry.revoke_token(&to_token, &caller, &token, 1).await.unwrap();
    }
    assert_eq!(registry.changed(), before + 1);
    for _ in 0..3 {
        registry.revoke_key(&to_key, &caller, &key, 1).await.unwrap();
    }
    assert_eq!(registry.changed(), before + 2);
}

#[tokio::test]
async fn a_step_that_panics_leaves_nothing_and_is_not_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("ringfence.db")).unwrap();
    let house: TenantId = HOUSE.parse().unwrap();
    let tenant = TenantRecord { id: house.clone(), ceilings: Ceilings::ordinary(), open: true, created: 1 };
    let panics: Change = Box::new(move |book| {
        book.put_tenant(&tenant)?;
        panic!("as a mistake of ours would");
    });
    assert!(matches!(store.change(panics).await, Err(RegisterError::Failed(_))));
    assert_eq!(store.tenant(&house).unwrap(), None);
    let registry = registry(Arc::new(store.clone()), Arc::new(Nobody));
    registry.load().unwrap();
    assert!(registry.first(1).await.unwrap().is_some());
    assert!(store.tenant(&house).unwrap().is_some());
}
