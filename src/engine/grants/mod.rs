//! What the host offers a guest, one file for each kind of grant. Every call that crosses is counted and costs
//! fuel at the door (the getters below), before its own code runs. Nothing here decides: a grant was cut already.
//!
//! Files go through `fs`, which resolves each path itself and asks the rules of its mount at each name.

pub(super) mod clocks;
mod command;
pub(super) mod fs;
pub(super) mod input;
mod io;
pub(super) mod output;
pub(super) mod random;
mod sockets;
pub(super) mod tools;
pub(super) mod traffic;

use wasmtime::component::{HasSelf, Linker};

use super::meter::{FILE, LOOK, WAIT};
use super::state::RunState;

type State = HasSelf<RunState>;

fn look(state: &mut RunState) -> &mut RunState {
    state.meter.host_call(LOOK);
    state
}

fn wait(state: &mut RunState) -> &mut RunState {
    state.meter.host_call(WAIT);
    state
}

fn file(state: &mut RunState) -> &mut RunState {
    state.meter.host_call(FILE);
    state
}

/// Links WASI 0.2 as a whole: a program that imports something starts, and is told no when it uses it.
pub(super) fn link(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random, sockets as net};

    io::link(linker)?;

    cli::environment::add_to_linker::<_, State>(linker, look)?;
    cli::exit::add_to_linker::<_, State>(linker, look)?;
    cli::stdin::add_to_linker::<_, State>(linker, look)?;
    cli::stdout::add_to_linker::<_, State>(linker, look)?;
    cli::stderr::add_to_linker::<_, State>(linker, look)?;
    cli::terminal_input::add_to_linker::<_, State>(linker, look)?;
    cli::terminal_output::add_to_linker::<_, State>(linker, look)?;
    cli::terminal_stdin::add_to_linker::<_, State>(linker, look)?;
    cli::terminal_stdout::add_to_linker::<_, State>(linker, look)?;
    cli::terminal_stderr::add_to_linker::<_, State>(linker, look)?;

    clocks::wall_clock::add_to_linker::<_, State>(linker, look)?;
    clocks::monotonic_clock::add_to_linker::<_, State>(linker, look)?;
    random::random::add_to_linker::<_, State>(linker, look)?;
    random::insecure::add_to_linker::<_, State>(linker, look)?;
    random::insecure_seed::add_to_linker::<_, State>(linker, look)?;

    filesystem::preopens::add_to_linker::<_, State>(linker, file)?;
    filesystem::types::add_to_linker::<_, State>(linker, file)?;

    tools::link(linker)?;
    net::tcp_create_socket::add_to_linker::<_, State>(linker, look)?;
    net::udp_create_socket::add_to_linker::<_, State>(linker, look)?;
    net::ip_name_lookup::add_to_linker::<_, State>(linker, look)?;
    sockets::link_unreachable(linker)
}
