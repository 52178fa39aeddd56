//! A03: whoever guesses is slowed down, and nobody else is.

use ringfence::identity::{ApiKey, AuthError};

use super::world::*;

fn wait_s(error: &AuthError) -> Option<u64> {
    match error {
        AuthError::TooManyAttempts { retry_after_s } => Some(*retry_after_s),
        _ => None,
    }
}

/// So many wrong keys from one place.
async fn guesses(world: &World, from: &str, count: usize, tick: u64) {
    for _ in 0..count {
        let wrong = ApiKey::generate().unwrap();
        assert!(wait_s(&world.key_at(wrong.expose(), from, NOW, tick).await.unwrap_err()).is_none());
    }
}

#[tokio::test]
async fn a03_a_source_that_guesses_is_stopped_before_the_directory_is_asked() {
    let world = world();
    guesses(&world, HOME, 20, 0).await;
    let before = world.book.lookups();
    for _ in 0..100 {
        let error = world.key_at(ApiKey::generate().unwrap().expose(), HOME, NOW, 1_000).await.unwrap_err();
        assert_eq!(wait_s(&error), Some(59));
        assert_eq!(error.reason(), "too_many_attempts");
    }
    let garbage = world.key_at("garbage", HOME, NOW, 1_000).await.unwrap_err();
    assert!(wait_s(&garbage).is_some());
    let token = world.token_at(&"a".repeat(9_000), NOW, 1_000).await.unwrap_err();
    assert!(wait_s(&token).is_some());
    assert_eq!(world.book.lookups(), before);
    let later = world.key_at(ApiKey::generate().unwrap().expose(), HOME, NOW, 60_000).await.unwrap_err();
    assert_eq!(later.reason(), "unknown_key", "the window has ended");
}

#[tokio::test]
async fn a03_an_ipv6_source_is_its_64_and_a_mapped_address_is_the_ipv4_one() {
    let world = world();
    guesses(&world, "2001:db8:1:2::1", 20, 0).await;
    let unknown = ApiKey::generate().unwrap();
    let neighbour = world.key_at(unknown.expose(), "2001:db8:1:2:ffff::9", NOW, 0).await.unwrap_err();
    assert!(wait_s(&neighbour).is_some());
    let other_net = world.key_at(unknown.expose(), "2001:db8:1:3::1", NOW, 0).await.unwrap_err();
    assert!(wait_s(&other_net).is_none());
    guesses(&world, "203.0.113.5", 20, 0).await;
    let mapped = world.key_at(unknown.expose(), "::ffff:203.0.113.5", NOW, 0).await.unwrap_err();
    assert!(wait_s(&mapped).is_some());
}

#[tokio::test]
async fn a03_many_sources_that_guess_at_one_prefix_have_one_guess_each() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    for number in 0..10 {
        let from = format!("198.51.100.{number}");
        let error = world.key_at(&other_secret(&key), &from, NOW, 0).await.unwrap_err();
        assert_eq!(error.reason(), "wrong_secret");
    }
    for number in 0..10 {
        let from = format!("198.51.100.{number}");
        assert!(wait_s(&world.key_at(&other_secret(&key), &from, NOW, 1).await.unwrap_err()).is_some());
    }
    let fresh = "198.51.100.200";
    assert_eq!(world.key_at(&other_secret(&key), fresh, NOW, 1).await.unwrap_err().reason(), "wrong_secret");
    assert!(wait_s(&world.key_at(&other_secret(&key), fresh, NOW, 1).await.unwrap_err()).is_some());
}

#[tokio::test]
async fn a03_the_owner_of_a_prefix_that_is_guessed_at_gets_in_warm_and_cold() {
    let world = world();
    let (warm, _) = world.book.add_key("acme", "alice", None, None);
    let (cold, _) = world.book.add_key("acme", "alice", None, None);
    world.key_at(warm.expose(), HOME, NOW, 0).await.unwrap();
    for number in 0..50 {
        for key in [&warm, &cold] {
            let from = format!("198.51.100.{number}");
            world.key_at(&other_secret(key), &from, NOW, 0).await.unwrap_err();
        }
    }
    assert!(world.key_at(warm.expose(), HOME, NOW, 1).await.is_ok());
    assert!(world.key_at(cold.expose(), HOME, NOW, 1).await.is_ok());
}

#[tokio::test]
async fn a03_a_key_that_was_good_gets_in_beside_one_who_guesses_from_the_same_address_also_after_a_change() {
    let world = world();
    let (key, id) = world.book.add_key("acme", "alice", None, None);
    let (new, _) = world.book.add_key("acme", "bob", None, None);
    world.key(key.expose()).await.unwrap();
    guesses(&world, HOME, 20, 0).await;
    assert!(world.key(key.expose()).await.is_ok());
    world.book.moved();
    world.auth.forget_all();
    assert!(world.key(key.expose()).await.is_ok(), "it is looked at again, not guessed");
    assert!(wait_s(&world.key(new.expose()).await.unwrap_err()).is_some(), "one never seen is a guess like others");
    world.book.change_key(&id, |record| record.revoked = Some(NOW));
    world.auth.forget_all();
    assert_eq!(world.key(key.expose()).await.unwrap_err().reason(), "revoked");
    assert!(wait_s(&world.key(key.expose()).await.unwrap_err()).is_some(), "it has lost its privilege with that");
}

#[tokio::test]
async fn a03_a_success_does_not_buy_more_guesses() {
    let world = world();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    for _ in 0..20 {
        guesses(&world, HOME, 1, 0).await;
        world.key(key.expose()).await.unwrap();
    }
    assert!(wait_s(&world.key(ApiKey::generate().unwrap().expose()).await.unwrap_err()).is_some());
}

#[tokio::test]
async fn a03_a_flood_from_many_sources_is_remembered_in_bounded_room_and_locks_nobody_out() {
    let world = world_of("guesses.tracked = 1000", &[]).unwrap();
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    for number in 0..5_000_u32 {
        let from = std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string();
        let wrong = ApiKey::generate().unwrap();
        assert_eq!(world.key_at(wrong.expose(), &from, NOW, 0).await.unwrap_err().reason(), "unknown_key");
    }
    let (sources, prefixes) = world.auth.tracked_failures();
    assert!(sources <= 1_000 && prefixes <= 1_000, "{sources} {prefixes}");
    assert!(world.key(key.expose()).await.is_ok());
}

#[tokio::test]
async fn a03_what_is_set_is_what_holds() {
    let settings = "[guesses]\nfailures_per_source = 3\nfailures_per_prefix = 2\nwindow_s = 10\n\
                    never_limited = ['10.0.0.0/8']";
    let world = world_of(settings, &[]).unwrap();
    guesses(&world, HOME, 3, 0).await;
    let error = world.key_at(ApiKey::generate().unwrap().expose(), HOME, NOW, 500).await.unwrap_err();
    assert_eq!(wait_s(&error), Some(10), "what is left is rounded up");
    guesses(&world, "10.1.2.3", 100, 0).await;
    let (key, _) = world.book.add_key("acme", "alice", None, None);
    for _ in 0..2 {
        world.key_at(&other_secret(&key), "198.51.100.7", NOW, 0).await.unwrap_err();
    }
    assert!(wait_s(&world.key_at(&other_secret(&key), "198.51.100.7", NOW, 0).await.unwrap_err()).is_some());
}
