//! The runtime without us: the same code configuration, linked by its own WASI, for the floor of each figure.

use wasi_preview1_component_adapter_provider as adapter;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

pub struct Bare {
    table: ResourceTable,
    ctx: WasiCtx,
}

impl WasiView for Bare {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.ctx, table: &mut self.table }
    }
}

pub fn engine(fuel: bool) -> Engine {
    let mut config = Config::new();
    config
        .consume_fuel(fuel)
        .epoch_interruption(true)
        .generate_address_map(false)
        .native_unwind_info(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
    Engine::new(&config).unwrap()
}

pub fn prepare(engine: &Engine, program: &[u8]) -> InstancePre<Bare> {
    let component = Component::new(engine, program).unwrap();
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    linker.instantiate_pre(&component).unwrap()
}

pub fn store(engine: &Engine, fuel: bool) -> Store<Bare> {
    let mut store = Store::new(engine, Bare { table: ResourceTable::new(), ctx: WasiCtx::builder().build() });
    if fuel {
        store.set_fuel(u64::MAX / 2).unwrap();
    }
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    store
}

/// A command with one folder, as the runtime's own WASI gives it.
pub fn with_folder(engine: &Engine, folder: &std::path::Path, args: &[&str]) -> Store<Bare> {
    let mut ctx = WasiCtx::builder();
    ctx.args(args).preopened_dir(folder, "/d", FsPerms::ReadWrite).unwrap();
    let mut store = Store::new(engine, Bare { table: ResourceTable::new(), ctx: ctx.build() });
    store.set_fuel(u64::MAX / 2).unwrap();
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    store
}

pub fn command(module: &[u8]) -> Vec<u8> {
    with_adapter(module, adapter::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)
}

/// A guest of ours as the engine's intake would make it.
pub fn component(module: &[u8]) -> Vec<u8> {
    with_adapter(module, adapter::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
}

fn with_adapter(module: &[u8], adapted: &[u8]) -> Vec<u8> {
    wit_component::ComponentEncoder::default()
        .module(module)
        .unwrap()
        .adapter(adapter::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapted)
        .unwrap()
        .encode()
        .unwrap()
}
