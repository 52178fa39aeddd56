use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::super::family::Family;
use super::super::server::ServerFlags;
use super::super::{block_on, show, words};
use super::command::read;
use crate::model::PolicyName;

/// Policies that are in force on a server.
#[derive(Debug, Subcommand)]
pub(super) enum There {
    /// List those in force on a server
    List,
    /// Show one of a server with its text
    Show { name: PolicyName },
    /// Put one in force on a server, in the place of one of the same name
    #[command(after_help = "Example:\n  ringfence policy set night night.cedar --server https://fence.example.org")]
    Set {
        name: PolicyName,
        /// Cedar; `-` for standard input
        file: PathBuf,
    },
    /// Take one of a server out of force
    Delete { name: PolicyName },
}

pub(super) fn run(what: &There, to: &ServerFlags, json: bool) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let all = Family { client: &client, name: "policies", json };
    let body = match what {
        There::Set { file, .. } => json!({"text": read(file)?}),
        _ => Value::Null,
    };
    let text = block_on(async {
        match what {
            There::List => all.list(line).await,
            There::Show { name } => all.show(name.as_str()).await,
            There::Set { name, .. } => all.put(name.as_str(), &body).await,
            There::Delete { name } => all.end(name.as_str(), "deleted").await,
        }
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(policy: &Value) -> String {
    format!("{}  {}\n", words::text(policy, "name"), words::text(policy, "created"))
}
