//! Who may do what: the reviewed table of the built-in roles, the fences that no tenant lifts, and what a tenant adds.

mod policies;

use std::sync::Arc;

use proptest::prelude::*;
use ringfence::authz::{
    Action, Ask, Authorizer, BUILT_IN_ROLES, CustomRole, Denied, DeniedReason, HOUSE, Permit, PolicyError, Resource,
    ResourceKind, TENANT_PARTS, TENANT_POLICIES, Wants,
};
use ringfence::model::{Caller, Credential, KeyId, Labels, PrincipalId, PrincipalKind, TenantId};

const NOW: u64 = 1_800_000_000;

fn caller(tenant: &str, name: &str, roles: &[&str]) -> Caller {
    Caller {
        tenant: tenant.parse().unwrap(),
        principal: name.parse().unwrap(),
        kind: PrincipalKind::Person,
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        labels: Arc::default(),
        scopes: None,
        credential: Credential::Key(KeyId::random()),
        expires: None,
        address: "192.0.2.7".parse().unwrap(),
    }
}

/// An object, owned so that a question can be made of it.
#[derive(Debug, Clone)]
struct Thing {
    kind: ResourceKind,
    tenant: TenantId,
    id: String,
    owner: Option<PrincipalId>,
    labels: Labels,
}

fn thing(kind: ResourceKind, tenant: &str, owner: &str) -> Thing {
    let id = if kind == ResourceKind::Tenant { tenant } else { "it" };
    let owner = Some(owner).filter(|owner| !owner.is_empty()).map(|owner| owner.parse().unwrap());
    Thing { kind, tenant: tenant.parse().unwrap(), id: id.to_owned(), owner, labels: Labels::new() }
}

impl Thing {
    fn resource(&self) -> Resource<'_> {
        let Self { kind, tenant, id, owner, labels } = self;
        Resource { kind: *kind, tenant, id, owner: owner.as_ref(), labels }
    }

    fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }
}

fn wants(fuel: u64) -> Wants {
    Wants { fuel, memory_bytes: 1 << 20, deadline_ms: 1_000, network: false, backend: "wasm".to_owned() }
}

/// An authorizer where the tenants `acme`, `globex` and the house have no rules of their own, and then `acme` these.
fn with(policies: &[(&str, &str)], roles: &[CustomRole]) -> Authorizer {
    let authorizer = Authorizer::new().unwrap();
    for tenant in ["acme", "globex", HOUSE] {
        authorizer.set_tenant(&tenant.parse().unwrap(), &[], &[]).unwrap();
    }
    set(&authorizer, policies, roles).unwrap_or_else(|error| panic!("{error}"));
    authorizer
}

fn set(authorizer: &Authorizer, policies: &[(&str, &str)], roles: &[CustomRole]) -> Result<(), PolicyError> {
    let policies: Vec<_> = policies.iter().map(|(name, text)| (name.parse().unwrap(), (*text).to_owned())).collect();
    authorizer.set_tenant(&"acme".parse().unwrap(), &policies, roles)
}

fn ask(authorizer: &Authorizer, caller: &Caller, action: Action, thing: &Thing) -> Result<Permit, Denied> {
    authorizer.decide(caller, action, &thing.resource(), &Ask { now: NOW, wants: None })
}

fn may(authorizer: &Authorizer, caller: &Caller, action: Action, thing: &Thing) -> bool {
    ask(authorizer, caller, action, thing).is_ok()
}

fn why_not(authorizer: &Authorizer, caller: &Caller, action: Action, thing: &Thing) -> DeniedReason {
    ask(authorizer, caller, action, thing).unwrap_err().reason
}

fn acme(kind: ResourceKind) -> Thing {
    thing(kind, "acme", "alice")
}

// The table.

fn cell(authorizer: &Authorizer, role: &str, action: Action) -> &'static str {
    let (tenant, role) = if role == "house" { (HOUSE, "admin") } else { ("acme", role) };
    let alice = caller(tenant, "alice", &[role]);
    let allowed = |tenant, owner| may(authorizer, &alice, action, &thing(action.kind(), tenant, owner));
    let (own, others, nobodys) = (allowed(tenant, "alice"), allowed(tenant, "bob"), allowed(tenant, ""));
    assert_eq!(others, nobodys, "{role} {action}");
    // The same name in another tenant is somebody else.
    let foreign = allowed("globex", "alice");
    assert_eq!(foreign, allowed("globex", "bob"));
    let others = if action.group() == "tenants" { foreign } else { others };
    assert!(
        !foreign || (action.group() == "tenants" && tenant == HOUSE),
        "{role} {action} reaches into another tenant"
    );
    match (own, others) {
        (true, true) => "all",
        (true, false) => "own",
        (false, false) => "-",
        (false, true) => "only others'",
    }
}

#[test]
fn the_reviewed_table_is_what_is_decided() {
    let authorizer = with(&[], &[]);
    let mut lines = include_str!("../../src/authz/matrix.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let roles = lines.next().unwrap().split_off(1);
    assert_eq!(roles, [&["house"], BUILT_IN_ROLES.as_slice()].concat());
    let table: Vec<_> = lines.collect();
    let named: Vec<_> = table.iter().map(|line| line[0]).collect();
    let actions: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
    assert_eq!(named, actions, "the table names each action once, in their order");
    for line in &table {
        let action: Action = line[0].parse().unwrap();
        let decided: Vec<_> = roles.iter().map(|role| cell(&authorizer, role, action)).collect();
        assert_eq!(line[1..], decided, "{action}: {roles:?}");
    }
}

#[test]
fn who_has_no_role_or_an_unknown_one_may_nothing() {
    let authorizer = with(&[], &[]);
    for roles in [&[][..], &["nobody"], &["admins"]] {
        let alice = caller("acme", "alice", roles);
        for &action in Action::ALL {
            assert!(!may(&authorizer, &alice, action, &acme(action.kind())), "{action} {roles:?}");
        }
    }
}

#[test]
fn actions_read_back_what_they_print() {
    for &action in Action::ALL {
        assert_eq!(action.as_str().parse::<Action>().unwrap(), action);
        assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        assert_eq!(
            action.kind() == ResourceKind::Tenant,
            action.as_str().ends_with(":create") || action.group() == "tenants"
        );
    }
    for no_action in ["", "runs", "runs:", "runs:*", "*", "Runs:create", "runs:create "] {
        assert!(no_action.parse::<Action>().is_err(), "{no_action}");
    }
}

// The fences.

#[test]
fn no_policy_of_a_tenant_lifts_a_fence() {
    let everything = "permit (principal, action, resource);";
    let authorizer = with(&[("all", everything)], &[]);
    let alice = caller("acme", "alice", &[]);
    assert!(may(&authorizer, &alice, Action::AuditRead, &acme(ResourceKind::Audit)));
    for &action in Action::ALL {
        let denied = ask(&authorizer, &alice, action, &thing(action.kind(), "globex", "alice")).unwrap_err();
        assert!(denied.is_foreign(), "{action}: {denied}");
        if action.group() == "tenants" {
            let denied = ask(&authorizer, &alice, action, &acme(ResourceKind::Tenant)).unwrap_err();
            assert_eq!((denied.reason, denied.is_foreign()), (DeniedReason::Forbidden, false), "{action}");
            assert_eq!(denied.policies, ["fence:tenants"]);
        }
    }
    let bob = caller("globex", "bob", &[]);
    assert!(!may(&authorizer, &bob, Action::RunsCreate, &thing(ResourceKind::Tenant, "globex", "")), "not its policy");
}

#[test]
fn an_owner_in_another_tenant_is_somebody_else() {
    let authorizer = with(&[], &[]);
    let own = "@id(\"own\") forbid (principal, action, resource)
        when { resource has owner && resource.owner == principal };";
    authorizer.set_tenant(&HOUSE.parse().unwrap(), &[("own".parse().unwrap(), own.to_owned())], &[]).unwrap();
    let root = caller(HOUSE, "alice", &["admin"]);
    assert!(may(&authorizer, &root, Action::TenantsUpdate, &acme(ResourceKind::Tenant)));
    assert!(!may(&authorizer, &root, Action::TenantsUpdate, &thing(ResourceKind::Tenant, HOUSE, "alice")));
}

#[test]
fn no_policy_of_the_house_gives_tenants_to_others_than_its_admins() {
    let authorizer = with(&[], &[]);
    let everything = ("all".parse().unwrap(), "permit (principal, action, resource);".to_owned());
    authorizer.set_tenant(&HOUSE.parse().unwrap(), &[everything], &[]).unwrap();
    for roles in [&["operator", "auditor"][..], &[]] {
        let root = caller(HOUSE, "root", roles);
        for action in Action::ALL.iter().copied().filter(|action| action.group() == "tenants") {
            assert!(!may(&authorizer, &root, action, &thing(ResourceKind::Tenant, HOUSE, "")), "{action}");
            assert!(!may(&authorizer, &root, action, &acme(ResourceKind::Tenant)), "{action}");
        }
    }
}

#[test]
fn a_tenant_asked_about_under_another_name_is_refused() {
    let authorizer = with(&[], &[]);
    let admin = caller("acme", "alice", &["admin"]);
    let disguised = Thing { id: "globex".to_owned(), ..acme(ResourceKind::Tenant) };
    assert_eq!(why_not(&authorizer, &admin, Action::TenantsRead, &disguised), DeniedReason::Error);
    assert_eq!(why_not(&authorizer, &admin, Action::RunsRead, &acme(ResourceKind::Key)), DeniedReason::Error);
}

#[test]
fn a_tenant_whose_rules_are_not_loaded_is_denied_everything() {
    let authorizer = with(&[], &[]);
    let admin = caller("acme", "alice", &["admin"]);
    assert!(may(&authorizer, &admin, Action::RunsCreate, &acme(ResourceKind::Tenant)));
    let gone: [fn(&Authorizer, &TenantId); 2] = [Authorizer::poison_tenant, Authorizer::remove_tenant];
    for close in gone {
        close(&authorizer, &admin.tenant);
        for &action in Action::ALL {
            assert_eq!(why_not(&authorizer, &admin, action, &acme(action.kind())), DeniedReason::Poisoned, "{action}");
        }
        set(&authorizer, &[], &[]).unwrap();
        assert!(may(&authorizer, &admin, Action::RunsCreate, &acme(ResourceKind::Tenant)));
    }
    let stranger = caller("nowhere", "alice", &["admin"]);
    let nowhere = thing(ResourceKind::Tenant, "nowhere", "alice");
    assert_eq!(why_not(&authorizer, &stranger, Action::RunsCreate, &nowhere), DeniedReason::Poisoned);
}

// The credential.

#[test]
fn a_scope_cuts_and_never_adds() {
    let authorizer = with(&[], &[]);
    let run = acme(ResourceKind::Run);
    let scoped = |role, scopes: &[&str]| Caller {
        scopes: Some(scopes.iter().map(|&scope| scope.to_owned()).collect()),
        ..caller("acme", "alice", &[role])
    };
    for scopes in [&["runs:read"][..], &["runs:*"], &["*"], &["keys:read", "runs:*"]] {
        assert!(may(&authorizer, &scoped("admin", scopes), Action::RunsRead, &run), "{scopes:?}");
        assert_eq!(
            why_not(&authorizer, &scoped("viewer", scopes), Action::RunsCancel, &run),
            match scopes {
                ["runs:read"] => DeniedReason::Scope,
                _ => DeniedReason::NoPolicy,
            }
        );
    }
    for scopes in [&[][..], &["runs"], &["run*"], &["runs:cancel"], &["runs:"], &["*:read"], &["**"], &["run:*"]] {
        assert_eq!(why_not(&authorizer, &scoped("admin", scopes), Action::RunsRead, &run), DeniedReason::Scope);
    }
    assert!(Action::is_scope("runs:*") && Action::is_scope("*") && Action::is_scope("audit:read"));
    assert!(!Action::is_scope("run:*") && !Action::is_scope("") && !Action::is_scope("runs:creat"));
}

#[test]
fn an_expired_caller_is_denied_also_where_it_was_just_allowed() {
    let authorizer = with(&[], &[]);
    let (run, admin) = (acme(ResourceKind::Run), caller("acme", "alice", &["admin"]));
    let until = |expires| Caller { expires: Some(expires), ..admin.clone() };
    assert!(may(&authorizer, &until(NOW + 1), Action::RunsRead, &run));
    for expires in [NOW, NOW - 1, 0] {
        assert_eq!(why_not(&authorizer, &until(expires), Action::RunsRead, &run), DeniedReason::Expired);
    }
}

#[test]
fn a_permit_covers_what_was_asked_and_nothing_else() {
    let authorizer = with(&[], &[]);
    let (alice, run) = (caller("acme", "alice", &["admin"]), acme(ResourceKind::Run));
    let permit = ask(&authorizer, &alice, Action::RunsRead, &run).unwrap();
    let (globex, kind) = ("globex".parse().unwrap(), ResourceKind::Run);
    assert!(permit.covers(Action::RunsRead, kind, &run.tenant, "it"));
    assert!(!permit.covers(Action::RunsCancel, kind, &run.tenant, "it"));
    assert!(!permit.covers(Action::RunsRead, ResourceKind::Key, &run.tenant, "it"));
    assert!(!permit.covers(Action::RunsRead, kind, &globex, "it"));
    assert!(!permit.covers(Action::RunsRead, kind, &run.tenant, "that"));
    assert_eq!((permit.principal(), permit.policies()), (&alice.principal, &["role:admin".to_owned()][..]));
    // The answer was remembered for any run of this owner; the permit is for the one that was asked about.
    let other = Thing { id: "that".to_owned(), ..run };
    assert_eq!(ask(&authorizer, &alice, Action::RunsRead, &other).unwrap().id(), "that");
}

// What a tenant writes.

#[test]
fn an_error_in_a_policy_denies() {
    let text = "@id(\"sum\") forbid (principal, action == Action::\"runs:create\", resource)
        when { context has wants && context.wants.fuel + 9223372036854775807 < 0 };";
    let authorizer = with(&[("sums", text)], &[]);
    let (admin, tenant) = (caller("acme", "alice", &["admin"]), acme(ResourceKind::Tenant));
    assert!(may(&authorizer, &admin, Action::RunsCreate, &tenant));
    for _ in 0..2 {
        let question = Ask { now: NOW, wants: Some(&wants(1)) };
        let denied = authorizer.decide(&admin, Action::RunsCreate, &tenant.resource(), &question).unwrap_err();
        assert_eq!((denied.reason, denied.policies), (DeniedReason::Error, vec!["sum".to_owned()]));
        let explanation = authorizer.explain(&admin, Action::RunsCreate, &tenant.resource(), &question);
        assert!(explanation.errors[0].contains("overflow"), "{explanation:?}");
    }
}

#[test]
fn a_time_that_cannot_be_said_denies() {
    let authorizer = with(&[], &[]);
    let (admin, run) = (caller("acme", "alice", &["admin"]), acme(ResourceKind::Run));
    let decided = authorizer.decide(&admin, Action::RunsRead, &run.resource(), &Ask { now: u64::MAX, wants: None });
    assert_eq!(decided.unwrap_err().reason, DeniedReason::Error);
}

#[test]
fn rules_on_owners_and_labels_hold() {
    let text = "
        @id(\"blue-runs\") permit (principal, action == Action::\"runs:read\", resource)
        when { principal.hasTag(\"team\") && resource.hasTag(\"team\")
            && principal.getTag(\"team\") == resource.getTag(\"team\") };
        @id(\"own-only\") forbid (principal, action == Action::\"runs:cancel\", resource)
        unless { resource has owner && resource.owner == principal };
        @id(\"no-agents\") forbid (principal, action in Action::\"sandboxes:*\", resource)
        when { principal.kind == Kind::\"agent\" };";
    let authorizer = with(&[("teams", text)], &[]);
    let team = |team: &str| Caller {
        labels: Arc::new([("team".to_owned(), team.to_owned())].into()),
        ..caller("acme", "alice", &[])
    };
    let run = thing(ResourceKind::Run, "acme", "bob");
    let permit = ask(&authorizer, &team("blue"), Action::RunsRead, &run.clone().labelled("team", "blue")).unwrap();
    assert_eq!(permit.policies(), ["blue-runs"]);
    assert!(!may(&authorizer, &team("red"), Action::RunsRead, &run.clone().labelled("team", "blue")));
    assert!(!may(&authorizer, &team("red"), Action::RunsRead, &run));

    let operator = caller("acme", "alice", &["operator"]);
    assert!(may(&authorizer, &operator, Action::RunsCancel, &acme(ResourceKind::Run)));
    let denied = ask(&authorizer, &operator, Action::RunsCancel, &run).unwrap_err();
    assert_eq!(denied.to_string(), "runs:cancel is denied: forbidden by own-only");

    let agent = Caller { kind: PrincipalKind::Agent, ..operator.clone() };
    assert!(may(&authorizer, &operator, Action::SandboxesRead, &acme(ResourceKind::Sandbox)));
    assert!(!may(&authorizer, &agent, Action::SandboxesRead, &acme(ResourceKind::Sandbox)));
    assert!(!may(&authorizer, &agent, Action::SandboxesCreate, &acme(ResourceKind::Tenant)));
}

#[test]
fn rules_on_what_is_asked_for_the_time_and_the_address_hold_each_time() {
    let text = "
        @id(\"fuel\") forbid (principal, action, resource)
        when { context has wants && (context.wants.fuel > 100 || context.wants.network) };
        @id(\"frozen\") forbid (principal, action, resource)
        when { context.now >= datetime(\"2027-02-01T00:00:00Z\") };
        @id(\"inside\") forbid (principal, action, resource)
        unless { context.address.isInRange(ip(\"192.0.2.0/24\")) || context.address.isLoopback() };";
    let authorizer = with(&[("limits", text)], &[]);
    let (admin, tenant) = (caller("acme", "alice", &["admin"]), acme(ResourceKind::Tenant));
    let freeze = 1_801_440_000;
    let network = Wants { network: true, ..wants(1) };
    for round in 0..3 {
        for (now, address, wants, by) in [
            (NOW, "192.0.2.1", None, None),
            (NOW, "192.0.2.1", Some(&wants(100)), None),
            (NOW, "192.0.2.1", Some(&wants(101)), Some("fuel")),
            (NOW, "192.0.2.1", Some(&wants(u64::MAX)), Some("fuel")),
            (NOW, "192.0.2.1", Some(&network), Some("fuel")),
            (freeze - 1, "192.0.2.1", None, None),
            (freeze, "192.0.2.1", None, Some("frozen")),
            (NOW, "::1", None, None),
            (NOW, "::ffff:192.0.2.9", None, None),
            (NOW, "192.0.3.1", None, Some("inside")),
            (NOW, "::ffff:192.0.3.1", None, Some("inside")),
        ] {
            let from = Caller { address: address.parse().unwrap(), ..admin.clone() };
            let decided = authorizer.decide(&from, Action::RunsCreate, &tenant.resource(), &Ask { now, wants });
            let forbidden = decided.err().map(|denied| denied.policies);
            assert_eq!(forbidden, by.map(|id| vec![id.to_owned()]), "{round} {now} {address} {wants:?}");
        }
    }
}

#[test]
fn a_rule_about_one_object_is_not_remembered_for_another() {
    let text = "forbid (principal, action == Action::\"runs:read\", resource == Run::\"secret\");";
    let authorizer = with(&[("secret", text)], &[]);
    let (admin, run) = (caller("acme", "alice", &["admin"]), acme(ResourceKind::Run));
    let secret = Thing { id: "secret".to_owned(), ..run.clone() };
    for _ in 0..3 {
        assert!(may(&authorizer, &admin, Action::RunsRead, &run));
        assert!(!may(&authorizer, &admin, Action::RunsRead, &secret));
    }
}

#[test]
fn new_rules_count_at_once_and_bad_ones_leave_the_old() {
    let authorizer = with(&[], &[]);
    let (admin, run) = (caller("acme", "alice", &["admin"]), acme(ResourceKind::Run));
    let read = || may(&authorizer, &admin, Action::RunsRead, &run);
    assert!(read());
    set(&authorizer, &[("no", "forbid (principal, action, resource);")], &[]).unwrap();
    assert!(!read());
    set(&authorizer, &[("bad", "permit (principal, action, resource) when { principal.shoe == 1 };")], &[])
        .unwrap_err();
    assert!(!read());
    set(&authorizer, &[], &[]).unwrap();
    assert!(read());
}
