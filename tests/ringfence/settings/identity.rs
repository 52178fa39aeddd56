use std::time::Duration;

use ringfence::config::Settings;
use serde_json::json;

use crate::identity::forge::{SECRET, by_secret, other_secret, signed};
use crate::identity::world::world_of;
use crate::service::House;

/// Longer than what is waited for here, shorter than what is waited for where the setting is ignored.
const SOON: Duration = Duration::from_secs(20);

/// Room for guesses at which a test is not aimed.
const MANY: &str = "100000";

fn wrong() -> String {
    ringfence::identity::ApiKey::generate().unwrap().expose().to_owned()
}

async fn refused(house: &House, key: &str) -> String {
    house.get(key, "/v1/whoami").await.code()
}

/// How many keys are at hand after three were shown.
async fn at_hand(flags: &[(String, String)]) -> u64 {
    let settings = Settings::load(None, |_| None, flags).unwrap();
    let world = world_of(&toml::to_string(&settings.identity).unwrap(), &[]).unwrap();
    for _ in 0..3 {
        let (key, _) = world.book.add_key("acme", "alice", None, None);
        world.key(key.expose()).await.unwrap();
    }
    world.auth.warm_credentials()
}

#[tokio::test]
pub async fn warm_credentials_are_the_most_that_are_kept_at_hand() {
    assert_eq!(at_hand(&[]).await, 3);
    assert!(at_hand(&[("identity.warm_credentials".to_owned(), "1".to_owned())]).await <= 1);
}

#[tokio::test]
pub async fn failures_per_source_shut_a_source_out() {
    let set = [("identity.guesses.failures_per_source", "2"), ("identity.guesses.failures_per_prefix", MANY)];
    let house = House::with(&set).await;
    for _ in 0..2 {
        assert_eq!(refused(&house, &wrong()).await, "bad_credential");
    }
    assert_eq!(refused(&house, &wrong()).await, "too_many_attempts");
}

#[tokio::test]
pub async fn failures_per_prefix_shut_a_key_out() {
    let set = [("identity.guesses.failures_per_source", MANY), ("identity.guesses.failures_per_prefix", "2")];
    let house = House::with(&set).await;
    let key = ringfence::identity::ApiKey::generate().unwrap();
    for _ in 0..2 {
        assert_eq!(refused(&house, &other_secret(&key)).await, "bad_credential");
    }
    assert_eq!(refused(&house, &other_secret(&key)).await, "too_many_attempts");
    assert_eq!(refused(&house, &wrong()).await, "bad_credential", "others are not shut out");
}

#[tokio::test]
pub async fn window_s_is_how_long_a_source_is_shut_out() {
    let set = [("identity.guesses.failures_per_source", "1"), ("identity.guesses.window_s", "1")];
    let house = House::with(&set).await;
    let shut_and_open_again = async {
        while refused(&house, &wrong()).await != "too_many_attempts" {}
        while house.get(&house.admin, "/v1/whoami").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, shut_and_open_again)
        .await
        .expect("the setting is ignored: the source is shut out still");
}

#[tokio::test]
pub async fn tracked_is_how_many_are_remembered() {
    for (tracked, expected) in [("100", "bad_credential"), (MANY, "too_many_attempts")] {
        let house = House::with(&[
            ("identity.guesses.failures_per_source", MANY),
            ("identity.guesses.failures_per_prefix", "1"),
            ("identity.guesses.tracked", tracked),
        ])
        .await;
        let key = ringfence::identity::ApiKey::generate().unwrap();
        refused(&house, &other_secret(&key)).await;
        for _ in 0..1_000 {
            refused(&house, &wrong()).await;
        }
        assert_eq!(refused(&house, &other_secret(&key)).await, expected, "{tracked}");
    }
}

#[tokio::test]
pub async fn never_limited_sources_are_not_shut_out() {
    for (net, expected) in [("10.0.0.0/8", "too_many_attempts"), ("10.0.0.0/8,127.0.0.0/8", "bad_credential")] {
        let house = House::with(&[
            ("identity.guesses.failures_per_source", "1"),
            ("identity.guesses.failures_per_prefix", MANY),
            ("identity.guesses.never_limited", net),
        ])
        .await;
        refused(&house, &wrong()).await;
        assert_eq!(refused(&house, &wrong()).await, expected, "{net}");
    }
}

fn seconds_from_now(time: &serde_json::Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_second() - jiff::Timestamp::now().as_second()
}

#[tokio::test]
pub async fn default_ttl_s_is_the_life_of_a_token() {
    let house = House::with(&[("identity.tokens.default_ttl_s", "100")]).await;
    let token = house.post(&house.admin, "/v1/tokens", json!({"scopes": ["runs:*"]})).await.is(201);
    assert!((1..=100).contains(&seconds_from_now(&token["expires"])), "{token}");
}

#[tokio::test]
pub async fn max_ttl_s_is_the_longest_life_of_a_token() {
    let house = House::with(&[("identity.tokens.max_ttl_s", "1000")]).await;
    let ask = |ttl: u64| house.post(&house.admin, "/v1/tokens", json!({"scopes": ["runs:*"], "ttl_seconds": ttl}));
    ask(1_000).await.is(201);
    assert_eq!(ask(1_001).await.status, 422);
}

#[tokio::test]
pub async fn issuers_are_believed() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let keys = format!("keys = {{ secret_file = '{}' }}", secret.display());
    let issuer = format!(
        "[{{ issuer = 'https://idp.example', audience = 'ringfence', algorithms = ['HS256'], tenant = 'main', {keys}, \
         unknown_principals = 'accept', roles = ['viewer'] }}]"
    );
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({"iss": "https://idp.example", "aud": "ringfence", "sub": "carol", "iat": now, "nbf": now - 60,
        "exp": now + 600});
    let token = signed(r#"{"alg":"HS256"}"#, &claims.to_string(), by_secret(SECRET));
    for (issuers, status) in [("[]", 401), (issuer.as_str(), 200)] {
        let house = House::with(&[("identity.tokens.issuers", issuers)]).await;
        let request = house.ask("GET", "/v1/whoami").header("authorization", format!("Bearer {token}"));
        assert_eq!(House::send(request).await.status, status, "{issuers}");
    }
}

/// Whether the service dials an address of its own machine that is no loopback address in name.
#[tokio::test]
pub async fn private_issuers_lead_to_private_addresses() {
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({"iss": "https://idp.example", "aud": "ringfence", "sub": "carol", "iat": now, "nbf": now - 60,
        "exp": now + 600});
    let token = signed(r#"{"alg":"RS256","kid":"k"}"#, &claims.to_string(), |_| vec![0; 256]);
    for private in ["false", "true"] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let issuers = format!(
            "[{{ issuer = 'https://idp.example', audience = 'ringfence', algorithms = ['RS256'], tenant = 'main', \
             keys = {{ jwks_url = 'https://0.0.0.0:{port}/keys' }} }}]"
        );
        let settings = [("identity.tokens.issuers", issuers.as_str()), ("identity.tokens.private_issuers", private)];
        let house = House::with(&settings).await;
        let request = house.ask("GET", "/v1/whoami").header("authorization", format!("Bearer {token}"));
        let dialled = async { listener.accept().await.is_ok() };
        let answered = House::send(request);
        let first = tokio::select! { dialled = dialled => dialled, _ = answered => false };
        let again =
            House::send(house.ask("GET", "/v1/whoami").header("authorization", format!("Bearer {token}"))).await;
        assert_eq!(first.to_string(), private, "{} {}", again.status, String::from_utf8_lossy(&again.bytes));
    }
}
