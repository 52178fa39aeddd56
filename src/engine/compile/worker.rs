use std::io::{BufRead, Read, Write};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::super::error::{Refusal, quoted};
use super::super::fence::code_config;
use super::super::intake;
use super::{Answer, Order, Task, makers};

const MESSAGE: usize = 2_000;
const OPEN_FILES: u64 = 64;

/// The whole life of a compile worker: one order and one program in, one answer and what was made out.
///
/// It gives up what it does not need before it reads the program, so that a bug in a parser or the compiler has
/// little to work with: memory and time are bounded by the kernel, and it can write no file.
pub fn serve(input: impl Read, mut output: impl Write) -> std::io::Result<()> {
    let mut input = std::io::BufReader::new(input);
    let mut line = String::new();
    input.read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    confine(&order)?;
    let mut given = Vec::new();
    input.read_to_end(&mut given)?;
    let (answer, made) = if order.makers == makers() {
        work(&order, given).unwrap_or_else(|refusal| (Answer::Refused(refusal), Vec::new()))
    } else {
        (Answer::OtherBuild, Vec::new())
    };
    serde_json::to_writer(&mut output, &answer)?;
    output.write_all(b"\n")?;
    output.write_all(&made)?;
    output.flush()
}

fn confine(order: &Order) -> std::io::Result<()> {
    let bounds = [
        (Resource::As, order.memory_bytes),
        (Resource::Cpu, order.cpu_seconds),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, most) in bounds {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    // Nobody waits for an answer once the host is gone.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    // Guests come first. A machine that forbids this still holds the other bounds.
    let _ = rustix::process::nice(19);
    Ok(())
}

fn work(order: &Order, given: Vec<u8>) -> Result<(Answer, Vec<u8>), Refusal> {
    let failed = |error: wasmtime::Error| {
        let text = format!("{error:#}");
        if text.contains("Cannot allocate memory") {
            return Refusal::CompileMemory { limit_bytes: order.memory_bytes };
        }
        Refusal::CompileFailed { message: quoted(&text, MESSAGE) }
    };
    let engine = wasmtime::Engine::new(&code_config(order.flavour)).map_err(failed)?;
    let features = engine.get_wasm_features();
    match &order.task {
        Task::Compile => {
            let taken = intake::take(given, features)?;
            let code = engine.precompile_component(&taken.component).map_err(failed)?;
            Ok((Answer::Compiled(taken.origins), code))
        }
        Task::Image { program_bytes, state, most_bytes } => {
            let mut program = given;
            let content = program.split_off(usize::try_from(*program_bytes).unwrap_or(usize::MAX).min(program.len()));
            let made = intake::image(program, features, state, &content)?;
            match u64::try_from(made.len()) {
                Ok(bytes) if bytes <= *most_bytes => Ok((Answer::Image, made)),
                bytes => Err(Refusal::TooLarge { bytes: bytes.unwrap_or(u64::MAX), limit: *most_bytes }),
            }
        }
    }
}
