use std::collections::BTreeMap;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::failures::invalid;
use super::super::problem::Problem;
use super::{LimitsBody, Whole, labels};
use crate::api::strict;
use crate::backends::{BackendError, BackendName, UnknownBackend};
use crate::fs_policy::{Preset, RULES, Rules};
use crate::model::{Json, Labels, Mode};
use crate::sandbox::{PlaceAsk, RunAsk, What, Wished};

/// What is to be run, and with what.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct RunBody {
    /// The digest of a component that was submitted. Left out where the module comes in the same request.
    #[schema(
        pattern = "^sha256:[0-9a-f]{64}$",
        example = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    )]
    pub(in crate::api) component: Option<String>,
    /// Calls this exported function; without it the component is run as a command.
    pub(super) function: Option<String>,
    /// Arguments of the function: an array in order, or an object by name.
    #[schema(value_type = Option<Value>)]
    pub(super) args: Option<Box<RawValue>>,
    /// Arguments of the command; with a backend for commands of the machine, the command itself and its arguments.
    pub(super) command: Option<Vec<String>>,
    /// The whole environment.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(super) env: BTreeMap<String, String>,
    /// Standard input, as text.
    pub(super) stdin: Option<String>,
    /// Standard input, in base64.
    pub(super) stdin_base64: Option<String>,
    /// Its files begin as those of this workspace and are thrown away when it is over. Not for a run in a sandbox.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    pub(super) workspace: Option<String>,
    /// Where they are for the guest: `/workspace`, where nothing is said.
    #[schema(pattern = "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$", max_length = 255)]
    pub(super) at: Option<String>,
    /// Rules with a name: agent-safe, development, read-only, full-access, view-only.
    #[schema(pattern = "^(agent-safe|development|read-only|full-access|view-only)$")]
    pub(super) preset: Option<String>,
    /// Rules on top, as `PATTERN:LEVEL[,TYPE][,priority=N]`. With neither, everything may be written.
    pub(super) rules: Vec<String>,
    pub(super) clocks: Option<bool>,
    pub(super) randomness: Option<bool>,
    #[serde(deserialize_with = "strict::named")]
    pub(super) limits: LimitsBody,
    /// Gives the run a world that is the same each time: seeded randomness, stepped clocks.
    #[serde(deserialize_with = "strict::named_or_none")]
    pub(super) deterministic: Option<Deterministic>,
    /// What fences it: `wasm`, where nothing is said. `GET /v1/backends` lists what this service offers.
    #[schema(pattern = "^[a-z]{1,32}$", example = "wasm")]
    pub(super) backend: Option<String>,
    /// Limits and rules without which nothing is to be run, by the names of the claims of `GET /v1/backends`.
    pub(super) require: Vec<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(super) labels: Labels,
    /// Answers at once with 202 and the id of the run.
    #[serde(rename = "async")]
    pub(in crate::api) apart: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Deterministic {
    seed: Whole,
}

/// What is asked, with the module that came along.
pub(in crate::api) fn ask(mut body: RunBody, module: Option<Bytes>) -> Result<RunAsk, Problem> {
    let backend = backend(body.backend.as_deref())?;
    if backend != BackendName::Wasm {
        return native(body, module.is_some(), backend);
    }
    let what = match (&body.component, module) {
        (Some(_), Some(_)) => return Err(invalid("component", "name a digest or send a module, not both")),
        (Some(digest), None) => What::Known(
            digest.parse().map_err(|error: crate::model::DigestError| invalid("component", error.to_string()))?,
        ),
        (None, Some(module)) => What::Brought(module),
        (None, None) => return Err(invalid("component", "name the digest of a component, or send a module along")),
    };
    let wished = match (body.function.take(), body.args.take(), body.command.take()) {
        (Some(_), _, Some(_)) => return Err(invalid("command", "a function has `args`, a command has `command`")),
        (None, Some(_), _) => return Err(invalid("args", "arguments are for a `function`; a command has `command`")),
        (Some(function), args, None) => {
            Wished::Call { function, args: args.map_or_else(|| Json::from(Value::Null), Json::of) }
        }
        (None, None, command) => Wished::Command { args: command.unwrap_or_default() },
    };
    given(body, what, wished)
}

fn backend(name: Option<&str>) -> Result<BackendName, Problem> {
    let unknown = |error: UnknownBackend| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no_backend", error.to_string()).at("backend")
    };
    name.map_or(Ok(BackendName::Wasm), |name| name.parse().map_err(unknown))
}

/// A command of the machine, which is no component and has no functions.
fn native(mut body: RunBody, module: bool, backend: BackendName) -> Result<RunAsk, Problem> {
    let given = [
        ("component", body.component.is_some()),
        ("module", module),
        ("function", body.function.is_some()),
        ("args", body.args.is_some()),
    ];
    let runs = "commands of the machine, not WebAssembly; write a `command`: the program, and its arguments after it";
    if let Some((field, _)) = given.iter().find(|(_, given)| *given) {
        let wrong = BackendError::WrongProgram { backend, runs };
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, wrong.code(), wrong.to_string()).at(*field));
    }
    let mut words = body.command.take().unwrap_or_default().into_iter();
    let Some(program) = words.next().filter(|program| !program.is_empty()) else {
        return Err(invalid("command", format!("the backend {backend} runs {runs}")));
    };
    if program.contains('\0') {
        return Err(invalid("command[0]", "a program has no NUL in its name"));
    }
    let mut ask = given_of(body, What::Native(program), Wished::Command { args: words.collect() }, 1)?;
    ask.backend = backend;
    Ok(ask)
}

/// All that is asked but for what is run.
pub(super) fn given(body: RunBody, what: What, wished: Wished) -> Result<RunAsk, Problem> {
    given_of(body, what, wished, 0)
}

/// The same where so many words of `command` come before the arguments.
fn given_of(body: RunBody, what: What, wished: Wished, before: usize) -> Result<RunAsk, Problem> {
    let stdin = match (body.stdin, body.stdin_base64) {
        (Some(_), Some(_)) => return Err(invalid("stdin", "send `stdin` or `stdin_base64`, not both")),
        (Some(text), None) => text.into_bytes(),
        (None, Some(code)) => STANDARD.decode(code).map_err(|error| {
            invalid(
                "stdin_base64",
                format!("this is no base64 ({error}); write it in the alphabet with + and /, with padding"),
            )
        })?,
        (None, None) => Vec::new(),
    };
    variables(&body.env)?;
    if let Wished::Command { args } | Wished::Snippet { args, .. } = &wished
        && let Some(at) = args.iter().position(|arg| arg.contains('\0'))
    {
        return Err(invalid(&format!("command[{}]", at + before), "an argument has no NUL: a program would see two"));
    }
    let place = match body.workspace {
        Some(name) => Some(place(Some(name), body.at, body.preset, &body.rules)?),
        None => {
            let given =
                [("at", body.at.is_some()), ("preset", body.preset.is_some()), ("rules", !body.rules.is_empty())];
            match given.iter().find(|(_, given)| *given) {
                Some((field, _)) => return Err(invalid(field, "this is for the files of a `workspace`; name one")),
                None => None,
            }
        }
    };
    Ok(RunAsk {
        place,
        what,
        wished,
        env: body.env.into_iter().collect(),
        stdin: stdin.into(),
        clocks: body.clocks,
        randomness: body.randomness,
        limits: body.limits.ask(),
        mode: body.deterministic.map_or(Mode::Ordinary, |same| Mode::Deterministic { seed: same.seed.0 }),
        backend: BackendName::Wasm,
        required: body.require,
        labels: labels(body.labels)?,
        tools: Vec::new(),
    })
}

/// What a program would read otherwise than it is written.
pub(in crate::api) fn variables(env: &BTreeMap<String, String>) -> Result<(), Problem> {
    if let Some(bad) = env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        let why = "is no name of a variable; it is not empty, and has no `=` and no NUL";
        return Err(invalid("env", format!("`{bad}` {why}")));
    }
    match env.iter().find(|(_, value)| value.contains('\0')) {
        Some((name, _)) => {
            Err(invalid(&format!("env.{name}"), "a value has no NUL: a program would see two variables"))
        }
        None => Ok(()),
    }
}

/// The most that the rules of a sandbox or a run take together, as they are written.
const RULES_BYTES: usize = 64 << 10;

/// Where files come from and what may be done with them.
pub(in crate::api) fn place(
    workspace: Option<String>,
    at: Option<String>,
    preset: Option<String>,
    rules: &[String],
) -> Result<PlaceAsk, Problem> {
    let workspace = workspace.map(|name| name.parse()).transpose();
    let workspace = workspace.map_err(|error: crate::workspace::BadName| invalid("workspace", error.to_string()))?;
    let preset: Option<Preset> = preset
        .map(|name| name.parse())
        .transpose()
        .map_err(|error: crate::fs_policy::UnknownPreset| invalid("preset", error.to_string()))?;
    let (count, bytes) = (rules.len(), rules.iter().map(String::len).sum::<usize>());
    if count > RULES || bytes > RULES_BYTES {
        let most =
            format!("there are {count} rules of {bytes} bytes; write at most {RULES}, of {RULES_BYTES} bytes together");
        return Err(invalid("rules", most));
    }
    let parse = |(at, text): (usize, &String)| {
        text.parse().map_err(|error: crate::fs_policy::RuleError| invalid(&format!("rules[{at}]"), error.to_string()))
    };
    let rules = rules.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    Ok(PlaceAsk { workspace, at: at.unwrap_or_else(|| "/workspace".to_owned()), rules: Rules { preset, rules } })
}
