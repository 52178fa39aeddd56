//! What a stranger's bytes are, and whether they may be compiled. Runs in the compile worker only.
//!
//! Text becomes binary, a preview-1 module becomes a component, everything is validated with exactly the proposals
//! that the engine has on, and every import is compared with what the host offers, name and type. What comes out
//! is a component that the compiler may see.

mod bulk;
mod doors;
mod image;
mod module;
mod offer;

pub(super) use bulk::OURS;
pub(super) use doors::{DESK, DOORS, Doors};
pub(super) use image::image;
pub(super) use offer::OFFERED;
use wasmparser::types::Types;
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use super::compile::Origins;
use super::describe::Kind;
use super::error::{Refusal, quoted};
use super::snippet::INTERPRETER;

const MESSAGE: usize = 600;
/// Imports that are named in a refusal; who has more of them has his answer already.
const IMPORTS: usize = 200;
const MAGIC: &[u8] = b"\0asm";

/// A component that may be compiled.
pub(super) struct Taken {
    pub(super) component: Vec<u8>,
    pub(super) origins: Origins,
}

pub(super) fn take(bytes: Vec<u8>, features: WasmFeatures) -> Result<Taken, Refusal> {
    look_through(bytes, features).map_err(|refusal| match refusal {
        Refusal::Imports { mut imports } => {
            imports.truncate(IMPORTS);
            Refusal::Imports { imports }
        }
        other => other,
    })
}

fn look_through(bytes: Vec<u8>, features: WasmFeatures) -> Result<Taken, Refusal> {
    let (component, kind, text) = component_of(bytes, features)?;
    let types = validate(&component, features)?;
    offer::check_imports(&component, &types)?;
    let (component, doors) = with_doors(component, &types, features);
    let component = bulk::in_pieces(&component).map_err(|error| Refusal::CompileFailed {
        message: quoted(&format!("its copies of memory cannot be made interruptible: {error}"), MESSAGE),
    })?;
    Ok(Taken { component, origins: Origins { kind, text, doors } })
}

/// A component, what it was, and whether it was text.
fn component_of(bytes: Vec<u8>, features: WasmFeatures) -> Result<(Vec<u8>, Kind, bool), Refusal> {
    let (binary, text) = if bytes.starts_with(MAGIC) { (bytes, false) } else { (from_text(bytes)?, true) };
    match encoding(&binary)? {
        Encoding::Component => Ok((binary, Kind::Component, text)),
        Encoding::Module => {
            validate(&binary, features)?;
            let (component, kind) = module::to_component(&binary)?;
            Ok((component, kind, text))
        }
    }
}

/// A language runtime gets doors to its state. One for which they cannot be made runs as well, but is never saved.
fn with_doors(component: Vec<u8>, types: &Types, features: WasmFeatures) -> (Vec<u8>, Doors) {
    if types.component_item_for_export(INTERPRETER).is_none() {
        return (component, Doors::None);
    }
    let made = doors::put_in(&component, types.as_ref()).and_then(|(changed, steady)| {
        let valid = Validator::new_with_features(features).validate_all(&changed);
        valid.map(|_| (changed, steady)).map_err(|error| error.to_string())
    });
    match made {
        Ok((changed, steady)) => (changed, Doors::Made { steady }),
        Err(reason) => (component, Doors::Impossible(quoted(&reason, MESSAGE))),
    }
}

fn encoding(binary: &[u8]) -> Result<Encoding, Refusal> {
    match Parser::new(0).parse_all(binary).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(error)) => Err(explain(&error, binary)),
        _ => Err(Refusal::Truncated { message: "nothing follows its first bytes".into() }),
    }
}

fn from_text(bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(Refusal::NotWasm { found: look_at(&bytes).into() });
    };
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if !start.starts_with(['(', ';']) {
        return Err(Refusal::NotWasm { found: look_at(&bytes).into() });
    }
    let binary = wat::parse_str(text).map_err(|error| {
        // The first line says what, the second where; the rest draws it.
        let full = error.to_string();
        let message: Vec<&str> = full.lines().take(2).map(str::trim).collect();
        Refusal::BadText { message: quoted(&message.join(" "), MESSAGE) }
    })?;
    Ok(binary)
}

/// Names what people send by mistake.
fn look_at(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "it is empty",
        [0x7f, b'E', b'L', b'F', ..] => "it is a native program (ELF)",
        [0x1f, 0x8b, ..] => "it is compressed (gzip)",
        [b'P', b'K', 3, 4, ..] => "it is an archive (zip)",
        [b'#', b'!', ..] => "it is a script",
        [b'M', b'Z', ..] => "it is a Windows program",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => "it is a macOS program",
        _ if std::str::from_utf8(bytes).is_ok() => "it is some other text",
        _ => "its first bytes are of nothing that is known here",
    }
}

fn validate(binary: &[u8], features: WasmFeatures) -> Result<Types, Refusal> {
    Validator::new_with_features(features).validate_all(binary).map_err(|error| {
        // Valid with everything on, not with what is on: then a proposal is what it lacks.
        let with_all = Validator::new_with_features(WasmFeatures::all()).validate_all(binary);
        match with_all {
            Ok(_) => Refusal::ProposalOff { message: at(&error) },
            Err(_) => explain(&error, binary),
        }
    })
}

fn explain(error: &wasmparser::BinaryReaderError, binary: &[u8]) -> Refusal {
    let ends_early = error.message().contains("unexpected end") || error.offset() >= binary.len();
    match ends_early {
        true => Refusal::Truncated { message: at(error) },
        false => Refusal::Invalid { message: at(error) },
    }
}

fn at(error: &wasmparser::BinaryReaderError) -> String {
    format!("{} (at byte {})", quoted(error.message(), MESSAGE), error.offset())
}
