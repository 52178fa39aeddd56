//! What cannot be recorded does not happen, or nobody hears of it.

use ringfence::sandbox::{Asked, Manner};

use super::World;
use super::world::{LOOP, NOOP};

fn apart() -> Manner {
    Manner { apart: true, ..Manner::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_start_cannot_be_recorded_executes_nothing() {
    let world = World::new(1).await;
    *world.chronicle.refuses.lock().unwrap() = Some("begins");
    for manner in [Manner::default(), apart()] {
        // It would take the twenty seconds that it has.
        let Err(error) = world.run(LOOP, manner).await else { panic!("it began") };
        assert_eq!(error.code(), "audit_unavailable");
        world.quiet().await;
        assert_eq!(*world.chronicle.told.lock().unwrap(), Vec::<String>::new());
        assert_eq!(world.count("runs"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_recorded_is_told_to_nobody_and_is_lost_on_record() {
    let world = World::new(1).await;
    *world.chronicle.refuses.lock().unwrap() = Some("ended");
    let Ok(Asked::Now(started)) = world.run(NOOP, apart()).await else { panic!() };
    let id = started.record().id;
    assert_eq!(started.end().await.unwrap_err().code(), "audit_unavailable");
    while world.hall.at_work() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.count("runs WHERE state = 'running'"), 1);
    *world.chronicle.refuses.lock().unwrap() = Some("lost");
    world.hall.sweep().await.unwrap_err();
    assert_eq!(world.count("runs WHERE state = 'running'"), 1, "nor is that it was lost");
    *world.chronicle.refuses.lock().unwrap() = None;
    world.hall.sweep().await.unwrap();
    assert_eq!(*world.chronicle.told.lock().unwrap(), [format!("begins {id}"), format!("lost {id}")]);
    assert_eq!(world.runs()[0].outcome.as_deref(), Some("failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_when_no_end_can_be_recorded_is_ended_and_says_why() {
    let world = World::new(1).await;
    let Ok(Asked::Now(started)) = world.run(LOOP, apart()).await else { panic!() };
    assert_eq!(world.hall.end_unrecorded("the audit log stopped: the disk is full"), 1);
    let run = started.end().await.unwrap();
    let failure = run.failure.as_ref().unwrap();
    assert_eq!((run.outcome(), failure.code.as_str()), (Some("cancelled"), "audit_unavailable"));
    assert!(failure.message.contains("the audit log stopped: the disk is full"), "{failure:?}");
    // One that was cancelled by somebody says nothing of the kind.
    let Ok(Asked::Now(started)) = world.run(LOOP, apart()).await else { panic!() };
    let id = started.record().id;
    assert!(world.hall.cancel(&world.permit(ringfence::authz::Action::RunsCancel, id.as_str()), &id).unwrap());
    let run = started.end().await.unwrap();
    assert_eq!((run.outcome(), &run.failure), (Some("cancelled"), &None));
    assert_eq!(world.hall.end_unrecorded("again"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_expires_on_record_and_once() {
    let world = World::new(1).await;
    let sandbox = world.make(600).await.unwrap();
    world.sql("UPDATE sandboxes SET expires = created");
    *world.chronicle.refuses.lock().unwrap() = Some("expired");
    world.hall.sweep().await.unwrap();
    assert_eq!((world.count("sandboxes WHERE state = 'ready'"), world.hall.stuck()), (1, 1));
    *world.chronicle.refuses.lock().unwrap() = None;
    // However often it is tried.
    world.sql("CREATE TRIGGER broken BEFORE UPDATE ON sandboxes BEGIN SELECT RAISE(ABORT, 'broken'); END");
    world.hall.sweep().await.unwrap();
    world.hall.sweep().await.unwrap();
    world.sql("DROP TRIGGER broken");
    world.hall.sweep().await.unwrap();
    assert_eq!(world.count("sandboxes"), 0);
    assert_eq!(*world.chronicle.told.lock().unwrap(), [format!("expired {}", sandbox.id)]);
}
