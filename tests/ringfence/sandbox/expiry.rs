use ringfence::fs_policy::Rules;
use ringfence::sandbox::{Asked, Manner, PlaceAsk};

use super::World;
use super::world::{NOOP, RUNNING};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_cleared_keeps_nothing_else_from_it() {
    let world = World::new(10).await;
    let [first, broken, last] =
        [world.make(600).await, world.make(600).await, world.make(600).await].map(Result::unwrap);
    // More of them than are taken at a time, each of which fails.
    world.sql(&format!(
        "UPDATE sandboxes SET expires = created;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO sandboxes SELECT 'sbx_' || printf('%032x', i), tenant, owner, state, draft || '-' || i, workspace, spec,
         labels, created, created - i FROM n, sandboxes WHERE id = '{}';
         CREATE TRIGGER broken BEFORE UPDATE ON sandboxes WHEN NEW.draft LIKE '{}%'
         BEGIN SELECT RAISE(ABORT, 'broken'); END;",
        broken.id, broken.draft
    ));
    world.hall.sweep().await.unwrap();
    assert_eq!((world.count("sandboxes"), world.folders()), (1_201, 1));
    assert_eq!(world.count(&format!("sandboxes WHERE id IN ('{}', '{}')", first.id, last.id)), 0);
    assert_eq!(world.hall.stuck(), 1_201);
    assert_eq!(world.sandboxes(), [], "nobody finds them meanwhile");
    // When it is mended they go.
    world.sql("DROP TRIGGER broken; DELETE FROM sandboxes WHERE draft LIKE 'draft%-%-%'");
    world.hall.sweep().await.unwrap();
    assert_eq!((world.count("sandboxes"), world.folders()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_run_that_could_not_be_given_up_go_with_a_later_sweep() {
    let world = World::new(1).await;
    world.sql("CREATE TRIGGER broken BEFORE UPDATE ON sandboxes BEGIN SELECT RAISE(ABORT, 'broken'); END");
    let place = PlaceAsk { workspace: None, at: "/workspace".into(), rules: Rules::default() };
    let run = world.run_over(Some(place), NOOP, Manner::default(), Vec::new()).await.unwrap();
    let Asked::Now(started) = run else { panic!() };
    assert_eq!(started.end().await.unwrap().outcome(), Some("exited"));
    while world.hall.at_work() > 0 {
        tokio::task::yield_now().await;
    }
    let left = || (world.count("sandboxes WHERE state = 'making'"), world.folders(), world.hall.stuck());
    assert_eq!(left(), (1, 1, 1));
    world.hall.sweep().await.unwrap();
    assert_eq!(left(), (1, 1, 1));
    world.sql("DROP TRIGGER broken");
    world.hall.sweep().await.unwrap();
    assert_eq!((left(), world.count("sandboxes")), ((0, 0, 0), 0));
    assert_eq!(world.room().await, 1, "it never took the place of a sandbox, and gives none back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_end_could_not_be_written_down_is_not_running_for_ever() {
    let world = World::new(1).await;
    world.run(NOOP, Manner { apart: true, ..Manner::default() }).await.unwrap();
    world.quiet().await;
    world.sql(&format!("UPDATE runs SET {RUNNING}"));
    world.hall.sweep().await.unwrap();
    assert_eq!(world.runs()[0].outcome.as_deref(), Some("failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_for_a_moment_loses_no_end_of_a_run() {
    let world = World::new(1).await;
    world.sql("CREATE TRIGGER broken BEFORE INSERT ON runs BEGIN SELECT RAISE(ABORT, 'broken'); END");
    let ringfence::sandbox::Asked::Now(started) = world.run(NOOP, Manner::default()).await.unwrap() else { panic!() };
    let (done, ()) = tokio::join!(started.end(), async {
        while world.hall.running() > 0 {
            tokio::task::yield_now().await;
        }
        world.sql("DROP TRIGGER broken");
    });
    assert_eq!(done.unwrap().outcome(), Some("exited"));
    assert_eq!(world.runs().len(), 1);
}
