use std::sync::LazyLock;

use super::*;

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

#[test]
fn what_a_decision_may_cost_is_bounded_over_all_policies() {
    let comparisons = |many: usize| {
        let all: Vec<_> = (0..many).map(|number| format!("resource == Key::\"k{number}\"")).collect();
        format!("permit (principal, action == Action::\"keys:read\", resource) when {{ {} }};", all.join(" || "))
    };
    // Each has four parts but the last, and each policy one of its own: 240.
    let one = comparisons(60);
    let all = |many: usize| -> Vec<String> { (0..many).map(|number| format!("@id(\"p{number}\") {one}")).collect() };
    let names: Vec<_> = (0..26).map(|number| format!("t{number}")).collect();
    let set_of = |texts: &[String]| {
        let texts: Vec<_> = names.iter().zip(texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
        set(&with(&[], &[]), &texts, &[])
    };
    set_of(&all(TENANT_PARTS / 240)).unwrap();
    let refused = set_of(&all(TENANT_PARTS / 240 + 1)).unwrap_err();
    assert_eq!(refused.code(), "policies_too_complicated");
    assert!(refused.to_string().contains("6240"), "{refused}");
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
        assert_eq!(allowed("runner", owner), ["runs:create", "runs:read", "runs:cancel", "runs:answer", "keys:read"]);
    }
    assert_eq!(allowed("tidy", "alice"), ["runs:create", "runs:read", "runs:cancel", "runs:answer", "keys:create"]);
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
    assert_eq!(rights.len(), 3);
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
    "forbid (principal, action, resource) when { {it: context}.it.now < datetime(\"1970-01-01T00:00:03Z\") };",
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
