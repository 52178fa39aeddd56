use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use super::audit::{keys_of, text_of};
use super::serve::SettingsFlags;
use super::{exit, program, show};
use crate::app::{self, Compared, ReplayAsk, ReplayError, Replayed};
use crate::audit::note::SignedCheckpoint;
use crate::config::Overrides;
use crate::model::RunId;

/// Run a deterministic run of a service again, from its records in the audit log, and say whether it comes out the same
///
/// The log is checked as by `ringfence audit verify --live`. It has digests of what was asked; the store keeps that, and it
/// is held against them. The service may run or not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence replay run_0123456789abcdef0123456789abcdef
  ringfence replay RUN --public-key audit.pub --from-checkpoint kept.checkpoint --json
  ringfence replay RUN --data-dir copy --component agent.wasm

Exit codes: 0 the same, 119 not the same, 117 it cannot be run again, the log is not whole, or\nthe store tells otherwise")]
pub(super) struct ReplayArgs {
    /// The run: run_ and 32 digits
    #[arg(value_name = "RUN")]
    run: RunId,
    /// The program, where the store does not have it (any more)
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Who may have signed the log: a key, or a file of keys; without it the keys beside the log are taken
    #[arg(long, value_name = "KEY")]
    public_key: Vec<String>,
    /// A checkpoint of the log that was kept elsewhere; may be given more than once
    #[arg(long, value_name = "FILE")]
    from_checkpoint: Vec<PathBuf>,
    /// Take records that no checkpoint holds yet
    #[arg(long)]
    unsigned: bool,
    #[command(flatten)]
    settings: SettingsFlags,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReplayArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let settings = args.settings.load(&[], host)?;
    let read = |file: &PathBuf| program::read(file, settings.engine.module_bytes).map(Bytes::from);
    let from = args.from_checkpoint.iter().map(|file| Ok(text_of(file)?.parse::<SignedCheckpoint>()?));
    let ask = ReplayAsk {
        run: args.run.clone(),
        program: args.component.as_ref().map(read).transpose()?,
        keys: keys_of(&args.public_key)?,
        from: from.collect::<anyhow::Result<_>>()?,
    };
    let done = super::block_on(app::replay(&settings, ask))??;
    show::print(&if args.json { as_json(&done) } else { as_words(&done) })?;
    if !done.is_signed() && !args.unsigned {
        return Err(ReplayError::NotSigned(done.run).into());
    }
    match (done.is_same(), done.is_same_build()) {
        (true, _) if done.store_differs.is_empty() => Ok(ExitCode::SUCCESS),
        (true, _) => Err(ReplayError::StoreContradicts { run: done.run, what: done.store_differs }.into()),
        (false, true) => Ok(ExitCode::from(exit::DIFFERS)),
        (false, false) => {
            let (recorded, own) = done.engine;
            Err(ReplayError::OtherBuild { run: done.run, recorded, own }.into())
        }
    }
}

fn as_json(done: &Replayed) -> String {
    let row =
        |row: &Compared| json!({"what": row.what, "recorded": row.recorded, "again": row.again, "same": row.is_same()});
    let told = json!({
        "run": done.run,
        "tenant": done.tenant,
        "principal": done.principal,
        "component": done.component,
        "seed": done.seed,
        "same": done.is_same(),
        "same_build": done.is_same_build(),
        "engine": {"recorded": done.engine.0, "again": done.engine.1},
        "store_differs": done.store_differs,
        "compared": done.compared.iter().map(row).collect::<Vec<_>>(),
        "records": {"started": done.records.0, "ended": done.records.1, "signed": done.is_signed()},
        "log": {
            "origin": done.log.origin,
            "first": done.log.first,
            "records": done.log.records,
            "size": done.log.size,
            "root": done.log.root.base64(),
            "checkpoints": done.log.checkpoints,
            "signed": done.log.signed,
            "keys_from_folder": done.log.keys_from_folder,
        },
    });
    told.to_string() + "\n"
}

fn as_words(done: &Replayed) -> String {
    let Replayed { run, tenant, principal, component, seed, records, log, .. } = done;
    let mut lines = vec![format!("{run} of {tenant}/{principal}: {component}, seed {seed}")];
    let rows: Vec<_> = done.compared.iter().map(|row| (row, in_words(&row.recorded), in_words(&row.again))).collect();
    let wide = |texts: &dyn Fn(usize) -> Option<usize>| (0..rows.len()).filter_map(texts).max().unwrap_or(0).max(8);
    let first = wide(&|at| rows.get(at).map(|(_, recorded, _)| recorded.chars().count()));
    let second = wide(&|at| rows.get(at).map(|(_, _, again)| again.chars().count()));
    lines.push(format!("{:<8}  {:<first$}  {:<second$}  same", "", "recorded", "again"));
    for (row, recorded, again) in &rows {
        let same = if row.is_same() { "yes" } else { "NO" };
        lines.push(format!("{:<8}  {recorded:<first$}  {again:<second$}  {same}", row.what));
    }
    lines.push(format!(
        "checked: {} records of {}, whole, the first {} signed; records {} and {} are of this run{}; what was asked is what \
         they say",
        log.records,
        log.origin,
        log.signed,
        records.0,
        records.1,
        if done.is_signed() { "" } else { ", not signed yet, only chained" },
    ));
    if log.keys_from_folder {
        lines.push("the keys were those beside the log: this does not show whose log it is".to_owned());
    }
    if !done.store_differs.is_empty() {
        lines.push(format!("the store tells of it otherwise than the log: {}", done.store_differs.join(", ")));
    }
    if !done.is_same_build() {
        lines.push(format!("made by the build {} of the engine, run again by {}", done.engine.0, done.engine.1));
    }
    lines.push(if done.is_same() { "the same" } else { "not the same" }.to_owned());
    lines.join("\n") + "\n"
}

/// Streams and values as their size and the beginning of their digest; JSON has the whole.
fn in_words(value: &Value) -> String {
    let digest = value.get("digest").and_then(Value::as_str);
    match (value, digest) {
        (Value::Null, _) => "-".to_owned(),
        (Value::String(text), _) => text.clone(),
        (_, Some(digest)) => {
            let bytes = value.get("bytes").and_then(Value::as_u64).unwrap_or(0);
            let cut = if value.get("truncated") == Some(&Value::Bool(true)) { ", cut" } else { "" };
            format!("{bytes} bytes{cut}, {digest:.23}…")
        }
        _ => value.to_string(),
    }
}
