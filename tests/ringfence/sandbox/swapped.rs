//! A workspace that another took the name of, between the decision and what was decided.

use ringfence::authz::{Action, Permit};
use ringfence::fs_policy::Rules;
use ringfence::model::Ceilings;
use ringfence::sandbox::{LimitsAsk, Manner, PlaceAsk, SandboxAsk, SandboxError};
use ringfence::store::Store;
use ringfence::workspace::{Intake, Source, WorkspaceName, Workspaces};

use super::World;
use super::world::NOOP;

fn ask() -> PlaceAsk {
    PlaceAsk { workspace: Some(name()), at: "/workspace".into(), rules: Rules::default() }
}

fn name() -> WorkspaceName {
    "w".parse().unwrap()
}

fn sandbox() -> SandboxAsk {
    SandboxAsk {
        place: ask(),
        limits: LimitsAsk::default(),
        clocks: None,
        randomness: None,
        env: Vec::new(),
        labels: Default::default(),
        ttl_seconds: 60,
    }
}

impl World {
    async fn uses(&self) -> [Result<(), SandboxError>; 5] {
        let read = self.permit(Action::WorkspacesReadFiles, "w");
        let create = self.permit(Action::SandboxesCreate, "");
        let made = self.hall.create_sandbox(&create, sandbox(), Some(&read)).await;
        if let Ok(made) = &made {
            self.destroy(made).await.unwrap();
        }
        let manner = Manner { of: Some(read.clone()), ..Manner::default() };
        let looked = self.hall.read_workspace(&self.permit(Action::WorkspacesRead, "w"), name(), |_| true).await;
        let taken = self.hall.export_workspace(&read, name(), false).await;
        let run = self.run_over(Some(ask()), NOOP, manner, Vec::new()).await;
        self.quiet().await;
        let deleted = self.hall.delete_workspace(&self.permit(Action::WorkspacesDelete, "w"), name()).await;
        [made.map(drop), run.map(drop), looked.map(drop), taken.map(drop), deleted]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_of_a_workspace_is_not_applied_to_another_of_its_name() {
    let world = World::of(Ceilings::widest()).await;
    let catalog = Store::open(&world.dir.path().join("ringfence.db")).unwrap().catalog(&world.caller.tenant);
    let shelf = Workspaces::open(&world.dir.path().join(world.caller.tenant.as_str()), catalog).unwrap();
    shelf.create(&name(), world.caller.principal.as_str(), &Source::Empty, Intake::default()).unwrap();
    let read = world.permit(Action::WorkspacesReadFiles, "w");
    let create = world.permit(Action::SandboxesCreate, "");
    let sandbox = world.hall.create_sandbox(&create, sandbox(), Some(&read)).await.unwrap().id;
    let permit = world.permit(Action::SandboxesApply, sandbox.as_str());
    let apply = async |of: Option<&Permit>| {
        world.hall.apply(&permit, of, &sandbox, Vec::new(), |_| true).await.map(drop).map_err(|error| error.code())
    };
    let may = world.permit(Action::WorkspacesApply, "w");
    for of in [None, Some(&read), Some(&world.permit(Action::WorkspacesApply, "v"))] {
        assert_eq!(apply(of).await, Err("internal"), "{of:?}");
    }
    world.sql("UPDATE workspaces SET owner = 'another'");
    assert_eq!(apply(Some(&may)).await, Err("no_workspace"));
    world.sql(&format!("UPDATE workspaces SET owner = '{}'", world.caller.principal));
    assert_eq!(apply(Some(&may)).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_of_a_workspace_is_not_done_to_another_of_its_name() {
    let world = World::of(Ceilings::widest()).await;
    let catalog = Store::open(&world.dir.path().join("ringfence.db")).unwrap().catalog(&world.caller.tenant);
    let shelf = Workspaces::open(&world.dir.path().join(world.caller.tenant.as_str()), catalog).unwrap();
    // Each permit says whose the workspace was.
    shelf.create(&name(), "another", &Source::Empty, Intake::default()).unwrap();
    for done in world.uses().await {
        assert_eq!(done.unwrap_err().code(), "no_workspace");
    }
    shelf.delete(&name(), Some("another")).unwrap();
    shelf.create(&name(), world.caller.principal.as_str(), &Source::Empty, Intake::default()).unwrap();
    for done in world.uses().await {
        done.unwrap();
    }
    // Without one that covers it nothing is read.
    let manner = |of| Manner { of, ..Manner::default() };
    for of in
        [None, Some(world.permit(Action::WorkspacesRead, "w")), Some(world.permit(Action::WorkspacesReadFiles, "v"))]
    {
        let refused = world.run_over(Some(ask()), NOOP, manner(of), Vec::new()).await.err().unwrap();
        assert!(matches!(refused, SandboxError::Permit), "{refused}");
    }
}
