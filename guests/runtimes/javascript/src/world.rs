//! The doors to the world that the driver gets: output, time, files, randomness, tools. Nothing of them is global.

use std::cell::Cell;
use std::ffi::CString;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rquickjs::promise::PromiseState;
use rquickjs::{qjs, Ctx, Exception, Function, Object, Promise, TypedArray, Value};

use crate::library;
use crate::ringfence::runtime::{control, tools};

/// Numbers of WASI for errors that the library has no kind for.
const NOT_CAPABLE: i32 = 76;
const IS_DIRECTORY: i32 = 31;
const NOT_EMPTY: i32 = 55;
const INVALID: i32 = 28;
const READ_ONLY: i32 = 69;

/// How long a sleep goes on before it is asked whether the caller still wants it.
const SLICE_MS: f64 = 100.0;

thread_local! {
    static EXIT: Cell<Option<u32>> = const { Cell::new(None) };
    static INTERRUPTED: Cell<bool> = const { Cell::new(false) };
    static FORGETTING: Cell<bool> = const { Cell::new(false) };
}

pub fn doors<'js>(ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
    let doors = Object::new(ctx.clone())?;
    let set = |name: &str, function: Function<'js>| doors.set(name, function);
    set("evaluate", Function::new(ctx.clone(), |ctx, code, name| evaluate(ctx, code, name, qjs::JS_EVAL_FLAG_ASYNC))?)?;
    set("compile", Function::new(ctx.clone(), |ctx, code, name| evaluate(ctx, code, name, 0))?)?;
    set("jobs", Function::new(ctx.clone(), jobs)?)?;
    set("forget", Function::new(ctx.clone(), forget)?)?;
    set("promiseState", Function::new(ctx.clone(), promise_state)?)?;
    set("promiseResult", Function::new(ctx.clone(), promise_result)?)?;
    set("exit", Function::new(ctx.clone(), exit)?)?;
    set("exiting", Function::new(ctx.clone(), || EXIT.get().is_some())?)?;
    set("exited", Function::new(ctx.clone(), exited)?)?;
    set("write", Function::new(ctx.clone(), write)?)?;
    set("readInput", Function::new(ctx.clone(), read_input)?)?;
    set("now", Function::new(ctx.clone(), now)?)?;
    set("sleep", Function::new(ctx.clone(), sleep)?)?;
    set("random", Function::new(ctx.clone(), random)?)?;
    set("encode", Function::new(ctx.clone(), |ctx: Ctx<'js>, text: String| TypedArray::<u8>::new(ctx, text))?)?;
    set("decode", Function::new(ctx.clone(), decode)?)?;
    set("readFile", Function::new(ctx.clone(), read_file)?)?;
    set("writeFile", Function::new(ctx.clone(), write_file)?)?;
    set("listFolder", Function::new(ctx.clone(), list_folder)?)?;
    set("stat", Function::new(ctx.clone(), stat)?)?;
    set("makeFolder", Function::new(ctx.clone(), make_folder)?)?;
    set("remove", Function::new(ctx.clone(), remove)?)?;
    set("rename", Function::new(ctx.clone(), |ctx: Ctx<'js>, from: String, to: String| told(&ctx, std::fs::rename(from, to)))?)?;
    set("tools", Function::new(ctx.clone(), available)?)?;
    set("callTool", Function::new(ctx.clone(), call_tool)?)?;
    library::add_to(ctx, &doors)?;
    Ok(doors)
}

/// Global code, which gives a promise where `JS_EVAL_FLAG_ASYNC` is set. The engine is told how long it is, so that a NUL in it is a character like others, as the
/// standard has it; `eval_with_options` takes none.
fn evaluate<'js>(ctx: Ctx<'js>, code: String, filename: String, more: u32) -> rquickjs::Result<Value<'js>> {
    let (length, code) = (code.len(), [code.as_bytes(), b"\0"].concat());
    let filename = CString::new(filename)?;
    let flags = qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_BACKTRACE_BARRIER | more;
    // SAFETY: both texts end in zero and are only read; the length is without it.
    let told = unsafe { qjs::JS_Eval(ctx.as_raw().as_ptr(), code.as_ptr().cast(), length as _, filename.as_ptr(), flags as i32) };
    // SAFETY: a value of this context, which nobody else holds.
    unsafe { if qjs::JS_IsException(told) { Err(rquickjs::Error::Exception) } else { Ok(Value::from_raw(ctx, told)) } }
}

/// Whether the caller wants the call to end: said once, and the engine then throws what nobody can catch.
pub fn interrupted() -> bool {
    if FORGETTING.get() {
        return true;
    }
    let told = control::interrupted();
    INTERRUPTED.set(INTERRUPTED.get() || told);
    told
}

/// A new call, of which nobody wants the end yet.
pub fn go_on() {
    INTERRUPTED.set(false);
}

/// Runs what is ready. An error there is one that nobody can catch, and goes no further than its job: an exit, an end of memory,
/// or an interrupt, which is for the whole call.
fn jobs(ctx: Ctx) -> rquickjs::Result<()> {
    while EXIT.get().is_none() && !INTERRUPTED.get() && ctx.execute_pending_job() {}
    if INTERRUPTED.get() { Err(uncatchable(&ctx, "interrupted")?) } else { Ok(()) }
}

/// Runs what an ended snippet left, which ends nowhere else, and each of it for so long as the engine goes on without asking.
fn forget(ctx: Ctx) {
    FORGETTING.set(true);
    while ctx.execute_pending_job() {}
    FORGETTING.set(false);
}

/// 0 while it is pending, 1 when it has a value, 2 when it failed: the engine's own word, whatever a snippet did to `then`.
fn promise_state(promise: Promise) -> u32 {
    match promise.state() {
        PromiseState::Pending => 0,
        PromiseState::Resolved => 1,
        PromiseState::Rejected => 2,
    }
}

/// The value that a promise came to, or what it failed with.
fn promise_result<'js>(ctx: Ctx<'js>, promise: Promise<'js>) -> Value<'js> {
    match promise.result::<Value>() {
        Some(Ok(value)) => value,
        _ => ctx.catch(),
    }
}

/// Ends the snippet: an error that its `catch` does not see.
fn exit(ctx: Ctx, code: u32) -> rquickjs::Result<()> {
    EXIT.set(Some(code));
    Err(uncatchable(&ctx, "exit")?)
}

fn uncatchable(ctx: &Ctx, why: &str) -> rquickjs::Result<rquickjs::Error> {
    let value = Exception::from_message(ctx.clone(), why)?.into_object().into_value();
    // SAFETY: the value is an error of this context; the call marks it.
    unsafe { qjs::JS_SetUncatchableError(ctx.as_raw().as_ptr(), value.as_raw()) };
    Ok(ctx.throw(value))
}

/// The code that the snippet ended itself with, once.
pub fn exited() -> Option<u32> {
    EXIT.take()
}

fn write(fd: u32, text: String) {
    let _ = match fd {
        1 => std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()),
        _ => std::io::stderr().write_all(text.as_bytes()),
    };
}

fn read_input(ctx: Ctx) -> rquickjs::Result<String> {
    told(&ctx, std::io::read_to_string(std::io::stdin()))
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64() * 1e3)
}

/// Sleeps; gives false where the caller no longer wants what comes after.
fn sleep(ms: f64) -> bool {
    let mut left = ms.clamp(0.0, 1e12);
    while left > 0.0 {
        std::thread::sleep(Duration::from_secs_f64(left.min(SLICE_MS) / 1e3));
        left -= SLICE_MS;
        if left > 0.0 && interrupted() {
            return false;
        }
    }
    true
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn random_get(buffer: *mut u8, length: usize) -> u16;
    /// What the adapter to preview 2 offers for this: its handles are of an instance and must not be in a snapshot.
    fn reset_adapter_state();
    fn fd_prestat_get(fd: u32, prestat: *mut [u32; 2]) -> u16;
    fn fd_prestat_dir_name(fd: u32, path: *mut u8, length: usize) -> u16;
}
extern "C" {
    fn __wasilibc_register_preopened_fd(fd: i32, prefix: *const core::ffi::c_char) -> i32;
}

fn random<'js>(ctx: Ctx<'js>, length: usize) -> rquickjs::Result<TypedArray<'js, u8>> {
    let mut bytes = vec![0; length.min(65_536)];
    // SAFETY: the buffer is as long as is said.
    unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
    TypedArray::new(ctx, bytes)
}

/// The last act before a snapshot: the adapter asks for its handles again in the new instance.
pub fn forget_handles() {
    let _ = std::io::stdout().flush();
    // SAFETY: no file is open, and nothing else of this component holds a handle.
    unsafe { reset_adapter_state() };
}

/// Tells the C library which folders there are. It asked while the image was made, when there were none.
pub fn find_folders() {
    for fd in 3.. {
        let mut prestat = [0u32; 2];
        // SAFETY: the structure is eight bytes; the name's buffer is as long as is said.
        if unsafe { fd_prestat_get(fd, &mut prestat) } != 0 {
            break;
        }
        let mut name = vec![0u8; prestat[1] as usize];
        if unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), name.len()) } != 0 {
            break;
        }
        if let Ok(name) = CString::new(name) {
            // SAFETY: a name that ends in zero, copied by the callee.
            unsafe { __wasilibc_register_preopened_fd(fd as i32, name.as_ptr()) };
        }
    }
}

fn told<T>(ctx: &Ctx, result: std::io::Result<T>) -> rquickjs::Result<T> {
    result.map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => "ENOENT",
            // Outside of every folder: as absent as what is hidden in one.
            _ if error.raw_os_error() == Some(NOT_CAPABLE) => "ENOENT",
            std::io::ErrorKind::PermissionDenied => "EACCES",
            std::io::ErrorKind::AlreadyExists => "EEXIST",
            std::io::ErrorKind::DirectoryNotEmpty => "ENOTEMPTY",
            std::io::ErrorKind::NotADirectory => "ENOTDIR",
            std::io::ErrorKind::IsADirectory => "EISDIR",
            _ => match error.raw_os_error() {
                Some(IS_DIRECTORY) => "EISDIR",
                Some(NOT_EMPTY) => "ENOTEMPTY",
                Some(INVALID) => "EINVAL",
                Some(READ_ONLY) => "EROFS",
                _ => "EIO",
            },
        };
        Exception::throw_message(ctx, &format!("{code}: {error}"))
    })
}

fn decode<'js>(bytes: TypedArray<'js, u8>) -> String {
    // SAFETY: nothing of the snippet's runs while the bytes are looked at.
    String::from_utf8_lossy(unsafe { bytes.as_bytes() }.unwrap_or_default()).into_owned()
}

fn read_file<'js>(ctx: Ctx<'js>, path: String) -> rquickjs::Result<TypedArray<'js, u8>> {
    let read = std::fs::read(&path).map_err(|error| match std::fs::metadata(&path) {
        // The host opens a folder as well, and fails at the first byte.
        Ok(found) if found.is_dir() => std::io::Error::from_raw_os_error(IS_DIRECTORY),
        _ => error,
    });
    TypedArray::new(ctx.clone(), told(&ctx, read)?)
}

/// Puts bytes into a file by how it is opened: `w` in place of what it holds, `a` after that, `r` over the beginning of one that is
/// there.
fn write_file<'js>(ctx: Ctx<'js>, path: String, bytes: TypedArray<'js, u8>, how: String) -> rquickjs::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(how != "r").write(true).append(how == "a").truncate(how == "w");
    // SAFETY: nothing of the snippet's runs while the bytes are looked at.
    let bytes = unsafe { bytes.as_bytes() }.unwrap_or_default();
    told(&ctx, options.open(path).and_then(|mut file| file.write_all(bytes)))
}

fn list_folder(ctx: Ctx, path: String) -> rquickjs::Result<Vec<String>> {
    let entries = told(&ctx, std::fs::read_dir(path))?;
    let mut names: Vec<String> = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Size, time of change in milliseconds, and the kind: 0 a file, 1 a folder, 2 something else.
fn stat(ctx: Ctx, path: String) -> rquickjs::Result<Vec<f64>> {
    let found = told(&ctx, std::fs::metadata(path))?;
    let changed = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0.0, |at| at.as_secs_f64() * 1e3);
    let kind = if found.is_file() { 0.0 } else if found.is_dir() { 1.0 } else { 2.0 };
    Ok(vec![found.len() as f64, changed, kind])
}

fn make_folder(ctx: Ctx, path: String, parents: bool) -> rquickjs::Result<()> {
    told(&ctx, if parents { std::fs::create_dir_all(path) } else { std::fs::create_dir(path) })
}

fn remove(ctx: Ctx, path: String, folder: bool, all: bool) -> rquickjs::Result<()> {
    told(&ctx, match (folder, all) {
        (true, true) => std::fs::remove_dir_all(path),
        (true, false) => std::fs::remove_dir(path),
        (false, _) => std::fs::remove_file(path),
    })
}

fn available<'js>(ctx: Ctx<'js>) -> rquickjs::Result<Vec<Object<'js>>> {
    tools::available().into_iter().map(|tool| {
        let object = Object::new(ctx.clone())?;
        object.set("name", tool.name)?;
        object.set("about", tool.about)?;
        object.set("schema", tool.input_schema)?;
        Ok(object)
    }).collect()
}

/// `[json]`, or `[code, message, retry]` where the tool failed.
fn call_tool(name: String, input: String) -> Vec<String> {
    match tools::call(&name, &input) {
        Ok(json) => vec![json],
        Err(failure) => vec![failure.code, failure.message, failure.retry.to_string()],
    }
}
