use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, ImportSection, InstructionSink, MemArg, Module, TypeSection, ValType,
};

use super::parts::{FORGET, Facts, LET_GO, Parts};

/// Where in the first memory the values of the globals stand while they are handed over, each with eight bytes. What was
/// there stands in the globals meanwhile, and goes back.
pub(in super::super::super) const DESK: u32 = 16;
const VALUE_BYTES: u32 = 8;
/// Where a list is told: its place and its length.
const LIST: u32 = 0;
/// Of 4 GiB, whose length is no number of 32 bits.
const WHOLE_PAGES: i32 = 1 << 16;

/// The core module behind the doors.
pub(super) fn make(parts: &Parts, facts: &Facts) -> Module {
    let globals = u32::try_from(parts.globals().count()).unwrap_or(u32::MAX);
    let mut maker = Maker {
        // Where the next list that is written goes, and what was at `LIST`.
        aim: globals,
        kept: globals + 1,
        types: TypeSection::new(),
        functions: FunctionSection::new(),
        exports: ExportSection::new(),
        code: CodeSection::new(),
        imported: u32::try_from(facts.let_go.len()).unwrap_or(u32::MAX),
    };
    let nothing = maker.ty(&[], &[]);
    let mut imports = ImportSection::new();
    for part in parts.all() {
        imports.import(&part.instance.to_string(), &part.name, part.ty);
    }
    for (instance, name) in &facts.let_go {
        imports.import(&instance.to_string(), name, EntityType::Function(nothing));
    }
    maker.add_all(parts, facts);
    let mut own = GlobalSection::new();
    let variable = |val_type| GlobalType { val_type, mutable: true, shared: false };
    own.global(variable(ValType::I32), &ConstExpr::i32_const(0));
    own.global(variable(ValType::I64), &ConstExpr::i64_const(0));
    let mut module = Module::new();
    module.section(&maker.types).section(&imports).section(&maker.functions).section(&own);
    module.section(&maker.exports).section(&maker.code);
    module
}

struct Maker {
    aim: u32,
    kept: u32,
    types: TypeSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
    /// Functions that come before ours.
    imported: u32,
}

impl Maker {
    fn ty(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        self.types.ty().function(params.iter().copied(), results.iter().copied());
        self.types.len() - 1
    }

    fn add(
        &mut self,
        name: &str,
        params: &[ValType],
        results: &[ValType],
        write: impl FnOnce(&mut InstructionSink<'_>),
    ) {
        let ty = self.ty(params, results);
        self.functions.function(ty);
        // Behind the parameters, for what is exchanged.
        let mut function = Function::new([(1, ValType::I32), (1, ValType::I64)]);
        let mut code = function.instructions();
        write(&mut code);
        code.end();
        self.code.function(&function);
        self.exports.export(name, ExportKind::Func, self.imported + self.functions.len() - 1);
    }

    fn add_all(&mut self, parts: &Parts, facts: &Facts) {
        use ValType::I32;
        let (aim, kept) = (self.aim, self.kept);
        let length = VALUE_BYTES.saturating_mul(aim);
        self.add("tell", &[], &[I32], |code| {
            exchange(code, parts, 0);
            tell_list(code, 0, kept, DESK, |code| {
                code.i32_const(length.cast_signed());
            });
        });
        self.add("told", &[I32], &[], |code| {
            take_back(code, 0, kept);
            exchange(code, parts, 1);
        });
        self.add("take", &[], &[], |code| take(code, parts));
        for (door, called) in [("let-go", LET_GO), ("forget", FORGET)] {
            self.add(door, &[], &[], |code| {
                for (index, _) in (0..).zip(&facts.let_go).filter(|(_, (_, name))| *name == called) {
                    code.call(index);
                }
            });
        }
        self.add("aim", &[I32], &[], |code| {
            code.local_get(0).global_set(aim);
        });
        self.add("room", &[I32; 4], &[I32], |code| {
            code.global_get(aim);
        });
        for (memory, _) in (0..).zip(parts.memories()) {
            self.add(&format!("read{memory}"), &[], &[I32], |code| {
                code.memory_size(memory).i32_const(WHOLE_PAGES).i32_eq().if_(BlockType::Empty).unreachable().end();
                tell_list(code, memory, kept, 0, |code| {
                    code.memory_size(memory).i32_const(16).i32_shl();
                });
            });
            self.add(&format!("read-done{memory}"), &[I32], &[], |code| take_back(code, memory, kept));
            // What is written is there already: its room was where it goes. The next goes elsewhere.
            self.add(&format!("write{memory}"), &[I32; 3], &[], |code| {
                code.local_get(2).global_set(aim);
            });
            self.add(&format!("grow{memory}"), &[I32], &[I32], |code| {
                code.local_get(0).memory_grow(memory);
            });
        }
    }
}

fn at(memory_index: u32, offset: u32) -> MemArg {
    MemArg { offset: offset.into(), align: 2, memory_index }
}

/// Writes where a list is and how long; what was there is kept.
fn tell_list(
    code: &mut InstructionSink<'_>,
    memory: u32,
    kept: u32,
    start: u32,
    length: impl FnOnce(&mut InstructionSink<'_>),
) {
    code.i32_const(0).i64_load(at(memory, LIST)).global_set(kept);
    code.i32_const(0).i32_const(start.cast_signed()).i32_store(at(memory, LIST));
    code.i32_const(0);
    length(code);
    code.i32_store(at(memory, LIST + 4)).i32_const(0);
}

fn take_back(code: &mut InstructionSink<'_>, memory: u32, kept: u32) {
    code.i32_const(0).global_get(kept).i64_store(at(memory, LIST));
}

/// Each global and its place on the desk.
fn desk(parts: &Parts) -> impl Iterator<Item = (u32, MemArg, ValType)> {
    (0..).zip(parts.globals()).map(|(global, ty)| (global, at(0, DESK + VALUE_BYTES * global), ty))
}

/// What the globals hold and what is on the desk change places. A global of 32 bits takes the first four bytes of its eight.
fn exchange(code: &mut InstructionSink<'_>, parts: &Parts, local: u32) {
    let (narrow, wide) = (local, local + 1);
    for (global, place, ty) in desk(parts) {
        code.i32_const(0);
        match ty {
            ValType::I64 | ValType::F64 => code.i64_load(place).local_set(wide),
            _ => code.i32_load(place).local_set(narrow),
        };
        code.i32_const(0).global_get(global);
        match ty {
            ValType::I64 => code.i64_store(place).local_get(wide),
            ValType::F64 => code.f64_store(place).local_get(wide).f64_reinterpret_i64(),
            ValType::F32 => code.f32_store(place).local_get(narrow).f32_reinterpret_i32(),
            _ => code.i32_store(place).local_get(narrow),
        };
        code.global_set(global);
    }
}

/// Makes the globals what is on the desk.
fn take(code: &mut InstructionSink<'_>, parts: &Parts) {
    for (global, place, ty) in desk(parts) {
        code.i32_const(0);
        match ty {
            ValType::I64 => code.i64_load(place),
            ValType::F64 => code.f64_load(place),
            ValType::F32 => code.f32_load(place),
            _ => code.i32_load(place),
        };
        code.global_set(global);
    }
}
