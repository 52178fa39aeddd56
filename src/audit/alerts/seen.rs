use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use super::settings::Act;
use super::watch::Deed;
use super::windows::Who;
use crate::audit::{Quoted, Record};
use crate::model::SandboxId;

/// Whom something is counted for: kind and id.
pub(super) type Subject = Option<(&'static str, String)>;

/// A record, with what rules ask of it.
pub(super) struct Seen<'a> {
    pub(super) record: &'a Record<'a>,
    /// In milliseconds since 1970.
    pub(super) time: u64,
    pub(super) sandbox: Option<SandboxId>,
    details: Value,
}

impl<'a> Seen<'a> {
    pub(super) fn of(record: &'a Record<'a>) -> Option<Self> {
        let time: jiff::Timestamp = record.time.parse().ok()?;
        let details: Value = serde_json::from_str(record.details).ok()?;
        let about = record.resource_kind.filter(|kind| kind.is("sandbox")).and(record.resource_id);
        let within = details.get("sandbox").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let sandbox = within.or_else(|| about?.raw().parse().ok());
        Some(Self { record, time: u64::try_from(time.as_millisecond()).ok()?, sandbox, details })
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.details.get(name)?.as_u64()
    }

    pub(super) fn word(&self, name: &str) -> Option<&str> {
        self.details.get(name)?.as_str()
    }

    /// Where it happened: a sandbox. Runs without one are those of their principal together: each is new, so whoever makes
    /// many would be told of for each of them, or for none.
    pub(super) fn place(&self) -> Subject {
        match &self.sandbox {
            Some(sandbox) => Some(("sandbox", sandbox.to_string())),
            None => self.principal(),
        }
    }

    pub(super) fn principal(&self) -> Subject {
        self.record.principal.map(|principal| ("principal", principal.text()))
    }

    /// Whoever has one address of an IPv6 /64 has them all.
    pub(super) fn address(&self) -> Subject {
        let address: IpAddr = self.word("address")?.parse().ok()?;
        let shown = match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        };
        Some(("address", shown))
    }

    /// Whether it is about something that was to begin.
    pub(super) fn is_start(&self) -> bool {
        let starts = ["runs:create", "sandboxes:run", "sandboxes:create"];
        self.record.action.is_some_and(|action| starts.contains(&action.raw()))
    }

    /// A number for the request, the same for all records of it; 0 where there is none.
    pub(super) fn request(&self) -> u64 {
        let Some(request) = self.record.request else { return 0 };
        let hash = blake3::hash(request.raw().as_bytes());
        hash.as_bytes().first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    /// Of this tenant, so that nobody is counted for a namesake.
    pub(super) fn who(&self, kind: &str, id: &str) -> Who {
        let mut hash = blake3::Hasher::new();
        for part in [self.record.tenant.as_ref().map_or("", Quoted::raw), kind, id] {
            hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().as_bytes().first_chunk().copied().unwrap_or_default()
    }

    /// What can be done of what is to be done: nothing, where the record names no sandbox or no key of ours.
    pub(super) fn deed(&self, act: Act) -> Option<Deed> {
        let tenant = self.record.tenant?.raw().parse().ok()?;
        match act {
            Act::None => None,
            Act::StopSandbox => Some(Deed::StopSandbox(tenant, self.sandbox.clone()?)),
            Act::SuspendKey => {
                // A token of ours is called after the key that it goes back to, and dies with it.
                let key = self.record.key?;
                let id = key.raw();
                let id = id.strip_prefix("token ").unwrap_or(id).get(..36)?;
                Some(Deed::SuspendKey(tenant, self.record.principal?.raw().parse().ok()?, id.parse().ok()?))
            }
        }
    }
}
