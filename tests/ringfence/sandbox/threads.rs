//! What one tenant waits for, and nobody else.

use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use ringfence::authz::Action;
use ringfence::model::TenantId;
use ringfence::sandbox::Sort;
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

#[tokio::test(flavor = "multi_thread")]
async fn tenants_whose_disks_hang_leave_threads_to_those_who_come() {
    let world = World::new(1).await;
    let (hang, hung) = std::sync::mpsc::channel::<()>();
    let hung = Arc::new(Mutex::new(hung));
    let tenants: Vec<TenantId> = (0..8).map(|n| format!("t{n}").parse().unwrap()).collect();
    let mut held: FuturesUnordered<_> = tenants
        .iter()
        .flat_map(|tenant| (0..64).map(move |_| tenant))
        .map(|tenant| {
            let (hall, tenant, hung) = (world.hall.clone(), tenant.clone(), Arc::clone(&hung));
            // Until nobody holds the other end.
            tokio::spawn(async move { hall.apart(&tenant, move || hung.lock().unwrap().recv().is_err()).await })
        })
        .collect();
    // The first who is told that there is no turn for him: all that could be taken is taken.
    let refused = held.next().await.unwrap().unwrap().unwrap_err();
    assert_eq!((refused.code(), refused.sort(), refused.retry_after()), ("busy", Sort::Unavailable, Some(1)));
    let newcomer = "newcomer".parse().unwrap();
    let done = tokio::time::timeout(Duration::from_secs(60), world.hall.apart(&newcomer, || ()));
    done.await.expect("there is a thread").unwrap();
    drop(hang);
    let ended: Vec<_> = held.collect().await;
    assert!(ended.iter().any(|done| done.as_ref().unwrap().is_ok()));
    // And then they have their turns again.
    for tenant in &tenants {
        world.hall.apart(tenant, || ()).await.unwrap();
    }
}
