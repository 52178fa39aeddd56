//! A02: tokens of issuers that we trust, and everything that looks like one.

use serde_json::{Value, json};

use super::world::*;

const HEAD: &str = "[[tokens.issuers]]\nissuer = 'https://idp.example'\naudience = 'ringfence'\n";

fn issuer(rest: &str) -> String {
    format!("{HEAD}tenant = 'acme'\n{rest}\n")
}

fn rsa_world() -> World {
    let settings = issuer("algorithms = ['RS256', 'PS256']\nkeys = { pem_file = 'idp.pem' }");
    world_of(&settings, &[("idp.pem", pem(&*RSA).as_bytes())]).unwrap()
}

fn rs256(claims: &str) -> String {
    signed(r#"{"alg":"RS256","typ":"JWT"}"#, claims, by_rsa(&RSA))
}

/// With a key set as a file, and whatever else is set.
fn with_rest(rest: &str) -> World {
    let settings = format!("{HEAD}algorithms = ['RS256']\nkeys = {{ pem_file = 'idp.pem' }}\n{rest}");
    world_of(&settings, &[("idp.pem", pem(&*RSA).as_bytes())]).unwrap()
}

#[tokio::test]
async fn a_token_of_each_algorithm_opens_with_the_roles_that_the_directory_says() {
    let set = json!({ "keys": [rsa_jwk("r", &RSA), ec_jwk("e"), ed_jwk("d")] }).to_string();
    let settings = issuer("algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']\nkeys = { jwks_file = 'set.json' }");
    let world = world_of(&settings, &[("set.json", set.as_bytes())]).unwrap();
    let body = claims(|claims| claims["jti"] = json!("t-1"));
    let tokens = [
        signed(r#"{"alg":"RS256","kid":"r"}"#, &body, by_rsa(&RSA)),
        signed(r#"{"alg":"PS256","kid":"r","typ":"at+jwt"}"#, &body, by_pss),
        signed(r#"{"alg":"ES256","kid":"e","typ":"application/at+JWT"}"#, &body, by_ec),
        signed(r#"{"alg":"EdDSA","kid":"d","typ":"JWT"}"#, &body, by_ed),
    ];
    for token in tokens {
        let caller = world.token(&token).await.unwrap();
        assert_eq!((caller.tenant.as_str(), caller.principal.as_str()), ("acme", "alice"));
        assert_eq!(caller.roles[0].as_str(), "developer");
        assert_eq!(caller.expires, Some(NOW + 630), "30 seconds of clock skew");
        assert_eq!(caller.credential.to_string(), "token t-1 of https://idp.example");
    }
    // One without an id is not told as one whose id is empty.
    let nameless = signed(r#"{"alg":"EdDSA","kid":"d"}"#, &claims(|_| ()), by_ed);
    assert_eq!(world.token(&nameless).await.unwrap().credential.to_string(), "token of https://idp.example");
    let settings = issuer("algorithms = ['HS256']\nkeys = { secret_file = 'secret' }");
    let with_line_end = [SECRET, b"\n"].concat();
    let world = world_of(&settings, &[("secret", &with_line_end)]).unwrap();
    assert!(world.token(&signed(r#"{"alg":"HS256"}"#, &body, by_secret(SECRET))).await.is_ok());
}

#[tokio::test]
async fn a02_a_token_with_alg_none_is_refused() {
    let world = rsa_world();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS257"] {
        let header = json!({ "alg": alg }).to_string();
        let bare = format!("{}.{}.", b64(&header), b64(claims(|_| ())));
        assert_eq!(world.why_not(&bare).await, "bad_algorithm");
        assert_eq!(world.why_not(&signed(&header, &claims(|_| ()), by_rsa(&RSA))).await, "bad_algorithm");
    }
    assert_eq!(world.why_not(&signed("{}", &claims(|_| ()), by_rsa(&RSA))).await, "bad_algorithm");
    assert_eq!(world.why_not(&signed(r#"{"alg":["RS256"]}"#, &claims(|_| ()), by_rsa(&RSA))).await, "bad_algorithm");
}

#[tokio::test]
async fn a02_hs256_with_the_public_key_as_its_secret_is_refused() {
    let world = rsa_world();
    for secret in [pem(&*RSA).into_bytes(), pem(&*RSA).trim().as_bytes().to_vec()] {
        let token = signed(r#"{"alg":"HS256"}"#, &claims(|_| ()), by_secret(&secret));
        assert_eq!(world.why_not(&token).await, "bad_algorithm");
    }
    let set = json!({ "keys": [rsa_jwk("r", &RSA), { "kty": "oct", "kid": "s", "k": b64(SECRET) }] }).to_string();
    let settings = issuer("algorithms = ['RS256']\nkeys = { jwks_file = 'set.json' }");
    let world = world_of(&settings, &[("set.json", set.as_bytes())]).unwrap();
    let token = signed(r#"{"alg":"HS256","kid":"s"}"#, &claims(|_| ()), by_secret(SECRET));
    assert_eq!(world.why_not(&token).await, "bad_algorithm");
}

#[tokio::test]
async fn a02_an_algorithm_that_was_not_set_is_refused_even_if_the_key_could() {
    let settings = issuer("algorithms = ['RS256']\nkeys = { pem_file = 'idp.pem' }");
    let world = world_of(&settings, &[("idp.pem", pem(&*RSA).as_bytes())]).unwrap();
    assert_eq!(world.why_not(&signed(r#"{"alg":"PS256"}"#, &claims(|_| ()), by_pss)).await, "bad_algorithm");
    assert_eq!(world.why_not(&rs256(&claims(|_| ()))).await, "let in");
}

#[tokio::test]
async fn a02_a_wrong_key_id_or_one_that_is_a_path_or_an_address_finds_nothing() {
    let set = json!({ "keys": [rsa_jwk("r", &RSA), rsa_jwk("r2", &RSA_2)] }).to_string();
    let settings = issuer("algorithms = ['RS256']\nkeys = { jwks_file = 'set.json' }");
    let world = world_of(&settings, &[("set.json", set.as_bytes())]).unwrap();
    let with_kid = |kid: Value| {
        let header = json!({ "alg": "RS256", "kid": kid }).to_string();
        signed(&header, &claims(|_| ()), by_rsa(&RSA))
    };
    assert_eq!(world.why_not(&with_kid(json!("r"))).await, "let in");
    assert_eq!(world.why_not(&with_kid(json!("r2"))).await, "bad_signature");
    for kid in ["other", "../../dev/null", "/etc/passwd", "https://evil.example/jwks.json", "r'; --", "R", ""] {
        assert_eq!(world.why_not(&with_kid(json!(kid))).await, "no_such_signing_key");
    }
    assert_eq!(world.why_not(&with_kid(json!(7))).await, "malformed");
    assert_eq!(world.why_not(&with_kid(json!("k".repeat(257)))).await, "malformed");
    let without = signed(r#"{"alg":"RS256"}"#, &claims(|_| ()), by_rsa(&RSA));
    assert_eq!(world.why_not(&without).await, "no_such_signing_key", "two fit: ambiguous means no");
    assert_eq!(world.net.times_asked(), 0);
}

#[tokio::test]
async fn a02_keys_that_a_token_brings_along_are_never_used_or_fetched() {
    let world = rsa_world();
    for (name, value) in [
        ("jwk", rsa_jwk("evil", &RSA_2)),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = json!({ "alg": "RS256", name: value }).to_string();
        assert_eq!(world.why_not(&signed(&header, &claims(|_| ()), by_rsa(&RSA_2))).await, "bad_signature");
        assert_eq!(
            world.why_not(&signed(&header, &claims(|_| ()), by_rsa(&RSA))).await,
            "let in",
            "{name} is not read"
        );
    }
    assert_eq!(world.net.times_asked(), 0);
}

#[tokio::test]
async fn a02_a_header_that_wants_to_be_understood_or_changes_what_was_signed_is_refused() {
    let world = rsa_world();
    for header in [
        r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
        r#"{"alg":"RS256","crit":[]}"#,
        r#"{"alg":"RS256","b64":true}"#,
        r#"{"alg":"RS256","zip":"DEF"}"#,
    ] {
        assert_eq!(world.why_not(&signed(header, &claims(|_| ()), by_rsa(&RSA))).await, "critical_header");
    }
}

#[tokio::test]
async fn a02_a_token_made_for_something_else_is_refused_by_its_type() {
    let world = rsa_world();
    for typ in ["rf+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "kb+jwt", "", "application/jose"] {
        let header = json!({ "alg": "RS256", "typ": typ }).to_string();
        assert_eq!(world.why_not(&signed(&header, &claims(|_| ()), by_rsa(&RSA))).await, "bad_type", "{typ}");
    }
}

#[tokio::test]
async fn a02_missing_or_wrong_claims_are_refused() {
    let world = rsa_world();
    let cases: [(&str, Value, &str); 27] = [
        ("iss", Value::Null, "missing_claim"),
        ("iss", json!("https://evil.example"), "unknown_issuer"),
        ("iss", json!("https://idp.example/"), "unknown_issuer"),
        ("iss", json!(["https://idp.example"]), "bad_claim"),
        ("iss", json!("ringfence:here"), "bad_algorithm"),
        ("aud", Value::Null, "missing_claim"),
        ("aud", json!("other"), "wrong_audience"),
        ("aud", json!([]), "wrong_audience"),
        ("aud", json!(["other", 7]), "bad_claim"),
        ("aud", json!(["other", "ringfence"]), "let in"),
        ("exp", Value::Null, "missing_claim"),
        ("exp", json!("tomorrow"), "bad_claim"),
        ("exp", json!(NOW.to_string()), "bad_claim"),
        ("exp", json!(-1), "bad_claim"),
        ("exp", json!(NOW - 30), "expired"),
        ("exp", json!(NOW - 29), "let in"),
        ("exp", json!(1e300), "bad_claim"),
        ("exp", json!(u64::MAX), "lives_too_long"),
        ("exp", json!(NOW + 90_000), "lives_too_long"),
        ("exp", json!(600.5 + 1.8e9), "let in"),
        ("nbf", json!(NOW + 31), "not_yet_valid"),
        ("nbf", json!(NOW + 30), "let in"),
        ("nbf", json!(true), "bad_claim"),
        ("iat", json!(NOW + 3_600), "not_yet_valid"),
        ("sub", Value::Null, "missing_claim"),
        ("sub", json!("nobody"), "unknown_principal"),
        ("sub", json!("../alice"), "bad_claim"),
    ];
    for (name, value, reason) in cases {
        let token = rs256(&claims(|claims| claims[name] = value.clone()));
        assert_eq!(world.why_not(&token).await, reason, "{name} {value}");
    }
    let far = rs256(&claims(|claims| {
        (claims["iat"], claims["nbf"]) = (Value::Null, Value::Null);
        claims["exp"] = json!(NOW + 86_431);
    }));
    assert_eq!(world.why_not(&far).await, "lives_too_long", "a life without a beginning begins now");
    let backwards = rs256(&claims(|claims| (claims["nbf"], claims["exp"]) = (json!(NOW + 10), json!(NOW + 5))));
    assert_eq!(world.why_not(&backwards).await, "bad_claim");
}

#[tokio::test]
async fn a02_a_warm_token_is_over_when_it_is_over() {
    let world = rsa_world();
    let token = rs256(&claims(|_| ()));
    world.token(&token).await.unwrap();
    assert!(world.token_at(&token, NOW + 629, 1).await.is_ok());
    assert_eq!(world.token_at(&token, NOW + 630, 2).await.unwrap_err().reason(), "expired");
}

#[tokio::test]
async fn a02_a_name_that_comes_twice_is_refused_at_any_depth() {
    let world = rsa_world();
    let body = claims(|_| ());
    let twice = body.replace(r#""sub":"alice""#, r#""sub":"bob","sub":"alice""#);
    assert_ne!(body, twice);
    assert_eq!(world.why_not(&rs256(&twice)).await, "malformed");
    let inside = body.replace(r#""sub":"alice""#, r#""sub":"alice","x":[{"a":1,"\u0061":2}]"#);
    assert_eq!(world.why_not(&rs256(&inside)).await, "malformed");
    let header = r#"{"alg":"none","alg":"RS256"}"#;
    assert_eq!(world.why_not(&signed(header, &body, by_rsa(&RSA))).await, "malformed");
}

#[tokio::test]
async fn a02_weird_json_and_weird_shapes_are_refused_and_nothing_falls_over() {
    let world = rsa_world();
    let body = claims(|_| ());
    for payload in ["", "null", "[]", "7", "\"x\"", "{", "{}x", "{\"a\":NaN}", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}"] {
        assert_eq!(world.why_not(&rs256(payload)).await, "malformed", "{payload}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(2_000), "]".repeat(2_000));
    assert_eq!(world.why_not(&rs256(&deep)).await, "malformed");
    let good = rs256(&body);
    let [head, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    for text in [
        format!("{head}.{payload}"),
        format!("{head}.{payload}.{signature}.{signature}"),
        format!("{head}.{payload}.{signature}."),
        format!(".{payload}.{signature}"),
        format!("{head}..{signature}"),
        format!("{head}=.{payload}.{signature}"),
        format!(" {good}"),
    ] {
        assert_eq!(world.why_not(&text).await, "malformed", "{text}");
    }
    for text in [format!("{head}.{payload}."), format!("{good}="), format!("{good}\n"), good[..good.len() - 2].into()] {
        assert_eq!(world.why_not(&text).await, "bad_signature", "{text}");
    }
}

#[tokio::test]
async fn a02_a_token_that_is_too_long_is_refused_before_it_is_read() {
    let world = rsa_world();
    let long = rs256(&claims(|claims| claims["x"] = json!("x".repeat(8_000))));
    assert_eq!(world.why_not(&long).await, "token_too_long");
    assert_eq!(world.why_not(&"a".repeat(8_193)).await, "token_too_long");
    assert_eq!(world.why_not(&"a".repeat(8_192)).await, "malformed");
}

#[tokio::test]
async fn a11_what_is_shown_of_a_token_is_the_issuer_that_it_names_escaped_and_cut() {
    let world = rsa_world();
    let token = rs256(&claims(|claims| claims["iss"] = json!(format!("evil\n\u{1b}[31m{}", "x".repeat(500)))));
    let error = world.token(&token).await.unwrap_err();
    let shown = error.shown().unwrap();
    assert!(shown.starts_with(r"evil\n\u{1b}[31mxxx") && shown.len() < 100, "{shown}");
    assert_eq!(error.to_string(), "the credential is not valid");
}

#[tokio::test]
async fn the_tenant_and_the_principal_come_from_the_claims_that_are_set() {
    let world = with_rest(
        "tenant_claim = '/org/id'\nprincipal_claim = 'email'\nrequired_claims = ['jti']\n\
                           claims_equal = { hd = 'corp.example' }",
    );
    world.book.add_principal("rival", "eve@corp.example", &["viewer"]);
    let with = |change: fn(&mut Value)| {
        rs256(&claims(|claims| {
            claims["org"] = json!({ "id": "rival" });
            claims["email"] = json!("eve@corp.example");
            claims["jti"] = json!("1");
            claims["hd"] = json!("corp.example");
            change(claims);
        }))
    };
    let caller = world.token(&with(|_| ())).await.unwrap();
    assert_eq!((caller.tenant.as_str(), caller.principal.as_str()), ("rival", "eve@corp.example"));
    assert_eq!(world.why_not(&with(|claims| claims["email_verified"] = json!(true))).await, "let in");
    assert_eq!(world.why_not(&with(|claims| claims["email_verified"] = json!(false))).await, "bad_claim");
    assert_eq!(world.why_not(&with(|claims| claims["hd"] = json!("evil.example"))).await, "bad_claim");
    assert_eq!(world.why_not(&with(|claims| claims["jti"] = Value::Null)).await, "missing_claim");
    assert_eq!(world.why_not(&with(|claims| claims["org"] = json!("rival"))).await, "missing_claim");
    assert_eq!(world.why_not(&with(|claims| claims["org"]["id"] = json!("Rival"))).await, "bad_claim");
}

#[tokio::test]
async fn a_stranger_has_the_roles_that_are_set_and_of_those_it_claims_the_allowed_ones() {
    let world = with_rest(
        "tenant = 'acme'\nunknown_principals = 'accept'\nroles = ['viewer']\nroles_claim = 'roles'\n\
                           allowed_roles = ['developer']\nstranger_kind = 'service'",
    );
    let of = |sub: &str, roles: Value| rs256(&claims(|claims| (claims["sub"], claims["roles"]) = (json!(sub), roles)));
    let roles = |caller: &ringfence::model::Caller| caller.roles.iter().map(ToString::to_string).collect::<Vec<_>>();
    let stranger = world.token(&of("carol", json!(["admin", "developer", "No Role"]))).await.unwrap();
    assert_eq!(roles(&stranger), ["developer", "viewer"]);
    assert_eq!(stranger.kind, ringfence::model::PrincipalKind::Service);
    let plain = world.token(&of("carol", Value::Null)).await.unwrap();
    assert_eq!(roles(&plain), ["viewer"]);
    let known = world.token(&of("bob", json!(["developer"]))).await.unwrap();
    assert_eq!(roles(&known), ["viewer"], "the directory knows better than the token");
    world.book.change_principal("bob", |bob| bob.suspended = true);
    world.auth.forget_all();
    assert_eq!(world.why_not(&of("bob", json!(["developer"]))).await, "suspended");
    world.book.closed.lock().unwrap().insert("acme".parse().unwrap());
    world.auth.forget_all();
    assert_eq!(world.why_not(&of("carol", json!([]))).await, "closed_tenant");
}

#[tokio::test]
async fn a_token_of_an_issuer_is_revoked_by_its_id() {
    let world = rsa_world();
    let token = rs256(&claims(|claims| claims["jti"] = json!("t-9")));
    world.token(&token).await.unwrap();
    world.book.revoked_tokens.lock().unwrap().insert("t-9".into());
    world.book.moved();
    assert_eq!(world.token_at(&token, NOW, 200).await.unwrap_err().reason(), "token_revoked");
}

#[tokio::test]
async fn one_issuer_with_two_audiences_serves_two_tenants_and_a_token_for_both_is_for_none() {
    let one = "algorithms = ['RS256']\nkeys = { pem_file = 'idp.pem' }\n";
    let settings = format!(
        "{}{one}{}",
        issuer(""),
        "[[tokens.issuers]]\nissuer = 'https://idp.example'\naudience = 'second'\ntenant = 'rival'\n"
    ) + one;
    let world = world_of(&settings, &[("idp.pem", pem(&*RSA).as_bytes())]).unwrap();
    let to = |aud: Value| rs256(&claims(|claims| claims["aud"] = aud));
    assert_eq!(world.token(&to(json!("ringfence"))).await.unwrap().tenant.as_str(), "acme");
    assert_eq!(world.token(&to(json!("second"))).await.unwrap().tenant.as_str(), "rival");
    assert_eq!(world.why_not(&to(json!(["ringfence", "second"]))).await, "wrong_audience");
}
