//! API keys: what they look like, who they open for, and how soon they stop.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use ringfence::identity::{ApiKey, AuthError, Offered};
use ringfence::model::{Credential, PrincipalKind};

use super::world::*;

#[tokio::test]
async fn a_key_opens_for_its_principal_with_what_the_directory_says() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", Some(&["runs:*"]), Some(NOW + 60));
    let caller = world.key(key.expose()).await.unwrap();
    assert_eq!((caller.tenant.as_str(), caller.principal.as_str()), ("acme", "alice"));
    assert_eq!(caller.kind, PrincipalKind::Agent);
    assert_eq!(caller.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(), ["developer"]);
    assert_eq!(caller.scopes.as_deref().unwrap(), ["runs:*"]);
    assert_eq!(caller.credential, Credential::Key(id));
    assert_eq!(caller.expires, Some(NOW + 60));
    assert_eq!(caller.address.to_string(), HOME);
}

#[test]
fn a_key_has_a_prefix_a_secret_and_a_checksum_and_no_two_are_alike() {
    let (one, other) = (ApiKey::generate().unwrap(), ApiKey::generate().unwrap());
    assert_eq!(one.expose().len(), 64);
    assert_eq!(one.expose()[..16], format!("rf_{}_", one.prefix()));
    assert_ne!(one.expose(), other.expose());
    assert_ne!(one.prefix(), other.prefix());
    assert_ne!(one.hash(&pepper()), *blake3::hash(one.expose().as_bytes()).as_bytes(), "the pepper is in it");
}

#[tokio::test]
async fn a_key_may_come_as_a_bearer_and_a_warm_one_knows_where_it_comes_from_now() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    world.token(key.expose()).await.unwrap();
    let elsewhere = world.key_at(key.expose(), "198.51.100.9", NOW, 1).await.unwrap();
    assert_eq!(elsewhere.address.to_string(), "198.51.100.9");
    assert_eq!(world.book.lookups(), 1, "the second came from the warm");
}

#[tokio::test]
async fn a01_no_credential_is_missing_and_an_empty_one_is_not_valid() {
    let world = world();
    let nothing = world.auth.authenticate(Offered::default(), HOME.parse().unwrap(), NOW, 0).await;
    assert!(matches!(nothing, Err(AuthError::Missing)));
    assert_eq!(world.key("").await.unwrap_err().reason(), "malformed");
    assert_eq!(world.token("").await.unwrap_err().reason(), "malformed");
}

#[tokio::test]
async fn a01_unknown_wrong_revoked_expired_and_malformed_get_one_answer_and_the_log_gets_the_reason() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let (revoked, id) = world.book.add_key("acme", "alice", None, None);
    world.book.change_key(&id, |record| record.revoked = Some(NOW));
    let (expired, _) = world.book.add_key("acme", "alice", None, Some(NOW));
    let (orphan, _) = world.book.add_key("acme", "nobody", None, None);
    let mut mistyped = key.expose().to_owned();
    mistyped.replace_range(20..21, if &mistyped[20..21] == "A" { "B" } else { "A" });
    let cases = [
        (ApiKey::generate().unwrap().expose().to_owned(), "unknown_key"),
        (other_secret(&key), "wrong_secret"),
        (mistyped, "mistyped"),
        (revoked.expose().to_owned(), "revoked"),
        (expired.expose().to_owned(), "expired"),
        (orphan.expose().to_owned(), "unknown_principal"),
        ("rf_short".to_owned(), "malformed"),
        ("x".repeat(100_000), "malformed"),
        ("eyJhbGciOiJub25lIn0.e30.".to_owned(), "malformed"),
    ];
    for (text, reason) in cases {
        let error = world.key(&text).await.unwrap_err();
        assert_eq!(error.reason(), reason);
        assert_eq!(error.to_string(), "the credential is not valid");
    }
}

#[tokio::test]
async fn a01_unknown_and_wrong_ask_the_directory_the_same() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    world.key(ApiKey::generate().unwrap().expose()).await.unwrap_err();
    let unknown = world.book.lookups();
    world.key(&other_secret(&key)).await.unwrap_err();
    assert_eq!(world.book.lookups(), unknown * 2);
}

#[tokio::test]
async fn a01_two_credentials_are_refused_even_if_both_are_good_or_the_same() {
    let world = world();
    let (alice, _) = world.book.add_key("acme", "alice", None, None);
    let (too, _) = world.book.add_key("acme", "alice", None, None);
    let both = |one: &ApiKey, other: &ApiKey| {
        let (one, other) = (one.expose().to_owned(), other.expose().to_owned());
        let auth = &world.auth;
        async move {
            let offered = Offered { api_key: Some(&one), bearer: Some(&other) };
            auth.authenticate(offered, HOME.parse().unwrap(), NOW, 0).await
        }
    };
    assert_eq!(both(&alice, &too).await.unwrap_err().reason(), "two_credentials");
    assert_eq!(both(&alice, &alice).await.unwrap_err().reason(), "two_credentials");
}

#[tokio::test]
async fn a01_nothing_of_a_secret_is_in_an_error() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    let wrong = other_secret(&key);
    let error = world.key(&wrong).await.unwrap_err();
    assert_eq!(error.shown().unwrap(), format!("rf_{}", key.prefix()));
    assert!(!format!("{error} {error:?}").contains(&wrong[17..30]));
    let pasted = world.key("hunter2 is my password\n\x1b[31m").await.unwrap_err();
    assert_eq!(pasted.shown(), None, "what is no key may be somebody's password");
    assert!(!format!("{pasted} {pasted:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_suspended_principal_and_a_closed_tenant_are_refused_warm_or_cold() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    world.key(key.expose()).await.unwrap();
    world.book.change_principal("alice", |principal| principal.suspended = true);
    let tick = 1_000;
    assert_eq!(world.key_at(key.expose(), HOME, NOW, tick).await.unwrap_err().reason(), "suspended");
    world.book.change_principal("alice", |principal| principal.suspended = false);
    world.key_at(key.expose(), HOME, NOW, tick * 2).await.unwrap();
    world.book.closed.lock().unwrap().insert("acme".parse().unwrap());
    world.book.moved();
    assert_eq!(world.key_at(key.expose(), HOME, NOW, tick * 3).await.unwrap_err().reason(), "closed_tenant");
}

#[tokio::test]
async fn a_key_that_another_process_revoked_is_refused_within_a_second() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", None, None);
    world.key(key.expose()).await.unwrap();
    world.book.change_key(&id, |record| record.revoked = Some(NOW));
    world.book.moved();
    let still = world.key_at(key.expose(), HOME, NOW, 199).await;
    assert!(still.is_ok(), "nobody was asked yet");
    assert_eq!(world.key_at(key.expose(), HOME, NOW, 200).await.unwrap_err().reason(), "revoked");
}

#[tokio::test]
async fn a_key_that_this_process_revoked_is_refused_at_once() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", None, None);
    world.key(key.expose()).await.unwrap();
    world.book.change_key(&id, |record| record.revoked = Some(NOW));
    world.auth.forget_all();
    assert_eq!(world.key(key.expose()).await.unwrap_err().reason(), "revoked");
}

#[test]
fn a_directory_that_hangs_lets_nobody_in_for_long_on_what_was_known() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", None, None);
    let at = |tick| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(world.key_at(key.expose(), HOME, NOW, tick))
    };
    at(0).unwrap();
    std::thread::scope(|scope| {
        let hanging = world.book.version_gate.lock().unwrap();
        let first = scope.spawn(|| at(200));
        while world.book.versions_asked.load(Ordering::SeqCst) < 2 {
            std::thread::yield_now();
        }
        assert!(at(599).is_ok(), "somebody is asking, and it was known a moment ago");
        let later = scope.spawn(|| at(600));
        world.book.change_key(&id, |record| record.revoked = Some(NOW));
        world.book.moved();
        drop(hanging);
        assert_eq!(first.join().unwrap().unwrap_err().reason(), "revoked");
        assert_eq!(later.join().unwrap().unwrap_err().reason(), "revoked");
    });
}

#[tokio::test]
async fn a_warm_key_expires_to_the_second() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, Some(NOW + 5));
    assert!(world.key_at(key.expose(), HOME, NOW + 4, 0).await.is_ok());
    assert_eq!(world.key_at(key.expose(), HOME, NOW + 5, 1).await.unwrap_err().reason(), "expired");
}

#[tokio::test]
async fn a_changed_role_counts_as_soon_as_the_version_is_seen() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    world.key(key.expose()).await.unwrap();
    world.book.change_principal("alice", |principal| principal.roles = vec!["viewer".parse().unwrap()]);
    let caller = world.key_at(key.expose(), HOME, NOW, 200).await.unwrap();
    assert_eq!(caller.roles[0].as_str(), "viewer");
}

#[tokio::test]
async fn a_directory_that_cannot_be_asked_lets_nobody_in_and_is_no_failure_of_the_caller() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    world.key(key.expose()).await.unwrap();
    world.book.broken.store(true, Ordering::SeqCst);
    for tick in 0..50 {
        let error = world.key_at(key.expose(), HOME, NOW, 1_000 + tick).await.unwrap_err();
        assert_eq!(error.reason(), "directory_unavailable");
        assert!(!error.to_string().contains("fire"));
    }
    world.book.broken.store(false, Ordering::SeqCst);
    assert!(world.key_at(key.expose(), HOME, NOW, 1_100).await.is_ok());
}

#[tokio::test]
async fn a_warm_key_asks_for_the_version_five_times_a_second_and_for_nothing_else() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    for tick in 0..1_000 {
        world.key_at(key.expose(), HOME, NOW, tick).await.unwrap();
    }
    assert_eq!(world.book.versions_asked.load(Ordering::SeqCst), 5);
    assert_eq!(world.book.lookups(), 1);
}

#[tokio::test]
async fn the_last_use_of_a_key_is_told_once_a_minute() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    for second in 0..130 {
        world.book.moved();
        world.key_at(key.expose(), HOME, NOW + second, second * 1_000).await.unwrap();
    }
    assert_eq!(*world.book.touches.lock().unwrap(), [NOW, NOW + 60, NOW + 120]);
}

#[tokio::test]
async fn the_warm_ones_are_bounded() {
    let world = world_of("warm_credentials = 50", &[]).unwrap();
    for _ in 0..500 {
        let (key, _) = world.book.add_key("acme", "alice", None, None);
        world.key(key.expose()).await.unwrap();
    }
    assert!(world.auth.warm_credentials() <= 50);
}

proptest! {
    #[test]
    fn a01_no_random_text_is_ever_let_in(
        text in prop_oneof![
            any::<String>(),
            "rf_[0-9a-v]{12}_[A-Za-z0-9_-]{43}_[A-Za-z0-9_-]{4}",
            "rf_.{0,80}",
            "[A-Za-z0-9_-]{1,40}\\.[A-Za-z0-9_-]{1,40}\\.[A-Za-z0-9_-]{0,40}",
            ("\\PC{0,60}", "\\PC{0,60}").prop_map(|(header, claims)| format!("{}.{}.", b64(header), b64(claims))),
        ],
        both in any::<bool>(),
    ) {
        let world = world();
        world.book.add_key("acme", "alice", None, None);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let offered = Offered { api_key: both.then_some(text.as_str()), bearer: Some(&text) };
        let answer = runtime.block_on(world.auth.authenticate(offered, HOME.parse().unwrap(), NOW, 0));
        prop_assert!(matches!(answer, Err(AuthError::Refused(_))));
    }
}
