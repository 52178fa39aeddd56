use wasmtime::component::Resource;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr, terminal_stdin,
    terminal_stdout,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::super::state::RunState;
use super::output::Pen;

impl environment::Host for RunState {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let bytes: usize = self.env.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.meter.charge_copy(bytes);
        Ok(self.env.clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        let bytes: usize = self.args.iter().map(String::len).sum();
        self.meter.charge_copy(bytes);
        Ok(self.args.clone())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for RunState {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(I32Exit(i32::from(status.is_err())).into())
    }

    fn exit_with_code(&mut self, code: u8) -> wasmtime::Result<()> {
        Err(I32Exit(i32::from(code)).into())
    }
}

impl stdin::Host for RunState {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let stream = self.stdin.open(self.meter.limits().stdin_bytes);
        Ok(self.table.push(stream)?)
    }
}

impl stdout::Host for RunState {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(Pen::new(&self.stdout));
        Ok(self.table.push(stream)?)
    }
}

impl stderr::Host for RunState {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(Pen::new(&self.stderr));
        Ok(self.table.push(stream)?)
    }
}

// No guest is ever on a terminal: what it writes is data.

impl terminal_stdin::Host for RunState {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for RunState {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for RunState {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_input::Host for RunState {}
impl terminal_input::HostTerminalInput for RunState {
    fn drop(&mut self, resource: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.table.delete(resource)?;
        Ok(())
    }
}

impl terminal_output::Host for RunState {}
impl terminal_output::HostTerminalOutput for RunState {
    fn drop(&mut self, resource: Resource<terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        self.table.delete(resource)?;
        Ok(())
    }
}
