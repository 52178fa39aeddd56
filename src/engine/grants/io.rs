use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::{error, poll, streams};

use super::super::meter::{LOOK, LimitHit};
use super::super::state::RunState;
use super::{State, wait};
use crate::model::LimitName;

/// What a wait for one more pollable costs beyond the wait itself.
const POLLABLE: u64 = 4_000;

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

fn table(state: &mut RunState) -> &mut ResourceTable {
    state.meter.host_call(LOOK);
    &mut state.table
}

pub(super) fn link(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    error::add_to_linker::<_, Table>(linker, table)?;
    streams::add_to_linker::<_, Table>(linker, table)?;
    poll::add_to_linker::<_, State>(linker, wait)
}

impl poll::Host for RunState {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        // A list may name one pollable a million times: cheap to write, dear to wait for.
        let asked = u64::try_from(pollables.len()).unwrap_or(u64::MAX);
        let value = self.meter.limits().resources;
        if asked > value {
            return Err(wasmtime::Error::new(LimitHit { name: LimitName::Resources, value, used: asked }));
        }
        self.meter.charge(asked.saturating_mul(POLLABLE));
        self.clocks.begin_wait();
        poll::Host::poll(&mut self.table, pollables).await
    }
}

impl poll::HostPollable for RunState {
    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.clocks.begin_wait();
        poll::HostPollable::block(&mut self.table, pollable).await
    }

    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.clocks.begin_wait();
        poll::HostPollable::ready(&mut self.table, pollable).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        poll::HostPollable::drop(&mut self.table, pollable)
    }
}
