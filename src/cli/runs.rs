use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::component::{pages, pretty};
use super::server::ServerFlags;
use super::{show, words};
use crate::client::Call;
use crate::model::{Digest, PrincipalId, RunId, SandboxId};

/// What ran on a server, and what runs there now
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence runs list --state running
  ringfence runs show run_… --json
  ringfence runs cancel run_…")]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List those that you may see, newest first
    List(Filter),
    /// Show one with its outcome and output
    Show { id: RunId },
    /// End one; one that is over stays as it is
    Cancel { id: RunId },
}

#[derive(Debug, Args)]
struct Filter {
    #[arg(long, value_parser = ["running", "ended"])]
    state: Option<String>,
    /// How it ended: returned, out_of_fuel, failed, …
    #[arg(long)]
    outcome: Option<String>,
    #[arg(long)]
    owner: Option<PrincipalId>,
    #[arg(long)]
    sandbox: Option<SandboxId>,
    #[arg(long, value_name = "DIGEST")]
    component: Option<Digest>,
    /// Created at or after this time (2026-11-21T12:00:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Created at or before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// No more than so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    most: u64,
}

impl Filter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("state", self.state.clone()),
            ("outcome", self.outcome.clone()),
            ("owner", self.owner.as_ref().map(ToString::to_string)),
            ("sandbox", self.sandbox.as_ref().map(ToString::to_string)),
            ("component", self.component.as_ref().map(ToString::to_string)),
            ("since", self.since.clone()),
            ("until", self.until.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

pub(super) fn run(args: &RunsArgs, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let client = to.any()?;
    let text = super::block_on(async {
        Ok::<_, anyhow::Error>(match &args.action {
            Action::List(filter) => {
                let query = filter.query();
                let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let all = pages(&client, &["v1", "runs"], "runs", &query, filter.most).await?;
                if args.json { pretty(&json!({"runs": all}))? } else { all.iter().map(line).collect() }
            }
            Action::Show { id } => {
                let run = client.json(Call::get(&["v1", "runs", id.as_str()]), None).await?;
                if args.json { pretty(&run)? } else { words::fields(&run) }
            }
            Action::Cancel { id } => {
                let run = client.json(Call::post(&["v1", "runs", id.as_str(), "cancel"]), None).await?;
                if args.json { pretty(&run)? } else { line(&run) }
            }
        })
    })??;
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn line(run: &Value) -> String {
    let said = |name: &str| words::text(run, name).to_owned();
    let ended = run.get("outcome").map(|outcome| match outcome {
        Value::String(kind) => kind.clone(),
        outcome => words::text(outcome, "kind").to_owned(),
    });
    let failed = run.get("failure").map(|failure| format!("failed ({})", words::text(failure, "code")));
    let how = ended.or(failed).unwrap_or_else(|| said("state"));
    format!("{}  {}  {}  {how}  {}\n", said("id"), said("created"), said("owner"), words::labels(run))
}
