//! Random modules through the whole path: intake, compile, load, run with small limits. A few with a fixed seed
//! here; `make fuzz` goes on for as long as it is told, with a new seed each time.

use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use ringfence::engine::{Build, Engine, EngineError, RunRequest};
use ringfence::model::{Grants, Limits, Mode, Preset};
use serde_json::json;
use wasm_smith::{Component, Config, Module};

use crate::support::{assert_well, call, command, settings};

const CASES: u64 = 60;

/// A generator of its own: the same numbers on every machine and with every version of any crate.
struct Random(u64);

impl Random {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| {
                self.0 ^= self.0 << 13;
                self.0 ^= self.0 >> 7;
                self.0 ^= self.0 << 17;
                (self.0 >> 24) as u8
            })
            .collect()
    }
}

fn limits() -> Limits {
    let mut limits = Preset::Small.limits();
    limits.fuel = 1_000_000;
    limits.deadline_ms = 200;
    limits.memory_bytes = 4 << 20;
    limits
}

/// A valid program most of the time, and a damaged one now and then.
fn program(bytes: &[u8], kind: u64) -> Option<Vec<u8>> {
    let mut from = Unstructured::new(bytes);
    let config = Config {
        max_memory32_bytes: 64 << 20,
        allow_start_export: true,
        export_everything: true,
        gc_enabled: false,
        // Without the collector there is no `externref`; now and then one is refused.
        reference_types_enabled: kind.is_multiple_of(9),
        threads_enabled: kind.is_multiple_of(11),
        memory64_enabled: kind.is_multiple_of(13),
        exceptions_enabled: false,
        max_imports: if kind.is_multiple_of(3) { 3 } else { 0 },
        min_funcs: 3,
        max_memories: 3,
        max_instructions: 400,
        max_type_size: 50,
        ..Config::default()
    };
    let mut program = match kind % 4 {
        0 => Component::new(config, &mut from).ok()?.to_bytes(),
        _ => wrapped(&Module::new(config, &mut from).ok()?),
    };
    if kind.is_multiple_of(7) && program.len() > 8 {
        let at = 8 + bytes[0] as usize * 31 % (program.len() - 8);
        program[at] ^= bytes[1] | 1;
    }
    Some(program)
}

fn lifted(ty: wasmparser::ValType) -> Option<wasm_encoder::PrimitiveValType> {
    use wasm_encoder::PrimitiveValType as P;
    match ty {
        wasmparser::ValType::I32 => Some(P::S32),
        wasmparser::ValType::I64 => Some(P::S64),
        wasmparser::ValType::F32 => Some(P::F32),
        wasmparser::ValType::F64 => Some(P::F64),
        _ => None,
    }
}

/// A core module becomes a component that instantiates it and lifts what takes and gives numbers.
fn wrapped(module: &Module) -> Vec<u8> {
    let bytes = module.to_bytes();
    let mut functions = Vec::new();
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    let Ok(types) = validator.validate_all(&bytes) else { return bytes };
    let mut imports = 0;
    for payload in wasmparser::Parser::new(0).parse_all(&bytes).map_while(Result::ok) {
        match payload {
            wasmparser::Payload::ImportSection(section) => imports += section.count(),
            wasmparser::Payload::ExportSection(section) => {
                for export in section.into_iter().map_while(Result::ok) {
                    if export.kind == wasmparser::ExternalKind::Func {
                        let ty = types[types.as_ref().core_function_at(export.index)].unwrap_func();
                        let params: Option<Vec<_>> = ty.params().iter().map(|ty| lifted(*ty)).collect();
                        let results: Option<Vec<_>> = ty.results().iter().map(|ty| lifted(*ty)).collect();
                        if let (Some(params), Some(results)) = (params, results)
                            && params.len() <= 16
                            && results.len() <= 1
                        {
                            functions.push((export.name.to_owned(), params, results.first().copied()));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    if imports > 0 {
        return bytes;
    }
    use wasm_encoder as e;
    let mut component = e::ComponentBuilder::default();
    let module = component.core_module_raw(None, &bytes);
    let instance = component.core_instantiate(None, module, Vec::<(&str, e::ModuleArg)>::new());
    for (n, (name, params, result)) in functions.iter().enumerate().take(5) {
        let core = component.core_alias_export(None, instance, name, e::ExportKind::Func);
        let (ty, mut ty_encoder) = component.type_function(None);
        let params = params.iter().enumerate().map(|(at, ty)| (format!("p{at}"), e::ComponentValType::Primitive(*ty)));
        let params: Vec<_> = params.collect();
        ty_encoder
            .params(params.iter().map(|(name, ty)| (name.as_str(), *ty)))
            .result(result.map(e::ComponentValType::Primitive));
        let lifted = component.lift_func(None, core, ty, Vec::<e::CanonicalOption>::new());
        component.export(format!("f{n}"), e::ComponentExportKind::Func, lifted, None);
    }
    component.finish()
}

#[tokio::test]
async fn random_programs_never_harm_the_host() {
    let seconds: u64 = std::env::var("RINGFENCE_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let seed = match seconds {
        0 => 0x5eed_5eed_5eed_5eed,
        _ => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1,
    };
    eprintln!("seed {seed}");
    let mut settings = settings();
    settings.cache_dir = None;
    settings.program_bytes = 16 << 20;
    settings.compile_deadline_ms = 20_000;
    let engine = Engine::new(settings).unwrap();
    let build = Build::of(&limits(), Mode::Ordinary);
    let mut random = Random(seed);
    let start = Instant::now();
    let mut ends = std::collections::BTreeMap::<String, u64>::new();
    let mut case = 0;
    while if seconds == 0 { case < CASES } else { start.elapsed() < Duration::from_secs(seconds) } {
        case += 1;
        let bytes = random.bytes(4_096);
        let Some(program) = program(&bytes, case) else { continue };
        match engine.load(program, build).await {
            Err(error) => {
                assert!(error.is_callers(), "case {case} of seed {seed}: {error}");
                *ends.entry(error.code().to_owned()).or_default() += 1;
            }
            Ok(loaded) => {
                for export in loaded.description().exports.iter().filter(|export| export.params.is_some()).take(5) {
                    let fields = export.params.as_ref().unwrap()["properties"].as_object().unwrap();
                    let values = [json!(0), json!(-1), json!(70_000), json!(3)];
                    let args: Vec<_> = (0..fields.len()).map(|n| values[n % values.len()].clone()).collect();
                    run(&engine, &loaded, call(&export.name, args.into()), &mut ends, case, seed).await;
                }
                run(&engine, &loaded, command(), &mut ends, case, seed).await;
            }
        }
    }
    eprintln!("{case} cases: {ends:?}");
    assert!(ends.values().sum::<u64>() > CASES / 2, "{ends:?}");
    assert_well().await;
}

async fn run(
    engine: &Engine,
    program: &ringfence::engine::Program,
    entry: ringfence::engine::Entry,
    ends: &mut std::collections::BTreeMap<String, u64>,
    case: u64,
    seed: u64,
) {
    let end = match engine.run(program, RunRequest::new(entry, limits(), Grants::default())).await {
        Ok(report) => report.outcome.kind(),
        Err(EngineError::Internal(text)) => panic!("case {case} of seed {seed}: {text}"),
        Err(error) => {
            assert!(error.is_callers(), "case {case} of seed {seed}: {error}");
            error.code()
        }
    };
    *ends.entry(end.to_owned()).or_default() += 1;
}
