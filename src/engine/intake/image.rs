use futures_util::FutureExt as _;
use wasm_encoder::ValType;
use wasmparser::WasmFeatures;
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use super::super::error::{Refusal, quoted};
use super::super::saved::Shape;
use super::doors::{self, Part};
use super::{MESSAGE, component_of, validate};

/// Makes the program again, as it is after a set-up: what it holds in memories and globals is what it begins with.
pub(in super::super) fn image(
    program: Vec<u8>,
    features: WasmFeatures,
    shape: &Shape,
    content: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let failed = |message: String| Refusal::CompileFailed { message: quoted(&message, MESSAGE) };
    let (component, ..) = component_of(program, features)?;
    let types = validate(&component, features)?;
    let (context, exported) = doors::instrument(&component).map_err(failed)?;
    let parts = doors::parts(&exported, types.as_ref().module_count()).map_err(failed)?;
    drop(exported);
    let mut state = State::new(&parts, shape, content).ok_or_else(|| failed("the state is not one of it".into()))?;
    let made = Wizer::new().snapshot_component(&context, &mut state).now_or_never();
    let made = made.ok_or_else(|| failed("its state could not be read at once".into()))?;
    made.map_err(|error| failed(format!("{error:#}")))
}

/// What wizer would read of a live instance. It asks for each part by its place among all, which it numbers itself.
struct State {
    values: Vec<Value>,
}

enum Value {
    Global([u8; 8]),
    Memory(Vec<u8>),
}

impl State {
    fn new(parts: &[Part], shape: &Shape, content: &[u8]) -> Option<Self> {
        let (globals, mut rest) = content.split_at_checked(usize::try_from(shape.globals_bytes).ok()?)?;
        let (globals, odd) = globals.as_chunks::<8>();
        let mut globals = globals.iter().filter(|_| odd.is_empty());
        let mut memories = shape.memories.iter();
        let mut values = Vec::new();
        for part in parts {
            values.push(match part {
                Part::Global(ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64) => {
                    Value::Global(*globals.next()?)
                }
                Part::Global(_) => return None,
                Part::Memory => {
                    let memory = memories.next()?;
                    let mut whole = vec![0; usize::try_from(memory.bytes()).ok()?];
                    for (at, length) in &memory.runs {
                        let (bytes, left) = rest.split_at_checked(usize::try_from(*length).ok()?)?;
                        whole.get_mut(usize::try_from(*at).ok()?..)?.get_mut(..bytes.len())?.copy_from_slice(bytes);
                        rest = left;
                    }
                    Value::Memory(whole)
                }
            });
        }
        let is_all = rest.is_empty() && globals.next().is_none() && memories.next().is_none();
        is_all.then_some(Self { values })
    }

    /// The part of a name such as `global12`.
    fn value(&self, function: &str) -> Option<&Value> {
        let digits = function.trim_start_matches(|c: char| !c.is_ascii_digit());
        self.values.get(digits.parse::<usize>().ok()?)
    }

    fn global(&self, function: &str) -> u64 {
        match self.value(function) {
            Some(Value::Global(bytes)) => u64::from_le_bytes(*bytes),
            // Both sides number the same list; were they not to agree, the image would not be valid.
            Some(Value::Memory(_)) | None => 0,
        }
    }

    fn narrow(&self, function: &str) -> u32 {
        let [a, b, c, d, ..] = self.global(function).to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }
}

impl ComponentInstanceState for State {
    async fn call_func_ret_list_u8(&mut self, _: &str, function: &str, contents: impl FnOnce(&[u8]) + Send) {
        contents(match self.value(function) {
            Some(Value::Memory(whole)) => whole,
            Some(Value::Global(_)) | None => &[],
        });
    }

    async fn call_func_ret_s32(&mut self, _: &str, function: &str) -> i32 {
        self.narrow(function).cast_signed()
    }

    async fn call_func_ret_s64(&mut self, _: &str, function: &str) -> i64 {
        self.global(function).cast_signed()
    }

    async fn call_func_ret_f32(&mut self, _: &str, function: &str) -> u32 {
        self.narrow(function)
    }

    async fn call_func_ret_f64(&mut self, _: &str, function: &str) -> u64 {
        self.global(function)
    }
}
