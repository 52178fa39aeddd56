use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::error::BenchError;
use crate::backends::Program;
use crate::engine::Mount;
use crate::fs_policy::Level;

/// A command of WebAssembly that does nothing at all.
const EMPTY: &str = r#"(component
  (core module $m (func (export "run") (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $cli)))"#;

const TRUE: &str = "/bin/true";
/// Where a fence has the folder of the native program.
const PROGRAMS: &str = "/bench";

/// What is run: `bench` of the sample programs, as a component and as a static program of the machine. They come from a
/// folder and are not in this binary: it would be with or without them by what was there when it was built.
#[derive(Debug, Clone)]
pub struct Programs {
    component: Bytes,
    empty: Bytes,
    /// With nothing in it but `bench`.
    folder: PathBuf,
}

/// What a fence starts when nothing is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// A component of one function.
    Component,
    /// Of the machine, or of the image.
    True,
    /// Where there is none: the static program, from its folder.
    Static,
}

impl Empty {
    pub const fn about(self) -> &'static str {
        match self {
            Empty::Component => "an empty component",
            Empty::True => "/bin/true",
            Empty::Static => "`bench nothing`, static, from a folder",
        }
    }
}

impl Programs {
    /// From where `make guests` puts them.
    pub fn of(guests: &Path) -> Result<Self, BenchError> {
        let missing = |file: &Path, error: std::io::Error| BenchError::NoPrograms {
            folder: guests.display().to_string(),
            missing: format!("{} ({error})", file.strip_prefix(guests).unwrap_or(file).display()),
        };
        let component = guests.join("bench.wasm");
        let bytes = std::fs::read(&component).map_err(|error| missing(&component, error))?;
        let native = guests.join("native").join("bench");
        let native = native.canonicalize().map_err(|error| missing(&native, error))?;
        let folder = native.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Self { component: bytes.into(), empty: Bytes::from_static(EMPTY.as_bytes()), folder })
    }

    /// The native program where there is no fence.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join("bench")
    }

    pub(super) fn work(&self, component: bool) -> (Program, Vec<Mount>) {
        if component {
            return (Program::Component { name: "bench".to_owned(), bytes: self.component.clone() }, Vec::new());
        }
        let folder = Mount::whole(&self.folder, PROGRAMS, Level::Read);
        (Program::Command(format!("{PROGRAMS}/bench")), vec![folder])
    }

    /// With its arguments.
    pub(super) fn empty(&self, empty: Empty) -> (Program, Vec<Mount>, Vec<String>) {
        match empty {
            Empty::Component => {
                let program = Program::Component { name: "empty".to_owned(), bytes: self.empty.clone() };
                (program, Vec::new(), Vec::new())
            }
            Empty::True => (Program::Command(TRUE.to_owned()), Vec::new(), Vec::new()),
            Empty::Static => {
                let (program, mounts) = self.work(false);
                (program, mounts, vec!["nothing".to_owned()])
            }
        }
    }
}

/// A folder that a program may change.
pub(super) fn folder(host: &Path) -> Mount {
    Mount::whole(host, FOLDER, Level::Write)
}

/// Where a fence has it.
pub(super) const FOLDER: &str = "/work";

/// Shared by all that run at one time.
pub(super) type Shared = Arc<Programs>;
