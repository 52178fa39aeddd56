use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::super::error::{EngineError, Refusal};
use super::super::fence::Flavour;
use super::super::saved::Saved;
use super::super::settings::EngineSettings;
use super::{Answer, Compiled, Order, Task, makers};

/// The first line of an answer: a refusal with its imports.
const ANSWER_BYTES: usize = 1 << 20;
const CODE_BYTES: u64 = 2 << 30;
const STDERR_BYTES: u64 = 8 << 10;

/// Compiles in a process of its own, and waits no longer than it may take. Dropping the future kills the process.
pub(in super::super) async fn compile(
    settings: &EngineSettings,
    program: Bytes,
    flavour: Flavour,
) -> Result<Compiled, EngineError> {
    match ask(settings, flavour, Task::Compile, &[&program]).await? {
        (Answer::Compiled(origins), code) => Ok(Compiled { origins, code }),
        _ => Err(failed("it did something else")),
    }
}

/// Makes a program again as it is in a state, in such a process.
pub(in super::super) async fn image(
    settings: &EngineSettings,
    program: &[u8],
    flavour: Flavour,
    saved: &Saved,
) -> Result<Vec<u8>, EngineError> {
    let program_bytes = u64::try_from(program.len()).unwrap_or(u64::MAX);
    let task = Task::Image { program_bytes, state: saved.shape().clone(), most_bytes: settings.module_bytes };
    match ask(settings, flavour, task, &[program, saved.content()]).await? {
        (Answer::Image, made) => Ok(made),
        _ => Err(failed("it did something else")),
    }
}

fn failed(what: &str) -> EngineError {
    EngineError::Worker(what.to_owned())
}

async fn ask(
    settings: &EngineSettings,
    flavour: Flavour,
    task: Task,
    parts: &[&[u8]],
) -> Result<(Answer, Vec<u8>), EngineError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(settings.compilations.max(1));
    let limit_ms = settings.compile_deadline_ms;
    let order = Order {
        makers: makers().to_owned(),
        flavour,
        memory_bytes: settings.compile_memory_bytes,
        // A second line behind the deadline, held by the kernel even if this process is gone.
        cpu_seconds: limit_ms.div_ceil(1_000).saturating_mul(u64::try_from(threads).unwrap_or(1)).saturating_add(1),
        task,
    };
    let mut child = Command::new(&settings.worker)
        .arg("compile-worker")
        .env_clear()
        .env("RAYON_NUM_THREADS", threads.to_string())
        // Each arena takes address space, which is what is bounded.
        .env("MALLOC_ARENA_MAX", "2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|reason| EngineError::Worker(format!("{}: {reason}", settings.worker.display())))?;
    let limit = Duration::from_millis(limit_ms);
    match tokio::time::timeout(limit, converse(&mut child, &order, parts)).await {
        Ok(done) => done,
        Err(_) => Err(Refusal::CompileDeadline { limit_ms }.into()),
    }
}

async fn converse(child: &mut Child, order: &Order, parts: &[&[u8]]) -> Result<(Answer, Vec<u8>), EngineError> {
    let (Some(mut stdin), Some(mut stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed("its streams are missing"));
    };
    let mut line = serde_json::to_vec(order).map_err(|error| failed(&error.to_string()))?;
    line.push(b'\n');
    let tell = async move {
        // A worker that refuses early stops reading: what it says is what counts.
        let _ = stdin.write_all(&line).await;
        for part in parts {
            let _ = stdin.write_all(part).await;
        }
    };
    let hear = async {
        let mut said = Vec::new();
        (&mut stdout).take(CODE_BYTES).read_to_end(&mut said).await.map(|_| said)
    };
    let complain = async {
        let mut text = Vec::new();
        let _ = stderr.take(STDERR_BYTES).read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    };
    let ((), said, complaint) = tokio::join!(tell, hear, complain);
    let said = said.map_err(|error| failed(&error.to_string()))?;
    let status = child.wait().await.map_err(|error| failed(&error.to_string()))?;
    if !status.success() {
        return Err(died(order, status, &complaint).into());
    }
    let end = said
        .iter()
        .take(ANSWER_BYTES)
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| failed("its answer has no first line"))?;
    let (line, rest) = said.split_at(end);
    match serde_json::from_slice(line).map_err(|error| failed(&error.to_string()))? {
        Answer::OtherBuild => Err(failed("it is of another build than this process; start this process anew")),
        Answer::Refused(refusal) => Err(refusal.into()),
        made @ (Answer::Compiled(_) | Answer::Image) => Ok((made, rest.get(1..).unwrap_or_default().to_vec())),
    }
}

/// The program brought the compiler down; what the kernel says tells how.
fn died(order: &Order, status: std::process::ExitStatus, complaint: &str) -> Refusal {
    if complaint.contains("memory allocation of") || complaint.contains("Cannot allocate memory") {
        return Refusal::CompileMemory { limit_bytes: order.memory_bytes };
    }
    let message = match status.signal() {
        Some(_) if complaint.contains("overflowed its stack") => {
            "it is nested deeper than the compiler can follow".to_owned()
        }
        Some(signal) => format!("the compiler was ended by signal {signal}"),
        None => format!("the compiler gave up ({status})"),
    };
    Refusal::CompileFailed { message }
}
