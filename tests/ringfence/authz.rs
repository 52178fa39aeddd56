//! Who may do what: the reviewed table of the built-in roles, the fences that no tenant lifts, and what a tenant adds.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use ringfence::authz::{
    Action, Ask, Authorizer, BUILT_IN_ROLES, CustomRole, Denied, DeniedReason, HOUSE, Permit, PolicyError, Resource,
    ResourceKind, TENANT_POLICIES, Wants,
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

#[track_caller]
fn refused(text: &str, code: &str, place: Option<(usize, usize)>, word: &str) {
    let authorizer = &*SHARED;
    let error = authorizer.check(&"mine".parse().unwrap(), text).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    let found = error.faults().first().map(|fault| (fault.line, fault.column));
    assert!(place.is_none() || place == found, "{found:?} {error}");
    assert!(error.to_string().contains(word), "{error}");
    assert!(!error.to_string().contains(char::is_control) && error.to_string().len() < 4_000);
}

static SHARED: LazyLock<Authorizer> = LazyLock::new(|| with(&[], &[]));

#[test]
fn what_is_wrong_in_a_policy_is_told_with_its_place() {
    let all = "permit (principal, action, resource)";
    for (condition, column, word) in [
        ("principal.colour == \"red\"", 8, "`colour`"),
        ("resource.owner == principal", 8, "`owner`"),
        ("context.wants.fuel > 3", 8, "`wants`"),
        ("principal.getTag(\"team\") == \"blue\"", 8, "hasTag"),
        ("principal.kind == Kind::\"robot\"", 26, "\"agent\""),
        ("principal.tenant has owner && true", 8, "level 2"),
        ("resource has owner && resource.owner in Role::\"admin\"", 30, "level 2"),
        ("Role::\"admin\".tenant == principal.tenant", 8, "dereferenced"),
        ("ip(resource.getTag(\"ip\")).isLoopback()", 8, "literal"),
    ] {
        let text = format!("{all}\nwhen {{ {condition} }};");
        refused(&text, "policy_invalid", Some((2, column)), word);
    }
    refused(
        "permit (principal, action == Action::\"runs:fly\", resource);",
        "policy_invalid",
        Some((1, 30)),
        "runs:fly",
    );
    refused("permit (principal == User::\"a\", action, resource);", "policy_invalid", Some((1, 22)), "User");
    refused("permit (principal, action, resource)\n  wenn { true };", "policy_syntax", Some((2, 3)), "wenn");
    refused("permit (principal, action, resource)", "policy_syntax", Some((1, 37)), "");
    refused("permit (principal == ?principal, action, resource);", "policy_template", None, "mine");
    refused("", "policy_empty", None, "mine");
    refused("// nothing\n", "policy_empty", None, "mine");
    refused(&" ".repeat((64 << 10) + 1), "policy_too_long", None, "65537");
    let two = format!("{all};\n@id(\"x\")\n{all} when {{ context.nu == 1 }};");
    refused(&two, "policy_invalid", Some((3, 45)), "`x`");
    let escapes = "permit (principal, action, resource) when { principal[\"\u{1b}[31m\u{202e}\"] == 1 };";
    refused(escapes, "policy_invalid", Some((1, 45)), "\\u{1b}[31m\\u{202e}");
}

#[test]
fn policies_are_called_what_their_ids_say() {
    let one = "permit (principal, action, resource);";
    let ids = |text: &str| SHARED.check(&"mine".parse().unwrap(), text).unwrap().policies;
    assert_eq!(ids(one), ["mine"]);
    assert_eq!(ids(&one.repeat(12))[10..], ["mine#11", "mine#12"]);
    assert_eq!(ids(&format!("@id(\"a.b\") {one} {one}")), ["a.b", "mine#2"]);
    for bad in ["role:admin", "fence:tenants", "mine#1", "", "A", "a b", "a\\nb"] {
        refused(&format!("\n@id(\"{bad}\") {one}"), "policy_id_invalid", Some((2, 1)), "@id");
    }
    refused(&format!("@id {one}"), "policy_id_invalid", None, "@id");
    refused(&format!("@id(\"a\") {one} @id(\"a\") {one}"), "policy_id_taken", None, "`a`");
    refused(&format!("@id(\"a\") @id(\"b\") {one}"), "policy_syntax", None, "id");

    let code = |policies: &[(&str, &str)]| set(&SHARED, policies, &[]).unwrap_err().code();
    assert_eq!(code(&[("a", one), ("a", one)]), "policy_name_taken");
    assert_eq!(code(&[("a", one), ("b", "@id(\"a\") forbid (principal, action, resource);")]), "policy_id_taken");
}

#[test]
fn a_policy_that_can_never_apply_or_hides_what_it_says_is_refused() {
    for scope in ["action == Action::\"runs:read\", resource is Key", "action == Action::\"runs:*\", resource"] {
        refused(&format!("\nforbid (principal, {scope});"), "policy_invalid", Some((2, 1)), "impossible");
    }
    let bidi = "forbid (principal, action, resource) when { resource.hasTag(\"a\u{202e}b\") };";
    refused(bidi, "policy_invalid", Some((1, 61)), "BIDI");
    let scripts = "forbid (principal, action, resource) when { resource.hasTag(\"say_\u{441}\u{43b}\") };";
    assert_eq!(SHARED.check(&"mine".parse().unwrap(), scripts).unwrap().warnings.len(), 1);
}

#[test]
fn policies_are_bounded_in_number_and_size() {
    let one = "permit (principal, action, resource);".to_owned();
    let names: Vec<_> = (0..=TENANT_POLICIES).map(|number| format!("p{number}")).collect();
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), one.as_str())).collect();
    let authorizer = with(&all[..TENANT_POLICIES], &[]);
    assert_eq!(set(&authorizer, &all, &[]).unwrap_err().code(), "policies_too_many");
    let many = one.repeat(TENANT_POLICIES);
    set(&authorizer, &[("many", &many)], &[]).unwrap();
    assert_eq!(set(&authorizer, &[("many", &many), ("one", &one)], &[]).unwrap_err().code(), "policies_too_many");
    assert_eq!(set(&authorizer, &[("more", &(many + &one))], &[]).unwrap_err().code(), "policies_too_many");
    let long = format!("{one}//{}", "x".repeat(60 << 10));
    let long: Vec<_> = names[..5].iter().map(|name| (name.as_str(), long.as_str())).collect();
    assert_eq!(set(&authorizer, &long, &[]).unwrap_err().code(), "policies_too_long");
}

/// Cedar alone overflows its stack on the first of these, which would end the process, and takes the others that are
/// refused here as valid, or thinks about them for minutes.
#[test]
fn a_policy_that_would_exhaust_the_stack_is_refused() {
    let nested = |open: &str, n: usize, close: &str| format!("{}true{}", open.repeat(n), close.repeat(n));
    let chain = |n: usize| format!("{}true", "true && ".repeat(n));
    let with_stack = |condition: String| {
        let text = format!("permit (principal, action, resource) when {{ {condition} }};");
        let check = move || SHARED.check(&"mine".parse().unwrap(), &text).map_err(|error| error.code());
        std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap()
    };
    let quotes = "\"\\\n".to_owned() + &"(".repeat(1_000);
    let commented = "//\r".to_owned() + &"(".repeat(1_000);
    for condition in [
        nested("(", 1_000, ")"),
        nested("(", 25, ")"),
        nested("[", 1_000, "]"),
        nested("{a:", 1_000, "}"),
        chain(1_000),
        nested("if true then ", 30, " else false"),
        format!("principal{}", ".a".repeat(1_000)),
        format!("principal{}", "[\"a\"]".repeat(1_000)),
        format!("true }} {}", "when { true }".repeat(1_000)),
        (format!("{}{};", "(".repeat(15), "]".repeat(15))).repeat(1_000),
        quotes,
        commented,
    ] {
        let refused = with_stack(condition.clone()).unwrap_err();
        assert_eq!(refused, "policy_too_complicated", "{condition:.60}");
    }
    let widest = format!("{} && {}", nested("(", 18, ")"), chain(170));
    for condition in [nested("if (true) then ", 8, " else false"), widest, nested("(", 18, "== true)"), chain(190)] {
        with_stack(condition.clone()).unwrap_or_else(|code| panic!("{code}: {condition:.60}"));
    }
}

#[test]
fn any_text_is_answered_and_ends_nothing() {
    proptest!(ProptestConfig::with_cases(300), |(words in prop::collection::vec(any_word(), 0..60))| {
        let _ = SHARED.check(&"mine".parse().unwrap(), &words.concat());
    });
}

fn any_word() -> impl Strategy<Value = String> {
    let known = "permit~forbid~(principal, action, resource)~when {~}~;~principal~resource.owner~ in ~ has ~\"~\\~//~\n~\
        context.wants.fuel~(~)~[~]~@id(\"a\")~if ~ then ~ else ~&&~==~?principal~::~1~-~!~,~é~\0";
    let known: Vec<_> = known.split('~').map(str::to_owned).collect();
    prop_oneof![9 => prop::sample::select(known), 1 => any::<String>()]
}

// Roles of a tenant.

fn role(name: &str, actions: &[&str], own_only: bool) -> CustomRole {
    let actions = actions.iter().map(|&action| action.to_owned()).collect();
    CustomRole { name: name.parse().unwrap(), actions, own_only }
}

#[test]
fn a_custom_role_gives_what_it_names_and_no_more() {
    let roles = [role("runner", &["runs:*", "keys:read"], false), role("tidy", &["runs:*", "keys:create"], true)];
    let authorizer = with(&[], &roles);
    let allowed = |name: &str, owner: &str| -> Vec<&str> {
        let alice = caller("acme", "alice", &[name]);
        let fits = |action: &&Action| may(&authorizer, &alice, **action, &thing(action.kind(), "acme", owner));
        Action::ALL.iter().filter(fits).map(|action| action.as_str()).collect()
    };
    for owner in ["alice", "bob", ""] {
        assert_eq!(allowed("runner", owner), ["runs:create", "runs:read", "runs:cancel", "keys:read"]);
    }
    assert_eq!(allowed("tidy", "alice"), ["runs:create", "runs:read", "runs:cancel", "keys:create"]);
    assert_eq!(allowed("tidy", "bob"), ["runs:create"]);
    let tidy = caller("acme", "alice", &["tidy"]);
    assert_eq!(
        ask(&authorizer, &tidy, Action::RunsRead, &acme(ResourceKind::Run)).unwrap().policies(),
        ["role:tidy:own"]
    );
    let elsewhere = caller("globex", "alice", &["runner"]);
    assert!(!may(&authorizer, &elsewhere, Action::RunsCreate, &thing(ResourceKind::Tenant, "globex", "")));
}

#[test]
fn a_custom_role_cannot_raise() {
    let code = |roles: &[CustomRole]| set(&SHARED, &[], roles).unwrap_err().code();
    for name in BUILT_IN_ROLES {
        assert_eq!(code(&[role(name, &["runs:read"], false)]), "role_reserved");
    }
    for action in ["tenants:read", "tenants:*", "*", "", "runs", "runs:fly", "runs:*:*", "runs:create\", \"x", "*:read"]
    {
        assert_eq!(code(&[role("mine", &["runs:read", action], false)]), "role_action_invalid", "{action}");
    }
    assert_eq!(code(&[role("mine", &[], false)]), "role_empty");
    assert_eq!(code(&[role("mine", &["runs:*"], false), role("mine", &["keys:*"], false)]), "role_name_taken");
    let many: Vec<_> = (0..101).map(|number| role(&format!("r{number}"), &["runs:*"], true)).collect();
    assert_eq!(code(&many), "roles_too_many");
    let unknown = r#"{"name":"mine","actions":["runs:read"],"resource":"any"}"#;
    assert!(serde_json::from_str::<CustomRole>(unknown).is_err());
}

// Explaining.

#[test]
fn an_explanation_says_by_which_policy() {
    let authorizer = with(&[("stop", "forbid (principal, action == Action::\"runs:cancel\", resource);")], &[]);
    let (admin, run) = (caller("acme", "alice", &["admin"]), acme(ResourceKind::Run));
    let rights = authorizer.rights(&admin, &run.resource(), &Ask { now: NOW, wants: None });
    let json = serde_json::to_value(&rights).unwrap();
    assert_eq!(json[0]["action"], "runs:read");
    assert_eq!(json[0]["allowed"], true);
    assert_eq!(json[0]["policies"][0], "role:admin");
    assert_eq!(json[1]["reason"], "forbidden");
    assert_eq!(json[1]["message"], "runs:cancel is denied: forbidden by stop");
    assert_eq!(rights.len(), 2);
}

// What is remembered.

/// Everything that an answer can hang on.
#[derive(Debug, Clone)]
struct Asked {
    caller: Caller,
    action: Action,
    thing: Thing,
    now: u64,
    wants: Option<Wants>,
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

fn any_labels() -> impl Strategy<Value = Labels> {
    prop::collection::btree_map("[ab]", "[xy]", 0..2)
}

fn any_caller() -> impl Strategy<Value = Caller> {
    let tenant = prop_oneof![8 => Just("acme"), 1 => Just("globex"), 1 => Just(HOUSE)];
    let roles = prop::collection::vec(one_of(&["admin", "developer", "agent", "viewer", "runner"]), 0..2);
    let kind = prop::sample::select(&[PrincipalKind::Person, PrincipalKind::Agent][..]);
    let address = one_of(&["10.0.0.1", "10.0.1.1", "::1"]);
    (tenant, one_of(&["alice", "bob"]), roles, kind, any_labels(), address).prop_map(
        |(tenant, name, roles, kind, labels, address)| Caller {
            kind,
            labels: Arc::new(labels),
            address: address.parse().unwrap(),
            ..caller(tenant, name, &roles)
        },
    )
}

fn any_asked() -> impl Strategy<Value = Asked> {
    let tenant = prop_oneof![8 => Just("acme"), 1 => Just("globex")];
    let object = (tenant, one_of(&["alice", "bob", ""]), one_of(&["it", "that"]), any_labels());
    let backend = one_of(&["wasm", "docker"]).prop_map(str::to_owned);
    let wants = (0u64..4, any::<bool>(), backend).prop_map(|(fuel, network, backend)| Wants {
        network,
        backend,
        ..wants(fuel)
    });
    (any_caller(), prop::sample::select(Action::ALL), object, 0u64..4, prop::option::of(wants)).prop_map(
        |(caller, action, (tenant, owner, id, labels), now, wants)| {
            let thing = Thing { labels, ..thing(action.kind(), tenant, owner) };
            let id = if thing.kind == ResourceKind::Tenant { tenant } else { id };
            Asked { caller, action, thing: Thing { id: id.to_owned(), ..thing }, now, wants }
        },
    )
}

/// The same question, but for one thing: what is remembered wrongly is taken for its neighbour.
fn neighbour(asked: &Asked, other: Asked, what: usize) -> Asked {
    let mut near = asked.clone();
    match what {
        0 => near.caller.principal = other.caller.principal,
        1 => near.caller.roles = other.caller.roles,
        2 => near.caller.kind = other.caller.kind,
        3 => near.caller.labels = other.caller.labels,
        4 => near.caller.address = other.caller.address,
        5 => near.thing.owner = other.thing.owner,
        6 => near.thing.labels = other.thing.labels,
        7 if near.thing.kind != ResourceKind::Tenant => near.thing.id = other.thing.id,
        8 => near.now = other.now,
        9 => near.wants = other.wants,
        _ => near = other,
    }
    near
}

const POOL: [&str; 11] = [
    "permit (principal, action, resource) when { context.now > datetime(\"1970-01-01T00:00:01Z\") };",
    "forbid (principal, action, resource) when { context.address.isInRange(ip(\"10.0.1.0/24\")) };",
    "forbid (principal, action, resource) when { context has wants && context.wants.fuel > 2 };",
    "permit (principal, action, resource) when { context has wants.backend && context.wants.backend == \"wasm\" };",
    "forbid (principal, action, resource) unless { context has wants };",
    "permit (principal, action, resource) when { resource == Run::\"that\" || resource == Key::\"it\" };",
    "permit (principal, action, resource == Sandbox::\"it\");",
    "permit (principal, action, resource) when { principal.hasTag(\"a\") && resource.hasTag(\"a\")
        && principal.getTag(\"a\") == resource.getTag(\"a\") };",
    "forbid (principal, action, resource) when { resource has owner && resource.owner != principal };",
    "forbid (principal, action, resource) when { [context].contains(context) && context.now < datetime(\"1970-01-02\") };",
    "forbid (principal, action in Action::\"runs:*\", resource)
        when { context has wants && context.wants.fuel * 9223372036854775807 == 0 };",
];

#[test]
fn what_is_remembered_is_what_the_policies_say() {
    let authorizer = with(&[], &[]);
    let rules = prop::sample::subsequence(&POOL[..], 1..4);
    let others = prop::collection::vec((any_asked(), 0usize..11), 20..60);
    proptest!(ProptestConfig::with_cases(300), |(rules in rules, first in any_asked(), others in others)| {
        let names: Vec<_> = (0..rules.len()).map(|number| format!("p{number}")).collect();
        let rules: Vec<_> = names.iter().map(String::as_str).zip(rules).collect();
        set(&authorizer, &rules, &[role("runner", &["runs:*"], true)]).unwrap();
        for (other, what) in others {
            let Asked { caller, action, thing, now, wants } = neighbour(&first, other, what);
            let question = Ask { now, wants: wants.as_ref() };
            let decided = authorizer.decide(&caller, action, &thing.resource(), &question);
            let said = authorizer.explain(&caller, action, &thing.resource(), &question);
            match decided {
                Ok(permit) => {
                    prop_assert_eq!((said.reason, &said.policies[..]), (None, permit.policies()));
                    prop_assert!(permit.covers(action, thing.kind, &thing.tenant, &thing.id));
                    let house = caller.tenant.as_str() == HOUSE && action.group() == "tenants";
                    prop_assert!(caller.tenant == thing.tenant || house, "{:?}", said);
                }
                Err(denied) => prop_assert_eq!((said.reason, said.policies), (Some(denied.reason), denied.policies)),
            }
        }
    });
}
