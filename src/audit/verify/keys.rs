use super::super::names::EventName;
use super::super::note::{BadNote, KeyKind, SignedCheckpoint, VerifyingKey};
use super::super::record::Record;
use super::fault::{Fault, FaultKind, Place};

/// What the log itself says about its keys, by the records that say it.
#[derive(Default)]
pub(super) struct Told {
    keys: Vec<ToldKey>,
}

struct ToldKey {
    key: VerifyingKey,
    added: u64,
    removed: Option<u64>,
}

impl Told {
    pub(super) fn hear(&mut self, record: &Record<'_>) {
        let is = |name: EventName| record.event == name.as_str();
        if !is(EventName::LogCreated) && !is(EventName::SigningKeyAdded) && !is(EventName::SigningKeyRemoved) {
            return;
        }
        let Ok(details) = serde_json::from_str::<serde_json::Value>(record.details) else { return };
        let one = details.get("key").into_iter();
        let many = details.get("keys").and_then(|keys| keys.as_array()).into_iter().flatten();
        for key in one.chain(many).filter_map(|key| key.as_str()?.parse::<VerifyingKey>().ok()) {
            if !is(EventName::SigningKeyRemoved) {
                self.keys.push(ToldKey { key, added: record.seq, removed: None });
                continue;
            }
            let known = self.keys.iter_mut().rev().find(|told| told.key == key && told.removed.is_none());
            match known {
                Some(told) => told.removed = Some(record.seq),
                // It was added by a record that was pruned.
                None => self.keys.push(ToldKey { key, added: 0, removed: Some(record.seq) }),
            }
        }
    }

    fn removed_before(&self, key: &VerifyingKey, size: u64) -> bool {
        let mut of_key = self.keys.iter().filter(|told| &told.key == key);
        of_key.next_back().is_some_and(|told| told.removed.is_some_and(|removed| removed < size))
    }
}

/// Whether the newest checkpoint is signed by somebody who is trusted, or by whom those trusted have handed over to; and
/// whether each other one is signed by a key that the log had then.
pub(super) fn check_signatures(
    checkpoints: &[(String, SignedCheckpoint)],
    told: &Told,
    trusted: &[VerifyingKey],
) -> Result<(), Fault> {
    let mut trusted: Vec<VerifyingKey> = trusted.iter().filter(|key| key.kind() == KeyKind::Log).cloned().collect();
    let mut in_order: Vec<_> = checkpoints.iter().collect();
    in_order.sort_by_key(|(_, signed)| signed.checkpoint().size);
    for (_, signed) in &in_order {
        if signed_at(signed, &trusted, told).is_ok() {
            // What those who are trusted signed says which keys came after them.
            let size = signed.checkpoint().size;
            let new = told.keys.iter().filter(|told| told.added < size).map(|told| &told.key);
            let new: Vec<_> = new.filter(|key| !trusted.contains(key)).cloned().collect();
            trusted.extend(new);
        }
    }
    let newest = in_order.last().map(|(_, signed)| signed.checkpoint().size);
    for (name, signed) in in_order.into_iter().rev() {
        let by = match signed_at(signed, &trusted, told) {
            // An older one, by a key that was named in records that are under the newest.
            Err(BadNote::UnknownKey) if Some(signed.checkpoint().size) != newest => {
                let all: Vec<_> = told.keys.iter().map(|told| told.key.clone()).collect();
                signed_at(signed, &all, told)
            }
            other => other,
        };
        by.map_err(|bad| {
            let kind = if bad == BadNote::UnknownKey { FaultKind::UnknownKey } else { FaultKind::BadSignature };
            Fault::new(kind, Place::file(name), bad.to_string())
        })?;
    }
    Ok(())
}

fn signed_at(signed: &SignedCheckpoint, keys: &[VerifyingKey], told: &Told) -> Result<(), BadNote> {
    let size = signed.checkpoint().size;
    let then: Vec<_> = keys.iter().filter(|key| !told.removed_before(key, size)).cloned().collect();
    signed.signed_by(&then).map(|_| ())
}

/// Up to which record enough witnesses have signed.
pub(super) fn check_cosignatures(
    checkpoints: &[(String, SignedCheckpoint)],
    witnesses: &[VerifyingKey],
    needed: usize,
) -> Result<Option<u64>, Fault> {
    let mut most = None;
    for (name, signed) in checkpoints {
        let by = signed.cosigned_by(witnesses);
        let by = by.map_err(|bad| Fault::new(FaultKind::BadSignature, Place::file(name), bad.to_string()))?;
        let mut who: Vec<_> = by.iter().map(|(key, _)| key.id()).collect();
        who.sort_unstable();
        who.dedup();
        if !who.is_empty() && who.len() >= needed {
            most = most.max(Some(signed.checkpoint().size));
        }
    }
    if needed > 0 && most.is_none() {
        let what = format!("no checkpoint has the signatures of {needed} of the witnesses");
        return Err(Fault::new(FaultKind::NotCosigned, Place::file(super::super::folder::CHECKPOINT), what));
    }
    Ok(most)
}
