//! A02: keys behind a URL: they turn over, go away, are too many, and never come from where a token says.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::*;

const URL: &str = "https://idp.example/jwks.json";

fn remote() -> World {
    let settings = format!(
        "[[tokens.issuers]]\nissuer = 'https://idp.example'\naudience = 'ringfence'\ntenant = 'acme'\n\
         algorithms = ['RS256', 'EdDSA']\nkeys = {{ jwks_url = '{URL}' }}\n"
    );
    world_of(&settings, &[]).unwrap()
}

fn old_key() -> Value {
    rsa_jwk("old", &RSA)
}

fn by_old() -> String {
    signed(r#"{"alg":"RS256","kid":"old"}"#, &claims(|claims| claims["exp"] = json!(NOW + 80_000)), by_rsa(&RSA))
}

fn by_new() -> String {
    signed(r#"{"alg":"EdDSA","kid":"new"}"#, &claims(|_| ()), by_ed)
}

/// What was spawned has had its turn.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a02_keys_turn_over_without_a_restart() {
    let world = remote();
    world.net.serves(&json!({ "keys": [old_key()] }));
    assert!(world.token_at(&by_old(), NOW, 0).await.is_ok());
    world.net.serves(&json!({ "keys": [ed_jwk("new")] }));
    assert!(world.token_at(&by_new(), NOW, 40_000).await.is_ok(), "a new key id is asked for");
    assert_eq!(world.net.times_asked(), 2);
    let withdrawn = world.token_at(&by_old(), NOW, 60_000).await.unwrap_err();
    assert_eq!(withdrawn.reason(), "no_such_signing_key", "a warm token goes with its key within a minute");
}

#[tokio::test]
async fn a03_unknown_key_ids_are_limited_shut_nobody_out_and_make_us_ask_once_in_half_a_minute() {
    let world = remote();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    world.net.serves(&json!({ "keys": [old_key()] }));
    assert!(world.token_at(&by_old(), NOW, 0).await.is_ok());
    for number in 0..100 {
        let header = json!({ "alg": "RS256", "kid": format!("k{number}") }).to_string();
        let token = signed(&header, &claims(|_| ()), by_rsa(&RSA_2));
        let error = world.token_at(&token, NOW, 1_000).await.unwrap_err();
        let wanted = if number < 20 { "no_such_signing_key" } else { "too_many_attempts" };
        assert_eq!(error.reason(), wanted, "{number}");
        assert_eq!(error.shown().is_some(), number < 20, "what is recorded says whose token it was");
    }
    assert_eq!(*world.net.asked.lock().unwrap(), [URL]);
    assert!(world.token_at(&by_old(), NOW, 1_000).await.is_ok(), "what was good a moment ago is no guess");
    let cold = signed(r#"{"alg":"RS256","kid":"old"}"#, &claims(|claims| claims["sub"] = json!("bob")), by_rsa(&RSA));
    assert!(world.token_at(&cold, NOW, 1_000).await.is_ok(), "nor do other tokens of the issuer stand behind it");
    assert!(world.key_at(key.expose(), HOME, NOW, 1_000).await.is_ok());
    // As a change of keys is for whoever comes with the new one too early.
    assert_eq!(world.token_at(&by_new(), NOW, 2_000).await.unwrap_err().reason(), "too_many_attempts");
    world.net.serves(&json!({ "keys": [old_key(), ed_jwk("new")] }));
    assert!(world.token_at(&by_new(), NOW, 31_000).await.is_ok(), "its key is known now");
    // A signature that is wrong is a guess like any other.
    let forged = signed(r#"{"alg":"RS256","kid":"old"}"#, &claims(|claims| claims["jti"] = json!("f")), by_rsa(&RSA_2));
    for number in 0..21 {
        let wanted = if number < 20 { "bad_signature" } else { "too_many_attempts" };
        assert_eq!(world.token_at(&forged, NOW, 32_000).await.unwrap_err().reason(), wanted, "{number}");
    }
}

#[tokio::test]
async fn a03_what_cannot_be_checked_is_limited_and_shuts_out_no_key_of_ours() {
    let world = remote();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let token = by_old();
    for number in 0..40 {
        let error = world.token_at(&token, NOW, 0).await.unwrap_err();
        let wanted = if number < 20 { "issuer_keys_unavailable" } else { "too_many_attempts" };
        assert_eq!(error.reason(), wanted, "{number}");
    }
    assert!(world.key_at(key.expose(), HOME, NOW, 0).await.is_ok());
    world.net.serves(&json!({ "keys": [old_key()] }));
    assert!(world.token_at(&token, NOW, 31_000).await.is_ok(), "nor whoever can be checked again");
}

#[tokio::test]
async fn a02_many_that_wait_for_one_key_make_one_fetch() {
    let world = remote();
    world.net.serves(&json!({ "keys": [ed_jwk("new")] }));
    let closed = world.net.gate.write().await;
    let token = by_new();
    let (one, two, three, ()) = tokio::join!(
        world.token_at(&token, NOW, 0),
        world.token_at(&token, NOW, 1),
        world.token_at(&token, NOW, 2),
        async {
            settle().await;
            drop(closed);
        }
    );
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(world.net.times_asked(), 1);
}

#[tokio::test]
async fn a02_whoever_hangs_up_does_not_take_the_fetch_along() {
    let world = remote();
    world.net.serves(&json!({ "keys": [ed_jwk("new")] }));
    let closed = world.net.gate.write().await;
    let token = by_new();
    tokio::select! {
        biased;
        _ = world.token_at(&token, NOW, 0) => panic!("nothing can have come yet"),
        () = settle() => {}
    }
    drop(closed);
    settle().await;
    assert!(world.token_at(&token, NOW, 1).await.is_ok());
    assert_eq!(world.net.times_asked(), 1);
}

#[tokio::test]
async fn a02_an_issuer_that_never_answers_is_given_up() {
    let world = remote();
    let _closed = world.net.gate.write().await;
    let token = by_new();
    let answer = tokio::time::timeout(Duration::from_secs(60), world.token_at(&token, NOW, 0)).await;
    let error = answer.expect("it ends by itself").unwrap_err();
    assert_eq!(error.reason(), "issuer_keys_unavailable");
}

#[tokio::test]
async fn a02_old_keys_serve_an_hour_without_their_issuer_and_not_longer() {
    let world = remote();
    world.net.serves(&json!({ "keys": [old_key()] }));
    let token = by_old();
    world.token_at(&token, NOW, 0).await.unwrap();
    *world.net.document.lock().unwrap() = None;
    let minute = 60_000;
    for minutes in 1..60 {
        // Half a minute off, so that the last check is not due again when the hour is over.
        world.token_at(&token, NOW + minutes * 60, minutes * minute + minute / 2).await.unwrap();
        settle().await;
    }
    assert!(world.net.times_asked() > 50, "it was tried in the background");
    let error = world.token_at(&token, NOW + 3_600, 60 * minute).await.unwrap_err();
    assert_eq!(error.reason(), "issuer_keys_unavailable");
    assert_eq!(error.to_string(), "credentials cannot be checked just now; try again soon");
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    assert!(world.key_at(key.expose(), HOME, NOW, 60 * minute).await.is_ok(), "keys of ours are not concerned");
    world.net.serves(&json!({ "keys": [old_key()] }));
    world.token_at(&token, NOW + 3_660, 61 * minute).await.unwrap();
}

#[tokio::test]
async fn a02_a_set_that_is_huge_or_broken_is_not_taken_and_the_old_keys_stay() {
    let many: Vec<Value> = (0..101).map(|number| ed_jwk(&format!("k{number}"))).collect();
    let cases = [
        vec![b' '; 300 << 10],
        json!({ "keys": many }).to_string().into_bytes(),
        b"<html>".to_vec(),
        json!({ "keys": [] }).to_string().into_bytes(),
        json!({ "keys": [{ "kty": "oct", "kid": "new", "k": b64(SECRET) }] }).to_string().into_bytes(),
        format!("{{\"keys\":{}", "[".repeat(100_000)).into_bytes(),
    ];
    for document in cases {
        let world = remote();
        world.net.serves(&json!({ "keys": [old_key()] }));
        world.token_at(&by_old(), NOW, 0).await.unwrap();
        *world.net.document.lock().unwrap() = Some(document);
        assert_eq!(world.token_at(&by_new(), NOW, 40_000).await.unwrap_err().reason(), "no_such_signing_key");
        assert_eq!(world.net.times_asked(), 2);
        assert!(world.token_at(&by_old(), NOW, 100_000).await.is_ok());
    }
}

#[tokio::test]
async fn a02_keys_for_encryption_for_other_algorithms_and_of_one_name_are_not_used() {
    let world = remote();
    let change = |change: fn(&mut Value)| {
        let mut key = old_key();
        change(&mut key);
        key
    };
    let sets = [
        json!([ed_jwk("new"), change(|key| key["use"] = json!("enc"))]),
        json!([ed_jwk("new"), change(|key| key["alg"] = json!("RS512"))]),
        json!([ed_jwk("new"), change(|key| key["alg"] = json!("HS256"))]),
        json!([ed_jwk("new"), change(|key| key["key_ops"] = json!(["encrypt"]))]),
        json!([old_key(), old_key()]),
    ];
    for (number, set) in (1..).zip(sets) {
        world.net.serves(&json!({ "keys": set }));
        let error = world.token_at(&by_old(), NOW, number * 40_000).await.unwrap_err();
        assert_eq!(error.reason(), "no_such_signing_key");
    }
}

#[tokio::test]
async fn a02_only_the_address_that_is_set_is_ever_asked() {
    let world = remote();
    world.net.serves(&json!({ "keys": [old_key()] }));
    for name in ["kid", "jku", "x5u"] {
        let header = json!({ "alg": "RS256", name: "https://evil.example/keys" }).to_string();
        world.why_not(&signed(&header, &claims(|_| ()), by_rsa(&RSA_2))).await;
        let body = claims(|claims| claims["iss"] = json!("https://evil.example"));
        world.why_not(&signed(&header, &body, by_rsa(&RSA_2))).await;
    }
    assert_eq!(*world.net.asked.lock().unwrap(), [URL]);
}

#[tokio::test]
async fn a02_a_key_of_a_moment_later_is_looked_for_again_within_half_a_minute() {
    let world = remote();
    world.net.serves(&json!({ "keys": [old_key()] }));
    world.token_at(&by_old(), NOW, 0).await.unwrap();
    world.net.serves(&json!({ "keys": [ed_jwk("new")] }));
    assert_eq!(world.token_at(&by_new(), NOW, 29_000).await.unwrap_err().reason(), "no_such_signing_key");
    world.token_at(&by_new(), NOW, 30_000).await.unwrap();
    assert_eq!(world.net.times_asked(), 2);
}
