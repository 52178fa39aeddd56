use super::backend::{Backend, BackendName, Pending, Program, Run};
use super::claims::{Claim, Holds, Standing};
use super::error::BackendError;
use crate::engine::{Build, Engine, Entry, RunRequest};
use crate::model::{LimitName, Mode, Report};

/// The engine as a backend.
pub struct Wasm(Engine);

impl Wasm {
    pub const fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

const RULES: [(&str, &str); 10] = [
    ("files", "each path is resolved by the host, a name at a time, and the rules are asked at each"),
    ("network", "no socket can be made and no name looked up"),
    ("processes", "there are none: a program has no call to start one"),
    ("system_calls", "a program has none, but what the host offers by name"),
    ("privileges", "a program has no user"),
    ("environment", "what was granted and nothing else"),
    ("descriptors", "a program opens what it was given, by handles of its own"),
    ("clean_up", "an instance is dropped with all that it holds"),
    ("clocks", "can be taken away"),
    ("randomness", "can be taken away"),
];

impl Backend for Wasm {
    fn name(&self) -> BackendName {
        BackendName::Wasm
    }

    fn standing(&self) -> Pending<'_, Standing> {
        let limits = LimitName::ALL.iter().map(|limit| Claim::new(limit.as_str(), Holds::Yes, limit.about()));
        let rules = RULES.iter().map(|(name, how)| Claim::new(name, Holds::Yes, *how));
        let standing = Standing::of(BackendName::Wasm, limits.chain(rules).collect());
        Box::pin(std::future::ready(standing))
    }

    fn run(&self, run: Run) -> Pending<'_, Result<Report, BackendError>> {
        Box::pin(async move {
            self.standing().await.check(&run.required, &run.chosen)?;
            let Program::Component { name, bytes } = run.program else {
                return Err(BackendError::WrongProgram {
                    backend: BackendName::Wasm,
                    runs: "WebAssembly, not commands of the machine; name a file",
                });
            };
            let mut request = RunRequest::new(Entry::Command { name }, run.limits, run.grants);
            request.mounts = run.mounts;
            request.stdin = run.stdin;
            request.listener = run.listener;
            request.cancel = run.cancel;
            let program = self.0.load(bytes, Build::of(&request.limits, Mode::Ordinary)).await?;
            Ok(self.0.run(&program, request).await?)
        })
    }
}
