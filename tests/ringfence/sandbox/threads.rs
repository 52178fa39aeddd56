//! What one tenant waits for, and nobody else.

use std::fs::File;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use ringfence::authz::Action;
use ringfence::workspace::WorkspaceName;
use rustix::fs::{FlockOperation, flock};

use super::World;

#[test]
fn a_tenant_whose_files_are_locked_leaves_threads_to_others() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).max_blocking_threads(80).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(1).await;
        world.make(600).await.unwrap();
        let locked = File::open(world.dir.path().join("acme/files.lock")).unwrap();
        flock(&locked, FlockOperation::LockExclusive).unwrap();
        let name: WorkspaceName = "w".parse().unwrap();
        let permit = world.permit(Action::WorkspacesReadFiles, "w");
        let mut all =
            Box::pin(join_all((0..120).map(|_| world.hall.export_workspace(&permit, name.clone(), false).boxed())));
        assert!((&mut all).now_or_never().is_none());
        let another = tokio::task::spawn_blocking(|| ());
        tokio::time::timeout(Duration::from_secs(60), another).await.expect("there is a thread").unwrap();
        drop(locked);
        for done in all.await {
            assert_eq!(done.err().unwrap().code(), "no_workspace");
        }
    });
}
