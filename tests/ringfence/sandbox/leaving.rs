use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use ringfence::authz::Action;
use ringfence::sandbox::{Manner, SandboxState};

use super::World;
use super::world::{LOOP, NOOP, RUNNING};

/// Gives up waiting after so many turns of the scheduler.
async fn left_after<T>(turns: u32, work: impl Future<Output = T>) -> Option<T> {
    let turns = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = turns => None,
        done = work => Some(done),
    }
}

/// From almost at once to long after.
fn turns() -> impl Iterator<Item = u32> {
    (1..40).map(|step| step * step)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_leaves_no_sandbox_half_made_and_no_place_taken() {
    let world = World::new(60).await;
    let mut told = 0;
    for turns in turns() {
        told += usize::from(left_after(turns, world.make(600)).await.is_some());
    }
    world.quiet().await;
    let all = world.sandboxes();
    assert!(all.len() >= told);
    assert_eq!((world.folders() as u64, world.count("drafts")), (all.len() as u64, all.len() as u64));
    assert_eq!(world.room().await, 60 - all.len());
    // The same for those who end them.
    for (sandbox, turns) in all.iter().zip(turns()) {
        let update = world.permit(Action::SandboxesUpdate, sandbox.id.as_str());
        left_after(turns, world.hall.stop(&update, &sandbox.id)).await;
        left_after(turns, world.destroy(sandbox)).await;
    }
    // Who went away may have been heard or not, and is perhaps heard only now.
    while let Some(left) = world.sandboxes().pop() {
        let _ = world.destroy(&left).await;
    }
    world.quiet().await;
    assert_eq!((world.room().await, world.folders(), world.count("drafts")), (60, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_leaves_no_run_that_runs_for_ever() {
    let world = World::new(1).await;
    for turns in turns() {
        left_after(turns, world.run(NOOP, Manner { apart: true, ..Manner::default() })).await;
        world.quiet().await;
    }
    let runs = world.runs();
    assert_eq!(runs.len(), turns().count());
    assert!(
        runs.iter().all(|run| run.outcome.as_deref() == Some("exited")),
        "what goes on by itself goes on: {runs:?}"
    );
    // Those who wait have cancelled, wherever they stopped waiting, and it is in the history.
    let before = runs.len();
    for turns in turns() {
        left_after(turns, world.run(LOOP, Manner::default())).await;
        world.quiet().await;
    }
    let runs = world.runs();
    assert_eq!(runs.len(), before + turns().count());
    let cancelled = runs.iter().filter(|run| run.outcome.as_deref() == Some("cancelled"));
    assert_eq!(cancelled.count(), turns().count(), "{runs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_process_ends_what_the_last_one_left() {
    let world = World::new(5).await;
    let [whole, half, stopped] =
        [world.make(600).await, world.make(600).await, world.make(600).await].map(Result::unwrap);
    let update = world.permit(Action::SandboxesUpdate, stopped.id.as_str());
    world.hall.stop(&update, &stopped.id).await.unwrap();
    for _ in 0..2 {
        world.run(NOOP, Manner { apart: true, ..Manner::default() }).await.unwrap();
    }
    world.quiet().await;
    // As it is when the process is killed in between: one sandbox is not made yet, of another only the record is there.
    world.sql(&format!("UPDATE sandboxes SET state = 'making' WHERE id = '{}'", half.id));
    world.sql(
        "INSERT INTO sandboxes SELECT 'sbx_' || hex(zeroblob(16)), tenant, owner, 'making', 'draft-never', workspace, spec,
         labels, created, expires FROM sandboxes LIMIT 1",
    );
    let run = world.runs()[0].id.clone();
    world.sql(&format!("UPDATE runs SET {RUNNING} WHERE id = '{run}'"));
    std::fs::create_dir(world.dir.path().join("acme/drafts/new-0123456789abcdef")).unwrap();
    let world = world.next_process().await;
    let left: Vec<_> = world.sandboxes().into_iter().map(|sandbox| (sandbox.id, sandbox.state)).collect();
    assert_eq!(left, [(whole.id, SandboxState::Ready), (stopped.id, SandboxState::Stopped)]);
    // Swept beside the first requests; what is locked for a moment, by a process that another test is just making, is
    // tried again.
    let swept = async {
        while (world.count("sandboxes"), world.count("drafts"), world.folders()) != (2, 2, 2) {
            world.hall.sweep().await.unwrap();
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), swept).await.expect("what nobody owns goes");
    assert_eq!(world.room().await, 3);
    let run = world.runs().into_iter().find(|known| known.id == run).unwrap();
    assert_eq!((run.outcome.as_deref(), run.ended.is_some()), (Some("failed"), true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_is_counted_until_it_is_with_the_engine_though_whoever_sent_it_went_away() {
    let world = World::new(1).await;
    let store = world.connection();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let counted = Arc::new(());
    let manner = Manner { apart: true, counted: Some(Box::new(Arc::clone(&counted))), ..Manner::default() };
    assert!(left_after(1, world.run(NOOP, manner)).await.is_none());
    assert_eq!(Arc::strong_count(&counted), 2, "the run is about to begin");
    store.execute_batch("ROLLBACK").unwrap();
    world.quiet().await;
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_packed_for_one_who_went_away_is_packed_no_further() {
    let world = World::new(1).await;
    let sandbox = world.make(600).await.unwrap();
    let write = world.permit(Action::SandboxesWriteFiles, sandbox.id.as_str());
    for name in ["a", "b", "c"] {
        let content = world.hall.incoming(&write, Some(&sandbox.id)).await.unwrap();
        world.hall.write_file(&write, &sandbox.id, name.to_owned(), content).await.unwrap();
    }
    let (read, asked) = (world.permit(Action::SandboxesReadFiles, sandbox.id.as_str()), Arc::new(AtomicU32::new(0)));
    let ((begun, begins), (go, gone)) = (mpsc::channel(), mpsc::channel());
    let times = Arc::clone(&asked);
    // Each piece of the work asks whether it is to go on; the first hears it when nobody waits any more.
    let go_on = move |_| {
        if times.fetch_add(1, Ordering::SeqCst) == 0 {
            begun.send(()).unwrap();
            gone.recv().unwrap();
        }
        true
    };
    let (hall, id) = (world.hall.clone(), sandbox.id.clone());
    let waiting = tokio::spawn(async move { hall.download(&read, &id, String::new(), false, go_on).await.is_ok() });
    tokio::task::block_in_place(|| begins.recv().unwrap());
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    // The work is over when it has let go of what it asked with.
    assert!(tokio::task::block_in_place(|| begins.recv()).is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}
