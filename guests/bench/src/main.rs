//! What `ringfence bench` measures, from one source for both worlds: a component, and a static program of the machine.
//!
//! Sizes and seeds come as arguments, so that no compiler can do the work ahead. Each kind of work prints one line: what it
//! came to, which is the same everywhere, and how many nanoseconds it took by the clock that the guest sees.

mod sha256;
mod work;

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "bench nothing | echo | wait [WORD] | integer N SEED | float N SEED | sort N SEED | hash N SEED | \
                     files N SEED FOLDER";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["nothing"] => Ok(()),
        ["echo"] => echo(),
        ["wait", ..] => wait(),
        [kind, size, seed, rest @ ..] => match (size.parse(), seed.parse()) {
            (Ok(size), Ok(seed)) => measured(kind, size, seed, rest.first().copied()),
            _ => Err(std::io::Error::other(USAGE)),
        },
        _ => Err(std::io::Error::other(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measured(kind: &str, size: u32, seed: u32, folder: Option<&str>) -> std::io::Result<()> {
    let start = Instant::now();
    let came_to = match (kind, folder) {
        ("integer", None) => work::integer(size, seed),
        ("float", None) => work::float(size, seed),
        ("sort", None) => work::sort(size, seed),
        ("hash", None) => work::hash(size, seed),
        ("files", Some(folder)) => work::files(size, seed, folder.as_ref())?,
        _ => return Err(std::io::Error::other(USAGE)),
    };
    let nanos = start.elapsed().as_nanos();
    println!("{came_to:016x} {nanos}");
    Ok(())
}

/// Gives back what it is given.
fn echo() -> std::io::Result<()> {
    let mut all = Vec::new();
    std::io::stdin().read_to_end(&mut all)?;
    std::io::stdout().write_all(&all)
}

/// Says that it lives, and lives until its input ends.
fn wait() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(b"ready\n")?;
    out.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}
