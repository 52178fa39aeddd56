use std::num::NonZeroUsize;
use std::sync::Once;

use serde::{Deserialize, Serialize};
use wasmtime::component::Linker;
use wasmtime::{
    Collector, Config, Enabled, InstanceAllocationStrategy, OperatorCost, OptLevel, PoolingAllocationConfig,
};

use super::grants;
use super::state::RunState;
use crate::model::{LimitName, Limits, Mode};

/// Whether code is compiled for the world as it is or for one that repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flavour {
    Ordinary,
    Deterministic,
    /// Ordinary, and no fuel is counted. Nothing runs a stranger's program like this: it is for who measures what fuel costs,
    /// and has to be asked for by its name.
    Unmetered,
}

/// What a program must be prepared for before it runs: the runtime fixes both per engine, not per run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Build {
    pub flavour: Flavour,
    pub stack_bytes: u64,
}

impl Build {
    pub fn of(limits: &Limits, mode: Mode) -> Self {
        let flavour = match mode {
            Mode::Ordinary => Flavour::Ordinary,
            Mode::Deterministic { .. } => Flavour::Deterministic,
        };
        Self { flavour, stack_bytes: limits.stack_bytes }
    }

    /// Whether a program that is ready for this can be run so.
    pub(super) fn fits(self, limits: &Limits, mode: Mode) -> bool {
        let unmetered = self.flavour == Flavour::Unmetered && mode == Mode::Ordinary;
        let flavour = if unmetered { Flavour::Unmetered } else { Self::of(limits, mode).flavour };
        self == Self { flavour, stack_bytes: limits.stack_bytes }
    }
}

/// Room for host code on the stack that a guest has filled to its limit.
const HOST_STACK_BYTES: usize = 512 << 10;
const BACKTRACE_FRAMES: usize = 32;
const MEMORIES_PER_COMPONENT: u32 = 16;
const TABLES_PER_COMPONENT: u32 = 64;
const TABLES_PER_MODULE: u32 = 16;
const INSTANCE_DATA_BYTES: usize = 2 << 20;

/// Everything that decides what machine code comes out. The host and its compile worker both build on this.
pub(super) fn code_config(flavour: Flavour) -> Config {
    let mut config = Config::new();
    let mut costs = OperatorCost::new();
    costs.variable.memory_grow_per_page = u8::MAX;
    config
        .consume_fuel(flavour != Flavour::Unmetered)
        .operator_cost(costs)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        // Names stay in a backtrace without it; offsets into the module cost a third of the artifact.
        .generate_address_map(false)
        .native_unwind_info(false)
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(flavour == Flavour::Deterministic)
        .wasm_component_model(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(true)
        .wasm_bulk_memory(true)
        .wasm_multi_value(true)
        .wasm_multi_memory(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        // What is thrown lives in a heap that counts as memory of the run, as its memories do.
        .wasm_exceptions(true)
        .collector(Collector::DeferredReferenceCounting)
        // What guests of today do not need stays off: each is surface for nothing.
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_memory64(false)
        .wasm_custom_page_sizes(false)
        .wasm_stack_switching(false)
        .wasm_wide_arithmetic(false);
    config
}

/// One engine of the runtime with all that may be offered to a guest linked to it.
pub(super) struct Fence {
    pub(super) engine: wasmtime::Engine,
    pub(super) linker: Linker<RunState>,
    /// False where the machine has no room for the pool: slower, not weaker.
    pub(super) pooled: bool,
    /// Its code counts fuel.
    pub(super) metered: bool,
}

impl Fence {
    pub(super) fn raise(build: Build, concurrent_runs: u32) -> wasmtime::Result<Self> {
        let (engine, pooled) = match wasmtime::Engine::new(&run_config(build, Some(concurrent_runs))) {
            Ok(engine) => (engine, true),
            Err(reason) => {
                static SAID: Once = Once::new();
                SAID.call_once(|| {
                    tracing::warn!(%reason, "no room for the instance pool; instances are made on demand, which is slower");
                });
                (wasmtime::Engine::new(&run_config(build, None))?, false)
            }
        };
        let mut linker = Linker::new(&engine);
        grants::link(&mut linker)?;
        Ok(Self { engine, linker, pooled, metered: build.flavour != Flavour::Unmetered })
    }
}

fn run_config(build: Build, pool: Option<u32>) -> Config {
    let mut config = code_config(build.flavour);
    let stack = usize::try_from(build.stack_bytes).unwrap_or(usize::MAX);
    config
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK_BYTES))
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES));
    if let Some(concurrent_runs) = pool {
        let (_, table_elements) = LimitName::TableElements.range();
        let (_, instances) = LimitName::Instances.range();
        let instances = u32::try_from(instances).unwrap_or(u32::MAX);
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(concurrent_runs)
            .total_core_instances(concurrent_runs.saturating_mul(32).max(instances))
            .total_memories(concurrent_runs.saturating_mul(2).max(MEMORIES_PER_COMPONENT))
            .total_gc_heaps(concurrent_runs)
            .total_tables(concurrent_runs.saturating_mul(4).max(TABLES_PER_COMPONENT))
            .total_stacks(concurrent_runs.saturating_add(1))
            .max_memories_per_component(MEMORIES_PER_COMPONENT)
            .max_tables_per_component(TABLES_PER_COMPONENT)
            .max_memories_per_module(MEMORIES_PER_COMPONENT)
            .max_tables_per_module(TABLES_PER_MODULE)
            .max_component_instance_size(INSTANCE_DATA_BYTES)
            .max_core_instance_size(INSTANCE_DATA_BYTES)
            .table_elements(usize::try_from(table_elements).unwrap_or(usize::MAX))
            .max_memory_size(4 << 30)
            // Pages that were touched are put back in place, as far as this: to have them mapped anew costs more. An
            // interpreter touches one or two megabytes; of slots that nobody uses so many stay as they are.
            .linear_memory_keep_resident(1 << 20)
            .table_keep_resident(1 << 20)
            .async_stack_keep_resident(32 << 10)
            .max_unused_warm_slots(64)
            // Where the kernel can say which pages were touched, only those are wiped.
            .pagemap_scan(Enabled::Auto);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}
