use futures_util::future::join_all;
use ringfence::authz::Action;
use ringfence::model::Labels;
use ringfence::sandbox::{Asked, Manner, RetryKey, SandboxState};

use super::World;
use super::world::{LOOP, NOOP};

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_is_destroyed_once_and_gives_its_place_back_once() {
    let world = World::new(4).await;
    let kept = world.make(600).await.unwrap();
    for _ in 0..6 {
        let sandbox = world.make(600).await.unwrap();
        let all = join_all((0..12).map(|_| world.destroy(&sandbox))).await;
        let refused: Vec<_> = all.into_iter().filter_map(Result::err).map(|error| error.code()).collect();
        assert_eq!(refused, ["no_sandbox"; 11]);
    }
    assert_eq!(world.room().await, 3);
    world.destroy(&kept).await.unwrap();
    assert_eq!((world.room().await, world.folders()), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_expires_once_whoever_sweeps_and_destroys() {
    let world = World::new(5).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(world.make(600).await.unwrap());
    }
    world.make(600).await.unwrap();
    // Their time is over at some moment of what follows.
    let soon = std::time::SystemTime::now() + std::time::Duration::from_millis(20);
    let soon = soon.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_millis();
    for sandbox in &made {
        world.sql(&format!("UPDATE sandboxes SET expires = {soon} WHERE id = '{}'", sandbox.id));
    }
    while world.sandboxes().len() > 1 {
        join_all((0..4).map(|_| world.hall.sweep())).await;
        join_all(made.iter().map(|sandbox| world.destroy(sandbox))).await;
    }
    join_all((0..4).map(|_| world.hall.sweep())).await;
    assert_eq!((world.room().await, world.folders()), (4, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_sandbox_do_not_undo_each_other() {
    let world = World::new(100).await;
    for turn in 0..15 {
        let sandbox = world.make(60).await.unwrap();
        let update = world.permit(Action::SandboxesUpdate, sandbox.id.as_str());
        let labels = Labels::from([("turn".to_owned(), turn.to_string())]);
        let label = async { world.hall.label(&update, &sandbox.id, labels.clone()).await.map(drop) };
        let stop = async { world.hall.stop(&update, &sandbox.id).await.map(drop) };
        let extend = || async { world.hall.extend(&update, &sandbox.id, 6_000).await.map(drop) };
        let (one, two, three, four) = tokio::join!(extend(), label, stop, extend());
        for done in [one, two, three, four] {
            done.unwrap();
        }
        let now = world.hall.known_sandbox(&world.caller.tenant, &sandbox.id).unwrap().unwrap();
        assert_eq!((now.state, &now.labels), (SandboxState::Stopped, &labels));
        assert!(now.expires > sandbox.expires + 1_000_000);
        // Over the ceiling it is said once, however often it is asked.
        for _ in 0..3 {
            world.hall.extend(&update, &sandbox.id, u64::MAX).await.unwrap();
        }
        let now = world.hall.known_sandbox(&world.caller.tenant, &sandbox.id).unwrap().unwrap();
        assert_eq!(now.spec.cut.iter().filter(|cut| cut.what == "ttl_seconds").count(), 1);
        let (_, gone, _) = tokio::join!(extend(), world.destroy(&sandbox), extend());
        gone.unwrap();
        assert_eq!(world.hall.known_sandbox(&world.caller.tenant, &sandbox.id).unwrap(), None);
        assert_eq!(extend().await.unwrap_err().code(), "no_sandbox");
    }
    world.quiet().await;
    assert_eq!((world.count("sandboxes"), world.folders()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_on_in_a_sandbox_that_was_stopped() {
    let world = World::new(100).await;
    for turn in 0..30 {
        let sandbox = world.make(600).await.unwrap();
        let update = world.permit(Action::SandboxesUpdate, sandbox.id.as_str());
        let manner = Manner { apart: true, sandbox: Some(sandbox.id.clone()), ..Manner::default() };
        let stop = async {
            for _ in 0..turn * 3 {
                tokio::task::yield_now().await;
            }
            world.hall.stop(&update, &sandbox.id).await
        };
        let (begun, stopped) = tokio::join!(world.run(LOOP, manner), stop);
        stopped.unwrap();
        if let Err(error) = begun {
            assert_eq!(error.code(), "wrong_state");
        }
        world.quiet().await;
    }
    let runs = world.runs();
    assert!(runs.iter().all(|run| run.outcome.as_deref() == Some("cancelled")), "{runs:?}");
}

fn key() -> Option<RetryKey> {
    Some(RetryKey { key: "one".into(), request: [1; 32] })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_with_one_key_one_runs() {
    let world = World::new(1).await;
    let ask = || async {
        match world.run(NOOP, Manner { retry: key(), ..Manner::default() }).await? {
            Asked::Before(before) => Ok(before.run().clone()),
            Asked::Now(started) => started.end().await.map(|run| run.id.clone()),
        }
    };
    let (ids, refused): (Vec<_>, Vec<_>) = join_all((0..16).map(|_| ask())).await.into_iter().partition(Result::is_ok);
    let runs = world.runs();
    assert_eq!(runs.len(), 1);
    assert!(ids.iter().all(|id| *id.as_ref().unwrap() == runs[0].id));
    for error in refused.into_iter().filter_map(Result::err) {
        assert_eq!((error.code(), error.retry_after()), ("idempotency_in_use", Some(1)));
    }
    assert_eq!(ask().await.unwrap(), runs[0].id, "who asks when it is over gets the answer at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_by_itself_is_told_to_whoever_asks_again() {
    let world = World::new(1).await;
    let ask = || world.run(LOOP, Manner { retry: key(), apart: true, ..Manner::default() });
    let Asked::Now(first) = ask().await.unwrap() else { panic!("it was not asked for before") };
    let Asked::Before(again) = ask().await.unwrap() else { panic!("it runs twice") };
    assert_eq!(*again.run(), first.record().id);
    // Also when the one that runs it was killed and another looks for it.
    let world = world.next_process().await;
    let Asked::Before(again) =
        world.run(LOOP, Manner { retry: key(), apart: true, ..Manner::default() }).await.unwrap()
    else {
        panic!("it runs twice")
    };
    let again = world.hall.read_before(&again, &(std::sync::Arc::new(|_| true) as _)).await.unwrap();
    assert_eq!(again.failure.as_ref().unwrap().code, "service_stopped");
}
