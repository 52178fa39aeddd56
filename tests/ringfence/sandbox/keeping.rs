use std::sync::Arc;
use std::time::Instant;

use ringfence::authz::Action;
use ringfence::model::{Digest, Labels};

use super::World;
use super::world::NOOP;
use crate::support::still_patient;

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_being_kept_is_kept_and_counts_though_its_caller_leaves() {
    let world = World::new(1).await;
    let permit = world.permit(Action::ComponentsCreate, "acme");
    // A writer that does not go on: whoever keeps something waits for it.
    let writer = world.connection();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (hall, counted) = (world.hall.clone(), Arc::new(()));
    let held = Arc::clone(&counted);
    let caller =
        tokio::spawn(async move { hall.submit(&permit, NOOP.into(), Labels::new(), Some(Box::new(held))).await });
    let began = Instant::now();
    while world.hall.at_work() == 0 {
        still_patient(began);
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.is_err());
    assert_eq!(Arc::strong_count(&counted), 2, "it is in memory, so it counts");
    let stopping = tokio::spawn({
        let hall = world.hall.clone();
        async move { hall.stop_service().await }
    });
    while world.hall.is_open() {
        tokio::task::yield_now().await;
    }
    writer.execute_batch("COMMIT").unwrap();
    stopping.await.unwrap();
    assert_eq!(Arc::strong_count(&counted), 1);
    let digest = Digest::of(NOOP.as_bytes());
    assert!(world.hall.known(&world.caller.tenant, digest).unwrap().is_some(), "a stop waits for it");
}
