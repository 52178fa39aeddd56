//! Settings that cannot be are refused with their place, before anything starts.

use ringfence::identity::IdentitySettings;
use serde_json::json;

use super::world::*;

const GOOD: &str = "[[tokens.issuers]]\nissuer = 'https://idp.example'\naudience = 'ringfence'\ntenant = 'acme'\n\
                    algorithms = ['RS256']\nkeys = { pem_file = 'idp.pem' }\n";

fn problem(settings: &str) -> String {
    let pem = pem(&*RSA);
    let mut confused = rsa_jwk("r", &RSA);
    confused["alg"] = json!("HS256");
    let confused = json!({ "keys": [confused] }).to_string();
    let files: [(&str, &[u8]); 5] = [
        ("idp.pem", pem.as_bytes()),
        ("short", b"short"),
        ("secret", SECRET),
        ("empty.json", b"{\"keys\":[]}"),
        ("confused.json", confused.as_bytes()),
    ];
    match world_of(settings, &files) {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_setting_out_of_its_range_is_refused_by_name() {
    assert_eq!(problem(GOOD), "none");
    for (settings, place) in [
        ("warm_credentials = 0".to_owned(), "warm_credentials"),
        ("guesses.failures_per_source = 0".to_owned(), "guesses.failures_per_source"),
        ("guesses.failures_per_prefix = 0".to_owned(), "guesses.failures_per_prefix"),
        ("guesses.window_s = 0".to_owned(), "guesses.window_s"),
        ("guesses.tracked = 99".to_owned(), "guesses.tracked"),
        ("tokens.max_ttl_s = 100000".to_owned(), "tokens.max_ttl_s"),
        ("tokens = { default_ttl_s = 2000, max_ttl_s = 1000 }".to_owned(), "tokens.default_ttl_s"),
        (format!("{GOOD}clock_skew_s = 301"), "tokens.issuers[0].clock_skew_s"),
        (format!("{GOOD}max_lifetime_s = 0"), "tokens.issuers[0].max_lifetime_s"),
        (format!("{GOOD}tenant_claim = 'org'"), "tokens.issuers[0].tenant"),
        (GOOD.replace("tenant = 'acme'\n", ""), "tokens.issuers[0].tenant"),
        (GOOD.replace("https://idp.example", "ringfence:here"), "tokens.issuers[0].issuer"),
        (GOOD.replace("'ringfence'", "''"), "tokens.issuers[0].audience"),
        (GOOD.replace("['RS256']", "[]"), "tokens.issuers[0].algorithms"),
        (format!("{GOOD}{GOOD}"), "tokens.issuers[1].audience"),
        (format!("{GOOD}roles = ['viewer']"), "tokens.issuers[0].unknown_principals"),
        (format!("{GOOD}unknown_principals = 'accept'\nroles_claim = 'roles'"), "tokens.issuers[0].allowed_roles"),
    ] {
        assert!(problem(&settings).starts_with(place), "{settings}: {}", problem(&settings));
    }
}

#[test]
fn a_word_that_means_nothing_is_refused() {
    for settings in [
        "warm = 1".to_owned(),
        "guesses.failures = 1".to_owned(),
        "tokens.ttl_s = 1".to_owned(),
        format!("{GOOD}leeway = 1"),
        GOOD.replace("pem_file", "pem"),
        GOOD.replace("'idp.pem'", "'idp.pem', jwks_url = 'https://idp.example/keys'"),
        GOOD.replace("RS256", "none"),
        GOOD.replace("'acme'", "'Acme!'"),
        format!("{GOOD}unknown_principals = 'create'"),
    ] {
        assert!(toml::from_str::<IdentitySettings>(&settings).is_err(), "{settings}");
    }
}

#[test]
fn keys_that_do_not_fit_their_algorithms_are_refused() {
    let keys = |algorithm: &str, keys: &str| {
        problem(&GOOD.replace("['RS256']", &format!("['{algorithm}']")).replace("pem_file = 'idp.pem'", keys))
    };
    for (algorithm, source, says) in [
        ("HS256", "pem_file = 'idp.pem'", "no key for HS256"),
        ("ES256", "pem_file = 'idp.pem'", "no key for ES256"),
        ("RS256", "secret_file = 'secret'", "no key for RS256"),
        ("HS512", "secret_file = 'secret'", "no key for HS512"),
        ("HS256", "secret_file = 'short'", "too short"),
        ("HS256", "jwks_url = 'https://idp.example/keys'", "public keys"),
        ("RS256", "jwks_file = 'empty.json'", "no key that can be used"),
        ("HS256", "jwks_file = 'confused.json'", "no key that can be used"),
        ("RS256", "pem_file = 'secret'", "no public key"),
        ("RS256", "pem_file = 'absent'", "absent: "),
    ] {
        let problem = keys(algorithm, source);
        assert!(problem.starts_with("tokens.issuers[0].keys: ") && problem.contains(says), "{problem}");
    }
}

#[test]
fn a_private_key_where_a_public_one_belongs_is_refused() {
    let text = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ\n\
                -----END PRIVATE KEY-----\n";
    let settings = GOOD.replace("RS256", "EdDSA");
    let error = world_of(&settings, &[("idp.pem", text.as_bytes())]).err().unwrap();
    assert!(error.problem.contains("no public key") && !error.problem.contains("MC4C"), "{error}");
    let ed = pem(&*ED);
    assert!(world_of(&settings, &[("idp.pem", ed.as_bytes())]).is_ok());
    let ec = pem(&*EC);
    assert!(world_of(&GOOD.replace("RS256", "ES256"), &[("idp.pem", ec.as_bytes())]).is_ok());
    assert!(world_of(&GOOD.replace("RS256", "ES384"), &[("idp.pem", ec.as_bytes())]).is_err());
}

#[test]
fn keys_come_over_tls_or_from_this_machine() {
    let with = |url: &str| problem(&GOOD.replace("pem_file = 'idp.pem'", &format!("jwks_url = '{url}'")));
    for good in ["https://idp.example/keys", "http://127.0.0.1:8080/keys", "http://localhost/k", "http://[::1]:1/k"] {
        assert_eq!(with(good), "none", "{good}");
    }
    for bad in [
        "http://idp.example/keys",
        "file:///etc/passwd",
        "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://[::1].evil.example/",
        "http://evil.example\\\\@localhost/",
        "https://",
        "https://user@idp.example/",
        "https://idp.example/a b",
        "",
    ] {
        assert!(with(bad).contains("must be"), "{bad}: {}", with(bad));
    }
}
