//! A clock that is set back makes nothing good again: not while the service runs, and not after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ringfence::sandbox::Hands;
use serde_json::json;

use super::House;
use super::proven::events;

/// A clock that the test sets, in seconds.
#[derive(Default)]
struct Set {
    wall: AtomicU64,
    steady: AtomicU64,
}

#[derive(Clone, Default)]
struct Shared(Arc<Set>);

impl Hands for Shared {
    fn wall(&self) -> Duration {
        Duration::from_secs(self.0.wall.load(Relaxed))
    }

    fn steady(&self) -> Duration {
        Duration::from_secs(self.0.steady.load(Relaxed))
    }
}

const BEGAN: u64 = 1_800_000_000;
const DAY: u64 = 86_400;

fn at(wall: u64) -> Shared {
    let clock = Shared::default();
    clock.0.wall.store(wall, Relaxed);
    clock
}

async fn key_for(house: &House, seconds: u64) -> String {
    let made = house.post(&house.admin, "/v1/keys", json!({"name": "short", "ttl_seconds": seconds})).await;
    made.is(201)["secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a14_a_clock_that_is_set_back_lets_nothing_live_longer() {
    let clock = at(BEGAN);
    let house = House::at(Box::new(clock.clone())).await;
    let key = key_for(&house, 60).await;
    let made = house.post(&house.admin, "/v1/sandboxes", json!({"ttl_seconds": 60})).await.is(201);
    let sandbox = format!("/v1/sandboxes/{}", made["id"].as_str().unwrap());
    clock.0.wall.store(BEGAN - DAY, Relaxed);
    clock.0.steady.store(59, Relaxed);
    house.get(&key, "/v1/whoami").await.is(200);
    house.get(&house.admin, &sandbox).await.is(200);
    clock.0.steady.store(61, Relaxed);
    assert_eq!(house.get(&key, "/v1/whoami").await.status, 401);
    assert_eq!(house.get(&house.admin, &sandbox).await.status, 404);
}

/// It was made by this clock and expired by it.
#[tokio::test]
async fn how_old_a_sandbox_was_is_told_by_the_clock_of_the_service() {
    let clock = at(BEGAN);
    let house = House::at(Box::new(clock.clone())).await;
    house.post(&house.admin, "/v1/sandboxes", json!({"ttl_seconds": 60})).await.is(201);
    clock.0.wall.store(BEGAN - DAY, Relaxed);
    clock.0.steady.store(3_600, Relaxed);
    let told = async {
        loop {
            if let Some(told) = events(&house, &house.admin, "event=sandbox_expired").await.pop() {
                return told;
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(60), told).await.expect("it does not expire");
    assert_eq!(told["details"], json!({"seconds": 3_600}));
}

#[tokio::test]
async fn a14_a_service_begins_no_earlier_than_it_has_been() {
    let clock = at(BEGAN);
    let house = House::at(Box::new(clock.clone())).await;
    let key = key_for(&house, 3_600).await;
    clock.0.wall.store(BEGAN + 3_601, Relaxed);
    assert_eq!(house.get(&key, "/v1/whoami").await.status, 401);
    let house = house.again_at(Box::new(at(BEGAN - DAY))).await;
    assert_eq!(house.get(&key, "/v1/whoami").await.status, 401, "what had expired is good again");
    house.get(&house.admin, "/v1/whoami").await.is(200);
}
