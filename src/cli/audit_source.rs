use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::audit_events::FilterArgs;
use super::audit_tail::Watching;
use super::server::{ServerFlags, no_host_flags};
use crate::audit::{Filter, LogTime, Reader, Record};
use crate::client::{Call, Client, ClientError};
use crate::config::Overrides;

/// How often a folder is looked at for what is new.
const LOOK: Duration = Duration::from_millis(250);
/// Events of one page of a server.
const PAGE: usize = 100;

/// Where events and proofs come from.
pub(super) enum Source {
    /// A folder of this machine; the service need not run.
    Here(Reader),
    There(Client),
}

/// Lines as they stand in the log, and where to go on.
pub(super) struct Found {
    pub(super) lines: Vec<String>,
    pub(super) next: Option<u64>,
}

impl Source {
    pub(super) fn of(
        dir: Option<&Path>,
        reader: &Reader,
        host: &Overrides,
        server: &ServerFlags,
    ) -> anyhow::Result<Self> {
        // A folder that is named is meant, whatever server the environment has.
        if dir.is_some() {
            server.none()?;
            return Ok(Self::Here(reader.clone()));
        }
        match server.named()? {
            None => Ok(Self::Here(reader.clone())),
            Some(client) => {
                no_host_flags(host)?;
                Ok(Self::There(client))
            }
        }
    }

    pub(super) async fn page(&self, filter: &FilterArgs, from: u64, most: usize) -> anyhow::Result<Found> {
        match self {
            Self::Here(reader) => {
                let page = reader.page(&filter.filter(), from, most, None)?;
                Ok(Found { next: (!page.end).then_some(page.next), lines: page.lines })
            }
            Self::There(client) => {
                let (from, most) = (from.to_string(), most.clamp(1, PAGE).to_string());
                let asked = filter.query();
                let mut query: Vec<_> = asked.iter().map(|(name, value)| (*name, value.as_str())).collect();
                query.extend([("cursor", from.as_str()), ("limit", most.as_str())]);
                let page = client.json(Call::get(&["v1", "audit", "events"]).with(&query), None).await?;
                let wrong = |what: &str| strange(client, format!("a page of events has no {what}"));
                let next = match page.get("next").unwrap_or(&Value::Null) {
                    Value::Null => None,
                    next => Some(next.as_str().and_then(|next| next.parse().ok()).ok_or_else(|| wrong("next"))?),
                };
                let events = page.get("events").and_then(Value::as_array).ok_or_else(|| wrong("events"))?;
                let lines = events.iter().map(|event| line_of(client, event)).collect::<Result<_, _>>()?;
                Ok(Found { lines, next })
            }
        }
    }

    pub(super) async fn checkpoint(&self, anew: bool) -> anyhow::Result<String> {
        match self {
            Self::Here(reader) => Ok(reader.checkpoint()?.to_string()),
            Self::There(client) => {
                let steps = ["v1", "audit", "checkpoint"];
                Ok(client.text(if anew { Call::post(&steps) } else { Call::get(&steps) }).await?)
            }
        }
    }

    pub(super) async fn inclusion(&self, record: u64) -> anyhow::Result<String> {
        match self {
            Self::Here(reader) => Ok(reader.inclusion(record)?.to_string()),
            Self::There(client) => {
                let record = record.to_string();
                Ok(client.text(Call::get(&["v1", "audit", "events", &record, "proof"])).await?)
            }
        }
    }

    pub(super) async fn growth(&self, size: u64) -> anyhow::Result<String> {
        match self {
            Self::Here(reader) => Ok(reader.consistency(size)?.to_string()),
            Self::There(client) => {
                let size = size.to_string();
                Ok(client.text(Call::get(&["v1", "audit", "growth"]).with(&[("old", &size)])).await?)
            }
        }
    }

    /// What comes from now on, or from a record on.
    pub(super) async fn tail(&self, from: Option<u64>) -> anyhow::Result<Tail<'_>> {
        match self {
            Self::Here(reader) => Ok(Tail::Here {
                reader,
                next: match from {
                    Some(from) => from,
                    None => end(reader)?,
                },
                waiting: Vec::new(),
            }),
            Self::There(client) => Ok(Tail::There(Box::new(Watching::begin(client, from).await?))),
        }
    }
}

fn strange(client: &Client, what: String) -> ClientError {
    ClientError::Strange { server: client.server().to_string(), what }
}

/// An event of a server as it stands in the log: the canonical form is what JSON without spaces, its names in order, comes
/// to. What is no record is shown to nobody as one.
pub(super) fn line_of(client: &Client, event: &Value) -> Result<String, ClientError> {
    let mut event = event.clone();
    event.sort_all_objects();
    let line = event.to_string();
    match Record::parse(line.as_bytes()) {
        Ok(_) => Ok(line),
        Err(bad) => Err(strange(client, format!("an event is no record ({})", bad.code()))),
    }
}

/// The record after the last.
fn end(reader: &Reader) -> anyhow::Result<u64> {
    let mut next = reader.checkpoint()?.checkpoint().size;
    loop {
        let page = reader.page(&Filter::default(), next, usize::MAX, None)?;
        next = page.next;
        if page.end {
            return Ok(next);
        }
    }
}

/// Records as they come.
pub(super) enum Tail<'a> {
    Here {
        reader: &'a Reader,
        next: u64,
        /// Lines that were read, the next one last.
        waiting: Vec<String>,
    },
    There(Box<Watching<'a>>),
}

impl Tail<'_> {
    pub(super) async fn next(&mut self) -> anyhow::Result<String> {
        match self {
            Self::Here { reader, next, waiting } => loop {
                if let Some(line) = waiting.pop() {
                    return Ok(line);
                }
                let page = reader.page(&Filter::default(), *next, usize::MAX, None)?;
                *next = page.next;
                *waiting = page.lines;
                waiting.reverse();
                if waiting.is_empty() {
                    tokio::time::sleep(LOOK).await;
                }
            },
            Self::There(watching) => Ok(watching.next().await?),
        }
    }
}

/// What a filter is to a server.
pub(super) fn query(filter: Filter) -> Vec<(&'static str, String)> {
    let time = |time: Option<LogTime>| time.map(|time| time.as_str().to_owned());
    let decision = filter.allowed.map(|allowed| if allowed { "allowed" } else { "denied" }.to_owned());
    let all = [
        ("since", time(filter.since)),
        ("until", time(filter.until)),
        ("event", filter.event),
        ("tenant", filter.tenant),
        ("principal", filter.principal),
        ("action", filter.action),
        ("resource", filter.resource_id),
        ("decision", decision),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Whether a line is one of those that are asked for.
pub(super) fn matches(filter: &Filter, line: &str) -> anyhow::Result<bool> {
    Ok(filter.matches(&Record::parse(line.as_bytes())?))
}
