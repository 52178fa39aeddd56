//! Tokens of ours: narrower and shorter than what made them, and dead when it is.

use aws_lc_rs::signature::Ed25519KeyPair;
use ringfence::identity::{SigningKey, TokenAsk, TokenError, TokenMaker, TokenSettings, check_scope, covers};
use ringfence::model::Credential;
use serde_json::{Value, json};

use super::world::*;

fn ask(scopes: &[&str]) -> TokenAsk {
    TokenAsk { scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(), ..TokenAsk::default() }
}

#[tokio::test]
async fn a_token_opens_for_its_maker_cut_to_its_scopes_and_carries_no_roles() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", Some(&["runs:*", "files:read"]), None);
    let maker = world.key(key.expose()).await.unwrap();
    let (token, info) = world.maker.issue(&maker, ask(&["runs:create"]), NOW).unwrap();
    assert_eq!((info.issued, info.expires), (NOW, NOW + 900));
    assert!(info.id.starts_with(id.as_str()));
    let caller = world.token(&token).await.unwrap();
    assert_eq!((caller.tenant.as_str(), caller.principal.as_str()), ("acme", "alice"));
    assert_eq!(caller.scopes.as_deref().unwrap(), ["runs:create"]);
    assert_eq!(caller.expires, Some(NOW + 900));
    assert_eq!(caller.credential, Credential::Token { issuer: "ringfence:here".into(), id: info.id });
    let [_, said] = parts(&token);
    assert_eq!((&said["iss"], &said["aud"]), (&json!("ringfence:here"), &json!("ringfence:here")));
    assert!(said.get("roles").is_none());
    assert_eq!(
        world.token_at(&token, NOW + 900, 1).await.unwrap_err().reason(),
        "expired",
        "no skew for our own clock"
    );
}

#[tokio::test]
async fn a05_a_token_with_more_than_its_maker_has_is_refused_and_named() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", Some(&["runs:*", "files:read"]), None);
    let maker = world.key(key.expose()).await.unwrap();
    for more in ["*", "files:*", "files:write", "keys:create", "runsx:create"] {
        match world.maker.issue(&maker, ask(&["runs:create", more]), NOW) {
            Err(TokenError::MoreThanMaker { scope }) => assert_eq!(scope, more),
            other => panic!("{more}: {:?}", other.map(|(_, info)| info)),
        }
    }
    for bad in ["", "runs", "runs:", ":create", "runs:*:x", "Runs:create", "**", "runs:cre*", "a b:c"] {
        assert!(matches!(world.maker.issue(&maker, ask(&[bad]), NOW), Err(TokenError::BadScope(_))), "{bad}");
    }
    assert!(matches!(world.maker.issue(&maker, ask(&[]), NOW), Err(TokenError::HowManyScopes)));
    assert!(matches!(world.maker.issue(&maker, ask(&["runs:create"; 65]), NOW), Err(TokenError::HowManyScopes)));
}

#[test]
fn a05_scopes_cover_what_they_say_and_nothing_beside_it() {
    let have = |scopes: &[&str]| scopes.iter().map(|&scope| scope.to_owned()).collect::<Vec<_>>();
    assert!(covers(None, "*") && covers(Some(&have(&["*"])), "keys:*"));
    assert!(covers(Some(&have(&["runs:*"])), "runs:create") && covers(Some(&have(&["runs:*"])), "runs:*"));
    for (scope, want) in
        [("runs:*", "*"), ("runs:create", "runs:*"), ("runs:*", "runs"), ("", "*"), ("run:*", "runs:x")]
    {
        assert!(!covers(Some(&have(&[scope])), want), "{scope} {want}");
    }
    assert!(!covers(Some(&[]), "runs:create"));
    assert!(check_scope(&format!("runs:{}", "x".repeat(60))).is_err());
}

#[tokio::test]
async fn a05_a_token_makes_only_less_and_only_so_many_generations() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, Some(NOW + 10_000));
    let mut maker = world.key(key.expose()).await.unwrap();
    for (scopes, ttl_s) in [("*", 800), ("runs:*", 700), ("runs:*", 600), ("runs:create", 500)] {
        let asked = TokenAsk { ttl_s: Some(ttl_s), ..ask(&[scopes]) };
        let (token, info) = world.maker.issue(&maker, asked, NOW).unwrap();
        assert_eq!(info.expires, NOW + ttl_s);
        maker = world.token(&token).await.unwrap();
    }
    let too_many = world.maker.issue(&maker, ask(&["runs:create"]), NOW);
    assert!(matches!(too_many, Err(TokenError::TooManyGenerations)));
    let (token, _) = world.maker.issue(&world.key(key.expose()).await.unwrap(), ask(&["runs:*"]), NOW).unwrap();
    let narrow = world.token(&token).await.unwrap();
    assert!(matches!(world.maker.issue(&narrow, ask(&["*"]), NOW), Err(TokenError::MoreThanMaker { .. })));
}

#[tokio::test]
async fn a05_a_token_never_outlives_its_maker_or_the_most_that_is_set() {
    let world = world_of("tokens = { default_ttl_s = 300, max_ttl_s = 1000 }", &[]).unwrap();
    let (key, _) = world.book.add_key("acme", "alice", None, Some(NOW + 200));
    let maker = world.key(key.expose()).await.unwrap();
    let for_s = |ttl_s| TokenAsk { ttl_s, ..ask(&["*"]) };
    assert_eq!(world.maker.issue(&maker, for_s(None), NOW).unwrap().1.expires, NOW + 200);
    assert!(matches!(world.maker.issue(&maker, for_s(Some(201)), NOW), Err(TokenError::OutlivesMaker { left_s: 200 })));
    assert!(matches!(world.maker.issue(&maker, for_s(Some(1_001)), NOW), Err(TokenError::Ttl { max_s: 1_000 })));
    assert!(matches!(world.maker.issue(&maker, for_s(Some(0)), NOW), Err(TokenError::Ttl { .. })));
    assert!(matches!(world.maker.issue(&maker, for_s(None), NOW + 200), Err(TokenError::MakerExpired)));
}

#[tokio::test]
async fn a_token_dies_with_the_key_it_goes_back_to_and_with_each_token_in_between() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", None, None);
    let (parent, parent_info) = world.maker.issue(&world.key(key.expose()).await.unwrap(), ask(&["*"]), NOW).unwrap();
    let (child, _) = world.maker.issue(&world.token(&parent).await.unwrap(), ask(&["runs:*"]), NOW).unwrap();
    let (other, _) = world.maker.issue(&world.key(key.expose()).await.unwrap(), ask(&["*"]), NOW).unwrap();
    for token in [&parent, &child, &other] {
        world.token(token).await.unwrap();
    }
    world.book.revoked_tokens.lock().unwrap().insert(parent_info.id);
    world.auth.forget_all();
    assert_eq!(world.why_not(&parent).await, "token_revoked");
    assert_eq!(world.why_not(&child).await, "token_revoked");
    assert_eq!(world.why_not(&other).await, "let in");
    world.book.change_key(&id, |record| record.revoked = Some(NOW));
    world.book.moved();
    assert_eq!(world.token_at(&other, NOW, 200).await.unwrap_err().reason(), "revoked");
    world.book.keys.lock().unwrap().clear();
    world.auth.forget_all();
    assert_eq!(world.why_not(&other).await, "maker_gone");
}

#[tokio::test]
async fn a_demoted_suspended_or_narrowed_maker_shows_in_its_tokens_at_once() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", None, None);
    let (token, _) = world.maker.issue(&world.key(key.expose()).await.unwrap(), ask(&["runs:create"]), NOW).unwrap();
    assert_eq!(world.token(&token).await.unwrap().roles[0].as_str(), "developer");
    world.book.change_principal("alice", |alice| alice.roles = vec!["viewer".parse().unwrap()]);
    assert_eq!(world.token_at(&token, NOW, 200).await.unwrap().roles[0].as_str(), "viewer");
    world.book.change_key(&id, |record| record.scopes = Some(vec!["files:*".into()]));
    world.auth.forget_all();
    assert_eq!(world.why_not(&token).await, "scopes_of_maker");
    world.book.change_key(&id, |record| record.scopes = None);
    world.book.change_principal("alice", |alice| alice.suspended = true);
    world.auth.forget_all();
    assert_eq!(world.why_not(&token).await, "suspended");
}

#[tokio::test]
async fn a02_a_token_of_ours_opens_nothing_at_another_tenant_audience_or_instance() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let mut maker = (*world.key(key.expose()).await.unwrap()).clone();
    let asked = TokenAsk { audience: Some("https://elsewhere.example".into()), ..ask(&["*"]) };
    assert_eq!(world.why_not(&world.maker.issue(&maker, asked, NOW).unwrap().0).await, "wrong_audience");
    let spaced = TokenAsk { audience: Some("a b".into()), ..ask(&["*"]) };
    assert!(matches!(world.maker.issue(&maker, spaced, NOW), Err(TokenError::Audience)));
    let settings = TokenSettings::default();
    let elsewhere = TokenMaker::new("there", SigningKey::ed25519(&[9; 32]).unwrap(), settings.clone()).unwrap();
    assert_eq!(world.why_not(&elsewhere.issue(&maker, ask(&["*"]), NOW).unwrap().0).await, "unknown_issuer");
    let forged = TokenMaker::new("here", SigningKey::ed25519(&[8; 32]).unwrap(), settings.clone()).unwrap();
    assert_eq!(world.why_not(&forged.issue(&maker, ask(&["*"]), NOW).unwrap().0).await, "no_such_signing_key");
    let by_secret = TokenMaker::new("here", SigningKey::hs256(&[9; 32]).unwrap(), settings).unwrap();
    assert_eq!(world.why_not(&by_secret.issue(&maker, ask(&["*"]), NOW).unwrap().0).await, "bad_algorithm");
    // Even signed with our own key: `alice` of `rival` is somebody else, and the key is not hers.
    maker.tenant = "rival".parse().unwrap();
    assert_eq!(world.why_not(&world.maker.issue(&maker, ask(&["*"]), NOW).unwrap().0).await, "maker_gone");
}

#[tokio::test]
async fn a02_what_our_key_signed_for_something_else_or_without_its_times_opens_nothing() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let (token, _) = world.maker.issue(&world.key(key.expose()).await.unwrap(), ask(&["*"]), NOW).unwrap();
    let resigned = |change: &dyn Fn(&mut Value, &mut Value)| {
        let [mut header, mut claims] = parts(&token);
        change(&mut header, &mut claims);
        let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        signed(&header.to_string(), &claims.to_string(), |message| pair.sign(message).as_ref().to_vec())
    };
    assert_eq!(world.why_not(&resigned(&|_, _| ())).await, "let in");
    assert_eq!(world.why_not(&resigned(&|header, _| header["typ"] = json!("JWT"))).await, "bad_type");
    assert_eq!(world.why_not(&resigned(&|header, _| header["typ"] = Value::Null)).await, "malformed");
    for name in ["iat", "nbf", "exp", "aud", "tenant", "sub", "scopes", "jti"] {
        let without = resigned(&|_, claims| claims[name] = Value::Null);
        assert_eq!(world.why_not(&without).await, "missing_claim", "{name}");
    }
    let long = resigned(&|_, claims| claims["exp"] = json!(NOW + 3_601));
    assert_eq!(world.why_not(&long).await, "lives_too_long");
    for jti in ["x", "key_1.a", "../key"] {
        assert_eq!(world.why_not(&resigned(&|_, claims| claims["jti"] = json!(jti))).await, "bad_claim");
    }
}

#[tokio::test]
async fn a02_no_byte_of_a_token_of_ours_can_be_changed() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let (token, _) = world.maker.issue(&world.key(key.expose()).await.unwrap(), ask(&["runs:create"]), NOW).unwrap();
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert_ne!(world.why_not(&changed).await, "let in", "byte {at}");
    }
}

#[tokio::test]
async fn a_token_signed_with_a_secret_works_as_well() {
    let maker = TokenMaker::new("here", SigningKey::hs256(&[3; 32]).unwrap(), TokenSettings::default()).unwrap();
    let world = world().with_maker(maker);
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let (token, _) = world.maker.issue(&world.key(key.expose()).await.unwrap(), ask(&["*"]), NOW).unwrap();
    assert_eq!(world.token(&token).await.unwrap().principal.as_str(), "alice");
    assert!(SigningKey::hs256(&[3; 31]).is_err());
}

#[tokio::test]
async fn a_token_of_another_issuer_makes_none_of_ours() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let mut maker = (*world.key(key.expose()).await.unwrap()).clone();
    maker.credential = Credential::Token { issuer: "https://idp.example".into(), id: String::new() };
    assert!(matches!(world.maker.issue(&maker, ask(&["*"]), NOW), Err(TokenError::NotOurs)));
}
