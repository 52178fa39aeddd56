use std::collections::BTreeSet;
use std::convert::Infallible;

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{
    BlockType, CodeSection, Component, ComponentSectionId, CustomSection, Encode, Function, FunctionSection,
    InstructionSink, Module, RawSection, TypeSection, ValType,
};
use wasmparser::{
    BinaryReader, CodeSectionReader, CustomSectionReader, FunctionSectionReader, Operator, Parser, Payload, TypeRef,
    TypeSectionReader,
};

/// What the functions that are added are called, so that a backtrace can leave them out.
pub(in super::super) const OURS: &str = "ringfence: in pieces";
/// What is moved at a time: some tens of microseconds.
const PIECE: i32 = 256 << 10;

/// Makes large fills and copies of memory interruptible.
///
/// One such instruction works through gigabytes, and nothing can end it before it is done. So each becomes a call of
/// a function that does the same piece by piece, in a loop; at its head the deadline is looked at, as in every loop.
/// What is out of bounds is left to the instruction itself, which then does nothing but trap.
pub(super) fn in_pieces(component: &[u8]) -> Result<Vec<u8>, reencode::Error> {
    let mut changed = Component::new();
    Pieces::default().parse_component(&mut changed, Parser::new(0), component)?;
    Ok(changed.finish())
}

/// An instruction that moves as much as it is told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Move {
    Fill { memory: u32 },
    Copy { to: u32, from: u32 },
}

impl Move {
    fn of(operator: &Operator<'_>) -> Option<Self> {
        match *operator {
            Operator::MemoryFill { mem } => Some(Move::Fill { memory: mem }),
            Operator::MemoryCopy { dst_mem, src_mem } => Some(Move::Copy { to: dst_mem, from: src_mem }),
            _ => None,
        }
    }

    /// The function that does it: to, what or from, how much.
    fn function(self) -> Function {
        const TO: u32 = 0;
        const FROM: u32 = 1;
        const LEFT: u32 = 2;
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.local_get(LEFT).i32_const(PIECE).i32_gt_u().if_(BlockType::Empty);
        match self {
            Move::Fill { memory } => {
                inside(&mut code, TO, LEFT, memory);
                code.if_(BlockType::Empty).loop_(BlockType::Empty);
                code.local_get(TO).local_get(FROM).i32_const(PIECE).memory_fill(memory);
                step(&mut code, TO);
                back_while_more(&mut code, LEFT);
                code.end().end();
            }
            Move::Copy { to, from } => {
                inside(&mut code, TO, LEFT, to);
                inside(&mut code, FROM, LEFT, from);
                code.i32_and().if_(BlockType::Empty);
                // Where the two overlap, what is still to be read must not be written first.
                code.local_get(TO).local_get(FROM).i32_gt_u().if_(BlockType::Empty).loop_(BlockType::Empty);
                code.local_get(TO).local_get(LEFT).i32_add().i32_const(PIECE).i32_sub();
                code.local_get(FROM).local_get(LEFT).i32_add().i32_const(PIECE).i32_sub();
                code.i32_const(PIECE).memory_copy(to, from);
                back_while_more(&mut code, LEFT);
                code.end().else_().loop_(BlockType::Empty);
                code.local_get(TO).local_get(FROM).i32_const(PIECE).memory_copy(to, from);
                step(&mut code, TO);
                step(&mut code, FROM);
                back_while_more(&mut code, LEFT);
                code.end().end().end();
            }
        }
        code.end().local_get(TO).local_get(FROM).local_get(LEFT);
        match self {
            Move::Fill { memory } => code.memory_fill(memory),
            Move::Copy { to, from } => code.memory_copy(to, from),
        };
        code.end();
        function
    }
}

/// Whether a whole range is inside of a memory.
fn inside(code: &mut InstructionSink<'_>, start: u32, length: u32, memory: u32) {
    code.local_get(start).i64_extend_i32_u().local_get(length).i64_extend_i32_u().i64_add();
    code.memory_size(memory).i64_extend_i32_u().i64_const(16).i64_shl().i64_le_u();
}

fn step(code: &mut InstructionSink<'_>, local: u32) {
    code.local_get(local).i32_const(PIECE).i32_add().local_set(local);
}

fn back_while_more(code: &mut InstructionSink<'_>, left: u32) {
    code.local_get(left).i32_const(PIECE).i32_sub().local_tee(left).i32_const(PIECE).i32_gt_u().br_if(0);
}

/// Rewrites the module it is in; all else stays as it is.
#[derive(Default)]
struct Pieces {
    moves: BTreeSet<Move>,
    types: u32,
    functions: u32,
    has_names: bool,
}

impl Pieces {
    /// What has to be known of a module before its first section is written.
    fn of(module: &[u8]) -> Result<Self, reencode::Error> {
        let mut pieces = Pieces::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        pieces.types += u32::try_from(group?.types().len()).unwrap_or(u32::MAX);
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        pieces.functions += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                    }
                }
                Payload::FunctionSection(section) => pieces.functions += section.count(),
                Payload::CodeSectionEntry(body) => {
                    for operator in body.get_operators_reader()? {
                        pieces.moves.extend(Move::of(&operator?));
                    }
                }
                _ => {}
            }
        }
        Ok(pieces)
    }

    /// Its function comes after all others, so that no index changes.
    fn index(&self, wanted: Move) -> u32 {
        let place = self.moves.iter().position(|known| *known == wanted).unwrap_or_default();
        self.functions + u32::try_from(place).unwrap_or(u32::MAX)
    }
}

impl Reencode for Pieces {
    type Error = Infallible;

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        reencode::utils::parse_type_section(self, types, section)?;
        if !self.moves.is_empty() {
            types.ty().function([ValType::I32; 3], []);
        }
        Ok(())
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        reencode::utils::parse_function_section(self, functions, section)?;
        for _ in &self.moves {
            functions.function(self.types);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        reencode::utils::parse_code_section(self, code, section)?;
        for known in &self.moves {
            code.function(&known.function());
        }
        Ok(())
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<wasm_encoder::Instruction<'a>, reencode::Error> {
        match Move::of(&operator) {
            Some(known) => Ok(wasm_encoder::Instruction::Call(self.index(known))),
            None => reencode::utils::instruction(self, operator),
        }
    }

    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        match self.named(&section) {
            Some(names) => module.section(&CustomSection { name: "name".into(), data: names.into() }),
            None => module.section(&as_it_is(&section)),
        };
        Ok(())
    }
}

impl Pieces {
    /// The names of a module with those of our functions, which come last.
    fn named(&mut self, section: &CustomSectionReader<'_>) -> Option<Vec<u8>> {
        if section.name() != "name" {
            return None;
        }
        let mut out = Vec::new();
        let mut reader = BinaryReader::new(section.data(), 0);
        let mut written = false;
        while !reader.eof() {
            let id = reader.read_u8().ok()?;
            let size = usize::try_from(reader.read_var_u32().ok()?).ok()?;
            let content = reader.read_bytes(size).ok()?;
            // Functions are the second of the sections within, after the name of the module.
            if id > FUNCTION_NAMES && !written {
                self.subsection(&mut out, 0, &[]);
                written = true;
            }
            if id == FUNCTION_NAMES {
                let mut names = BinaryReader::new(content, 0);
                let count = names.read_var_u32().ok()?;
                self.subsection(&mut out, count, content.get(names.original_position()..)?);
                written = true;
            } else {
                out.push(id);
                content.encode(&mut out);
            }
        }
        if !written {
            self.subsection(&mut out, 0, &[]);
        }
        self.has_names = true;
        Some(out)
    }

    fn subsection(&self, out: &mut Vec<u8>, count: u32, names: &[u8]) {
        let mut content = Vec::new();
        (count + u32::try_from(self.moves.len()).unwrap_or(0)).encode(&mut content);
        content.extend_from_slice(names);
        for known in &self.moves {
            self.index(*known).encode(&mut content);
            OURS.encode(&mut content);
        }
        out.push(FUNCTION_NAMES);
        content.as_slice().encode(out);
    }
}

/// The number of the names of functions in the section of names.
const FUNCTION_NAMES: u8 = 1;

impl ReencodeComponent for Pieces {
    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        parser: Parser,
        module: &[u8],
    ) -> Result<(), reencode::Error> {
        let mut pieces = Pieces::of(module)?;
        if pieces.moves.is_empty() {
            component.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data: module });
            return Ok(());
        }
        let mut changed = Module::new();
        pieces.parse_core_module(&mut changed, parser, module)?;
        if !pieces.has_names {
            let mut names = Vec::new();
            pieces.subsection(&mut names, 0, &[]);
            changed.section(&CustomSection { name: "name".into(), data: names.into() });
        }
        component.section(&wasm_encoder::ModuleSection(&changed));
        Ok(())
    }

    fn parse_component_custom_section(
        &mut self,
        component: &mut Component,
        section: CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error> {
        component.section(&as_it_is(&section));
        Ok(())
    }
}

/// Names and the like hold, since no index changes.
fn as_it_is<'a>(section: &CustomSectionReader<'a>) -> CustomSection<'a> {
    CustomSection { name: section.name().into(), data: section.data().into() }
}
