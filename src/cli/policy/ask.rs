use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;

use super::super::exit::{DENIED, Mistake};
use super::super::family::pair;
use super::super::show;
use super::command::{RolesFlag, named, read};
use crate::app;
use crate::authz::{Action, Ask, Authorizer, Explanation, HOUSE, Reach, Resource, ResourceKind, Wants};
use crate::config;
use crate::model::{Caller, Credential, KeyId, Labels, PrincipalId, PrincipalKind, RoleName, TenantId};

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// What he would do, as `runs:create`; every action, where none is named
    action: Option<Action>,
    /// The data folder of a service: principals, roles and policies as they are in it; the same as --data-dir
    /// [default: $RINGFENCE_DATA_DIR, if set and no files are named]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["policy", "roles"])]
    data: Option<PathBuf>,
    #[arg(long, default_value = HOUSE)]
    tenant: TenantId,
    /// A file of policies of the tenant
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    #[command(flatten)]
    roles: RolesFlag,
    #[command(flatten)]
    who: WhoFlags,
    #[command(flatten)]
    what: WhatFlags,
    #[command(flatten)]
    context: ContextFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Who")]
struct WhoFlags {
    #[arg(long, value_name = "NAME")]
    principal: PrincipalId,
    /// A role that he has, instead of those in the data folder
    #[arg(long, value_name = "NAME")]
    role: Vec<RoleName>,
    /// person, service or agent
    #[arg(long, value_parser = kind)]
    kind: Option<PrincipalKind>,
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    principal_label: Vec<(String, String)>,
    /// What his key or token is cut down to: `runs:create`, `runs:*` or `*`
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What it is about")]
struct WhatFlags {
    /// Id or name of the object; any will do where no policy names it
    #[arg(long, default_value = "any")]
    id: String,
    /// Whose it is; what is made is his own, and other things are nobody's, where nothing is said
    #[arg(long, value_name = "NAME")]
    owner: Option<PrincipalId>,
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
}

fn time(text: &str) -> Result<jiff::Timestamp, String> {
    text.parse().map_err(|_| "write a time as RFC 3339 does, with its zone: 2031-01-01T00:00:00Z".to_owned())
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Context")]
struct ContextFlags {
    /// When (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<jiff::Timestamp>,
    /// From where
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    address: IpAddr,
    /// What a run asks for, beyond what a small one has
    #[arg(long)]
    fuel: Option<u64>,
    #[arg(long)]
    memory_bytes: Option<u64>,
    #[arg(long)]
    deadline_ms: Option<u64>,
    #[arg(long)]
    network: bool,
    #[arg(long, default_value = "wasm")]
    backend: String,
}

fn kind(text: &str) -> Result<PrincipalKind, String> {
    serde_json::from_value(text.into()).map_err(|_| "write person, service or agent".to_owned())
}

/// `data_dir` is what the flag of all commands says.
pub(super) fn explain(args: &ExplainArgs, data_dir: Option<&Path>, json: bool) -> anyhow::Result<ExitCode> {
    let authorizer = Authorizer::new()?;
    let caller = args.prepare(&authorizer, args.data_folder(data_dir)?.as_deref())?;
    let Some(action) = args.action else {
        let all: Vec<_> = Action::ALL.iter().map(|action| args.ask(&authorizer, &caller, *action)).collect();
        let lines = || all.iter().map(in_a_line).collect::<String>();
        show::print(&if json { serde_json::to_string_pretty(&all)? + "\n" } else { lines() })?;
        return Ok(ExitCode::SUCCESS);
    };
    let told = args.ask(&authorizer, &caller, action);
    show::print(&if json { serde_json::to_string_pretty(&told)? + "\n" } else { in_words(&told) })?;
    Ok(if told.allowed { ExitCode::SUCCESS } else { ExitCode::from(DENIED) })
}

impl ExplainArgs {
    /// The folder to ask, by either flag; by the environment only where no files are named, which are stronger.
    fn data_folder(&self, data_dir: Option<&Path>) -> Result<Option<PathBuf>, Mistake> {
        let files = !self.policy.is_empty() || self.roles.is_given();
        let wrong = |what: &str| Err(Mistake::Question(what.to_owned()));
        match (self.data.as_deref(), data_dir) {
            (Some(_), Some(_)) => wrong("--data and --data-dir are one and the same here; leave one out"),
            (None, Some(_)) if files => wrong("--data-dir has rules of its own; leave it out, or --policy and --roles"),
            (None, None) if files => Ok(None),
            (None, None) => Ok(config::variable("RINGFENCE_DATA_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from)),
            (given, more) => Ok(given.or(more).map(Path::to_owned)),
        }
    }

    /// Puts the rules in force, and makes the caller that is asked about.
    fn prepare(&self, authorizer: &Authorizer, data: Option<&Path>) -> anyhow::Result<Caller> {
        let who = &self.who;
        let (policies, custom, found) = match data {
            Some(data) => {
                let known = app::tenant_rules(data, &self.tenant, &who.principal)?;
                (known.policies, known.roles, known.principal)
            }
            None => (self.texts()?, self.roles.read()?, None),
        };
        if data.is_some() && found.is_none() && who.role.is_empty() {
            let (name, tenant) = (&who.principal, &self.tenant);
            let said =
                format!("the tenant {tenant} does not know {name}; name his roles with --role, or take --tenant");
            return Err(Mistake::Question(said).into());
        }
        authorizer
            .set_tenant(&self.tenant, &policies, &custom)
            .map_err(|error| Mistake::Question(error.to_string()))?;
        if let Some(bad) = who.scope.iter().find(|scope| !Action::is_scope(scope)) {
            return Err(
                Mistake::Question(format!("--scope {bad}: it names no action; write runs:create or runs:*")).into()
            );
        }
        let suspended = found.as_ref().is_some_and(|found| found.suspended);
        if suspended {
            show::complain(
                "the principal is suspended, so nothing of his is let in; this is what he might otherwise",
                None,
            );
        }
        let (mut roles, mut labels) = (who.role.clone(), who.principal_label.iter().cloned().collect::<Labels>());
        let mut kind = who.kind.unwrap_or(PrincipalKind::Person);
        if let Some(found) = found {
            kind = who.kind.unwrap_or(found.kind);
            roles = if roles.is_empty() { found.roles } else { roles };
            labels = if labels.is_empty() { found.labels } else { labels };
        }
        Ok(Caller {
            tenant: self.tenant.clone(),
            principal: who.principal.clone(),
            kind,
            roles: roles.into(),
            labels: Arc::new(labels),
            scopes: (!who.scope.is_empty()).then(|| who.scope.clone().into()),
            credential: Credential::Key(KeyId::random()),
            expires: None,
            address: self.context.address,
        })
    }

    fn texts(&self) -> Result<Vec<(crate::model::PolicyName, String)>, Mistake> {
        self.policy.iter().map(|file| Ok((named(file)?, read(file)?))).collect()
    }

    fn ask(&self, authorizer: &Authorizer, caller: &Caller, action: Action) -> Explanation {
        let (kind, what) = (action.kind(), &self.what);
        let is_tenant = kind == ResourceKind::Tenant;
        let labels: Labels = what.label.iter().cloned().collect();
        let owner = what.owner.as_ref().or_else(|| is_tenant.then_some(&caller.principal));
        let id = if is_tenant { self.tenant.as_str() } else { &what.id };
        let resource = Resource { kind, tenant: &self.tenant, id, owner, labels: &labels };
        let wants = self.context.wants(action);
        authorizer.explain(caller, action, &resource, &Ask { now: self.context.now(), wants: wants.as_ref() })
    }
}

impl ContextFlags {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.at.map_or(since, |at| u64::try_from(at.as_second()).unwrap_or(0))
    }

    fn wants(&self, action: Action) -> Option<Wants> {
        let mut wants = Wants::usual(action)?;
        wants.fuel = self.fuel.unwrap_or(wants.fuel);
        wants.memory_bytes = self.memory_bytes.unwrap_or(wants.memory_bytes);
        wants.deadline_ms = self.deadline_ms.unwrap_or(wants.deadline_ms);
        wants.network = self.network;
        wants.backend.clone_from(&self.backend);
        Some(wants)
    }
}

fn in_a_line(told: &Explanation) -> String {
    let word = if told.allowed { "allowed" } else { "denied " };
    let by = match told.reason {
        Some(reason) if told.policies.is_empty() => reason.as_str().to_owned(),
        _ => told.policies.join(", "),
    };
    format!("{word}  {:24}  {by}\n", told.action.as_str())
}

fn in_words(told: &Explanation) -> String {
    let mut lines = vec![told.message.clone()];
    lines.extend(told.policies.iter().map(|policy| format!("decided by  {policy}")));
    lines.extend(told.errors.iter().map(|error| format!("failed      {error}")));
    for given in &told.roles {
        let far = match given.reach {
            Reach::None => "does not give it",
            Reach::Own => "gives it for what is his own",
            Reach::All => "gives it for everything in the tenant",
        };
        lines.push(format!("role        {} {far}", given.role));
    }
    if told.roles.is_empty() {
        lines.push("role        none".to_owned());
    }
    lines.push(match &told.scopes {
        None => "scopes      the key or token is not cut down".to_owned(),
        Some(scopes) if scopes.is_empty() => "scopes      none of the key or token names it".to_owned(),
        Some(scopes) => format!("scopes      named by {}", scopes.join(", ")),
    });
    lines.join("\n") + "\n"
}
