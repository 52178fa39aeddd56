use std::collections::BTreeMap;

use super::detail::{Detail, Kind, clean_key};
use super::hash::TreeHash;
use super::names::EventName;
use super::text::clean;
use crate::model::Caller;

/// No record is longer than this, and no reader needs to hold more of a line.
pub const RECORD_BYTES: usize = 16 * 1024;
/// The most bytes that the details of one record have, written.
pub const DETAILS_BYTES: usize = 8 * 1024;
/// The most policies that one record names.
pub const POLICIES: usize = 32;
/// What a record has besides: its place, its time and the hash of the one before, and the end of the line.
const PLACE_BYTES: usize = 180;
const NAME_BYTES: usize = 80;
const WORD_BYTES: usize = 64;
const RESOURCE_BYTES: usize = 512;
const REASON_BYTES: usize = 200;

/// What will be a record: who did what to what, and what was decided. Secrets and contents do not belong in it.
#[derive(Debug, Clone)]
pub struct Event {
    name: EventName,
    principal: Option<String>,
    key: Option<String>,
    tenant: Option<String>,
    request: Option<String>,
    action: Option<String>,
    resource: Option<(String, String)>,
    allowed: Option<bool>,
    reason: Option<String>,
    policies: Vec<String>,
    details: BTreeMap<String, Detail>,
}

impl Event {
    pub fn new(name: EventName) -> Self {
        Self {
            name,
            principal: None,
            key: None,
            tenant: None,
            request: None,
            action: None,
            resource: None,
            allowed: None,
            reason: None,
            policies: Vec::new(),
            details: BTreeMap::new(),
        }
    }

    pub fn name(&self) -> EventName {
        self.name
    }

    /// Who: tenant, principal, and the key or token that he came with.
    #[must_use]
    pub fn by(self, caller: &Caller) -> Self {
        let known = self.tenant(caller.tenant.as_str()).principal(caller.principal.as_str());
        known.key(&caller.credential.to_string())
    }

    #[must_use]
    pub fn principal(mut self, name: &str) -> Self {
        self.principal = Some(clean(name, NAME_BYTES));
        self
    }

    #[must_use]
    pub fn key(mut self, id: &str) -> Self {
        self.key = Some(clean(id, NAME_BYTES));
        self
    }

    #[must_use]
    pub fn tenant(mut self, name: &str) -> Self {
        self.tenant = Some(clean(name, NAME_BYTES));
        self
    }

    #[must_use]
    pub fn request(mut self, id: &str) -> Self {
        self.request = Some(clean(id, NAME_BYTES));
        self
    }

    /// What was to be done, in the words of the permissions: `runs:create`.
    #[must_use]
    pub fn action(mut self, action: &str) -> Self {
        self.action = Some(clean(action, WORD_BYTES));
        self
    }

    /// To what: its kind and its id.
    #[must_use]
    pub fn resource(mut self, kind: &str, id: &str) -> Self {
        self.resource = Some((clean(kind, WORD_BYTES), clean(id, RESOURCE_BYTES)));
        self
    }

    /// It was permitted, by these policies.
    #[must_use]
    pub fn allowed<'a>(self, policies: impl IntoIterator<Item = &'a str>) -> Self {
        self.decided(true, None, policies)
    }

    /// It was refused: why, and by which policies.
    #[must_use]
    pub fn denied<'a>(self, reason: &str, policies: impl IntoIterator<Item = &'a str>) -> Self {
        self.decided(false, Some(clean(reason, REASON_BYTES)), policies)
    }

    fn decided<'a>(
        mut self,
        allowed: bool,
        reason: Option<String>,
        policies: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.allowed = Some(allowed);
        self.reason = reason;
        self.policies = policies.into_iter().take(POLICIES).map(|id| clean(id, NAME_BYTES)).collect();
        self
    }

    /// A fact of this kind of event; docs/audit.md says which there are.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Detail>) -> Self {
        self.details.insert(clean_key(name), value.into());
        self
    }

    pub(super) fn of_tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The details as they stand in a record, to be held against those of one.
    pub fn details(&self) -> String {
        String::from_utf8_lossy(&self.write_details().0).into_owned()
    }

    /// With whether something was left out.
    fn write_details(&self) -> (Vec<u8>, bool) {
        let mut details = Vec::with_capacity(256);
        let mut cut = false;
        write_map(&mut details, self.details.iter().map(|(key, value)| (key.as_str(), value)), DETAILS_BYTES, &mut cut);
        if cut {
            details.clear();
            write_shares(&mut details, &self.details);
        }
        (details, cut)
    }

    /// All that does not depend on the place in the log, in the order of the canonical form.
    pub(super) fn prepare(&self) -> Prepared {
        let (mut details, cut) = self.write_details();
        let mut out = Vec::with_capacity(details.len() + 512);
        out.push(b'{');
        field(&mut out, "action", self.action.as_deref());
        if cut {
            out.extend(b"\"cut\":true,");
        }
        field(&mut out, "decision", self.allowed.map(|allowed| if allowed { "allowed" } else { "denied" }));
        out.extend(b"\"details\":");
        out.append(&mut details);
        let before_durable = out.len();
        out.push(b',');
        field(&mut out, "event", Some(self.name.as_str()));
        field(&mut out, "key", self.key.as_deref());
        if !self.policies.is_empty() {
            out.extend(b"\"policies\":[");
            for (n, policy) in self.policies.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_text(&mut out, policy);
            }
            out.extend(b"],");
        }
        let before_prev = out.len();
        out.push(b',');
        field(&mut out, "principal", self.principal.as_deref());
        field(&mut out, "reason", self.reason.as_deref());
        field(&mut out, "request", self.request.as_deref());
        if let Some((kind, id)) = &self.resource {
            out.extend(b"\"resource\":{");
            field(&mut out, "id", Some(id));
            field(&mut out, "kind", Some(kind));
            out.pop();
            out.extend(b"},");
        }
        let before_seq = out.len();
        out.push(b',');
        field(&mut out, "tenant", self.tenant.as_deref());
        Prepared { bytes: out, marks: [before_durable, before_prev, before_seq] }
    }
}

/// A record without its place in the log.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    bytes: Vec<u8>,
    marks: [usize; 3],
}

/// The place of a record in the log.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) seq: u64,
    pub(super) durable: u64,
    pub(super) prev: TreeHash,
    pub(super) time: String,
}

impl Prepared {
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How much of the log it fills, with its place.
    pub(super) fn fills(&self) -> u64 {
        u64::try_from(self.len() + PLACE_BYTES).unwrap_or(u64::MAX)
    }

    /// Writes the record in its canonical form (RFC 8785), without the end of the line.
    pub(super) fn write(&self, out: &mut Vec<u8>, place: &Place) {
        let [first, second, third] = self.marks;
        let part = |from: usize, to: usize| self.bytes.get(from..to).unwrap_or_default();
        out.extend(part(0, first));
        out.extend(b",\"durable\":");
        out.extend(place.durable.to_string().as_bytes());
        out.extend(part(first, second));
        out.extend(b"\"prev\":\"");
        place.prev.write_hex(out);
        out.push(b'"');
        out.extend(part(second, third));
        out.extend(b"\"seq\":");
        out.extend(place.seq.to_string().as_bytes());
        out.extend(part(third, self.bytes.len()));
        out.extend(b"\"time\":\"");
        out.extend(place.time.as_bytes());
        out.extend(b"\",\"v\":1}");
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        write_text(out, name);
        out.push(b':');
        write_text(out, value);
        out.push(b',');
    }
}

/// Clean text holds no control character, so quotes and backslashes are all that JSON wants escaped.
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let (plain, special) = rest.split_at(at);
        out.extend(plain);
        out.push(b'\\');
        out.extend(special.first());
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend(rest);
    out.push(b'"');
}

/// Where not all has room: what is short is there, and what is long gets equal shares of the rest. Nothing is pushed out
/// by what a caller made long.
fn write_shares(out: &mut Vec<u8>, details: &BTreeMap<String, Detail>) {
    let is_long = |value: &Detail| matches!(value.0, Kind::List(_) | Kind::Map(_) | Kind::Cut);
    let (mut short, mut cut) = (Vec::new(), false);
    let of = |(key, value)| (String::as_str(key), value);
    write_map(&mut short, details.iter().filter(|(_, value)| !is_long(value)).map(of), DETAILS_BYTES, &mut cut);
    let long = details.values().filter(|value| is_long(value)).count().max(1);
    let share = DETAILS_BYTES.saturating_sub(short.len()) / long;
    out.push(b'{');
    for (key, value) in details {
        let limit = if is_long(value) { DETAILS_BYTES.min(out.len() + share) } else { DETAILS_BYTES };
        write_entry(out, (key, value), limit, &mut cut);
    }
    out.push(b'}');
}

/// Leaves it out where there is no room for it.
fn write_entry(out: &mut Vec<u8>, (key, value): (&str, &Detail), limit: usize, cut: &mut bool) {
    let mark = out.len();
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_text(out, key);
    out.push(b':');
    if !write_detail(out, value, limit.saturating_sub(1), cut) || out.len() >= limit {
        *cut = true;
        out.truncate(mark);
    }
}

/// Entries that would make the whole longer than `limit` are left out, and `cut` says so.
fn write_map<'a>(
    out: &mut Vec<u8>,
    entries: impl Iterator<Item = (&'a str, &'a Detail)>,
    limit: usize,
    cut: &mut bool,
) {
    out.push(b'{');
    for entry in entries {
        write_entry(out, entry, limit, cut);
    }
    out.push(b'}');
}

/// There is no room for half an item, unless it is the only one.
fn write_list(out: &mut Vec<u8>, items: &[Detail], limit: usize, cut: &mut bool) {
    out.push(b'[');
    let mut first = true;
    for item in items {
        let mark = out.len();
        if !first {
            out.push(b',');
        }
        let (begin, mut less) = (out.len(), false);
        let fits = write_detail(out, item, limit.saturating_sub(1), &mut less) && out.len() < limit;
        *cut |= less || !fits;
        if !fits || (less && !first && out.get(begin..) != Some(&written(item))) {
            out.truncate(mark);
        } else {
            first = false;
        }
    }
    out.push(b']');
}

/// All that is written of it where there is room.
fn written(item: &Detail) -> Vec<u8> {
    let mut all = Vec::new();
    write_detail(&mut all, item, usize::MAX, &mut false);
    all
}

fn write_detail(out: &mut Vec<u8>, detail: &Detail, limit: usize, cut: &mut bool) -> bool {
    match &detail.0 {
        Kind::Text(text) => write_text(out, text),
        Kind::Number(number) => out.extend(number.to_string().as_bytes()),
        Kind::Flag(flag) => out.extend(if *flag { &b"true"[..] } else { &b"false"[..] }),
        Kind::List(items) => write_list(out, items, limit, cut),
        Kind::Map(map) => write_map(out, map.iter().map(|(key, value)| (key.as_str(), value)), limit, cut),
        Kind::Cut => return false,
    }
    true
}
