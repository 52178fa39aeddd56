use std::net::IpAddr;
use std::sync::Arc;

use foldhash::quality::RandomState;
use moka::sync::Cache;
use smallvec::SmallVec;

use super::judge::Verdict;
use super::question::Question;
use super::reads::Reads;
use crate::model::Labels;

/// How much the answers that are kept may take, with what each costs beside its key.
const BYTES: u64 = 32 << 20;
const ENTRY_BYTES: usize = 256;

/// Answers that were given, by everything that the policies in force could see when they gave them. The whole of it is
/// the key, not a hash of it: labels are chosen by callers, and two that meet in a hash would share an answer.
pub(super) struct Answers(Cache<Bytes, Arc<Verdict>, RandomState>);

type Bytes = Box<[u8]>;

impl Answers {
    pub fn new() -> Self {
        let cache = Cache::builder()
            .max_capacity(BYTES)
            .weigher(|key: &Bytes, _| u32::try_from(key.len() + ENTRY_BYTES).unwrap_or(u32::MAX))
            .build_with_hasher(RandomState::default());
        Self(cache)
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Verdict>> {
        self.0.get(key.0.as_slice())
    }

    pub fn put(&self, key: Key, verdict: &Arc<Verdict>) {
        self.0.insert(key.0.into_boxed_slice(), Arc::clone(verdict));
    }
}

/// The parts of a question one after the other, each text after its length, so that no two questions read alike.
pub(super) struct Key(SmallVec<[u8; 512]>);

impl Key {
    /// `version` is that of the rules of the caller's tenant. No two sets of rules ever have the same one, so it says
    /// which tenant it is too, and answers by rules that are no longer in force are never asked for again.
    pub fn of(version: u64, reads: Reads, question: &Question<'_>) -> Self {
        let Question { caller, action, resource, ask } = *question;
        let mut key = Self(SmallVec::new());
        key.number(version);
        key.0.extend([action as u8, resource.kind as u8, caller.kind as u8]);
        key.text(caller.principal.as_str());
        key.number(caller.roles.len() as u64);
        caller.roles.iter().for_each(|role| key.text(role.as_str()));
        key.labels(&caller.labels);
        key.text(resource.tenant.as_str());
        key.optional(resource.owner, |key, owner| key.text(owner.as_str()));
        key.labels(resource.labels);
        // What follows is there or not by the rules alone, so by the version; it needs no mark.
        if reads.resource_id {
            key.text(resource.id);
        }
        if reads.now {
            key.number(ask.now);
        }
        if reads.address {
            key.address(caller.address);
        }
        if reads.wants {
            key.optional(ask.wants, |key, wants| {
                key.number(wants.fuel);
                key.number(wants.memory_bytes);
                key.number(wants.deadline_ms);
                key.0.push(u8::from(wants.network));
                key.text(&wants.backend);
            });
        }
        key
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn labels(&mut self, labels: &Labels) {
        self.number(labels.len() as u64);
        for (key, value) in labels {
            self.text(key);
            self.text(value);
        }
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.0.extend(address.octets().into_iter().chain([4])),
            IpAddr::V6(address) => self.0.extend(address.octets().into_iter().chain([6])),
        }
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}
