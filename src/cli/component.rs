use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::exit::Mistake;
use super::server::ServerFlags;
use super::{program, show, words};
use crate::client::{Call, Client, ClientError};
use crate::engine::EngineSettings;
use crate::model::{Digest, show_bytes};

/// Programs that a server knows; `ringfence compile --server URL` submits one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence compile tool.wasm --server https://fence.example.org
  ringfence component list
  ringfence component delete sha256:…")]
pub(super) struct ComponentArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Action {
    /// List those that you may see
    List,
    /// Show its exports, imports and the grants that they need
    Show { digest: Digest },
    /// Delete one
    Delete { digest: Digest },
}

pub(super) fn run(args: &ComponentArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let text = super::block_on(async {
        Ok::<_, anyhow::Error>(match args.action {
            Action::List => {
                let all = pages(&client, &["v1", "components"], "components", &[], u64::MAX).await?;
                if args.json { pretty(&json!({"components": all}))? } else { all.iter().map(line).collect() }
            }
            Action::Show { digest } => {
                let found = get(&client, &digest).await?;
                if args.json { pretty(&found)? } else { words::program(&found) }
            }
            Action::Delete { digest } => {
                client.json(Call::delete(&["v1", "components", &digest.to_string()]), None).await?;
                let gone = json!({"deleted": digest}).to_string() + "\n";
                if args.json { gone } else { format!("{digest} is gone\n") }
            }
        })
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(component: &Value) -> String {
    let (digest, bytes) = (words::text(component, "digest"), show_bytes(words::number(component, "bytes")));
    let (created, labels) = (words::text(component, "created"), words::labels(component));
    format!("{digest}  {bytes:>9}  {created}  {}  {labels}\n", words::text(component, "owner"))
}

pub(super) fn pretty(value: &Value) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// All of a list, page by page, up to a number.
pub(super) async fn pages(
    client: &Client,
    steps: &[&str],
    name: &str,
    filter: &[(&str, &str)],
    most: u64,
) -> Result<Vec<Value>, ClientError> {
    let mut told = joined(client, steps, name, filter, most).await?;
    Ok(match told.get_mut(name).map(Value::take) {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    })
}

/// The first page of a list, with what the pages after it have.
pub(super) async fn joined(
    client: &Client,
    steps: &[&str],
    name: &str,
    filter: &[(&str, &str)],
    most: u64,
) -> Result<Value, ClientError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (mut first, mut all) = (None, Vec::new());
    let mut cursor: Option<String> = None;
    loop {
        let mut query = filter.to_vec();
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page = client.json(Call::get(steps).with(&query), None).await?;
        if let Some(Value::Array(found)) = page.get_mut(name).map(Value::take) {
            all.extend(found);
        }
        let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
        // A server that says the same again would have no end.
        let is_last = next.is_none() || next == cursor || all.len() >= most;
        let told = first.get_or_insert(page);
        if is_last {
            all.truncate(most);
            let mut told = told.take();
            if let Some(told) = told.as_object_mut() {
                told.remove("next");
                told.insert(name.to_owned(), Value::Array(all));
            }
            return Ok(told);
        }
        cursor = next;
    }
}

/// A program as a person names it to a server.
pub(super) enum Named {
    Digest(Digest),
    File { digest: Digest, bytes: Bytes },
}

impl Named {
    /// A digest, where the text is one; else the file is read.
    pub(super) fn of(file: &Path) -> anyhow::Result<Self> {
        if let Some(digest) = file.to_str().and_then(|text| text.parse().ok()) {
            return Ok(Named::Digest(digest));
        }
        let bytes: Bytes = program::read(file, most_bytes())?.into();
        Ok(Named::File { digest: Digest::of(&bytes), bytes })
    }

    pub(super) fn digest(&self) -> Digest {
        match self {
            Named::Digest(digest) | Named::File { digest, .. } => *digest,
        }
    }

    /// Sees to it that the server has it, where it said that it does not know it.
    pub(super) async fn submit(&self, client: &Client) -> anyhow::Result<()> {
        match self {
            Named::Digest(digest) => {
                let what = format!("{} does not know {digest}; give the file, and it is submitted", client.server());
                Err(Mistake::NotThere(what).into())
            }
            Named::File { bytes, .. } => Ok(submit(client, bytes.clone(), &[]).await.map(drop)?),
        }
    }
}

/// The largest program that is read to be sent; the server has a word of its own on it.
pub(super) fn most_bytes() -> u64 {
    EngineSettings::new(std::path::PathBuf::new()).module_bytes
}

pub(super) async fn get(client: &Client, digest: &Digest) -> Result<Value, ClientError> {
    client.json(Call::get(&["v1", "components", &digest.to_string()]), None).await
}

/// Whether it is new there, and what the server says of it.
pub(super) async fn submit(
    client: &Client,
    bytes: Bytes,
    query: &[(&str, &str)],
) -> Result<(bool, Value), ClientError> {
    client.send(Call::post(&["v1", "components"]).with(query), "application/wasm", bytes).await
}
