//! The command line. It parses, asks the engine, and shows; one file per command, no decision of its own.
//!
//! Standard output carries what was asked for, standard error everything else. A mistake is one line on standard
//! error that names what to change.

mod audit;
mod audit_events;
mod audit_key;
mod audit_proof;
mod audit_report;
mod audit_source;
mod audit_tail;
mod audit_verify;
mod audit_witness;
mod backends;
mod backup;
mod bench;
mod bench_page;
mod bench_text;
mod cache;
mod calibrate;
mod compile;
mod component;
mod draft;
mod exec;
mod exec_there;
mod exit;
mod family;
mod fs;
mod inspect;
mod key;
mod limits;
mod login;
mod mounts;
mod policy;
mod principal;
mod program;
mod replay;
mod role;
mod run;
mod run_fenced;
mod run_there;
mod runs;
mod runtime;
mod sandbox;
mod sandbox_files;
mod serve;
mod server;
mod session;
mod settings;
mod show;
mod snapshot;
mod tenant;
mod token;
mod tools;
mod words;
mod workspace;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Subcommand};

use crate::app;
use crate::backends::{serve_docker_worker, serve_jail_worker};
use crate::config::Overrides;
use crate::engine::{EngineError, serve_compile_worker};
use crate::model::parse_bytes;

#[derive(Debug, clap::Parser)]
#[command(
    name = "ringfence",
    version,
    about = "Run code that nobody has read yet: WebAssembly in a fence, metered",
    after_help = exit::HELP,
    max_term_width = 110
)]
struct Cli {
    #[command(flatten)]
    host: HostFlags,
    #[command(flatten)]
    server: server::ServerFlags,
    #[command(subcommand)]
    command: Command,
}

/// What concerns the host, whatever it is told to do.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Host")]
struct HostFlags {
    /// Folder of what is kept: workspaces and drafts [default: $RINGFENCE_DATA_DIR, else ~/.local/share/ringfence]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What guests leave free on a disk that they may write
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    disk_reserve_bytes: Option<u64>,
    /// Folder of the compile cache [default: $RINGFENCE_CACHE_DIR, else ~/.cache/ringfence/code]
    #[arg(long, global = true, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// The cache is trimmed to this size
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    cache_bytes: Option<u64>,
    /// Keep no compiled code on disk
    #[arg(long, global = true)]
    no_cache: bool,
    /// The largest program that is looked at
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    module_bytes: Option<u64>,
    /// How long compiling may take
    #[arg(long, global = true, value_name = "MS")]
    compile_deadline_ms: Option<u64>,
    /// How much address space compiling may take
    #[arg(long, global = true, value_name = "SIZE", value_parser = parse_bytes)]
    compile_memory_bytes: Option<u64>,
}

impl HostFlags {
    fn overrides(&self) -> Overrides {
        Overrides {
            data_dir: self.data_dir.clone(),
            disk_reserve_bytes: self.disk_reserve_bytes,
            cache_dir: self.cache_dir.clone(),
            cache_bytes: self.cache_bytes,
            no_cache: self.no_cache,
            module_bytes: self.module_bytes,
            compile_deadline_ms: self.compile_deadline_ms,
            compile_memory_bytes: self.compile_memory_bytes,
            ..Overrides::default()
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Exec(Box<exec::ExecArgs>),
    Runtime(runtime::RuntimeArgs),
    Snapshot(snapshot::SnapshotArgs),
    Inspect(inspect::InspectArgs),
    Compile(compile::CompileArgs),
    Workspace(workspace::WorkspaceArgs),
    Diff(draft::DiffArgs),
    Apply(draft::ApplyArgs),
    Discard(draft::DiscardArgs),
    Fs(fs::FsArgs),
    Policy(policy::PolicyArgs),
    Login(login::LoginArgs),
    Logout(login::LogoutArgs),
    Whoami(login::WhoamiArgs),
    Sandbox(Box<sandbox::SandboxArgs>),
    Session(Box<session::SessionArgs>),
    Runs(runs::RunsArgs),
    Component(component::ComponentArgs),
    Key(key::KeyArgs),
    Token(token::TokenArgs),
    Principal(principal::PrincipalArgs),
    Role(role::RoleArgs),
    Tenant(tenant::TenantArgs),
    Serve(serve::ServeArgs),
    Config(settings::ConfigArgs),
    Audit(Box<audit::AuditArgs>),
    Replay(replay::ReplayArgs),
    Backup(backup::BackupArgs),
    Backends(backends::BackendsArgs),
    Bench(bench::BenchArgs),
    Cache(cache::CacheArgs),
    Calibrate(calibrate::CalibrateArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:\n  ringfence completions bash > ~/.local/share/bash-completion/completions/ringfence"
    )]
    Completions {
        shell: clap_complete::Shell,
    },
    /// Compile one program from standard input for the host that started this process
    #[command(hide = true)]
    CompileWorker,
    /// Build fences for native commands, for the host that started this process
    #[command(hide = true)]
    JailWorker,
    /// Remove the containers of the host that started this process, when it is no more
    #[command(hide = true)]
    DockerWorker,
}

/// Parses, runs, and returns the exit code.
pub fn main() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return exit::usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&error),
    };
    // Children of ours, which are told what to do by whoever started them.
    let served = match cli.command {
        Command::CompileWorker => Some(serve_compile_worker(std::io::stdin().lock(), std::io::stdout().lock())),
        Command::JailWorker => Some(serve_jail_worker()),
        Command::DockerWorker => Some(serve_docker_worker()),
        _ => None,
    };
    if let Some(served) = served {
        return match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => exit::failed(&error.into()),
        };
    }
    // A service has a log of its own.
    if !matches!(cli.command, Command::Serve(_)) {
        app::start_log();
    }
    match dispatch(&cli) {
        Ok(code) => code,
        Err(error) => exit::failed(&error),
    }
}

fn dispatch(cli: &Cli) -> anyhow::Result<ExitCode> {
    let (host, server) = (cli.host.overrides(), &cli.server);
    match &cli.command {
        Command::Run(args) => run::run(args, &host, server),
        Command::Exec(args) => exec::run(args, &host, server),
        Command::Inspect(args) => inspect::run(args, &host, server),
        Command::Compile(args) => compile::run(args, &host, server),
        Command::Workspace(args) => workspace::run(args, &host, server),
        Command::Diff(args) => draft::diff(args, &host, server),
        Command::Apply(args) => draft::apply(args, &host, server),
        Command::Discard(args) => draft::discard(args, &host, server),
        Command::Audit(args) => audit::run(args, &host, server),
        Command::Policy(args) => policy::run(args, &host, server),
        Command::Backends(args) => backends::run(args, &host, server),
        Command::Login(_)
        | Command::Logout(_)
        | Command::Whoami(_)
        | Command::Sandbox(_)
        | Command::Session(_)
        | Command::Runs(_)
        | Command::Component(_)
        | Command::Key(_)
        | Command::Token(_)
        | Command::Principal(_)
        | Command::Role(_)
        | Command::Tenant(_) => there(&cli.command, &host, server),
        _ => here(&cli.command, &host, server),
    }
}

/// What only a server can do.
fn there(command: &Command, host: &Overrides, server: &server::ServerFlags) -> anyhow::Result<ExitCode> {
    server::no_host_flags(host)?;
    match command {
        Command::Login(args) => login::login(args, server),
        Command::Logout(args) => login::logout(args, server),
        Command::Whoami(args) => login::whoami(args, server),
        Command::Sandbox(args) => sandbox::run(args, server),
        Command::Session(args) => session::run(args, server),
        Command::Runs(args) => runs::run(args, server),
        Command::Component(args) => component::run(args, server),
        Command::Key(args) => key::run(args, server),
        Command::Token(args) => token::run(args, server),
        Command::Principal(args) => principal::run(args, server),
        Command::Role(args) => role::run(args, server),
        Command::Tenant(args) => tenant::run(args, server),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What only this machine can do.
fn here(command: &Command, host: &Overrides, server: &server::ServerFlags) -> anyhow::Result<ExitCode> {
    server.none()?;
    match command {
        Command::Runtime(args) => runtime::run(args, host),
        Command::Snapshot(args) => snapshot::run(args, host),
        Command::Fs(args) => fs::run(args, host),
        Command::Serve(args) => serve::serve(args, host),
        Command::Config(args) => settings::run(args, host),
        Command::Replay(args) => replay::run(args, host),
        Command::Backup(args) => backup::run(args, host),
        Command::Bench(args) => bench::run(args, host),
        Command::Cache(args) => cache::run(args, host),
        Command::Calibrate(args) => calibrate::run(args, host),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "ringfence", &mut script);
            std::io::stdout().write_all(&script)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Runs something that waits, on a runtime of its own. Its threads are few: one command does one thing.
fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // A read from a terminal cannot be taken back; it must not hold up the end.
    runtime.shutdown_background();
    Ok(done)
}

/// The same for what serves many at once: nobody waits for what another has computed.
fn block_on_many<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// Whether an error is one of the engine's, and which.
fn engine_error(error: &anyhow::Error) -> Option<&EngineError> {
    error.downcast_ref()
}
