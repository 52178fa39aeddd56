use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::super::exit::Mistake;
use super::super::server::{self, ServerFlags};
use super::{ask, check, remove, there};
use crate::authz::{CustomRole, POLICY_BYTES};
use crate::config::Overrides;
use crate::model::PolicyName;

/// Policies: those in force on a server; whether some would be taken, and who may do what, without one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence policy check night.cedar
  ringfence policy set night night.cedar --server https://fence.example.org
  ringfence policy explain runs:create --principal alice --role developer --policy night.cedar
  ringfence policy explain runs:read --data ~/.local/share/ringfence --principal alice --owner bob")]
pub(in super::super) struct PolicyArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether policies would be taken as they are, and where in the text they would not
    #[command(after_help = "\
Ends with 0 if all of them would be taken together, else with 117. What is wrong is told as FILE:LINE:COLUMN.

Examples:
  ringfence policy check night.cedar
  ringfence policy check policies/*.cedar --roles roles.json --json | jq '.files[].faults'")]
    Check {
        /// Cedar policies, as `PUT /v1/policies/NAME` takes them; `-` for standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        #[command(flatten)]
        roles: RolesFlag,
    },
    /// Say who may do what, by which policy, and what his roles and scopes give
    #[command(after_help = "\
Ends with 0 if it is allowed, else with 115. Without an action all of them are asked, and it ends with 0.

Examples:
  ringfence policy explain runs:read --data ~/.local/share/ringfence --principal alice --id run_1 --owner bob
  ringfence policy explain runs:create --principal ci --kind service --role developer --scope 'runs:*' \\
      --policy night.cedar --at 2026-11-21T23:00:00Z --address 10.0.0.7 --fuel 5000000
  ringfence policy explain --data /var/lib/ringfence --tenant acme --principal alice --json")]
    Explain(Box<ask::ExplainArgs>),
    /// Take a policy out of force while the service does not run, where nobody could any more; it is recorded
    #[command(after_help = "\
`ringfence policy explain policies:delete --data DIR --tenant NAME --principal NAME` says which policies forbid it.

Example:
  ringfence policy remove locks-all --tenant acme --data-dir /var/lib/ringfence --config /etc/ringfence.toml")]
    Remove(Box<remove::RemoveArgs>),
    #[command(flatten)]
    There(there::There),
}

#[derive(Debug, Args)]
pub(super) struct RolesFlag {
    /// A file with the roles that the tenant made: JSON, [{"name": …, "actions": […], "own_only": false}, …]
    #[arg(long, value_name = "FILE")]
    roles: Option<PathBuf>,
}

pub(in super::super) fn run(args: &PolicyArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    if let Action::There(what) = &args.action {
        server::no_host_flags(host)?;
        return there::run(what, to, args.json);
    }
    to.none()?;
    match &args.action {
        Action::There(_) => Ok(ExitCode::SUCCESS),
        Action::Check { files, roles } => {
            server::only_asks(host)?;
            check::check(files, &roles.read()?, args.json)
        }
        Action::Explain(asked) => {
            let Overrides { data_dir, .. } = host;
            server::only_asks(&Overrides { data_dir: None, ..host.clone() })?;
            ask::explain(asked, data_dir.as_deref(), args.json)
        }
        Action::Remove(remove) => {
            server::only_asks(&Overrides { data_dir: None, ..host.clone() })?;
            remove::run(remove, host, args.json)
        }
    }
}

/// The most of a file that is read: one byte more than is taken says that it is too long.
const READ: u64 = POLICY_BYTES as u64 + 1;

impl RolesFlag {
    pub(super) const fn is_given(&self) -> bool {
        self.roles.is_some()
    }

    pub(super) fn read(&self) -> Result<Vec<CustomRole>, Mistake> {
        let Some(file) = &self.roles else { return Ok(Vec::new()) };
        let text = read(file)?;
        serde_json::from_str(&text).map_err(|error| Mistake::Question(format!("{}: {error}", file.display())))
    }
}

pub(super) fn read(file: &Path) -> Result<String, Mistake> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(READ).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(READ).read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(reason) => Err(Mistake::File { file: file.display().to_string(), reason }),
    }
}

/// A policy of a file is called as the file is, as far as that is a name.
pub(super) fn named(file: &Path) -> Result<PolicyName, Mistake> {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = stem.parse().or_else(|_| "policy".parse::<PolicyName>());
    name.map_err(|error| Mistake::Question(error.to_string()))
}
